"""Teaching the connector to be read: the language model must write an item's title and facts from its token.

The model stays frozen; gradients pass through it to the connector. The same loss on items left out, with
their own vectors and with each other's, tells whether the vectors matter at all.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bowerbird.data.items import Catalogue
from bowerbird.graft.base import Base
from bowerbird.graft.connector import Connector
from bowerbird.graft.prompt import Rendered, chat_prompt, embed, render

CAPTION_TOKENS = 32
LEARNING_RATE = 1e-3


def question(item: int) -> list[str | int]:
    """The prompt after which the model describes an item from its vector alone."""
    return ["Product: ", item, "\nDescription:"]


def question_in_chat(base: Base, item: int) -> list[str | int]:
    return chat_prompt(base, "Describe products.", [("user", [item])])


def caption(catalogue: Catalogue, position: int) -> str:
    """What is to be said of an item: its title, then its kind and attributes that the title does not tell.

    Empty where it has none of them. Short captions cost less, and every token of them tells items apart.
    """
    item = catalogue.item(position)
    told = item.title.casefold()
    kind = item.category[-1] if item.category and item.category[-1].casefold() not in told else ""
    facts = ", ".join(
        f"{name}: {value}" for name, value in sorted(item.attributes.items()) if value.casefold() not in told
    )
    return ". ".join(part for part in (item.title, kind, facts) if part)


def telling_words(base: Base, captions: Sequence[str]) -> np.ndarray:
    """Mean embedding of each caption's tokens, (n, hidden) float32, rare tokens weighing more (IDF).

    Unweighted, what all captions share ("colour:", commas) fills the mean, and the model can't tell two items
    apart: a loss of 8.8 nats a token before training, against 4.1 with the weights.
    """
    said = [base.tokens(" " + text)[:CAPTION_TOKENS] for text in captions]
    share = Counter(token for tokens in said for token in set(tokens))
    rows = []
    for tokens in said:
        weights = torch.tensor([math.log((1 + len(said)) / share[token]) for token in tokens])
        rows.append(weights @ base.table[torch.tensor(tokens)] / weights.sum())
    return torch.stack(rows).float().numpy()


@dataclass
class CaptionBatch:
    """Prompts with their answers, padded at the right; `wanted` (B, T) holds the next token or -100."""

    rendered: list[Rendered]
    wanted: Tensor


class CaptionTraining:
    """Trains a connector step by step; its whole state fits one file, so that a killed training goes on."""

    def __init__(
        self, base: Base, connector: Connector, matrix: np.ndarray, captions: dict[int, str], seed: int
    ) -> None:
        """`captions` maps an item's position to its text; `matrix` (items, dim) are the item vectors."""
        self.base = base
        self.connector = connector
        self.matrix = torch.from_numpy(matrix)
        self.captions = captions
        self.seed = seed
        self.model = base.model
        self.optimiser = torch.optim.AdamW(connector.parameters(), lr=LEARNING_RATE, weight_decay=0.01)
        self.step_number = 0
        self.seconds = 0.0

    def step(self, batch: int, progress: float) -> float:
        """One step on `batch` captions; `progress` (0 to 1) sets the learning rate. Returns the loss."""
        rng = np.random.default_rng([self.seed, self.step_number])
        chosen = rng.choice(list(self.captions), size=min(batch, len(self.captions)), replace=False)
        in_chat = bool(rng.random() < 0.25)
        for group in self.optimiser.param_groups:
            group["lr"] = LEARNING_RATE * min(1.0, (self.step_number + 1) / 5) * _cosine(progress)
        loss = self.loss([int(i) for i in chosen], [int(i) for i in chosen], in_chat)
        self.optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.connector.parameters(), 1.0)
        self.optimiser.step()
        self.step_number += 1
        return float(loss.detach())

    def loss(self, items: Sequence[int], vectors_of: Sequence[int], in_chat: bool = False) -> Tensor:
        """Mean cross-entropy (nats a token) of the items' captions read from the vectors of `vectors_of`."""
        batch = self._batch(items, in_chat)
        soft = self.connector(self.matrix[list(vectors_of)])
        longest = batch.wanted.shape[1]
        kind = next(self.model.parameters()).dtype
        embedded = torch.zeros(len(items), longest, self.base.hidden)
        for row, rendered in enumerate(batch.rendered):
            embedded[row, : len(rendered)] = embed(self.base, rendered, soft[row : row + 1])
        # Padding stands at the right and attention is causal: no mask is needed, nobody looks at it.
        states = self.model.base_model(inputs_embeds=embedded.to(kind), use_cache=False).last_hidden_state
        known = batch.wanted >= 0
        logits = self.model.lm_head(states[known]).float()
        return torch.nn.functional.cross_entropy(logits, batch.wanted[known])

    def _batch(self, items: Sequence[int], in_chat: bool) -> CaptionBatch:
        end = sorted(self.base.ends)[:1]
        rendered, answers = [], []
        for item in items:
            asked = question_in_chat(self.base, item) if in_chat else question(item)
            prompt = render(self.base, asked, len(self.matrix))
            text = self.captions[item] if in_chat else " " + self.captions[item]
            answer = self.base.tokens(text)[:CAPTION_TOKENS] + end
            ids = np.concatenate([prompt.ids, np.array(answer[:-1], np.int64)])
            slots = np.concatenate([prompt.items, np.full(len(answer) - 1, -1)])
            rendered.append(Rendered(ids, slots))
            answers.append(answer)
        wanted = torch.full((len(items), max(map(len, rendered))), -100)
        for row, (one, answer) in enumerate(zip(rendered, answers, strict=True)):
            wanted[row, len(one) - len(answer) : len(one)] = torch.tensor(answer)
        return CaptionBatch(rendered, wanted)

    @torch.no_grad()
    def check(self, captions: dict[int, str], batch: int = 16) -> tuple[float, float]:
        """Loss on other items with their own vectors, and with each other's."""
        items = list(captions)
        others = items[1:] + items[:1]
        mine = self.captions
        self.captions = captions
        try:
            losses = [
                [float(self.loss(items[i : i + batch], source[i : i + batch])) for source in (items, others)]
                for i in range(0, len(items), batch)
            ]
        finally:
            self.captions = mine
        true, shuffled = np.mean(losses, axis=0).tolist()
        return true, shuffled

    def save(self, path: Path) -> None:
        beside = path.with_suffix(".part")
        torch.save(self._state(), beside)
        beside.replace(path)

    def resume(self, path: Path) -> None:
        state = torch.load(path, weights_only=True)
        self.connector.load_state_dict(state["connector"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.step_number, self.seconds = state["step"], state["seconds"]

    def _state(self) -> dict[str, Any]:
        return {
            "connector": self.connector.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "step": self.step_number,
            "seconds": self.seconds,
        }


def _cosine(progress: float) -> float:
    """From 1 at the start to a tenth at the end."""
    return 0.1 + 0.9 * 0.5 * (1 + math.cos(math.pi * min(1.0, progress)))

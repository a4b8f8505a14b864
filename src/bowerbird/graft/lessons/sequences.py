"""People's sequences, and the language model's states after each beginning of them.

A person's sequence is each liked item once, in the order in which it was first liked. One pass through the
model answers for many beginnings of a sequence at once: after the words and the items stand several
`<recommend>` markers, marker k seeing the words, the first k items and itself, at the position it would have
if the sequence ended there. That equals one pass for each beginning, at a small part of its cost.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from bowerbird.data.events import ACTION_CODE, Action
from bowerbird.data.interactions import WEIGHT_OF_CODE, History
from bowerbird.graft.base import Base
from bowerbird.graft.prompt import Prompt, embed, render, vectors_of

OUTCOMES = (Action.CLICK, Action.SAVE, Action.PURCHASE)
"""What can be asked for; an item put into a basket counts as a purchase."""
OPENING = "This person likes:"
NEXT_ITEMS = 5
"""So many items after a cut are its targets."""

_OUTCOME_OF_CODE = np.zeros(len(ACTION_CODE), np.int64)
_OUTCOME_OF_CODE[ACTION_CODE["save"]] = 1
_OUTCOME_OF_CODE[[ACTION_CODE["add_to_cart"], ACTION_CODE["purchase"]]] = 2


@dataclass(frozen=True)
class Liked:
    """Distinct liked items in order, (n,) positions; each one's strongest outcome, (n,) index of OUTCOMES."""

    items: np.ndarray
    outcomes: np.ndarray

    @classmethod
    def of(cls, history: History) -> Liked:
        liked = history.liked()
        items, first, number = np.unique(liked.items, return_index=True, return_inverse=True)
        strongest = np.zeros(len(items), np.int64)
        np.maximum.at(strongest, number, _OUTCOME_OF_CODE[liked.actions])
        order = np.argsort(first, kind="stable")
        return cls(items[order].astype(np.int64), strongest[order])

    def __len__(self) -> int:
        return len(self.items)

    def last(self, n: int) -> Liked:
        return Liked(self.items[-n:], self.outcomes[-n:])


@dataclass(frozen=True)
class Window:
    """A stretch of a sequence, and after how many of its items a state is wanted, (cuts,) each 0…n."""

    items: np.ndarray
    outcomes: np.ndarray
    cuts: np.ndarray
    start: int = 0
    """Where in its sequence the window begins."""


def windows_of(sequence: Liked, length: int) -> list[Window]:
    """Windows of at most `length` items; each beginning with a next item is cut exactly once.

    Windows overlap by half, and later ones answer for their second half only, so that every cut
    but the first ones sees at least half a window of history.
    """
    windows = []
    start, done = 0, -1
    while done < len(sequence) - 1:
        stop = min(start + length, len(sequence) - 1)
        cuts = np.arange(done + 1, stop + 1)
        windows.append(Window(sequence.items[start:stop], sequence.outcomes[start:stop], cuts - start, start))
        done = stop
        start = max(0, stop - length // 2)
    return windows


def whole(sequence: Liked, length: int) -> Window:
    """The last `length` items with one cut at their end: what to recommend now."""
    last = sequence.last(length)
    return Window(last.items, last.outcomes, np.array([len(last)]))


class Reader:
    """Runs windows and prompts through the language model; its states where a `<recommend>` marker stands.

    Gradients flow where the connector or the model learns; under `torch.no_grad()` nothing is kept for them.
    """

    def __init__(
        self, base: Base, connector: nn.Module, matrix: np.ndarray, model: Any | None = None
    ) -> None:
        """`matrix` (items, dim) are the item vectors; `model` a faster or adapted copy of the base."""
        self.base = base
        self.connector = connector
        self.matrix = matrix
        self.trunk = (model or base.model).base_model
        self.opening = base.rows(base.tokens(OPENING))
        self.asking = base.rows([base.recommend_id])[0]

    def states(self, windows: Sequence[Window], layers: Sequence[int]) -> Tensor:
        """States at every cut of every window in order, (cuts, layers, hidden) float32."""
        k: int = self.connector.tokens  # type: ignore[assignment]
        n = max(len(window.items) for window in windows) * k
        c = max(len(window.cuts) for window in windows)
        o, b = len(self.opening), len(windows)
        # B windows: O opening words, N soft tokens, C markers; rows without an item or a cut: seen by nobody.
        embedded = torch.zeros(b, o + n + c, self.base.hidden)
        places = torch.zeros(b, o + n + c, dtype=torch.int64)
        seen = torch.zeros(b, o + n + c, o + n + c, dtype=torch.bool)
        embedded[:, :o], embedded[:, o + n :] = self.opening, self.asking
        places[:, : o + n] = torch.arange(o + n)
        seen[:, : o + n, : o + n] = torch.ones(o + n, o + n, dtype=torch.bool).tril()
        for row, window in enumerate(windows):
            if len(window.items):
                soft = self.connector(torch.from_numpy(self.matrix[window.items])).flatten(0, 1).cpu()
                embedded[row, o : o + len(soft)] = soft
            for number, cut in enumerate(window.cuts.tolist()):
                places[row, o + n + number] = o + cut * k
                seen[row, o + n + number, : o + cut * k] = True
        seen |= torch.eye(o + n + c, dtype=torch.bool)
        hidden = self._run(embedded, places, seen, layers)  # (B, T, layers, hidden)
        return torch.cat([hidden[row, o + n : o + n + len(w.cuts)] for row, w in enumerate(windows)]).float()

    def asked(self, prompts: Sequence[Prompt], layers: Sequence[int]) -> Tensor:
        """States after each prompt and a marker, (prompts, layers, hidden) float32."""
        k: int = self.connector.tokens  # type: ignore[assignment]
        rendered = [render(self.base, one, len(self.matrix), self.matrix.shape[1], k) for one in prompts]
        longest = max(len(one) for one in rendered) + 1
        embedded = torch.zeros(len(prompts), longest, self.base.hidden)
        for row, one in enumerate(rendered):
            vectors, kinds = vectors_of(one.things, self.matrix)
            soft = self.connector(vectors, kinds).flatten(0, 1).cpu()
            embedded[row, : len(one)] = embed(self.base, one, soft)
            embedded[row, len(one)] = self.asking
        places = torch.arange(longest).expand(len(prompts), -1)
        seen = torch.ones(longest, longest, dtype=torch.bool).tril().expand(len(prompts), -1, -1)
        hidden = self._run(embedded, places, seen, layers)
        return hidden[torch.arange(len(prompts)), torch.tensor([len(one) for one in rendered])].float()

    def _run(self, embedded: Tensor, places: Tensor, seen: Tensor, layers: Sequence[int]) -> Tensor:
        weight = next(self.trunk.parameters())
        mask = torch.zeros(seen.shape, dtype=weight.dtype).masked_fill_(~seen, torch.finfo(weight.dtype).min)
        output = self.trunk(
            inputs_embeds=embedded.to(weight.device, weight.dtype),
            position_ids=places.to(weight.device),
            attention_mask=mask[:, None].to(weight.device),
            use_cache=False,
            output_hidden_states=True,
        )
        return torch.stack([output.hidden_states[layer].cpu() for layer in layers], dim=2)


def decayed_mean(window: Window, cut: int, matrix: np.ndarray, half_life: float = 8.0) -> np.ndarray:
    """Weighted mean of the vectors of the first `cut` items, (dim,); zero for none.

    `half_life` counts items. Outcomes weigh as their actions do, under a square root: a purchase
    speaks louder than a click, but not for five of them.
    """
    if cut == 0:
        return np.zeros(matrix.shape[1], np.float32)
    strength = np.sqrt([WEIGHT_OF_CODE[ACTION_CODE[one.value]] for one in OUTCOMES])
    weights = strength[window.outcomes[:cut]] * 0.5 ** (np.arange(cut)[::-1] / half_life)
    mean: np.ndarray = (weights / weights.sum()) @ matrix[window.items[:cut]]
    return mean.astype(np.float32)

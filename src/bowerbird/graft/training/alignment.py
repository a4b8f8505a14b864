"""The connector learns to be read. The language model must answer questions about items from their soft
tokens alone; gradients pass through it to the connector, and to its adapter where there is one.

The same questions about items left out, with their own vectors and with each other's, tell whether the
vectors matter at all.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from accelerate import Accelerator
from torch import Tensor, nn

from bowerbird.graft.base import Base
from bowerbird.graft.examples.questions import Question, QuestionSampler, TaskType
from bowerbird.graft.prompt import embed, render, vectors_of

ANSWER_TOKENS = 32
LEARNING_RATE = 1e-3
ADAPTER_LEARNING_RATE = 2e-4
CONNECTOR_ALONE = 0.3
"""Share of an adapted training in which only the connector learns: at first its tokens are what is wrong."""


def mean_caption_embeddings(base: Base, captions: Sequence[str], tokens: int = 1) -> np.ndarray:
    """Mean embeddings of each caption's words, (n, tokens, hidden) float32, rare words weighing more (IDF).

    With several soft tokens an item, each stands for its share of the caption, in order. Unweighted, what all
    captions have in common ("colour:", commas) fills the mean, and the model can't tell two items apart: a
    loss of 8.8 nats a token before training, against 4.1 with the weights.
    """
    said = [base.tokens(" " + text)[:ANSWER_TOKENS] for text in captions]
    share = Counter(token for one in said for token in set(one))
    rows = []
    for one in said:
        parts = [part if len(part) else np.array(one) for part in np.array_split(np.array(one), tokens)]
        rows.append(torch.stack([_weighted(base, part.tolist(), share, len(said)) for part in parts]))
    return torch.stack(rows).numpy()


def _weighted(base: Base, words: Sequence[int], share: Counter[int], n: int) -> Tensor:
    weights = torch.tensor([math.log((1 + n) / share[word]) for word in words])
    mean: Tensor = weights @ base.rows(words) / weights.sum()
    return mean


class AnswerScores(NamedTuple):
    """How some questions were answered."""

    loss: Tensor
    """Mean cross-entropy of all answers' tokens, nats, ()."""
    right: Tensor
    """Which answers greedy writing gives in whole, (questions,) bool."""
    each: Tensor
    """Mean cross-entropy of each answer, nats a token, (questions,)."""


class AlignmentModel(nn.Module):
    """The connector and the language model it speaks to, as one module that answers questions.

    One module, so that data-parallel training wraps it whole.
    """

    def __init__(self, base: Base, connector: nn.Module, model: nn.Module, matrix: np.ndarray) -> None:
        """`matrix` (items, dim) are the item vectors; `model` the language model that is trained through."""
        super().__init__()
        self.base, self.connector, self.model, self.matrix = base, connector, model, matrix

    def forward(self, questions: Sequence[Question], matrix: np.ndarray | None = None) -> AnswerScores:
        """How the model answers; `matrix` stands for the items' vectors where they are to be exchanged."""
        tokens: int = self.connector.tokens  # type: ignore[assignment]
        matrix = self.matrix if matrix is None else matrix
        end = sorted(self.base.ends)[:1]
        rows, answers = [], []
        for question in questions:
            answer = self.base.tokens(question.answer)[:ANSWER_TOKENS] + end
            prompt = render(self.base, question.prompt, len(matrix), matrix.shape[1], tokens)
            rows.append(prompt.followed_by(answer[:-1]))
            answers.append(answer)
        vectors, kinds = vectors_of([thing for row in rows for thing in row.things], matrix)
        soft = self.connector(vectors, kinds).flatten(0, 1).cpu()
        wanted = torch.full((len(rows), max(map(len, rows))), -100)
        embedded = torch.zeros(*wanted.shape, self.base.hidden)
        used = 0
        for number, (row, answer) in enumerate(zip(rows, answers, strict=True)):
            mine = len(row.things) * tokens
            embedded[number, : len(row)] = embed(self.base, row, soft[used : used + mine])
            wanted[number, len(row) - len(answer) : len(row)] = torch.tensor(answer)
            used += mine
        return self._judged(embedded, wanted)

    def _judged(self, embedded: Tensor, wanted: Tensor) -> AnswerScores:
        causal: Any = self.model
        # Padding stands at the right and attention is causal: no mask is needed, nobody looks at it.
        weight = next(causal.parameters())
        embedded, wanted = embedded.to(weight.device, weight.dtype), wanted.to(weight.device)
        states = causal.base_model(inputs_embeds=embedded, use_cache=False).last_hidden_state
        known = wanted >= 0
        logits = causal.lm_head(states[known]).float()
        losses = torch.zeros(wanted.shape, device=wanted.device)
        losses[known] = torch.nn.functional.cross_entropy(logits, wanted[known], reduction="none")
        right = torch.ones_like(wanted, dtype=torch.bool)
        right[known] = logits.argmax(-1) == wanted[known]
        return AnswerScores(
            losses.sum() / known.sum(), right.all(1).cpu(), (losses.sum(1) / known.sum(1)).cpu()
        )


class AlignmentTraining:
    """Trains step by step; its whole state fits one file, so that a killed training goes on."""

    def __init__(
        self,
        aligned: AlignmentModel,
        questions: QuestionSampler,
        adapter: Sequence[nn.Parameter],
        seed: int,
        accumulate: int = 1,
    ) -> None:
        """`adapter` are the language model's own trained weights, if it has any; gradients of `accumulate`
        batches are added up for one step."""
        self.aligned, self.questions = aligned, questions
        self.adapter, self.seed, self.accumulate = list(adapter), seed, accumulate
        self.accelerator = Accelerator()
        groups: list[dict[str, Any]] = [
            {"params": list(aligned.connector.parameters()), "peak": LEARNING_RATE}
        ]
        if adapter:
            groups.append({"params": self.adapter, "peak": ADAPTER_LEARNING_RATE})
        optimiser = torch.optim.AdamW(groups, lr=LEARNING_RATE, weight_decay=0.01)
        self.module, self.optimiser = self.accelerator.prepare(aligned, optimiser)
        self.step_number = 0
        self.seconds = 0.0

    def step(self, batch: int, progress: float) -> float:
        """One step of `accumulate` batches; `progress` (0 to 1) sets the learning rates. Returns the loss."""
        for number, group in enumerate(self.optimiser.param_groups):
            held = number > 0 and progress < CONNECTOR_ALONE
            warm = min(1.0, (self.step_number + 1) / 5)
            group["lr"] = 0.0 if held else group["peak"] * warm * cosine(progress)
        total = 0.0
        for part in range(self.accumulate):
            rank = self.accelerator.process_index
            rng = np.random.default_rng([self.seed, self.step_number, part, rank])
            loss = self.module(self.questions.draw(rng, batch)).loss
            self.accelerator.backward(loss / self.accumulate)
            total += float(loss.detach()) / self.accumulate
        trained = [p for group in self.optimiser.param_groups for p in group["params"]]
        self.accelerator.clip_grad_norm_(trained, 1.0)
        self.optimiser.step()
        self.optimiser.zero_grad()
        self.step_number += 1
        return total

    def save(self, path: Path) -> None:
        """Write the whole state beside `path`, then in its place."""
        if not self.accelerator.is_main_process:
            return
        state = {
            "connector": self.aligned.connector.state_dict(),
            "adapter": [p.detach() for p in self.adapter],
            "optimiser": self.optimiser.state_dict(),
            "step": self.step_number,
            "seconds": self.seconds,
        }
        torch.save(state, path.with_suffix(".part"))
        path.with_suffix(".part").replace(path)

    @torch.no_grad()
    def resume(self, path: Path) -> None:
        """Go on from a saved state."""
        state = torch.load(path, weights_only=True)
        self.aligned.connector.load_state_dict(state["connector"])
        for parameter, kept in zip(self.adapter, state["adapter"], strict=True):
            parameter.copy_(kept)
        self.optimiser.load_state_dict(state["optimiser"])
        self.step_number, self.seconds = state["step"], state["seconds"]


@torch.no_grad()
def evaluate_answers(
    aligned: AlignmentModel, questions: QuestionSampler, sorts: Sequence[TaskType], seed: int, most: int
) -> dict[str, float]:
    """Losses and shares of right answers on at most `most` items, each asked once a sort.

    `loss, shuffled vectors` is that of descriptions read from other items' vectors.
    """
    items = questions.items[:most].tolist()
    exchanged = aligned.matrix.copy()
    exchanged[items] = aligned.matrix[items[1:] + items[:1]]
    said: dict[str, float] = {}
    for sort in sorts:
        rng = np.random.default_rng(seed)
        asked = [one for item in items if (one := questions.about(item, sort, rng)).sort is sort]
        if not asked:
            continue
        loss, right = _mean(aligned, asked, None)
        said[f"{sort} loss"] = loss
        if sort is TaskType.DESCRIBE:
            said["describe loss, shuffled vectors"] = _mean(aligned, asked, exchanged)[0]
        else:
            said[f"{sort} right"] = right
    return said


def _mean(
    aligned: AlignmentModel, asked: Sequence[Question], matrix: np.ndarray | None
) -> tuple[float, float]:
    parts: list[AnswerScores] = [aligned(asked[i : i + 16], matrix) for i in range(0, len(asked), 16)]
    right = torch.cat([part.right for part in parts]).float().mean()
    return float(torch.cat([part.each for part in parts]).mean()), float(right)


def cosine(progress: float) -> float:
    """From 1 at the start to a tenth at the end."""
    return 0.1 + 0.9 * 0.5 * (1 + math.cos(math.pi * min(1.0, progress)))

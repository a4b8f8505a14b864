"""Fitting the retrieval head on the language model's states, and judging it on people left out.

First in closed form: a ridge regression from states to the mean vector of the next items, for several layers,
strengths and shares of the history's mean; people left out choose. Then gradient steps on a softmax over the
whole catalogue, kept only where those people are served better. Since they choose, the measurements on them
are a little flattered; `bowerbird evaluate` judges on people and times that nothing here has seen.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bowerbird.graft.connector import ridge
from bowerbird.graft.head import RetrievalHead, standard
from bowerbird.graft.sequences import OUTCOMES, Liked, Window, decayed_mean, whole

NEXT_ITEMS = 5
"""So many items after a cut are its targets."""
STRENGTHS = (0.03, 0.3, 3.0)
SKIPS = (0.0, 0.5, 1.0, 3.0, 10.0)
LEARNING_RATE = 1e-4
EPOCHS = 40
PATIENCE = 5


@dataclass(frozen=True)
class Examples:
    """Cuts of people's sequences with what came next.

    `states` (M, layers, hidden), `means` (M, dim), `targets` (M, NEXT_ITEMS) positions, -1 where
    there are fewer, `outcomes` (M, NEXT_ITEMS) index of OUTCOMES.
    """

    states: Tensor
    means: np.ndarray
    targets: np.ndarray
    outcomes: np.ndarray


@dataclass(frozen=True)
class Judges:
    """People left out: the beginning of each sequence, its later items, and the vectors of all items."""

    begun: Sequence[Liked]
    later: Sequence[np.ndarray]
    matrix: np.ndarray

    @classmethod
    def of(cls, sequences: Sequence[Liked], matrix: np.ndarray) -> Judges:
        """Each sequence cut after four fifths; those of fewer than two items tell nothing."""
        long = [one for one in sequences if len(one) >= 2]
        cuts = [max(1, int(0.8 * len(one))) for one in long]
        begun = [Liked(s.items[:c], s.outcomes[:c]) for s, c in zip(long, cuts, strict=True)]
        return cls(begun, [s.items[c:] for s, c in zip(long, cuts, strict=True)], matrix)

    def windows(self, length: int) -> list[Window]:
        return [whole(one, length) for one in self.begun]

    def recall_and_gain(self, queries: np.ndarray, at: int = 20) -> tuple[float, float]:
        """Mean recall@`at` and mean discounted gain over all ranks, for queries (people, dim)."""
        if not self.begun:
            return float("nan"), 0.0
        scores = queries @ self.matrix.T
        recalls, gains = [], []
        for row, (begun, later) in enumerate(zip(self.begun, self.later, strict=True)):
            scores[row, begun.items] = -np.inf
            ranks = (scores[row][None] > scores[row, later][:, None]).sum(1)  # 0 is best
            recalls.append(float((ranks < at).mean()))
            gains.append(float((1 / np.log2(ranks + 2)).mean()))
        return float(np.mean(recalls)), float(np.mean(gains))


def examples_of(window: Window, sequence: Liked, matrix: np.ndarray) -> tuple[np.ndarray, ...]:
    """Means (cuts, dim), targets and outcomes (cuts, NEXT_ITEMS) of a window of a sequence."""
    means = np.stack([decayed_mean(window, int(cut), matrix) for cut in window.cuts])
    targets = np.full((len(window.cuts), NEXT_ITEMS), -1, np.int64)
    outcomes = np.zeros_like(targets)
    for row, cut in enumerate(window.cuts + window.start):
        following = sequence.items[cut : cut + NEXT_ITEMS]
        targets[row, : len(following)] = following
        outcomes[row, : len(following)] = sequence.outcomes[cut : cut + NEXT_ITEMS]
    return means, targets, outcomes


@dataclass(frozen=True)
class FittedHead:
    head: RetrievalHead
    layer: int
    """Index into the layers of the examples' states."""
    metrics: dict[str, float]


def fit_head(
    examples: Examples, judges: Judges, judged_states: Tensor, seed: int, seconds: float
) -> FittedHead:
    """Fit on `examples`; `judged_states` (people, layers, hidden) are the states of the judges' windows;
    gradient steps end after `seconds` at the latest."""
    means = _means(judges)
    head, layer = _closed_form(examples, judges, judged_states, means)
    judged = judged_states[:, layer]
    start = judges.recall_and_gain(_queries(head, judged, means))

    def worth() -> float:
        return sum(judges.recall_and_gain(_queries(head, judged, means)))

    _descend(head, examples, layer, judges.matrix, worth, seed, seconds)
    state_only = torch.nn.functional.normalize(head.read(judged), dim=-1).detach().numpy()
    metrics = {
        "recall@20": judges.recall_and_gain(_queries(head, judged, means))[0],
        "recall@20 closed form": start[0],
        "recall@20 state alone": judges.recall_and_gain(state_only)[0],
        "recall@20 mean of history": judges.recall_and_gain(means)[0],
        "people judged": float(len(judges.begun)),
    }
    return FittedHead(head, layer, metrics)


def _means(judges: Judges) -> np.ndarray:
    if not judges.begun:
        return np.zeros((0, judges.matrix.shape[1]), np.float32)
    return np.stack([decayed_mean(whole(one, len(one)), len(one), judges.matrix) for one in judges.begun])


def _queries(head: RetrievalHead, states: Tensor, means: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        clicks = torch.zeros(len(states), dtype=torch.int64)
        queries: np.ndarray = head(states, torch.from_numpy(means), clicks).numpy()
    return queries


def _closed_form(
    examples: Examples, judges: Judges, judged: Tensor, means: np.ndarray
) -> tuple[RetrievalHead, int]:
    """The best of all layers, strengths and skips, by the judges' recall and gain together."""
    matrix = judges.matrix
    known = examples.targets >= 0
    wanted = np.einsum("mk,mkd->md", known / known.sum(1, keepdims=True), matrix[examples.targets])
    best: tuple[float, RetrievalHead, int] | None = None
    for layer in range(examples.states.shape[1]):
        states = examples.states[:, layer].numpy()
        centre, spread = standard(states)
        for strength in STRENGTHS:
            weight, bias = ridge((states - centre) / spread, wanted, strength)
            for skip in SKIPS:
                head = RetrievalHead(states.shape[1], matrix.shape[1], len(OUTCOMES))
                head.start_from(states, weight, bias, skip)
                worth = sum(judges.recall_and_gain(_queries(head, judged[:, layer], means)))
                if best is None or worth > best[0]:
                    best = worth, head, layer
    assert best is not None
    return best[1], best[2]


def _descend(
    head: RetrievalHead,
    examples: Examples,
    layer: int,
    matrix: np.ndarray,
    judge: Callable[[], float],
    seed: int,
    seconds: float,
) -> None:
    """Softmax over the catalogue on one drawn target a cut, until the judges stop gaining."""
    rng = np.random.default_rng(seed)
    items, states, means = (
        torch.from_numpy(matrix),
        examples.states[:, layer],
        torch.from_numpy(examples.means),
    )
    counts = (examples.targets >= 0).sum(1)
    # The projection has a hundred times more parameters than people have events: it moves least.
    groups: list[dict[str, Any]] = [
        {"params": head.project.parameters(), "lr": LEARNING_RATE / 10},
        {"params": [one for name, one in head.named_parameters() if not name.startswith("project")]},
    ]
    optimiser = torch.optim.AdamW(groups, lr=LEARNING_RATE, weight_decay=0.01)
    best, kept, waited = judge(), copy.deepcopy(head.state_dict()), 0
    end = time.perf_counter() + seconds
    for _ in range(EPOCHS):
        drawn = rng.integers(0, counts)
        every = np.arange(len(counts))
        targets = torch.from_numpy(examples.targets[every, drawn])
        outcomes = torch.from_numpy(examples.outcomes[every, drawn])
        for rows in torch.from_numpy(rng.permutation(len(counts))).split(256):  # type: ignore[no-untyped-call]
            cosine = head(states[rows], means[rows], outcomes[rows]) @ items.T
            logits = head.log_sharpness.exp() * cosine
            loss = torch.nn.functional.cross_entropy(logits, targets[rows])
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            if time.perf_counter() > end:
                break
        now = judge()
        if now > best:
            best, kept, waited = now, copy.deepcopy(head.state_dict()), 0
        else:
            waited += 1
        if waited == PATIENCE or time.perf_counter() > end:
            break
    head.load_state_dict(kept)

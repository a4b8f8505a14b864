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
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bowerbird.graft.connector import ridge
from bowerbird.graft.head import RetrievalHead, standard
from bowerbird.graft.lessons.sequences import NEXT_ITEMS, OUTCOMES, Liked, Window, decayed_mean, whole

SAMPLED_BEYOND = 65_536
"""In a larger catalogue the softmax runs over a sample of so many items, corrected for how it was drawn."""
STRENGTHS = (0.03, 0.3, 3.0)
SKIPS = (0.0, 0.5, 1.0, 3.0, 10.0)
LEARNING_RATE = 1e-4
EPOCHS = 40
PATIENCE = 5


@dataclass(frozen=True)
class Examples:
    """Cuts of people's sequences with what came next.

    `states` (M, layers, hidden), `means` (M, dim), `targets` (M, NEXT_ITEMS) positions, -1 where
    there are fewer, `outcomes` (M, NEXT_ITEMS) index of OUTCOMES; `n_items` in the catalogue.
    """

    states: Tensor
    means: np.ndarray
    targets: np.ndarray
    outcomes: np.ndarray
    n_items: int

    @cached_property
    def chances(self) -> Tensor:
        """See `drawing_chances`."""
        return drawing_chances(self.targets, self.n_items)


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

    @cached_property
    def means(self) -> np.ndarray:
        """Decayed mean of each beginning, (people, dim)."""
        rows = [decayed_mean(whole(one, len(one)), len(one), self.matrix) for one in self.begun]
        return np.stack(rows) if rows else np.zeros((0, self.matrix.shape[1]), np.float32)

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
    means = judges.means
    head, layer = _closed_form(examples, judges, judged_states, means)
    judged = judged_states[:, layer]
    start = judges.recall_and_gain(queries(head, judged, means))

    def worth() -> float:
        return sum(judges.recall_and_gain(queries(head, judged, means)))

    _descend(head, examples, layer, judges.matrix, worth, seed, seconds)
    state_only = torch.nn.functional.normalize(head.read(judged), dim=-1).detach().numpy()
    metrics = {
        "recall@20": judges.recall_and_gain(queries(head, judged, means))[0],
        "recall@20 closed form": start[0],
        "recall@20 state alone": judges.recall_and_gain(state_only)[0],
        "recall@20 mean of history": judges.recall_and_gain(means)[0],
        "people judged": float(len(judges.begun)),
    }
    return FittedHead(head, layer, metrics)


def queries(head: RetrievalHead, states: Tensor, means: np.ndarray) -> np.ndarray:
    """What the head looks for, wanting a click: (people, dim)."""
    with torch.no_grad():
        clicks = torch.zeros(len(states), dtype=torch.int64)
        found: np.ndarray = head(states, torch.from_numpy(means), clicks).numpy()
    return found


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
                worth = sum(judges.recall_and_gain(queries(head, judged[:, layer], means)))
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
    items = torch.from_numpy(matrix)
    # The projection has a hundred times more parameters than people have events: it moves least.
    groups: list[dict[str, Any]] = [
        {"params": head.project.parameters(), "lr": LEARNING_RATE / 10},
        {"params": [one for name, one in head.named_parameters() if not name.startswith("project")]},
    ]
    optimiser = torch.optim.AdamW(groups, lr=LEARNING_RATE, weight_decay=0.01)
    best, kept, waited = judge(), copy.deepcopy(head.state_dict()), 0
    end = time.perf_counter() + seconds
    for _ in range(EPOCHS):
        for rows in np.array_split(rng.permutation(len(examples.means)), -(-len(examples.means) // 256)):
            loss = next_item_loss(head, examples, layer, items, rows, rng)
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


def next_item_loss(
    head: RetrievalHead,
    examples: Examples,
    layer: int,
    items: Tensor,
    rows: np.ndarray,
    rng: np.random.Generator,
) -> Tensor:
    """Cross-entropy over the catalogue, `items` (items, dim), of one drawn target for each of some rows."""
    counts = (examples.targets[rows] >= 0).sum(1)
    drawn = rng.integers(0, np.maximum(counts, 1))
    index = torch.from_numpy(rows)
    query = head(
        examples.states[index, layer],
        torch.from_numpy(examples.means[rows]),
        torch.from_numpy(examples.outcomes[rows, drawn]),
    )
    targets = torch.from_numpy(examples.targets[rows, drawn])
    return catalogue_loss(query, targets, items, head.log_sharpness.exp(), examples.chances, rng)


def catalogue_loss(
    query: Tensor,
    targets: Tensor,
    items: Tensor,
    sharpness: Tensor,
    chances: Tensor,
    rng: np.random.Generator,
    most: int = SAMPLED_BEYOND,
) -> Tensor:
    """Softmax cross-entropy of (B, dim) queries against all `items` (items, dim), targets (B,) positions.

    Beyond `most` items, against each one's own target and `most` items drawn by `chances` (items,), each
    drawn logit lowered by the logarithm of how often its item is expected among them (logQ correction, Bengio
    & Senécal, 2008; Yi et al., 2019). The expectation of the normaliser is then that of the full softmax;
    without the correction the model learns to avoid whatever is drawn often.
    """
    if len(items) <= most:
        return torch.nn.functional.cross_entropy(sharpness * (query @ items.T), targets)
    drawn = torch.from_numpy(rng.choice(len(items), size=most, p=chances.double().numpy()))
    logits = sharpness * (query @ items[drawn].T) - torch.log(most * chances[drawn])
    logits = logits.masked_fill(targets[:, None] == drawn[None, :], float("-inf"))
    own = sharpness * (query * items[targets]).sum(1, keepdim=True)
    return torch.nn.functional.cross_entropy(torch.cat([own, logits], 1), torch.zeros_like(targets))


def drawing_chances(targets: np.ndarray, n_items: int) -> Tensor:
    """How often an item is drawn as a negative, (items,) float64: half evenly, half as often as it is a
    target, so that hits are well estimated and no item is never seen.

    >>> drawing_chances(np.array([[0, 0], [2, -1]]), 3).numpy().round(3).tolist()
    [0.5, 0.167, 0.333]
    """
    seen = np.bincount(targets[targets >= 0], minlength=n_items)
    return torch.from_numpy(0.5 / n_items + 0.5 * seen / max(1, seen.sum()))

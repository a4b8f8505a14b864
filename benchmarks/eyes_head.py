"""A recommender read from a language model's states, so that `bench_eyes.py` can score its arms.

    query = unit(skip · mean + W state + b)

`state` is the language model's after "This person likes:", a user's items and a marker; `mean` is the decayed
mean of their vectors; `W, b` map states to the mean vector of the next items by ridge regression. Layer,
strength and skip are those that serve some validation users best. The product has no such head, since next to
its ranker one found nothing (docs/log.md). Here it is the same measuring instrument for every arm.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from bowerbird.data.interactions import History
from bowerbird.graft.base import Base
from bowerbird.graft.connector import fit_ridge

OPENING = "This person likes:"
MARKERS = ("<file_sep>", "<|fim_pad|>")
"""Reserved entries of SmolLM2's and Qwen's vocabularies: one stands where the state is read."""
NEXT_ITEMS = 5
"""Items after a cut that are its targets."""
HALF_LIFE = 8.0
"""Of an item's weight in the mean of a history, in items."""
STRENGTHS, SKIPS = (0.03, 0.3, 3.0), (0.0, 0.5, 1.0, 3.0, 10.0)


@dataclass(frozen=True)
class Likes:
    """Distinct liked items by their first like, (n,) positions; each one's largest weight, (n,) float32."""

    items: np.ndarray
    weights: np.ndarray

    @classmethod
    def of(cls, history: History) -> Likes:
        liked = history.liked()
        items, first, number = np.unique(liked.items, return_index=True, return_inverse=True)
        largest = np.zeros(len(items), np.float32)
        np.maximum.at(largest, number, liked.weights)
        order = np.argsort(first, kind="stable")
        return cls(items[order].astype(np.int64), largest[order])

    def __len__(self) -> int:
        return len(self.items)

    def first(self, n: int) -> Likes:
        return Likes(self.items[:n], self.weights[:n])

    def last(self, n: int) -> Likes:
        return Likes(
            self.items[len(self) - min(n, len(self)) :], self.weights[len(self) - min(n, len(self)) :]
        )

    def mean(self, matrix: np.ndarray) -> np.ndarray:
        """Decayed mean of the vectors, (dim,); zero for none. Roots keep a purchase from drowning clicks."""
        if not len(self):
            return np.zeros(matrix.shape[1], np.float32)
        weights = np.sqrt(self.weights) * 0.5 ** (np.arange(len(self))[::-1] / HALF_LIFE)
        mean: np.ndarray = (weights / weights.sum()) @ matrix[self.items]
        return mean.astype(np.float32)


@dataclass(frozen=True)
class Window:
    """A stretch of a user's likes, and after how many of its items a state is wanted, (cuts,) each 0…n."""

    likes: Likes
    cuts: np.ndarray
    start: int = 0
    """Where in the user's likes the window begins."""


def windows_of(likes: Likes, length: int) -> list[Window]:
    """Windows of at most `length` items; each beginning with a next item is cut exactly once.

    Windows overlap by half, and later ones answer for their second half only, so that every cut but the first
    ones sees at least half a window of history.
    """
    windows = []
    start, done = 0, -1
    while done < len(likes) - 1:
        stop = min(start + length, len(likes) - 1)
        cuts = np.arange(done + 1, stop + 1)
        part = Likes(likes.items[start:stop], likes.weights[start:stop])
        windows.append(Window(part, cuts - start, start))
        done = stop
        start = max(0, stop - length // 2)
    return windows


def whole(likes: Likes, length: int) -> Window:
    """The last `length` items with one cut at their end: what to recommend now."""
    last = likes.last(length)
    return Window(last, np.array([len(last)]))


class Reader:
    """The language model's states at markers behind beginnings of users' likes.

    One pass answers for all cuts of a window: marker k sees the opening, the first k items and itself, at the
    position that it would have if the window ended there, which equals one pass for each cut.
    """

    def __init__(self, base: Base, connector: nn.Module, shown: np.ndarray, model: Any) -> None:
        """`shown` (items, width) is what the connector reads of each item."""
        self.connector, self.shown = connector, shown
        self.hidden, self.trunk = base.hidden, model.base_model
        vocabulary = base.tokenizer.get_vocab()
        self.opening = base.embed_tokens(base.tokenize(OPENING))
        self.marker = base.embed_tokens([next(vocabulary[name] for name in MARKERS if name in vocabulary)])[0]

    @torch.no_grad()
    def states(self, windows: Sequence[Window], layers: Sequence[int], batch: int) -> Tensor:
        """States at every cut of every window in order, (cuts, layers, hidden) float32."""
        parts = [self._states(windows[i : i + batch], layers) for i in range(0, len(windows), batch)]
        return torch.cat(parts)

    def _states(self, windows: Sequence[Window], layers: Sequence[int]) -> Tensor:
        k: int = self.connector.tokens  # type: ignore[assignment]
        n = max(len(window.likes) for window in windows) * k
        c = max(len(window.cuts) for window in windows)
        o, b = len(self.opening), len(windows)
        # B windows: O opening words, N soft tokens, C markers; rows without an item or a cut: seen by nobody.
        embedded = torch.zeros(b, o + n + c, self.hidden)
        positions = torch.zeros(b, o + n + c, dtype=torch.int64)
        seen = torch.zeros(b, o + n + c, o + n + c, dtype=torch.bool)
        embedded[:, :o], embedded[:, o + n :] = self.opening, self.marker
        positions[:, : o + n] = torch.arange(o + n)
        seen[:, : o + n, : o + n] = torch.ones(o + n, o + n, dtype=torch.bool).tril()
        for row, window in enumerate(windows):
            if len(window.likes):
                soft = self.connector(torch.from_numpy(self.shown[window.likes.items])).flatten(0, 1).cpu()
                embedded[row, o : o + len(soft)] = soft
            for number, cut in enumerate(window.cuts.tolist()):
                positions[row, o + n + number] = o + cut * k
                seen[row, o + n + number, : o + cut * k] = True
        seen |= torch.eye(o + n + c, dtype=torch.bool)
        hidden = self._run(embedded, positions, seen, layers)  # (B, T, layers, hidden)
        return torch.cat([hidden[row, o + n : o + n + len(w.cuts)] for row, w in enumerate(windows)]).float()

    def _run(self, embedded: Tensor, positions: Tensor, seen: Tensor, layers: Sequence[int]) -> Tensor:
        kind = next(self.trunk.parameters()).dtype
        mask = torch.zeros(seen.shape, dtype=kind).masked_fill_(~seen, torch.finfo(kind).min)
        output = self.trunk(
            inputs_embeds=embedded.to(kind),
            position_ids=positions,
            attention_mask=mask[:, None],
            use_cache=False,
            output_hidden_states=True,
        )
        return torch.stack([output.hidden_states[layer] for layer in layers], dim=2)


@dataclass(frozen=True)
class Validation:
    """Users who choose between heads: their likes cut after four fifths, what follows, all items' vectors."""

    begun: Sequence[Likes]
    later: Sequence[np.ndarray]
    space: np.ndarray

    @classmethod
    def of(cls, users: Sequence[Likes], space: np.ndarray) -> Validation:
        long = [likes for likes in users if len(likes) >= 2]
        cuts = [max(1, int(0.8 * len(likes))) for likes in long]
        begun = [likes.first(cut) for likes, cut in zip(long, cuts, strict=True)]
        return cls(begun, [likes.items[cut:] for likes, cut in zip(long, cuts, strict=True)], space)

    @cached_property
    def means(self) -> np.ndarray:
        return np.stack([likes.mean(self.space) for likes in self.begun])

    def score(self, queries: np.ndarray) -> float:
        """Mean recall@20 and mean discounted gain over all ranks, added; for queries (users, dim)."""
        scores = queries @ self.space.T
        total = 0.0
        for row, (begun, later) in enumerate(zip(self.begun, self.later, strict=True)):
            scores[row, begun.items] = -np.inf
            ranks = (scores[row][None] > scores[row, later][:, None]).sum(1)  # 0 is best
            total += float((ranks < 20).mean() + (1 / np.log2(ranks + 2)).mean())
        return total / len(self.begun)


@dataclass(frozen=True)
class Head:
    """A fitted head, and which of the examples' layers it reads."""

    layer: int
    centre: np.ndarray  # (hidden,)
    spread: np.ndarray  # (hidden,)
    weight: np.ndarray  # (hidden, dim)
    bias: np.ndarray  # (dim,)
    skip: float

    def queries(self, states: np.ndarray, means: np.ndarray) -> np.ndarray:
        """(users, hidden) states of its layer, (users, dim) means -> (users, dim) of length 1."""
        raw = self.skip * means + (states - self.centre) / self.spread @ self.weight + self.bias
        queries: np.ndarray = raw / np.maximum(np.linalg.norm(raw, axis=1, keepdims=True), 1e-12)
        return queries


def targets_of(likes: Likes, window: Window, space: np.ndarray) -> np.ndarray:
    """The mean vector of the next items after each cut of a window of a user's likes, (cuts, dim)."""
    places = (window.cuts + window.start).tolist()
    return np.stack([space[likes.items[place : place + NEXT_ITEMS]].mean(0) for place in places])


def fitted_head(states: Tensor, targets: np.ndarray, validation: Validation, validated: Tensor) -> Head:
    """The best of all layers, strengths and skips.

    `states` (cuts, layers, hidden) with `targets` (cuts, dim); `validated` (users, layers, hidden).
    """
    best: tuple[float, Head] | None = None
    for layer in range(states.shape[1]):
        known, unknown = states[:, layer].numpy(), validated[:, layer].numpy()
        centre, spread = known.mean(0), known.std(0)
        spread = np.maximum(spread, 1e-3 * spread.max() + 1e-8)
        for strength in STRENGTHS:
            weight, bias = fit_ridge((known - centre) / spread, targets, strength)
            for skip in SKIPS:
                head = Head(layer, centre, spread, weight, bias, skip)
                score = validation.score(head.queries(unknown, validation.means))
                if best is None or score > best[0]:
                    best = score, head
    assert best is not None
    return best[1]

"""A recommender read from a language model's states, so that `bench_image_input.py` can score its arms.

    query = unit(skip · mean + W state + b)

`state` is the language model's after "This user likes:", a user's items and a marker; `mean` is the decayed
mean of their vectors; `W, b` map states to the mean vector of the next items by ridge regression. Layer,
strength and skip are selected on validation users. The product has no such head, since it did
not improve the ranker (docs/log.md). Here it serves as the same evaluation for every arm.
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

OPENING = "This user likes:"
MARKERS = ("<file_sep>", "<|fim_pad|>")
"""Reserved entries of SmolLM2's and Qwen's vocabularies: one stands where the state is read."""
NEXT_ITEMS = 5
"""Items after a cut that are its targets."""
HALF_LIFE = 8.0
"""Half-life of an item's weight in the mean of a history, in items."""
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
        """Decayed mean of the vectors, (dim,); zero for none. Square roots keep a purchase from dominating
        clicks."""
        if not len(self):
            return np.zeros(matrix.shape[1], np.float32)
        weights = np.sqrt(self.weights) * 0.5 ** (np.arange(len(self))[::-1] / HALF_LIFE)
        mean: np.ndarray = (weights / weights.sum()) @ matrix[self.items]
        return mean.astype(np.float32)


@dataclass(frozen=True)
class Window:
    """A range of a user's likes, and the numbers of items after which a state is computed, (cuts,) each
    0…n."""

    likes: Likes
    cuts: np.ndarray
    start: int = 0
    """Where in the user's likes the window begins."""


def windows_of(likes: Likes, length: int) -> list[Window]:
    """Windows of at most `length` items; each beginning with a next item is cut exactly once.

    Windows overlap by half, and later ones are cut in their second half only, so that every cut but the first
    ones sees at least half a window of history.
    """
    windows = []
    start, last_cut = 0, -1
    while last_cut < len(likes) - 1:
        stop = min(start + length, len(likes) - 1)
        cuts = np.arange(last_cut + 1, stop + 1)
        window_likes = Likes(likes.items[start:stop], likes.weights[start:stop])
        windows.append(Window(window_likes, cuts - start, start))
        last_cut = stop
        start = max(0, stop - length // 2)
    return windows


def last_window(likes: Likes, length: int) -> Window:
    """Take the last `length` items with one cut at their end, to recommend the next one."""
    last = likes.last(length)
    return Window(last, np.array([len(last)]))


class StateEncoder:
    """Encodes prefixes of users' likes as the language model's states at markers.

    One pass computes all cuts of a window: marker k sees the opening, the first k items and itself, at the
    position that it would have if the window ended there, which equals one pass for each cut.
    """

    def __init__(self, base: Base, connector: nn.Module, features: np.ndarray, model: Any) -> None:
        """`shown` (items, width) is what the connector reads of each item."""
        self.connector, self.features = connector, features
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
        tokens_per_item: int = self.connector.tokens  # type: ignore[assignment]
        n_soft = max(len(window.likes) for window in windows) * tokens_per_item
        n_markers = max(len(window.cuts) for window in windows)
        n_opening, n_windows = len(self.opening), len(windows)
        # B windows: O opening words, N soft tokens, C markers; padding without an item or a cut is masked.
        embedded = torch.zeros(n_windows, n_opening + n_soft + n_markers, self.hidden)
        positions = torch.zeros(n_windows, n_opening + n_soft + n_markers, dtype=torch.int64)
        attention = torch.zeros(
            n_windows, n_opening + n_soft + n_markers, n_opening + n_soft + n_markers, dtype=torch.bool
        )
        embedded[:, :n_opening], embedded[:, n_opening + n_soft :] = self.opening, self.marker
        positions[:, : n_opening + n_soft] = torch.arange(n_opening + n_soft)
        attention[:, : n_opening + n_soft, : n_opening + n_soft] = torch.ones(
            n_opening + n_soft, n_opening + n_soft, dtype=torch.bool
        ).tril()
        for row, window in enumerate(windows):
            if len(window.likes):
                soft = self.connector(torch.from_numpy(self.features[window.likes.items])).flatten(0, 1).cpu()
                embedded[row, n_opening : n_opening + len(soft)] = soft
            for number, cut in enumerate(window.cuts.tolist()):
                positions[row, n_opening + n_soft + number] = n_opening + cut * tokens_per_item
                attention[row, n_opening + n_soft + number, : n_opening + cut * tokens_per_item] = True
        attention |= torch.eye(n_opening + n_soft + n_markers, dtype=torch.bool)
        hidden = self._run(embedded, positions, attention, layers)  # (B, T, layers, hidden)
        return torch.cat(
            [
                hidden[row, n_opening + n_soft : n_opening + n_soft + len(window.cuts)]
                for row, window in enumerate(windows)
            ]
        ).float()

    def _run(self, embedded: Tensor, positions: Tensor, attention: Tensor, layers: Sequence[int]) -> Tensor:
        dtype = next(self.trunk.parameters()).dtype
        mask = torch.zeros(attention.shape, dtype=dtype).masked_fill_(~attention, torch.finfo(dtype).min)
        output = self.trunk(
            inputs_embeds=embedded.to(dtype),
            position_ids=positions,
            attention_mask=mask[:, None],
            use_cache=False,
            output_hidden_states=True,
        )
        return torch.stack([output.hidden_states[layer] for layer in layers], dim=2)


@dataclass(frozen=True)
class Validation:
    """Validation users: their likes cut after four fifths, the following ones, and all items' vectors."""

    histories: Sequence[Likes]
    targets: Sequence[np.ndarray]
    space: np.ndarray

    @classmethod
    def of(cls, users: Sequence[Likes], space: np.ndarray) -> Validation:
        eligible = [likes for likes in users if len(likes) >= 2]
        cuts = [max(1, int(0.8 * len(likes))) for likes in eligible]
        histories = [likes.first(cut) for likes, cut in zip(eligible, cuts, strict=True)]
        return cls(histories, [likes.items[cut:] for likes, cut in zip(eligible, cuts, strict=True)], space)

    @cached_property
    def means(self) -> np.ndarray:
        return np.stack([likes.mean(self.space) for likes in self.histories])

    def score(self, queries: np.ndarray) -> float:
        """Mean recall@20 and mean discounted gain over all ranks, added; for queries (users, dim)."""
        scores = queries @ self.space.T
        total = 0.0
        for row, (history, target_items) in enumerate(zip(self.histories, self.targets, strict=True)):
            scores[row, history.items] = -np.inf
            ranks = (scores[row][None] > scores[row, target_items][:, None]).sum(1)  # 0 is best
            total += float((ranks < 20).mean() + (1 / np.log2(ranks + 2)).mean())
        return total / len(self.histories)


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
    cuts = (window.cuts + window.start).tolist()
    return np.stack([space[likes.items[cut : cut + NEXT_ITEMS]].mean(0) for cut in cuts])


def fit_head(states: Tensor, targets: np.ndarray, validation: Validation, user_states: Tensor) -> Head:
    """Fit heads for all layers, strengths and skips; return the best on validation.

    `states` (cuts, layers, hidden) with `targets` (cuts, dim); `validated` (users, layers, hidden).
    """
    best: tuple[float, Head] | None = None
    for layer in range(states.shape[1]):
        training_states, validation_states = states[:, layer].numpy(), user_states[:, layer].numpy()
        centre, spread = training_states.mean(0), training_states.std(0)
        spread = np.maximum(spread, 1e-3 * spread.max() + 1e-8)
        for strength in STRENGTHS:
            weight, bias = fit_ridge((training_states - centre) / spread, targets, strength)
            for skip in SKIPS:
                head = Head(layer, centre, spread, weight, bias, skip)
                score = validation.score(head.queries(validation_states, validation.means))
                if best is None or score > best[0]:
                    best = score, head
    assert best is not None
    return best[1]

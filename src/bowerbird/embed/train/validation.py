"""Validation inside training: held-out users and items decide when to stop.

They are held out of the training events themselves, so this neither sees nor spoils the test set of
`bowerbird evaluate`.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bowerbird.embed.index.vectors import normalize_rows
from bowerbird.embed.train.neighbours import InteractionSequences

USER_SHARE, MAX_USERS = 0.15, 300
MIN_LIKES = 5
"""Likes that a user must have for validation."""
COLD_SHARE = 0.1
"""Share of the liked items that are in no training pair, so that they are as cold as new items."""
TARGET_SHARE = 0.2
"""Share of a validation user's likes, the last ones, that are the targets."""
RECENT = 50
CROSS_MODAL_SHARE, MIN_CROSS_MODAL, MAX_CROSS_MODAL = 0.05, 20, 1000
"""Items for cross-modal validation (text finds picture, and the reverse); none below the minimum."""


@dataclass(frozen=True)
class Quality:
    """How well the mean of a user's likes finds the user's next likes, and a text its picture.

    Each number is a mean of the gain 1 / log2(1 + rank), NaN if there are no targets.
    """

    warm: float
    """Over targets that are in the training set."""
    cold: float
    """Over targets that are in no training pair."""
    recall_at_100: float
    across: float = math.nan
    """Cross-modal gain: picture by text and text by picture, among items whose match was not trained on."""

    @property
    def score(self) -> float:
        """The geometric mean of the gains: halving one is compensated by doubling another."""
        gains = [gain for gain in (self.warm, self.cold, self.across) if not math.isnan(gain)]
        return math.exp(sum(map(math.log, gains)) / len(gains))


@dataclass(frozen=True)
class HashSplit:
    """A number in [0, 1) for each user and each item; those with the lowest are the validation set.

    Hashed from ids, so that the validation set of one version of the vectors is that of the next as well: an
    update starts from what the previous version has learned, and must not be validated on it.
    """

    users: np.ndarray  # (users,) float64
    items: np.ndarray  # (items,) float64

    @classmethod
    def of(cls, users: Sequence[str], item_ids: Sequence[str], seed: int) -> HashSplit:
        """Users in the order of their numbers, items in that of their positions."""
        # The salts never change: existing versions were trained with them.
        return cls(_hash_to_unit(users, f"person {seed}"), _hash_to_unit(item_ids, f"item {seed}"))


class Validator:
    """Splits likes into training and validation sets, and measures vectors on the latter."""

    def __init__(
        self,
        sequences: InteractionSequences,
        split: HashSplit,
        thresholds: tuple[float, float] | None = None,
        has_both: np.ndarray | None = None,
    ) -> None:
        """Owners that have a number in the `split` are users and may be in the validation set; others are
        collections.

        `thresholds`: validate on the users and items with at most these numbers; by default, on fixed shares.
        `has_both` (items,) bool: items with picture and text, for cross-modal validation.
        """
        owners = np.unique(sequences.owner)
        users = owners[owners < len(split.users)]
        if len(sequences):
            users = users[np.bincount(sequences.owner, minlength=1)[users] >= MIN_LIKES]
        n_users = min(MAX_USERS, int(len(users) * USER_SHARE))
        self.users, user_threshold = _select_lowest(users, split.users, n_users, thresholds and thresholds[0])
        liked = np.unique(sequences.items)
        n_cold = int(len(liked) * COLD_SHARE) if len(self.users) else 0
        self.cold, item_threshold = _select_lowest(liked, split.items, n_cold, thresholds and thresholds[1])
        self.thresholds = user_threshold, item_threshold
        """The highest numbers in the validation set; 0 if it is empty."""
        self.training = sequences.without(self.cold, self.users)
        # Items that only validation users liked are cold too.
        self._warm = np.unique(self.training.items)
        self._histories = [_split_history(sequences.items[sequences.owner == user]) for user in self.users]
        self.cross_modal_items = _select_cross_modal(split.items, has_both)
        """Positions of the items for cross-modal validation."""

    def __bool__(self) -> bool:
        return any(len(targets) for _, targets in self._histories)

    def quality(
        self, vectors: np.ndarray, pictures: np.ndarray | None = None, texts: np.ndarray | None = None
    ) -> Quality:
        """Measure item vectors (items, D), and vectors of pictures and texts of `cross_modal_items`, (n,
        D)."""
        gains: list[np.ndarray] = []
        is_warm: list[np.ndarray] = []
        recalls = []
        for history, targets in self._histories:
            if not len(targets):
                continue
            scores = vectors @ normalize_rows(vectors[history[-RECENT:]].mean(axis=0, keepdims=True))[0]
            scores[history] = -np.inf
            ranks = np.array([1 + np.count_nonzero(scores > scores[item]) for item in targets])
            gains.append(1 / np.log2(1 + ranks))
            is_warm.append(np.isin(targets, self._warm))
            recalls.append((ranks <= 100).mean())
        gain, warm = np.concatenate(gains), np.concatenate(is_warm)
        across = math.nan
        if pictures is not None and texts is not None and len(pictures):
            across = (
                _mean_gain_of_diagonal(texts @ pictures.T) + _mean_gain_of_diagonal(pictures @ texts.T)
            ) / 2
        return Quality(_mean(gain[warm]), _mean(gain[~warm]), float(np.mean(recalls)), across)


def _split_history(items: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Split a user's likes into history and targets; an item that is in both is not a target."""
    history = items[: -max(1, int(len(items) * TARGET_SHARE))]
    return history, np.setdiff1d(items[len(history) :], history)


def _select_cross_modal(split: np.ndarray, has_both: np.ndarray | None) -> np.ndarray:
    """Select the items with both modalities and the lowest numbers; none if they are too few."""
    selected = np.flatnonzero((split < CROSS_MODAL_SHARE) & (False if has_both is None else has_both))
    if len(selected) < MIN_CROSS_MODAL:
        return selected[:0]
    return np.sort(selected[np.argsort(split[selected], kind="stable")[:MAX_CROSS_MODAL]])


def _mean_gain_of_diagonal(scores: np.ndarray) -> float:
    """Mean of 1 / log2(1 + rank) of each row's own column, (n, n); ties count against it."""
    own = scores.diagonal()[:, None]
    return float((1 / np.log2(1 + (scores >= own).sum(axis=1))).mean())


def _hash_to_unit(names: Sequence[str], salt: str) -> np.ndarray:
    """Hash names to numbers in [0, 1), (n,) float64."""
    digests = (hashlib.blake2b(f"{salt}\0{name}".encode(), digest_size=8).digest() for name in names)
    return np.array([int.from_bytes(digest, "big") / 2**64 for digest in digests], np.float64)


def _select_lowest(
    candidates: np.ndarray, split: np.ndarray, count: int, threshold: float | None
) -> tuple[np.ndarray, float]:
    """Select the `count` candidates with the lowest split numbers, or all up to `threshold`; the highest
    number."""
    ordered = candidates[np.argsort(split[candidates], kind="stable")]
    if threshold is not None:
        return ordered[split[ordered] <= threshold], threshold
    return ordered[:count], float(split[ordered[count - 1]]) if count else 0.0


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if len(values) else math.nan

"""Validation inside training: held-out users and items decide when to stop.

They are held out of the training events themselves, so this neither sees nor spoils the test set of
`bowerbird evaluate`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bowerbird.data.arrays import BoolArray, DoubleArray, FloatArray, IntArray
from bowerbird.data.splits import hash_share
from bowerbird.embed.config import DEFAULTS, ValidationConfig
from bowerbird.embed.index.rows import normalize_rows
from bowerbird.embed.meta import Quality
from bowerbird.embed.train.neighbours import InteractionSequences
from bowerbird.evaluate.metrics import discount


@dataclass(frozen=True)
class HashSplit:
    """A number in [0, 1) for each user and each item; those with the lowest are the validation set.

    Hashed from ids, so that the validation set of one version of the vectors is that of the next as well: an
    update starts from what the previous version has learned, and must not be validated on it.
    """

    users: DoubleArray  # (users,)
    items: DoubleArray  # (items,)

    @classmethod
    def of(cls, users: Sequence[str], item_ids: Sequence[str], seed: int) -> HashSplit:
        """Users in the order of their numbers, items in that of their positions."""
        # The salts never change: existing versions were trained with them.
        return cls(
            np.array([hash_share(f"person {seed}\0{user}") for user in users], np.float64),
            np.array([hash_share(f"item {seed}\0{item_id}") for item_id in item_ids], np.float64),
        )


class Validator:
    """Splits likes into training and validation sets, and measures vectors on the latter."""

    def __init__(
        self,
        sequences: InteractionSequences,
        split: HashSplit,
        thresholds: tuple[float, float] | None = None,
        has_both: BoolArray | None = None,
        config: ValidationConfig = DEFAULTS.validation,
    ) -> None:
        """Owners that have a number in the `split` are users and may be in the validation set; others are
        collections.

        `thresholds`: validate on the users and items with at most these numbers; by default, on fixed shares.
        `has_both` (items,) bool: items with picture and text, for cross-modal validation.
        """
        self._config = config
        owners = np.unique(sequences.owner)
        users = owners[owners < len(split.users)]
        if len(sequences):
            users = users[np.bincount(sequences.owner, minlength=1)[users] >= config.min_likes]
        n_users = min(config.max_users, int(len(users) * config.user_share))
        self.users, user_threshold = _select_lowest(users, split.users, n_users, thresholds and thresholds[0])
        liked = np.unique(sequences.items)
        n_cold = int(len(liked) * config.cold_share) if len(self.users) else 0
        self.cold, item_threshold = _select_lowest(liked, split.items, n_cold, thresholds and thresholds[1])
        self.thresholds = user_threshold, item_threshold
        """The highest numbers in the validation set; 0 if it is empty."""
        self.training = sequences.without(self.cold, self.users)
        # Items that only validation users liked are cold too.
        self._warm = np.unique(self.training.items)
        self._histories = [
            _split_history(sequences.items[sequences.owner == user], config.target_share)
            for user in self.users
        ]
        self.cross_modal_items = _select_cross_modal(split.items, has_both, config)
        """Positions of the items for cross-modal validation."""

    def __bool__(self) -> bool:
        return any(len(targets) for _, targets in self._histories)

    def quality(
        self, vectors: FloatArray, pictures: FloatArray | None = None, texts: FloatArray | None = None
    ) -> Quality:
        """Measure vectors of all items (items, D), and of pictures and texts of `cross_modal_items`."""
        gains: list[DoubleArray] = []
        is_warm: list[BoolArray] = []
        recalls = []
        for history, targets in self._histories:
            if not len(targets):
                continue
            latest = vectors[history[-self._config.recent :]]
            scores = vectors @ normalize_rows(latest.mean(axis=0, keepdims=True))[0]
            scores[history] = -np.inf
            ranks = np.array([1 + np.count_nonzero(scores > scores[item]) for item in targets])
            gains.append(discount(ranks))
            is_warm.append(np.isin(targets, self._warm))
            recalls.append((ranks <= 100).mean())
        gain, warm = np.concatenate(gains), np.concatenate(is_warm)
        across = None
        if pictures is not None and texts is not None and len(pictures):
            directions = (texts @ pictures.T, pictures @ texts.T)
            across = float(np.mean([_mean_gain_of_diagonal(scores) for scores in directions]))
        return Quality(_mean(gain[warm]), _mean(gain[~warm]), float(np.mean(recalls)), across)


def _split_history(items: IntArray, target_share: float) -> tuple[IntArray, IntArray]:
    """Split a user's likes into history and targets; an item that is in both is not a target."""
    history = items[: -max(1, int(len(items) * target_share))]
    return history, np.setdiff1d(items[len(history) :], history)


def _select_cross_modal(split: DoubleArray, has_both: BoolArray | None, config: ValidationConfig) -> IntArray:
    """Select the items with both modalities and the lowest numbers; none if they are too few."""
    if has_both is None:
        return np.zeros(0, np.int64)
    selected = np.flatnonzero((split < config.cross_modal_share) & has_both)
    if len(selected) < config.min_cross_modal:
        return selected[:0]
    return np.sort(selected[np.argsort(split[selected], kind="stable")[: config.max_cross_modal]])


def _mean_gain_of_diagonal(scores: FloatArray) -> float:
    """Mean of 1 / log2(1 + rank) of each row's own column, (n, n); ties count against it."""
    own = scores.diagonal()[:, None]
    return float(discount((scores >= own).sum(axis=1)).mean())


def _select_lowest(
    candidates: IntArray, split: DoubleArray, count: int, threshold: float | None
) -> tuple[IntArray, float]:
    """Select the `count` candidates with the lowest split numbers, or all up to `threshold`; the highest
    number."""
    ordered = candidates[np.argsort(split[candidates], kind="stable")]
    if threshold is not None:
        return ordered[split[ordered] <= threshold], threshold
    return ordered[:count], float(split[ordered[count - 1]]) if count else 0.0


def _mean(values: DoubleArray) -> float | None:
    return float(values.mean()) if len(values) else None

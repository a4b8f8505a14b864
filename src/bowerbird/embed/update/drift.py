"""The cost of an update for users of old vectors: how far items moved, and the recall of old user states."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bowerbird.data.arrays import DoubleArray, FloatArray, IntArray
from bowerbird.data.times import decayed
from bowerbird.embed.config import DEFAULTS, ValidationConfig
from bowerbird.embed.index.rows import normalize_rows
from bowerbird.embed.train.neighbours import InteractionSequences
from bowerbird.embed.train.validation import HashSplit
from bowerbird.embed.update_report import Movement, OldStateRecall, RecallRatio
from bowerbird.evaluate.metrics import recall_at

K = 100
MAX_USERS = 300
"""Validation users first, then others by their split numbers, so that intervals are narrow."""
MEDOIDS = 10
"""Latest likes that stand for a user's medoids."""
BOOTSTRAP_SAMPLES = 1000

UserCase = tuple[IntArray, DoubleArray, IntArray]
"""Positions of a user's liked items (n,), the weight of each like (n,), positions of the targets (m,)."""


def select_cases(
    sequences: InteractionSequences,
    split: HashSplit,
    half_life_days: Sequence[float],
    config: ValidationConfig = DEFAULTS.validation,
) -> list[UserCase]:
    """Select users with five likes or more: the last fifth are targets, the others are weighted by age."""
    n_likes = np.bincount(sequences.owner, minlength=len(split.users))[: len(split.users)]
    users = np.flatnonzero(n_likes >= config.min_likes)
    cases = []
    for user in users[np.argsort(split.users[users], kind="stable")][:MAX_USERS]:
        is_own = sequences.owner == user
        items, at = sequences.items[is_own], sequences.at[is_own]
        until = len(items) - int(len(items) * config.target_share)
        history, times = items[:until][-config.recent :], at[:until][-config.recent :]
        weights = decayed(np.ones(len(history)), at[until - 1] - times, half_life_days)
        cases.append((history, weights, np.setdiff1d(items[until:], items[:until])))
    return cases


def measure_movement(new: FloatArray, old: FloatArray) -> Movement | None:
    """Cosines of the same items' vectors in two versions, (n, D) each; None if no item has both."""
    cosines = np.einsum("nd,nd->n", new, old)[new.any(axis=1) & old.any(axis=1)]
    if not len(cosines):
        return None
    return Movement(round(float(cosines.mean()), 4), round(float(np.quantile(cosines, 0.05)), 4))


def old_state_recall(new: FloatArray, old: FloatArray, cases: Sequence[UserCase]) -> OldStateRecall:
    """Recall@100 among new vectors by user states that were computed from old vectors, and from new ones.

    `new`, `old` (N, D) of the same items, zeros if a version does not have one. States are the decayed mean,
    and the medoids: the vectors of the latest likes, the nearest of which counts. Both use only likes of
    items that the old version has, so that the difference is due to the spaces alone. The ratio old / new has
    a 95 % bootstrap interval over users (Efron, 1979).
    """
    by_mean: list[tuple[float, float]] = []
    by_medoids: list[tuple[float, float]] = []
    for history, weights, targets in cases:
        is_old = old[history].any(axis=1)
        if not is_old.any() or not len(targets):
            continue
        items, item_weights = history[is_old], weights[is_old]
        # All queries of a user in one product: the vectors are read once per user.
        means = [normalize_rows(item_weights[None, :] @ vectors[items]) for vectors in (old, new)]
        medoids = [vectors[items[-MEDOIDS:]] for vectors in (old, new)]
        scores = np.split(np.concatenate(means + medoids) @ new.T, [1, 2, 2 + len(medoids[0])])
        by_state = [_recall(state_scores.max(axis=0), history, targets) for state_scores in scores]
        by_mean.append((by_state[0], by_state[1]))
        by_medoids.append((by_state[2], by_state[3]))
    return OldStateRecall(len(by_mean), K, _summarize(by_mean), _summarize(by_medoids))


def _recall(scores: FloatArray, history: IntArray, targets: IntArray) -> float:
    scores[history] = -np.inf
    best = np.argpartition(-scores, min(K, len(scores) - 1))[:K]
    return float(recall_at(best[None], [targets], K)[0])


def _summarize(user_recalls: list[tuple[float, float]]) -> RecallRatio:
    """Means of the recalls (old, new) of users, their ratio, and its bootstrap interval."""
    by_old, by_new = np.array(user_recalls, np.float64).reshape(-1, 2).T
    n_users = len(by_old)
    if not n_users or not by_new.any():
        return RecallRatio()
    rng = np.random.default_rng(0)
    counts = rng.multinomial(n_users, np.full(n_users, 1 / n_users), size=BOOTSTRAP_SAMPLES)
    old_sums, new_sums = counts @ by_old, counts @ by_new
    ratios = old_sums[new_sums > 0] / new_sums[new_sums > 0]
    low, high = np.quantile(ratios, [0.025, 0.975])
    numbers = (by_old.mean(), by_new.mean(), by_old.mean() / by_new.mean(), low, high)
    return RecallRatio(*(round(float(number), 4) for number in numbers))

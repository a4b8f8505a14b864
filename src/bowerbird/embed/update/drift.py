"""What an update costs whoever goes on with the old vectors: how far items moved, how much less is found."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from bowerbird.embed.index.rows import unit
from bowerbird.embed.train.neighbours import Strings
from bowerbird.embed.train.validation import LAST_SHARE, RECENT, Lots

AT = 100
PEOPLE = 300
"""People at most: those whose likes judge, then others by lot, so that intervals are narrow."""
MEDOIDS = 10
"""Latest likes that stand for a person's medoids."""
DRAWS = 1000
_DAY_US = 86_400_000_000

Case = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Positions of what a person liked (n,), what each like counts (n,), positions of what to find (m,)."""


def cases_of(strings: Strings, lots: Lots, half_life_days: Sequence[float]) -> list[Case]:
    """People with five likes or more: the last fifth must be found, the likes before count by their age."""
    sizes = np.bincount(strings.owner, minlength=len(lots.people))[: len(lots.people)]
    people = np.flatnonzero(sizes >= 5)
    cases = []
    for person in people[np.argsort(lots.people[people], kind="stable")][:PEOPLE]:
        mine = strings.owner == person
        items, at = strings.items[mine], strings.at[mine]
        until = len(items) - int(len(items) * LAST_SHARE)
        given, ages = items[:until][-RECENT:], (at[until - 1] - at[:until][-RECENT:]) / _DAY_US
        weights = np.mean([0.5 ** (ages / days) for days in half_life_days], axis=0)
        cases.append((given, weights, np.setdiff1d(items[until:], items[:until])))
    return cases


def moved(new: np.ndarray, old: np.ndarray) -> dict[str, float] | None:
    """Cosines of the same items' vectors in two versions, (n, D) each; None where no item has both."""
    cosines = np.einsum("nd,nd->n", new, old)[new.any(axis=1) & old.any(axis=1)]
    if not len(cosines):
        return None
    return {
        "mean_cosine": round(float(cosines.mean()), 4),
        "lowest_twentieth": round(float(np.quantile(cosines, 0.05)), 4),
    }


def old_state_recall(new: np.ndarray, old: np.ndarray, cases: Sequence[Case]) -> dict[str, Any]:
    """Recall@100 among new vectors by people's states: computed from old vectors, and from new ones.

    `new`, `old` (N, D) of the same items, zeros where a version does not know one. States are the decayed
    mean, and the medoids: the vectors of the latest likes, the nearest of which counts. Both see only likes
    that the old version knew: what a state lacks that never saw the others is not a matter of spaces. The
    ratio old / new has a 95 % bootstrap interval over people (Efron, 1979).
    """
    rows: dict[str, list[tuple[float, float]]] = {"mean": [], "medoids": []}
    for given, weights, wanted in cases:
        known = old[given].any(axis=1)
        if not known.any() or not len(wanted):
            continue
        seen, counts = given[known], weights[known]
        # All of a person's queries at once: the vectors are read once for each person.
        means = [unit(counts[None, :] @ vectors[seen]) for vectors in (old, new)]
        medoids = [vectors[seen[-MEDOIDS:]] for vectors in (old, new)]
        scores = np.split(np.concatenate(means + medoids) @ new.T, [1, 2, 2 + len(medoids[0])])
        by = [_recall(part.max(axis=0), given, wanted) for part in scores]
        rows["mean"].append((by[0], by[1]))
        rows["medoids"].append((by[2], by[3]))
    return {"people": len(rows["mean"]), "at": AT} | {kind: _told(found) for kind, found in rows.items()}


def _recall(scores: np.ndarray, given: np.ndarray, wanted: np.ndarray) -> float:
    scores[given] = -np.inf
    best = np.argpartition(-scores, min(AT, len(scores) - 1))[:AT]
    return float(np.isin(wanted, best).mean())


def _told(found: list[tuple[float, float]]) -> dict[str, float | None]:
    by_old, by_new = np.array(found, np.float64).reshape(-1, 2).T
    people = len(by_old)
    if not people or not by_new.any():
        return {"old": None, "new": None, "ratio": None, "low": None, "high": None}
    times = np.random.default_rng(0).multinomial(people, np.full(people, 1 / people), size=DRAWS)
    draws = (times @ by_old)[times @ by_new > 0] / (times @ by_new)[times @ by_new > 0]
    low, high = np.quantile(draws, [0.025, 0.975])
    numbers = (by_old.mean(), by_new.mean(), by_old.mean() / by_new.mean(), low, high)
    return dict(
        zip(("old", "new", "ratio", "low", "high"), (round(float(one), 4) for one in numbers), strict=True)
    )

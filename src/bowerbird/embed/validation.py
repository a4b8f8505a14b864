"""The judge inside training: people and items that the pairs leave out say when to stop.

Held out of the training events themselves, so it neither sees nor spoils what `bowerbird evaluate` judges on.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from bowerbird.embed.neighbours import Strings
from bowerbird.embed.vectors import unit

PEOPLE_SHARE, PEOPLE_MOST = 0.15, 300
COLD_SHARE = 0.1
"""Share of the liked items that no pair holds, so that they are as cold as an item of tomorrow."""
LAST_SHARE = 0.2
"""The last part of a judged person's likes is what must be found."""
RECENT = 50


@dataclass(frozen=True)
class Quality:
    """How well the mean of a person's likes finds what the person liked next."""

    warm: float
    """Mean of 1 / log2(1 + rank) over liked items that training knew; NaN where there are none."""
    cold: float
    """The same over items that no training pair held."""
    recall_at_100: float

    @property
    def score(self) -> float:
        both = [value for value in (self.warm, self.cold) if not math.isnan(value)]
        return sum(both) / len(both)


class Judge:
    """Splits likes into what trains and what judges; tells the quality of vectors."""

    def __init__(self, strings: Strings, people: np.ndarray, rng: np.random.Generator) -> None:
        """`people` are the owners that may be judged: persons, not collections."""
        sizes = np.bincount(strings.owner, minlength=1)
        able = people[sizes[people] >= 5] if len(strings) else people[:0]
        self.people = rng.permutation(able)[: min(PEOPLE_MOST, int(len(able) * PEOPLE_SHARE))]
        liked = np.unique(strings.items)
        self.cold = rng.permutation(liked)[: int(len(liked) * COLD_SHARE)] if len(self.people) else liked[:0]
        self.training = strings.without(self.cold, self.people)
        # What only judged people liked is cold too.
        known = np.unique(self.training.items)
        self._cases = [self._case(strings.items[strings.owner == person]) for person in self.people]
        self._known = known

    def _case(self, items: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        given = items[: -max(1, int(len(items) * LAST_SHARE))]
        return given, np.setdiff1d(items[len(given) :], given)

    def __bool__(self) -> bool:
        return any(len(wanted) for _, wanted in self._cases)

    def quality(self, vectors: np.ndarray) -> Quality:
        """Of item vectors (items, D)."""
        gains: list[np.ndarray] = []
        known: list[np.ndarray] = []
        recalls = []
        for given, wanted in self._cases:
            if not len(wanted):
                continue
            scores = vectors @ unit(vectors[given[-RECENT:]].mean(axis=0, keepdims=True))[0]
            scores[given] = -np.inf
            ranks = np.array([1 + np.count_nonzero(scores > scores[item]) for item in wanted])
            gains.append(1 / np.log2(1 + ranks))
            known.append(np.isin(wanted, self._known))
            recalls.append((ranks <= 100).mean())
        gain, is_known = np.concatenate(gains), np.concatenate(known)
        return Quality(_mean(gain[is_known]), _mean(gain[~is_known]), float(np.mean(recalls)))


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if len(values) else math.nan

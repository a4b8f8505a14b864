"""The judge inside training: people and items that the pairs leave out say when to stop.

Held out of the training events themselves, so it neither sees nor spoils what `bowerbird evaluate` judges on.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
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


@dataclass(frozen=True)
class Lots:
    """A number in [0, 1) for each person and each item: whoever drew the lowest judges.

    Drawn by id, so that who judged one version of the vectors judges the next as well: an update starts from
    what the version before has learned, and must not be judged on it.
    """

    people: np.ndarray  # (people,) float64
    items: np.ndarray  # (items,) float64

    @classmethod
    def of(cls, users: Sequence[str], item_ids: Sequence[str], seed: int) -> Lots:
        """People in the order of their numbers, items in that of their positions."""
        return cls(_drawn(users, f"person {seed}"), _drawn(item_ids, f"item {seed}"))


class Judge:
    """Splits likes into what trains and what judges; tells the quality of vectors."""

    def __init__(self, strings: Strings, lots: Lots, below: tuple[float, float] | None = None) -> None:
        """Owners that drew a lot are persons and may be judged; the others are collections.

        `below`: judge people and items that drew at most so much; by default, shares of those there are.
        """
        owners = np.unique(strings.owner)
        persons = owners[owners < len(lots.people)]
        able = persons[np.bincount(strings.owner, minlength=1)[persons] >= 5] if len(strings) else persons
        share = min(PEOPLE_MOST, int(len(able) * PEOPLE_SHARE))
        self.people, people_below = _lowest(able, lots.people, share, below and below[0])
        liked = np.unique(strings.items)
        share = int(len(liked) * COLD_SHARE) if len(self.people) else 0
        self.cold, items_below = _lowest(liked, lots.items, share, below and below[1])
        self.below = people_below, items_below
        """The highest lots that judge; 0 where nobody does."""
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


def _drawn(names: Sequence[str], salt: str) -> np.ndarray:
    drawn = (hashlib.blake2b(f"{salt}\0{name}".encode(), digest_size=8).digest() for name in names)
    return np.array([int.from_bytes(one, "big") / 2**64 for one in drawn], np.float64)


def _lowest(
    numbers: np.ndarray, lots: np.ndarray, count: int, below: float | None
) -> tuple[np.ndarray, float]:
    """The `count` of some numbers with the lowest lots, or all that drew at most `below`; the highest lot."""
    drawn = numbers[np.argsort(lots[numbers], kind="stable")]
    if below is not None:
        return drawn[lots[drawn] <= below], below
    return drawn[:count], float(lots[drawn[count - 1]]) if count else 0.0


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if len(values) else math.nan

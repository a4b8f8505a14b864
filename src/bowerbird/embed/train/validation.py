"""The judge inside training: people and items that are left out say when to stop.

Held out of the training events themselves, so it neither sees nor spoils what `bowerbird evaluate` judges on.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bowerbird.embed.index.vectors import unit
from bowerbird.embed.train.neighbours import Strings

PEOPLE_SHARE, PEOPLE_MOST = 0.15, 300
COLD_SHARE = 0.1
"""Share of the liked items that no pair holds, so that they are as cold as an item of tomorrow."""
LAST_SHARE = 0.2
"""The last part of a judged person's likes is what must be found."""
RECENT = 50
ACROSS_SHARE, ACROSS_LEAST, ACROSS_MOST = 0.05, 20, 1000
"""Items whose picture and text are not learned from, if these are enough: a text must find its picture."""


@dataclass(frozen=True)
class Quality:
    """How well the mean of a person's likes finds what the person liked next, and a text its picture.

    Each is a mean of 1 / log2(1 + rank), NaN where there is nothing to find.
    """

    warm: float
    """Over liked items that training knew."""
    cold: float
    """Over items that no training pair held."""
    recall_at_100: float
    across: float = math.nan
    """Over items of which training saw neither side: among them, picture by text and text by picture."""

    @property
    def score(self) -> float:
        """The geometric mean of the gains: half as much lost here is made up by twice as much there."""
        gains = [gain for gain in (self.warm, self.cold, self.across) if not math.isnan(gain)]
        return math.exp(sum(map(math.log, gains)) / len(gains))


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

    def __init__(
        self,
        strings: Strings,
        lots: Lots,
        below: tuple[float, float] | None = None,
        both_sides: np.ndarray | None = None,
    ) -> None:
        """Owners that drew a lot are persons and may be judged; the others are collections.

        `below`: judge people and items that drew at most so much; by default, shares of those there are.
        `both_sides` (items,) bool: whose picture and text are there, so that the one must find the other.
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
        self.across = _across(lots.items, both_sides)
        """Positions of the items whose sides must not be learned from."""

    def _case(self, items: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        given = items[: -max(1, int(len(items) * LAST_SHARE))]
        return given, np.setdiff1d(items[len(given) :], given)

    def __bool__(self) -> bool:
        return any(len(wanted) for _, wanted in self._cases)

    def quality(
        self, vectors: np.ndarray, pictures: np.ndarray | None = None, texts: np.ndarray | None = None
    ) -> Quality:
        """Of item vectors (items, D); of what the pictures and the texts of `across` say alone, (n, D)."""
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
        across = math.nan
        if pictures is not None and texts is not None and len(pictures):
            across = (_gain_of_own(texts @ pictures.T) + _gain_of_own(pictures @ texts.T)) / 2
        return Quality(_mean(gain[is_known]), _mean(gain[~is_known]), float(np.mean(recalls)), across)


def _across(lots: np.ndarray, both_sides: np.ndarray | None) -> np.ndarray:
    """Of the items with both sides those that drew a low lot; none where that leaves too few to judge."""
    chosen = np.flatnonzero((lots < ACROSS_SHARE) & (False if both_sides is None else both_sides))
    if len(chosen) < ACROSS_LEAST:
        return chosen[:0]
    return np.sort(chosen[np.argsort(lots[chosen], kind="stable")[:ACROSS_MOST]])


def _gain_of_own(scores: np.ndarray) -> float:
    """Mean of 1 / log2(1 + rank) of each row's own column, (n, n)."""
    own = scores.diagonal()[:, None]
    return float((1 / np.log2(1 + (scores >= own).sum(axis=1))).mean())


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

"""What changed this month: the interests behind a change of taste, their shares then and now, in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from bowerbird.data.interactions import History
from bowerbird.taste.interests.drift import Drift, Visit
from bowerbird.taste.interests.interests import Interests
from bowerbird.taste.interests.ranking import moment

GROWN, FADED = 0.15, 0.15
"""By how much of a person's taste an interest must have grown, or shrunk, to be named."""
LEAST_ITEMS = 2
"""Liked items that an interest must have to be named: one click is no change."""


@dataclass(frozen=True)
class Change:
    """One interest that grew or faded."""

    number: int
    name: str
    then: float  # share of the liked items of the visits before
    now: float  # share of the liked items of the visits since
    items: list[int]  # positions that made it: liked since, of one that grew; liked before, of one that faded

    @property
    def grew(self) -> bool:
        return self.now > self.then

    def as_dict(self) -> dict[str, Any]:
        kept = {name: value for name, value in asdict(self).items() if name not in ("number", "items")}
        return {"change": "grew" if self.grew else "faded", **kept}

    @property
    def words(self) -> str:
        """As a sentence: "plain · wood · lamp grew from 5 % to 60 %"."""
        return f"{self.name} {'grew' if self.grew else 'faded'} from {self.then:.0%} to {self.now:.0%}"


def changes_of(drift: Drift, interests: Interests) -> list[Change]:
    """The interests that a drift is made of, those that grew first; the largest change first."""
    before, since = drift.visits[: drift.since], drift.visits[drift.since :]
    then, now = _shares(before, interests), _shares(since, interests)
    changes = []
    for number in np.flatnonzero((now - then >= GROWN) | (then - now >= FADED)).tolist():
        told = since if now[number] > then[number] else before
        items = [item for visit in told for item in visit.items.tolist() if interests.group[item] == number]
        items = list(dict.fromkeys(items))
        if len(items) >= LEAST_ITEMS:
            changes.append(
                Change(number, interests.names[number], float(then[number]), float(now[number]), items)
            )
    return sorted(changes, key=lambda one: (not one.grew, -abs(one.now - one.then), one.number))


def _shares(visits: Sequence[Visit], interests: Interests) -> np.ndarray:
    """Share of each of K interests in some visits, (K,): every visit counts alike, whatever its length."""
    shares = np.zeros(len(interests))
    for visit in visits:
        groups = interests.group[visit.items]
        groups = groups[groups >= 0]
        np.add.at(shares, groups, 1 / max(1, len(groups)))
    total = shares.sum()
    return shares / total if total else shares


def in_words(drift: Drift, changes: Sequence[Change]) -> str:
    """A drift as one or two sentences."""
    since = moment(drift.visits[drift.since].at)[:10]
    visits = len(drift.visits) - drift.since
    lead = "Your taste changed" if drift.clear else "Your taste perhaps changed"
    told = f"{lead} around {since} ({visits} {'visit' if visits == 1 else 'visits'} since)"
    if not changes:
        return f"{told}: what you liked since is unlike what you liked before."
    return f"{told}: {'; '.join(one.words for one in changes[:4])}."


def events_of(history: History, change: Change) -> np.ndarray:
    """Rows of a history that made a change, (n,)."""
    return np.flatnonzero(np.isin(history.items, change.items) & (history.weights >= 1.0))

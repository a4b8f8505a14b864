"""What changed this month: the interests behind a change of taste, their shares then and now, in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from bowerbird.data.arrays import DoubleArray
from bowerbird.taste.interests.drift import Drift, Session
from bowerbird.taste.interests.interests import Interests
from bowerbird.taste.interests.ranking import format_time

MIN_CHANGE = 0.15
"""By how much of a user's taste an interest must have grown, or shrunk, to be named."""
MIN_ITEMS = 2
"""Liked items that an interest must have to be named: one click is not a change."""


@dataclass(frozen=True)
class Change:
    """One interest that grew or faded."""

    number: int
    name: str
    then: float  # share of the liked items of the sessions before
    now: float  # share of the liked items of the sessions since
    items: list[int]  # positions of the items liked since, if it grew, or liked before, if it faded

    @property
    def grew(self) -> bool:
        """Whether it is larger now."""
        return self.now > self.then

    def as_dict(self) -> dict[str, Any]:
        """Give the fields as plain values."""
        fields = {name: value for name, value in asdict(self).items() if name not in ("number", "items")}
        return {"change": "grew" if self.grew else "faded", **fields}

    @property
    def sentence(self) -> str:
        """As words: "plain · wood · lamp grew from 5 % to 60 %"."""
        return f"{self.name} {'grew' if self.grew else 'faded'} from {self.then:.0%} to {self.now:.0%}"


def changes_of(drift: Drift, interests: Interests) -> list[Change]:
    """The interests that a drift consists of, those that grew first; the largest change first."""
    before, since = drift.sessions[: drift.since], drift.sessions[drift.since :]
    earlier, later = _shares(before, interests), _shares(since, interests)
    changes = []
    for number in np.flatnonzero((later - earlier >= MIN_CHANGE) | (earlier - later >= MIN_CHANGE)).tolist():
        sessions = since if later[number] > earlier[number] else before
        liked = [item for session in sessions for item in session.items.tolist()]
        items = list(dict.fromkeys(item for item in liked if interests.group[item] == number))
        if len(items) >= MIN_ITEMS:
            changes.append(
                Change(
                    number,
                    interests.names[number],
                    float(earlier[number]),
                    float(later[number]),
                    items,
                )
            )
    return sorted(
        changes, key=lambda change: (not change.grew, -abs(change.now - change.then), change.number)
    )


def _shares(sessions: Sequence[Session], interests: Interests) -> DoubleArray:
    """Share of each of K interests in some sessions, (K,): every session has the same weight, whatever its
    length."""
    shares = np.zeros(len(interests))
    for session in sessions:
        groups = interests.group[session.items]
        groups = groups[groups >= 0]
        np.add.at(shares, groups, 1 / max(1, len(groups)))
    total = shares.sum()
    return shares / total if total else shares


def describe_drift(drift: Drift, changes: Sequence[Change]) -> str:
    """A drift as one or two sentences."""
    since = format_time(drift.sessions[drift.since].at)[:10]
    n_sessions = len(drift.sessions) - drift.since
    opening = "Your taste changed" if drift.is_clear else "Your taste perhaps changed"
    lead = f"{opening} around {since} ({n_sessions} {'session' if n_sessions == 1 else 'sessions'} since)"
    if not changes:
        return f"{lead}: what you liked since is unlike what you liked before."
    return f"{lead}: {'; '.join(change.sentence for change in changes[:4])}."

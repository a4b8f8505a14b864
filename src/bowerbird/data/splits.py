"""The holdout for evaluation: some users, and all events after a time.

Trainers (`embed`, `graft`, the ranker) see `Holdout.training(...)` only, and write the holdout into their
version's `meta.json`; `evaluate` reads it there and tests on the rest, so no test event was trained on.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np

from bowerbird.data.arrays import BoolArray
from bowerbird.data.interactions import Interactions


@dataclass(frozen=True)
class Holdout:
    """Events after `until` and all events of a share of the users are never trained on."""

    until: int | None
    """Microseconds since 1970 UTC; later events are held out. None holds none out by time."""
    user_share: float = 0.1
    """Share of the users, chosen by a hash of their id, whose events are all held out."""

    @classmethod
    def default(cls, events: Interactions, time_share: float = 0.15, user_share: float = 0.1) -> Holdout:
        """Hold out the last `time_share` of the events and `user_share` of the users."""
        until = int(np.quantile(events.at, 1 - time_share)) if len(events) else None
        return cls(until, user_share)

    def is_held_out(self, user_id: str) -> bool:
        """Whether a user is held out; the same answer on every machine."""
        return hash_share(user_id) < self.user_share

    def held_out_users(self, events: Interactions) -> BoolArray:
        """Whether each user index is held out, (users,) bool."""
        return np.array([self.is_held_out(user) for user in events.users], dtype=bool)

    def training(self, events: Interactions) -> Interactions:
        """The events that may be trained on."""
        is_training = ~self.held_out_users(events)[events.user] if len(events) else np.zeros(0, bool)
        return events.where(
            is_training & (events.at <= self.until) if self.until is not None else is_training
        )


def hash_share(identifier: str, salt: str = "") -> float:
    """Map an id to [0, 1) by its hash, so that `hash_share(id, salt) < share` splits off a share of the ids.

    The same number on every machine, and an independent one for each salt of at most 16 bytes.
    """
    digest = hashlib.blake2b(identifier.encode(), digest_size=8, person=salt.encode()).digest()
    return int.from_bytes(digest, "big") / 2**64

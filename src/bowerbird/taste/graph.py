"""The taste graph: users and their interests, updated with every event.

It follows the event log, which is the source of truth: from a snapshot, or from the log's beginning where no
snapshot fits; `refresh` learns what other processes have logged since. The write path is a compiled insert
into a row of fixed size (see `learning`): no model is called.
"""

from __future__ import annotations

import heapq
import math
import zlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np

from bowerbird.data.arrays import FloatArray
from bowerbird.data.events import Event
from bowerbird.data.interactions import Interactions
from bowerbird.data.items import Catalogue
from bowerbird.data.snapshot import StoreSnapshot
from bowerbird.data.store import Store
from bowerbird.errors import InputError, NotFoundError
from bowerbird.taste.control.erasure_queue import ErasureRequest
from bowerbird.taste.control.forgetting import erase_queued, is_named, request_erasures
from bowerbird.taste.control.overrides import NO_OVERRIDES, Overrides, UserOverrides
from bowerbird.taste.interests.interests import Interests
from bowerbird.taste.interests.ranking import Interest as Interest
from bowerbird.taste.interests.ranking import (
    Scale,
    Timeline,
    build_timeline,
    explain_interests,
    interest_of,
    rank_interests,
)
from bowerbird.taste.interests.saved_interests import interests_of
from bowerbird.taste.log_follower import LiveStates, LogFollower
from bowerbird.taste.state import saved_states
from bowerbird.taste.state.user_state import TasteState
from bowerbird.taste.state.user_states import UserStates
from bowerbird.taste.state.user_table import second_of
from bowerbird.taste.state.walks import STEPS, WalkResult, walk_starts


class TasteGraph:
    """All users' taste. Safe to use from several threads."""

    def __init__(
        self,
        store: Store,
        catalogue: Catalogue,
        interests: Interests,
        key: str = "",
        live: LiveStates | None = None,
    ) -> None:
        """`key` identifies the items and the interests, so that a snapshot of others is not used for these;
        without a key no snapshot is written. `live` is that of a graph of the same items."""
        self.store = store
        self.catalogue = catalogue
        self.interests_of_items = interests
        self._half_lives = store.settings.taste.half_life_days
        self._live = live or LiveStates(UserStates(interests.group))
        self._lock = self._live.lock
        self._follower = LogFollower(store, catalogue, interests.group, key, self._live)
        self._overrides = Overrides(store)

    @classmethod
    def open(cls, snapshot: StoreSnapshot) -> TasteGraph:
        """The graph of a snapshot, opened once, with every event that the log holds now.

        Raises `StoreError` where the store has no items or no vectors yet.
        """
        graph = snapshot.open_once("taste graph", lambda: cls._opened(snapshot), of=("catalogue", "vectors"))
        graph.refresh()
        return graph

    @classmethod
    def _opened(cls, snapshot: StoreSnapshot) -> TasteGraph:
        catalogue = snapshot.catalogue  # first, since without items there is nothing to have vectors of
        interests = interests_of(snapshot)
        live = snapshot.open_once("taste", lambda: LiveStates(UserStates(interests.group)), of=("vectors",))
        return cls(snapshot.store, catalogue, interests, interests.key, live)

    # -- learning -----------------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Catch up with the log and the queue of erasures, see `LogFollower.refresh`."""
        self._follower.refresh()

    @property
    def n_waiting(self) -> int:
        """Number of live events of the log that were not learned yet."""
        return self._follower.n_waiting

    def learn(self, events: Sequence[Event]) -> int:
        """Learn new events, in any order; return how many changed a user's state."""
        return self._follower.learn(events)

    def learn_one(self, event: Event) -> bool:
        """Learn one event; False where it changes nothing."""
        return self._follower.learn_one(event)

    def learn_interactions(self, events: Interactions) -> None:
        """Learn events of the catalogue's items, in any order; known events change nothing."""
        self._follower.learn_interactions(events)

    def save(self) -> bool:
        """Write a snapshot, from which the next process starts without a replay; False where that failed."""
        return self._follower.save()

    # -- reading ------------------------------------------------------------------------------------------

    @property
    def _states(self) -> UserStates:
        return self._follower.states

    @property
    def unknown_items(self) -> int:
        """Number of events of items that are not in the catalogue, since the whole log was last read."""
        return self._live.unknown_items

    @property
    def n_users(self) -> int:
        """Number of users with at least one stored event."""
        with self._lock:
            return int(np.count_nonzero(self._states.table.counts()))

    def users(self, limit: int | None = None) -> list[str]:
        """Ids of the users with at least one stored event, at most `limit`: the most active first."""
        with self._lock:
            counts, ids = self._states.table.counts(), self._states.table.ids
            min_count = 1
            if limit is not None and 0 < limit < len(counts):  # so that only some have to be sorted
                min_count = max(1, int(np.partition(counts, -limit)[-limit]))
            active = sorted((-int(counts[row]), ids[row]) for row in np.flatnonzero(counts >= min_count))
            return [user for _, user in active[:limit]]

    def users_after(self, user_id: str, limit: int) -> list[str]:
        """Ids of users with at least one stored event, in their order: at most `limit` after an id."""
        with self._lock:
            counts, ids = self._states.table.counts(), self._states.table.ids
            later = (ids[row] for row in np.flatnonzero(counts >= 1) if ids[row] > user_id)
            return heapq.nsmallest(limit, later)

    def __contains__(self, user_id: object) -> bool:
        return isinstance(user_id, str) and self.store.log.user_of(user_id) in self._states.table

    def state(self, user_id: str) -> TasteState:
        """A user's state, with their overrides applied; an empty one for an unknown user."""
        state, overrides = self.stored_state(user_id), self._overrides.of_user(user_id)
        return state if overrides == NO_OVERRIDES else self._apply(overrides, state)

    def stored_state(self, user_id: str) -> TasteState:
        """A user's state as their row holds it, without their overrides."""
        user_id = self.store.log.user_of(user_id)
        with self._lock:
            return self._states.table.state(user_id)

    def walk(self, state: TasteState, steps: int = STEPS) -> WalkResult:
        """Items near a user's likes in the live graph, by random walks.

        The same state takes the same walks while no event is learned.
        """
        starts, weights = walk_starts(state, self._half_lives)
        seed = zlib.crc32(state.items.tobytes())
        with self._lock:
            return self._states.walk(state.user_id, starts, weights, steps, seed)

    def trending(self, now: int, half_life_days: float) -> FloatArray:
        """Decayed likes of each item at a moment (microseconds), (items,) float32; see `Likers.trending`."""
        with self._lock:
            return self._states.likers.trending(int(second_of(now)), half_life_days)

    def overrides_of(self, user_id: str) -> UserOverrides:
        """What a user muted, boosted, corrected and excluded, by ids."""
        return self._overrides.of_user(user_id)

    def _apply(self, overrides: UserOverrides, state: TasteState) -> TasteState:
        """A state with a user's overrides: excluded items and interests do not count, but stay seen."""
        level, group = self.interests_of_items.fine, self.interests_of_items.group
        number_of = {int(id_): number for number, id_ in enumerate(level.ids)}
        weights = overrides.corrected.items()
        corrected = {number_of[id_]: weight for id_, weight in weights if id_ in number_of}
        excluded_interests = [number for number, weight in corrected.items() if weight == 0]
        positions = [self.catalogue.position.get(item_id) for item_id in overrides.excluded_items]
        excluded_items = [position for position in positions if position is not None]
        is_excluded = np.isin(state.items, excluded_items) | np.isin(group[state.items], excluded_interests)
        has_exclusions = bool(excluded_interests or excluded_items)
        return replace(
            state.without(is_excluded, excluded_interests) if has_exclusions else state,
            muted=level.numbers_of(overrides.muted),
            boosted=level.numbers_of(overrides.boosted),
            corrected=corrected,
        )

    def interests(
        self, state: TasteState, now: int | None = None, scale: Scale | None = None
    ) -> list[Interest]:
        """A user's interests, strongest first, at `now` (microseconds; else their last event), at one
        time-scale or at the mean of all."""
        half_lives = self._half_lives if scale is None else scale.half_lives(self._half_lives)
        return rank_interests(self.interests_of_items, state, half_lives, now)

    def timeline(self, state: TasteState, n_moments: int = 40, max_interests: int = 6) -> Timeline:
        """A user's strongest interests at evenly spaced moments of their history."""
        return build_timeline(self.interests_of_items, state, self._half_lives, n_moments, max_interests)

    def explain(self, user_id: str, per_interest: int = 5) -> list[dict[str, Any]]:
        """For each interest the events that make it up: item, action, time, and its share of the interest."""
        state = self.state(user_id)
        return explain_interests(
            self.interests_of_items, self.catalogue, state, self._half_lives, per_interest
        )

    # -- overrides ----------------------------------------------------------------------------------------

    def mute(self, user_id: str, interest: str, is_muted: bool | None = None) -> Interest:
        """Hide the items of an interest, or show them; with None the opposite of what is."""
        return self._set_flag(user_id, interest, "muted", is_muted)

    def boost(self, user_id: str, interest: str, is_boosted: bool | None = None) -> Interest:
        """Double the weight of an interest, or not any more; with None the opposite of what is."""
        return self._set_flag(user_id, interest, "boosted", is_boosted)

    def correct(self, user_id: str, interest: str, weight: float | None) -> Interest:
        """Set an interest's weight, in clicks, until it is undone with None; time does not lower it.

        With a weight of 0 ("not me") its events are ignored: for this interest and for recommendations.
        Raises `InputError` for a weight that is negative or not a finite number.
        """
        if weight is not None and not 0 <= weight < math.inf:
            raise InputError(f"the weight is {weight}, expected a number of clicks, 0 or more")
        self.check_known(user_id)
        target = self._find_interest(user_id, interest)
        self._overrides.correct(user_id, target.id, weight)
        return self._current(user_id, target)

    def exclude_item(self, user_id: str, item_id: str, is_excluded: bool | None = None) -> bool:
        """Ignore a user's events with an item (a gift, say) in their taste, or count them again; with None
        the opposite of what is.

        Returns whether it is excluded now. Sums of older events, which name no items, still contain it.
        """
        self.check_known(user_id)
        if item_id not in self.catalogue:
            raise InputError(f"unknown item {item_id!r}: expected an id of the catalogue")
        return self._overrides.exclude_item(user_id, item_id, is_excluded)

    def _set_flag(
        self, user_id: str, interest: str, flag: Literal["muted", "boosted"], is_set: bool | None
    ) -> Interest:
        self.check_known(user_id)
        target = self._find_interest(user_id, interest)
        self._overrides.set_flag(user_id, flag, target.id, is_set)
        return self._current(user_id, target)

    def _current(self, user_id: str, target: Interest) -> Interest:
        """An interest after a change, also where the user has no weight for it."""
        state = self.state(user_id)
        matches = (interest for interest in self.interests(state) if interest.number == target.number)
        return next(matches, interest_of(self.interests_of_items, state, target.number))

    # -- erasure ------------------------------------------------------------------------------------------

    def request_erasures(self, user_ids: Sequence[str]) -> None:
        """Queue users that the store names to be erased: durable when this returns, and from
        here on unknown to this graph; `erase_queued` does the rest."""
        request_erasures(self.store, user_ids, self._follower.queue)
        self.refresh()

    def erase_queued(self) -> int | None:
        """Erase all queued users from the store, see `forgetting.erase_queued`; return how many events.

        Where there was a snapshot, a new one is written, so that other processes need not read the whole log.
        """
        had_snapshot = saved_states.exists(self.store)
        events = erase_queued(self.store, begun=self.refresh)
        self.refresh()
        if events is not None and had_snapshot:
            self.save()
        return events

    def forget(self, user_id: str) -> int:
        """Erase a user from the store and from this graph; return how many events there were."""
        self.refresh()
        if user_id in self or is_named(self.store, user_id):
            self.request_erasures([user_id])
        return self.erase_queued() or 0

    def erasure_of(self, user_id: str) -> ErasureRequest | None:
        """The latest acknowledged erasure of a user that is not complete."""
        requests = [request for request in self._follower.queue.read().requests if request.user_id == user_id]
        return requests[-1] if requests else None

    def is_erased_from(self, user_id: str, collections: str) -> bool:
        """Whether an erasure removed a user's boards that this version of the collections may still hold."""
        erasures = {id_ for id_, user in self._live.erased.items() if user == user_id}
        batches = self._follower.queue.read().batches
        return self.erasure_of(user_id) is not None or any(
            collections < batch.collections and erasures.intersection(batch.requests) for batch in batches
        )

    def check_known(self, user_id: str) -> None:
        """Raise `InputError` for an unknown user, with examples of known ones."""
        if user_id not in self:
            examples = ", ".join(self.users(3)) or "none"
            raise InputError(f"unknown user {user_id!r}; known users are, for example, {examples}")

    def _find_interest(self, user_id: str, name_or_rank: str) -> Interest:
        """An interest by its name, whether the user has it or not, or by its rank (from 1) in `taste
        show`."""
        state = self.state(user_id)
        ranked = self.interests(state)
        if name_or_rank.isdecimal() and 1 <= int(name_or_rank) <= len(ranked):
            return ranked[int(name_or_rank) - 1]
        for interest in ranked:
            if interest.name.lower() == name_or_rank.lower():
                return interest
        for number, name in enumerate(self.interests_of_items.names):
            if name.lower() == name_or_rank.lower():
                return interest_of(self.interests_of_items, state, number)
        names = "; ".join(f"{rank} {interest.name}" for rank, interest in enumerate(ranked, start=1))
        raise NotFoundError(f"{user_id} has no interest {name_or_rank!r}; the interests are: {names}")

"""The taste graph: users and their interests, updated with every event.

It follows the event log, which is the source of truth: from a snapshot, or from the log's beginning where no
snapshot fits; `refresh` learns what other processes have logged since. The write path is a compiled insert
into a row of fixed size (see `learning`): no model is called.
"""

from __future__ import annotations

import math
import threading
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bowerbird.data.events import ACTION_CODE, Event
from bowerbird.data.interactions import Interactions
from bowerbird.data.items import Catalogue
from bowerbird.data.snapshot import StoreSnapshot
from bowerbird.data.store import Store
from bowerbird.errors import InputError
from bowerbird.taste.control.erasure_queue import ErasureQueue, ErasureRequest, Erasures
from bowerbird.taste.control.forgetting import erase_queued, is_named, request_erasures
from bowerbird.taste.control.overrides import Overrides, UserOverrides
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
from bowerbird.taste.state import saved_states
from bowerbird.taste.state.user_state import TasteState, microseconds
from bowerbird.taste.state.user_states import UserStates
from bowerbird.taste.state.user_table import second_of
from bowerbird.taste.state.walks import STEPS, WalkResult, walk_starts

SNAPSHOT_EVERY, SNAPSHOT_EVERY_PER_USER = 50_000, 10
"""Events learned since the last snapshot before there is another: in all, and for each user, since a snapshot
writes all users."""


@dataclass
class _Live:
    """How far the log was followed, and the resulting states; graphs of other catalogue versions share it."""

    states: UserStates
    lock: threading.RLock = field(default_factory=threading.RLock)
    generation: int = -1
    offset: int = 0
    since_snapshot: int = 0
    unknown_items: int = 0
    erased: dict[str, str] = field(default_factory=dict)
    """Users by the ids of the erasures that were followed, while the queue still mentions these."""


class TasteGraph:
    """All users' taste. Safe to use from several threads."""

    def __init__(
        self,
        store: Store,
        catalogue: Catalogue,
        interests: Interests,
        key: str = "",
        live: _Live | None = None,
    ) -> None:
        """`key` identifies the items and the interests, so that a snapshot of others is not used for these;
        without a key no snapshot is written. `live` is that of a graph of the same items."""
        self.store = store
        self.catalogue = catalogue
        self.interests_of_items = interests
        self._key = key
        self._half_lives = store.settings.taste.half_life_days
        self._live = live or _Live(UserStates(interests.group))
        self._lock = self._live.lock
        self._overrides = Overrides(store)
        self._queue = ErasureQueue(store)

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
        live = snapshot.open_once("taste", lambda: _Live(UserStates(interests.group)), of=("vectors",))
        return cls(snapshot.store, catalogue, interests, interests.key, live)

    # -- learning -----------------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Catch up with the log and the queue of erasures: with the new events, or with the whole log where
        it was rewritten or imported."""
        with self._lock:
            generation = self.store.log.generation
            erasures = self._queue.read()  # after the generation: the queue announces why that grows
            if self._live.generation >= 0:
                self._learn_tail()
                self._erase(erasures)
            if not self._is_current(generation, erasures):
                if self._load_snapshot():
                    self._learn_tail()
                else:
                    self._replay()
                    self._live.generation = generation
                self._erase(erasures)
            n_users = len(self._states.table)
            if self._live.since_snapshot >= max(SNAPSHOT_EVERY, SNAPSHOT_EVERY_PER_USER * n_users):
                self.save()

    def _learn_tail(self) -> None:
        events, self._live.offset = self.store.log.tail_since(self._live.offset)
        self.learn(events)

    def _is_current(self, generation: int, erasures: Erasures) -> bool:
        """Whether this graph is of a generation of the log; erasures that were followed need no replay."""
        live = self._live
        if generation == live.generation:
            return True
        for batch in erasures.batches:
            if batch.before == live.generation and live.erased.keys() >= set(batch.requests):
                if batch.after is None:  # being erased now
                    return (
                        live.generation
                        < generation
                        <= live.generation + self.store.log.generations_per_forget
                    )
                live.generation = batch.after
        return live.generation == self.store.log.generation

    def _erase(self, erasures: Erasures) -> None:
        """Forget users whose erasure was acknowledged; their later events are those of new users."""
        erased = self._live.erased
        new = [request for request in erasures.requests if request.id not in erased]
        if new:
            self._states.forget(*(request.user_id for request in new))
            for request in {request.user_id: request for request in new}.values():
                self.learn(self._events_since(request))
            erased |= {request.id: request.user_id for request in new}
        if len(erased) > len(erasures.requests):
            mentioned = {request.id for request in erasures.requests}
            mentioned.update(*(batch.requests for batch in erasures.batches))
            self._live.erased = {id_: user for id_, user in erased.items() if id_ in mentioned}

    def _events_since(self, request: ErasureRequest) -> list[Event]:
        """A user's events after their erasure was acknowledged, as far as the log was followed."""
        events, offset = self.store.log.tail_since(request.until(self.store).live)
        of_user = [event for event in events if event.user_id == request.user_id]
        if not of_user or offset == self._live.offset:
            return of_user
        later = {event.event_id for event in self.store.log.tail_since(self._live.offset)[0]}
        return [event for event in of_user if event.event_id not in later]

    def save(self) -> bool:
        """Write a snapshot, from which the next process starts without a replay; False where that failed."""
        with self._lock:
            origin = saved_states.SnapshotOrigin(self._key, self._live.generation, self._live.offset)
            is_saved = bool(self._key) and saved_states.save(self.store, self._live.states, origin)
            self._live.since_snapshot = 0
            return is_saved

    def _load_snapshot(self) -> bool:
        """Continue from a snapshot of the log's generation, if there is one."""
        if not self._key:
            return False
        loaded = saved_states.load(self.store, self._key, self.interests_of_items.group)
        if loaded is None:
            return False
        self._live.states, origin = loaded
        self._live.generation, self._live.offset = origin.generation, origin.offset
        self._live.erased = {}
        return True

    def _replay(self) -> None:
        self._live.states, self._live.unknown_items = UserStates(self.interests_of_items.group), 0
        self._live.erased = {}
        # Before reading: events appended meanwhile are read twice, and dropped once by their ids.
        start = self.store.log.tail_size
        table = self.store.log.read()
        self._learn_table(table)
        events, self._live.offset = self.store.log.tail_since(start)
        if events:
            ids = pa.array([event.event_id for event in events], pa.string())
            is_repeat = pc.is_in(ids, value_set=table["event_id"].combine_chunks()).to_pylist()
            self.learn([event for event, repeat in zip(events, is_repeat, strict=True) if not repeat])

    def _learn_table(self, table: pa.Table) -> None:
        """Learn a table in `EVENT_SCHEMA`."""
        known = Interactions.of(table, self.catalogue)
        self._live.unknown_items += table.num_rows - len(known)
        self.learn_interactions(known)

    def learn_interactions(self, events: Interactions) -> None:
        """Learn events of the catalogue's items, in any order; known events change nothing."""
        with self._lock:
            rows = self._states.rows_of(events.users)
            self._states.learn(rows[events.user], events.at, events.item, events.action)
            self._live.since_snapshot += len(events)

    def learn(self, events: Sequence[Event]) -> int:
        """Learn new events, in any order; return how many changed a user's state.

        Known events, events of unknown items and impressions change nothing.
        """
        position = self.catalogue.position
        with self._lock:
            known = [event for event in events if event.item_id in position]
            self._live.unknown_items += len(events) - len(known)
            if not known:
                return 0
            self._live.since_snapshot += len(known)
            rows = self._states.rows_of([event.user_id for event in known])
            at = np.array([microseconds(event.at) for event in known], np.int64)
            items = np.array([position[event.item_id] for event in known], np.int64)
            actions = np.array([ACTION_CODE[event.action] for event in known], np.int8)
            return int(self._states.learn(rows, at, items, actions).sum())

    def learn_one(self, event: Event) -> bool:
        """Learn one event; False where it changes nothing."""
        position = self.catalogue.position.get(event.item_id)
        at, action = microseconds(event.at), ACTION_CODE[event.action]
        with self._lock:
            if position is None:
                self._live.unknown_items += 1
                return False
            self._live.since_snapshot += 1
            return self._states.learn_one(event.user_id, at, position, action)

    # -- reading ------------------------------------------------------------------------------------------

    @property
    def _states(self) -> UserStates:
        return self._live.states

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

    def __contains__(self, user_id: object) -> bool:
        return user_id in self._states.table

    def state(self, user_id: str) -> TasteState:
        """A user's state, with their overrides applied; an empty one for an unknown user."""
        state, overrides = self.stored_state(user_id), self._overrides.of_user(user_id)
        return self._apply(overrides, state) if overrides else state

    def stored_state(self, user_id: str) -> TasteState:
        """A user's state as their row holds it, without their overrides."""
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

    def trending(self, now: int, half_life_days: float) -> np.ndarray:
        """Decayed likes of each item at a moment (microseconds), (items,) float32; see `Likers.trending`."""
        with self._lock:
            return self._states.likers.trending(int(second_of(now)), half_life_days)

    def overrides_of(self, user_id: str) -> UserOverrides:
        """What a user muted, boosted, corrected and excluded, by ids."""
        return self._overrides.of_user(user_id)

    def _apply(self, overrides: UserOverrides, state: TasteState) -> TasteState:
        """A state with a user's overrides: excluded items and interests do not count, but stay seen."""
        level, group = self.interests_of_items.fine, self.interests_of_items.group
        weight_by_id = {int(id_): weight for id_, weight in overrides.get("corrected", {}).items()}
        corrected = {n: weight_by_id[int(level.ids[n])] for n in level.numbers_of(list(weight_by_id))}
        excluded_interests = [number for number, weight in corrected.items() if weight == 0]
        item_ids = overrides.get("excluded_items", [])
        positions = [self.catalogue.position.get(item_id) for item_id in item_ids]
        excluded_items = [position for position in positions if position is not None]
        is_excluded = np.isin(state.items, excluded_items) | np.isin(group[state.items], excluded_interests)
        has_exclusions = bool(excluded_interests or excluded_items)
        return replace(
            state.without(is_excluded, excluded_interests) if has_exclusions else state,
            muted=level.numbers_of(overrides.get("muted", [])),
            boosted=level.numbers_of(overrides.get("boosted", [])),
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

    def mute(self, user_id: str, interest: str) -> Interest:
        """Hide the items of an interest; mute it again to undo."""
        return self._toggle(user_id, interest, "muted")

    def boost(self, user_id: str, interest: str) -> Interest:
        """Double the weight of an interest; boost it again to undo."""
        return self._toggle(user_id, interest, "boosted")

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

    def exclude_item(self, user_id: str, item_id: str) -> bool:
        """Ignore a user's events with an item (a gift, say) in their taste; exclude it again to undo.

        Returns whether it is excluded now. Sums of older events, which name no items, still contain it.
        """
        self.check_known(user_id)
        if item_id not in self.catalogue:
            raise InputError(f"unknown item {item_id!r}: expected an id of the catalogue")
        return self._overrides.exclude_item(user_id, item_id)

    def _toggle(self, user_id: str, interest: str, flag: Literal["muted", "boosted"]) -> Interest:
        self.check_known(user_id)
        target = self._find_interest(user_id, interest)
        self._overrides.toggle(user_id, flag, target.id, target.name)
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
        request_erasures(self.store, user_ids, self._queue)
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
        requests = [request for request in self._queue.read().requests if request.user_id == user_id]
        return requests[-1] if requests else None

    def is_erased_from(self, user_id: str, collections: str) -> bool:
        """Whether an erasure removed a user's boards that this version of the collections may still hold."""
        erasures = {id_ for id_, user in self._live.erased.items() if user == user_id}
        batches = self._queue.read().batches
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
        if name_or_rank.isdigit() and 1 <= int(name_or_rank) <= len(ranked):
            return ranked[int(name_or_rank) - 1]
        for interest in ranked:
            if interest.name.lower() == name_or_rank.lower():
                return interest
        for number, name in enumerate(self.interests_of_items.names):
            if name.lower() == name_or_rank.lower():
                return interest_of(self.interests_of_items, state, number)
        names = "; ".join(f"{rank} {interest.name}" for rank, interest in enumerate(ranked, start=1))
        raise InputError(f"{user_id} has no interest {name_or_rank!r}; the interests are: {names}")

"""Follows the event log and the queue of erasures: user states that are never behind the log.

From a snapshot, or from the log's beginning where no snapshot fits. The write path is a compiled insert into
a row of fixed size (see `state.learning`): no model is called.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bowerbird.data.arrays import IntArray
from bowerbird.data.events import ACTION_CODE, Event
from bowerbird.data.interactions import Interactions
from bowerbird.data.items import Catalogue
from bowerbird.data.store import Store
from bowerbird.taste.control.erasure_queue import ErasureQueue, ErasureRequest, Erasures
from bowerbird.taste.state import saved_states
from bowerbird.taste.state.user_state import microseconds
from bowerbird.taste.state.user_states import UserStates

SNAPSHOT_EVERY, SNAPSHOT_EVERY_PER_USER = 50_000, 10
"""Events learned since the last snapshot before there is another: in all, and for each user, since a snapshot
writes all users."""


@dataclass
class LiveStates:
    """How far the log was followed, and the resulting states; graphs of other catalogue versions share it."""

    states: UserStates
    lock: threading.RLock = field(default_factory=threading.RLock)
    generation: int = -1
    offset: int = 0
    joined: int = 0
    """Number of the last alias that was followed."""
    since_snapshot: int = 0
    unknown_items: int = 0
    erased: dict[str, str] = field(default_factory=dict)
    """Users by the ids of the erasures that were followed, while the queue still mentions these."""


class LogFollower:
    """Learns from the log of a store what is new in it. Safe to use from several threads."""

    def __init__(
        self, store: Store, catalogue: Catalogue, interest: IntArray, key: str, live: LiveStates
    ) -> None:
        """`interest` (items,): the interest of each item, -1 for none. `key` identifies items and interests,
        so that a snapshot of others is not used for these; without a key no snapshot is written."""
        self.queue = ErasureQueue(store)
        self._store = store
        self._catalogue = catalogue
        self._interest = interest
        self._key = key
        self._live = live
        self._lock = live.lock

    @property
    def states(self) -> UserStates:
        """The states so far."""
        return self._live.states

    @property
    def n_waiting(self) -> int:
        """Number of live events of the log that were not followed yet."""
        log, offset = self._store.log, self._live.offset
        return 0 if log.tail_size == offset else len(log.tail_since(offset)[0])

    def refresh(self) -> None:
        """Catch up with the log and the queue of erasures: with the new events, or with the whole log where
        it was rewritten or imported."""
        with self._lock:
            generation = self._store.log.generation
            erasures = self.queue.read()  # after the generation: the queue announces why that grows
            if self._live.generation >= 0:
                self._join_histories()
                self._learn_tail()
                self._erase(erasures)
            if not self._is_current(generation, erasures):
                if self._load_snapshot():
                    self._join_histories()
                    self._learn_tail()
                else:
                    self._replay()
                    self._live.generation = generation
                self._erase(erasures)
            n_users = len(self.states.table)
            if self._live.since_snapshot >= max(SNAPSHOT_EVERY, SNAPSHOT_EVERY_PER_USER * n_users):
                self.save()

    def _join_histories(self) -> None:
        """Follow new aliases: the state of a user with several ids is learned again from all their events.

        Exact, since a state does not depend on the order of its events. Nothing is read where none of the
        aliases has a state.
        """
        log, live = self._store.log, self._live
        aliases, joined = log.aliases_since(live.joined)
        with_state = [alias.alias for alias in aliases if alias.alias in self.states.table]
        if with_state:
            users = list(dict.fromkeys(map(log.user_of, with_state)))
            events = log.events_of(users, until=live.offset)
            self.states.forget(*(any_id for user in users for any_id in log.ids_of(user)))
            self._learn_table(events)
        live.joined = joined

    def _learn_tail(self) -> None:
        events, self._live.offset = self._store.log.tail_since(self._live.offset)
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
                        <= live.generation + self._store.log.generations_per_forget
                    )
                live.generation = batch.after
        return live.generation == self._store.log.generation

    def _erase(self, erasures: Erasures) -> None:
        """Forget users whose erasure was acknowledged; their later events are those of new users."""
        erased = self._live.erased
        new = [request for request in erasures.requests if request.id not in erased]
        if new:
            self.states.forget(*(request.user_id for request in new))
            for request in {request.user_id: request for request in new}.values():
                self.learn(self._events_since(request))
            erased |= {request.id: request.user_id for request in new}
        if len(erased) > len(erasures.requests):
            mentioned = {request.id for request in erasures.requests}
            mentioned.update(*(batch.requests for batch in erasures.batches))
            self._live.erased = {id_: user for id_, user in erased.items() if id_ in mentioned}

    def _events_since(self, request: ErasureRequest) -> list[Event]:
        """A user's events after their erasure was acknowledged, as far as the log was followed."""
        events, offset = self._store.log.tail_since(request.until(self._store).live)
        of_user = [event for event in events if event.user_id == request.user_id]
        if not of_user or offset == self._live.offset:
            return of_user
        later = {event.event_id for event in self._store.log.tail_since(self._live.offset)[0]}
        return [event for event in of_user if event.event_id not in later]

    def save(self) -> bool:
        """Write a snapshot, from which the next process starts without a replay; False where that failed."""
        with self._lock:
            live = self._live
            origin = saved_states.SnapshotOrigin(self._key, live.generation, live.offset, live.joined)
            is_saved = bool(self._key) and saved_states.save(self._store, self._live.states, origin)
            self._live.since_snapshot = 0
            return is_saved

    def _load_snapshot(self) -> bool:
        """Continue from a snapshot of the log's generation, if there is one."""
        if not self._key:
            return False
        loaded = saved_states.load(self._store, self._key, self._interest)
        if loaded is None:
            return False
        self._live.states, origin = loaded
        self._live.generation, self._live.offset = origin.generation, origin.offset
        self._live.joined = origin.joined
        self._live.erased = {}
        return True

    def _replay(self) -> None:
        self._live.states, self._live.unknown_items = UserStates(self._interest), 0
        self._live.erased = {}
        self._live.joined = self._store.log.aliases_since(0)[1]
        # Before reading: events appended meanwhile are read twice, and dropped once by their ids.
        start = self._store.log.tail_size
        table = self._store.log.read()
        self._learn_table(table)
        events, self._live.offset = self._store.log.tail_since(start)
        if events:
            ids = pa.array([event.event_id for event in events], pa.string())
            is_repeat = pc.is_in(ids, value_set=table["event_id"].combine_chunks()).to_pylist()
            self.learn([event for event, repeat in zip(events, is_repeat, strict=True) if not repeat])

    def _learn_table(self, table: pa.Table) -> None:
        """Learn a table in `EVENT_SCHEMA`."""
        known = Interactions.of(table, self._catalogue)
        self._live.unknown_items += table.num_rows - len(known)
        self.learn_interactions(known)

    def learn_interactions(self, events: Interactions) -> None:
        """Learn events of the catalogue's items, in any order; known events change nothing."""
        with self._lock:
            rows = self.states.rows_of(events.users)
            self.states.learn(rows[events.user], events.at, events.item, events.action)
            self._live.since_snapshot += len(events)

    def learn(self, events: Sequence[Event]) -> int:
        """Learn new events, in any order; return how many changed a user's state.

        Known events, events of unknown items and impressions change nothing.
        """
        position = self._catalogue.position
        with self._lock:
            known = [event for event in events if event.item_id in position]
            self._live.unknown_items += len(events) - len(known)
            if not known:
                return 0
            self._live.since_snapshot += len(known)
            rows = self.states.rows_of([event.user_id for event in known])
            at = np.array([microseconds(event.at) for event in known], np.int64)
            items = np.array([position[event.item_id] for event in known], np.int64)
            actions = np.array([ACTION_CODE[event.action] for event in known], np.int8)
            return int(self.states.learn(rows, at, items, actions).sum())

    def learn_one(self, event: Event) -> bool:
        """Learn one event; False where it changes nothing."""
        position = self._catalogue.position.get(event.item_id)
        at, action = microseconds(event.at), ACTION_CODE[event.action]
        with self._lock:
            if position is None:
                self._live.unknown_items += 1
                return False
            self._live.since_snapshot += 1
            return self.states.learn_one(event.user_id, at, position, action)

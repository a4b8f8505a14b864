"""The taste graph: people, and what each is drawn to, alive with every event.

It follows the event log, which is the truth: from a snapshot, or from its beginning where there is none that
fits; `refresh` takes in what other processes have logged since. The write path is a compiled insert into a
row of fixed size (see `learning`): no model is called.
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
from bowerbird.taste.control.overrides import Overrides, Said
from bowerbird.taste.interests.interests import Interests
from bowerbird.taste.interests.ranking import Interest as Interest
from bowerbird.taste.interests.ranking import (
    Scale,
    Timeline,
    drawn_to,
    explained,
    one_interest,
    ranked,
    timeline,
)
from bowerbird.taste.interests.saved_interests import interests_of
from bowerbird.taste.state import saved_states as people_files
from bowerbird.taste.state.user_state import TasteState, microseconds
from bowerbird.taste.state.user_states import Everyone
from bowerbird.taste.state.user_table import second_of
from bowerbird.taste.state.walks import STEPS, Walked, starts_of

SNAPSHOT_EVERY, SNAPSHOT_SHARE = 50_000, 10
"""Events learned since the last snapshot before there is another: so many, and so many for each person, since
it writes everybody."""


@dataclass
class _Live:
    """How far the log was followed, and what came of it; graphs that tell other facts share it."""

    everyone: Everyone
    lock: threading.RLock = field(default_factory=threading.RLock)
    generation: int = -1
    offset: int = 0
    since_snapshot: int = 0
    unknown_items: int = 0
    erased: dict[str, str] = field(default_factory=dict)
    """Users by the ids of their erasures that were followed, while the queue still speaks of them."""


class TasteGraph:
    """Everybody's taste. Safe to use from several threads."""

    def __init__(
        self,
        store: Store,
        catalogue: Catalogue,
        interests: Interests,
        key: str = "",
        live: _Live | None = None,
    ) -> None:
        """`key` names the items and the interests, so that a snapshot of others is not taken for one of
        these; without one no snapshot is kept. `live` is that of a graph of the same items."""
        self.store = store
        self.catalogue = catalogue
        self.interests_of_items = interests
        self._key = key
        self._half_lives = store.settings.half_life_days
        self._live = live or _Live(Everyone(interests.group))
        self._lock = self._live.lock
        self._overrides = Overrides(store)
        self._queue = ErasureQueue(store)

    @classmethod
    def open(cls, snapshot: StoreSnapshot) -> TasteGraph:
        """The graph of a snapshot, opened once, with every event that the log holds by now.

        Raises `StoreError` where the store has no items or no vectors yet.
        """
        graph = snapshot.open_once("taste graph", lambda: cls._opened(snapshot), of=("catalogue", "vectors"))
        graph.refresh()
        return graph

    @classmethod
    def _opened(cls, snapshot: StoreSnapshot) -> TasteGraph:
        catalogue = snapshot.catalogue  # first, since without items there is nothing to have vectors of
        interests = interests_of(snapshot)
        live = snapshot.open_once("taste", lambda: _Live(Everyone(interests.group)), of=("vectors",))
        return cls(snapshot.store, catalogue, interests, interests.key, live)

    # -- learning -----------------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Catch up with the log and the queue of erasures: what came since, or all of it where the log was
        rewritten or imported."""
        with self._lock:
            generation = self.store.log.generation
            erasures = self._queue.read()  # after the generation: it tells first why that grows
            if self._live.generation >= 0:
                self._learn_tail()
                self._erase(erasures)
            if not self._is_of(generation, erasures):
                if self._from_snapshot():
                    self._learn_tail()
                else:
                    self._replay()
                    self._live.generation = generation
                self._erase(erasures)
            if self._live.since_snapshot >= max(SNAPSHOT_EVERY, SNAPSHOT_SHARE * len(self._everyone.people)):
                self.save()

    def _learn_tail(self) -> None:
        events, self._live.offset = self.store.log.tail_since(self._live.offset)
        self.learn(events)

    def _is_of(self, generation: int, erasures: Erasures) -> bool:
        """Whether this is what the log of a generation says; erasures that were followed need no replay."""
        live = self._live
        if generation == live.generation:
            return True
        for batch in erasures.batches:
            if batch.before == live.generation and live.erased.keys() >= set(batch.requests):
                if batch.after is None:  # under way
                    return (
                        live.generation
                        < generation
                        <= live.generation + self.store.log.generations_per_forget
                    )
                live.generation = batch.after
        return live.generation == self.store.log.generation

    def _erase(self, erasures: Erasures) -> None:
        """Let go of users whose erasure was acknowledged; what they did since is of new users."""
        erased = self._live.erased
        new = [request for request in erasures.requests if request.id not in erased]
        if new:
            self._everyone.forget(*(request.user_id for request in new))
            for request in {request.user_id: request for request in new}.values():
                self.learn(self._events_since(request))
            erased |= {request.id: request.user_id for request in new}
        if len(erased) > len(erasures.requests):
            spoken_of = {request.id for request in erasures.requests}
            spoken_of.update(*(batch.requests for batch in erasures.batches))
            self._live.erased = {id_: user for id_, user in erased.items() if id_ in spoken_of}

    def _events_since(self, request: ErasureRequest) -> list[Event]:
        """What a user did after their erasure was acknowledged, as far as the log was followed."""
        events, offset = self.store.log.tail_since(request.until(self.store).live)
        theirs = [event for event in events if event.user_id == request.user_id]
        if not theirs or offset == self._live.offset:
            return theirs
        later = {event.event_id for event in self.store.log.tail_since(self._live.offset)[0]}
        return [event for event in theirs if event.event_id not in later]

    def save(self) -> bool:
        """Keep a snapshot, by which the next process starts at once; False where none could be written."""
        with self._lock:
            place = people_files.Place(self._key, self._live.generation, self._live.offset)
            saved = bool(self._key) and people_files.save(self.store, self._live.everyone, place)
            self._live.since_snapshot = 0
            return saved

    def _from_snapshot(self) -> bool:
        """Go on from a snapshot of the log's generation, if there is one."""
        found = people_files.load(self.store, self._key, self.interests_of_items.group) if self._key else None
        if found is not None:
            self._live.everyone, place = found
            self._live.generation, self._live.offset = place.generation, place.offset
            self._live.erased = {}
        return found is not None

    def _replay(self) -> None:
        self._live.everyone, self._live.unknown_items = Everyone(self.interests_of_items.group), 0
        self._live.erased = {}
        # Before reading: what is appended meanwhile is found twice, and dropped once by its id.
        start = self.store.log.tail_size
        table = self.store.log.read()
        self._learn_table(table)
        events, self._live.offset = self.store.log.tail_since(start)
        if events:
            ids = pa.array([event.event_id for event in events], pa.string())
            known = pc.is_in(ids, value_set=table["event_id"].combine_chunks()).to_pylist()
            self.learn([event for event, twice in zip(events, known, strict=True) if not twice])

    def _learn_table(self, table: pa.Table) -> None:
        """Learn a table in `EVENT_SCHEMA`."""
        known = Interactions.of(table, self.catalogue)
        self._live.unknown_items += table.num_rows - len(known)
        self.learn_interactions(known)

    def learn_interactions(self, events: Interactions) -> None:
        """Learn events of the catalogue's items, in any order; those that are known change nothing."""
        with self._lock:
            rows = self._everyone.rows_of(events.users)
            self._everyone.learn(rows[events.user], events.at, events.item, events.action)
            self._live.since_snapshot += len(events)

    def learn(self, events: Sequence[Event]) -> int:
        """Take in events that were not learned before, in any order; gives how many changed somebody's state.

        Of an event that is known already, of an unknown item, or that says nothing of taste, nothing changes.
        """
        place = self.catalogue.position
        with self._lock:
            known = [event for event in events if event.item_id in place]
            self._live.unknown_items += len(events) - len(known)
            if not known:
                return 0
            self._live.since_snapshot += len(known)
            rows = self._everyone.rows_of([event.user_id for event in known])
            at = np.array([microseconds(event.at) for event in known], np.int64)
            items = np.array([place[event.item_id] for event in known], np.int64)
            actions = np.array([ACTION_CODE[event.action] for event in known], np.int8)
            return int(self._everyone.learn(rows, at, items, actions).sum())

    def learn_one(self, event: Event) -> bool:
        """Take in one event; False where it changes nothing."""
        position = self.catalogue.position.get(event.item_id)
        at, action = microseconds(event.at), ACTION_CODE[event.action]
        with self._lock:
            if position is None:
                self._live.unknown_items += 1
                return False
            self._live.since_snapshot += 1
            return self._everyone.learn_one(event.user_id, at, position, action)

    # -- asking -------------------------------------------------------------------------------------------

    @property
    def _everyone(self) -> Everyone:
        return self._live.everyone

    @property
    def unknown_items(self) -> int:
        """Events that named an item which the catalogue does not hold, since the log was last read whole."""
        return self._live.unknown_items

    @property
    def n_people(self) -> int:
        """How many people have a taste."""
        with self._lock:
            return int(np.count_nonzero(self._everyone.people.counts()))

    def people(self, most: int | None = None) -> list[str]:
        """Everybody with a taste, or the `most` active of them: the most active first."""
        with self._lock:
            counts, ids = self._everyone.people.counts(), self._everyone.people.ids
            least = 1
            if most is not None and 0 < most < len(counts):
                least = max(1, int(np.partition(counts, -most)[-most]))
            active = sorted((-int(counts[row]), ids[row]) for row in np.flatnonzero(counts >= least))
            return [user for _, user in active[:most]]

    def __contains__(self, user_id: object) -> bool:
        return user_id in self._everyone.people

    def state(self, user_id: str) -> TasteState:
        """A person's state, with what they muted and boosted; an empty one for a stranger."""
        state, said = self.kept(user_id), self._overrides.of(user_id)
        return self._as_said(state, said) if said else state

    def kept(self, user_id: str) -> TasteState:
        """A person's state as their row holds it, without what they said of it."""
        with self._lock:
            return self._everyone.people.state(user_id)

    def walk(self, state: TasteState, steps: int = STEPS) -> Walked:
        """Items near a person's likes in the live graph, by random walks; the same state takes the same ones
        while nobody learns."""
        starts, weights = starts_of(state, self._half_lives)
        seed = zlib.crc32(state.items.tobytes())
        with self._lock:
            return self._everyone.walk(state.user_id, starts, weights, steps, seed)

    def trending(self, now: int, half_life_days: float) -> np.ndarray:
        """How much each item is liked at a moment (microseconds), (items,) float32; see `Likers.trending`."""
        with self._lock:
            return self._everyone.likers.trending(int(second_of(now)), half_life_days)

    def said(self, user_id: str) -> Said:
        """What a person said themselves, by ids."""
        return self._overrides.of(user_id)

    def _as_said(self, state: TasteState, said: Said) -> TasteState:
        """A state with what the person said: what they disowned does not count, and stays seen."""
        level, group = self.interests_of_items.fine, self.interests_of_items.group
        weights = {int(id_): weight for id_, weight in said.get("corrected", {}).items()}
        numbers = {n: weights[int(level.ids[n])] for n in level.numbers_of(list(weights))}
        disowned = [number for number, weight in numbers.items() if weight == 0]
        places = (self.catalogue.position.get(item_id) for item_id in said.get("set_aside", []))
        aside = [place for place in places if place is not None]
        leave = np.isin(state.items, aside) | np.isin(group[state.items], disowned)
        return replace(
            state.without(leave, disowned) if disowned or aside else state,
            muted=level.numbers_of(said.get("muted", [])),
            boosted=level.numbers_of(said.get("boosted", [])),
            corrected=numbers,
        )

    def interests(
        self, state: TasteState, now: int | None = None, scale: Scale | None = None
    ) -> list[Interest]:
        """What a person is drawn to, strongest first, at `now` (microseconds; else their last event), at one
        time-scale or at their mean."""
        half_lives = self._half_lives if scale is None else scale.half_lives(self._half_lives)
        return ranked(self.interests_of_items, state, half_lives, now)

    def drawn_to(self, state: TasteState) -> dict[int, str]:
        """Names by number of a person's interests at their last event; quicker than `interests`."""
        numbers = drawn_to(self.interests_of_items, state, self._half_lives)
        return {number: self.interests_of_items.names[number] for number in numbers.tolist()}

    def timeline(self, state: TasteState, moments: int = 40, most: int = 6) -> Timeline:
        """A person's strongest interests at evenly spaced moments of their history."""
        return timeline(self.interests_of_items, state, self._half_lives, moments, most)

    def explain(self, user_id: str, per_interest: int = 5) -> list[dict[str, Any]]:
        """For each interest the events that make it up: item, action, time, and its share of the interest."""
        state = self.state(user_id)
        return explained(self.interests_of_items, self.catalogue, state, self._half_lives, per_interest)

    # -- a person's own say -------------------------------------------------------------------------------

    def mute(self, user_id: str, interest: str) -> Interest:
        """Never show an interest's items; muting it again takes that back."""
        return self._toggle(user_id, interest, "muted")

    def boost(self, user_id: str, interest: str) -> Interest:
        """Let an interest count twice; boosting it again takes that back."""
        return self._toggle(user_id, interest, "boosted")

    def correct(self, user_id: str, interest: str, weight: float | None) -> Interest:
        """Set an interest's weight, in clicks, until it is taken back with None; time does not lower it.

        With a weight of 0 ("not me") its events count nowhere: not for this interest, nor for
        recommendations. Raises `InputError` for a weight below 0, or that is no number.
        """
        if weight is not None and not 0 <= weight < math.inf:
            raise InputError(f"the weight is {weight}, expected a number of clicks, 0 or more")
        self.check_known(user_id)
        found = self._named(user_id, interest)
        self._overrides.correct(user_id, found.id, weight)
        return self._again(user_id, found)

    def set_aside(self, user_id: str, item_id: str) -> bool:
        """Let what a person did to an item (a gift, say) not count for their taste; again takes it back.

        Gives whether it is set aside now. Sums of older events, which name no items, keep it.
        """
        self.check_known(user_id)
        if item_id not in self.catalogue:
            raise InputError(f"there is no item {item_id!r}")
        return self._overrides.set_aside(user_id, item_id)

    def _toggle(self, user_id: str, said: str, what: Literal["muted", "boosted"]) -> Interest:
        self.check_known(user_id)
        found = self._named(user_id, said)
        self._overrides.toggle(user_id, what, found.id, found.name)
        return self._again(user_id, found)

    def _again(self, user_id: str, found: Interest) -> Interest:
        """An interest as it stands now, also where nothing speaks for it."""
        state = self.state(user_id)
        mine = (one for one in self.interests(state) if one.number == found.number)
        return next(mine, one_interest(self.interests_of_items, state, found.number))

    # -- erasure ------------------------------------------------------------------------------------------

    def request_erasures(self, user_ids: Sequence[str]) -> None:
        """Have users erased whom something names: durable when this returns, and from here on unknown to this
        graph; `erase_queued` does the rest."""
        request_erasures(self.store, user_ids, self._queue)
        self.refresh()

    def erase_queued(self) -> int | None:
        """Erase all who are queued from the store, see `forgetting.erase_queued`; gives how many events.

        Where there was a snapshot there is a new one, so that other processes need not read the whole log.
        """
        had_snapshot = people_files.exists(self.store)
        events = erase_queued(self.store, begun=self.refresh)
        self.refresh()
        if events is not None and had_snapshot:
            self.save()
        return events

    def forget(self, user_id: str) -> int:
        """Erase a user from the store and from this graph; gives how many events there were."""
        self.refresh()
        if user_id in self or is_named(self.store, user_id):
            self.request_erasures([user_id])
        return self.erase_queued() or 0

    def erasure_of(self, user_id: str) -> ErasureRequest | None:
        """The latest acknowledged erasure of a user that is not complete."""
        theirs = [request for request in self._queue.read().requests if request.user_id == user_id]
        return theirs[-1] if theirs else None

    def is_erased_from(self, user_id: str, collections: str) -> bool:
        """Whether an erasure took a user's boards that this version of the collections may still hold."""
        theirs = {id_ for id_, user in self._live.erased.items() if user == user_id}
        batches = self._queue.read().batches
        return self.erasure_of(user_id) is not None or any(
            collections < batch.collections and theirs.intersection(batch.requests) for batch in batches
        )

    def check_known(self, user_id: str) -> None:
        """Raises `InputError` for a stranger, naming somebody who is known."""
        if user_id not in self:
            some = ", ".join(self.people(3)) or "nobody"
            raise InputError(f"nobody is called {user_id!r}; known are, for example, {some}")

    def _named(self, user_id: str, said: str) -> Interest:
        """An interest by its name, whether the person has it or not, or by its place (from 1) in
        `taste show`."""
        state = self.state(user_id)
        mine = self.interests(state)
        if said.isdigit() and 1 <= int(said) <= len(mine):
            return mine[int(said) - 1]
        for one in mine:
            if one.name.lower() == said.lower():
                return one
        for number, name in enumerate(self.interests_of_items.names):
            if name.lower() == said.lower():
                return one_interest(self.interests_of_items, state, number)
        names = "; ".join(f"{place} {one.name}" for place, one in enumerate(mine, start=1))
        raise InputError(f"{user_id} has no interest {said!r}; there are: {names}")

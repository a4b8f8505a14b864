"""Everything that can be said of one person's taste, put together: what `taste show` prints and draws.

Computed when asked, from the person's row of fixed size, the item vectors, and, where asked for, the log.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bowerbird.data.collections import Collection
from bowerbird.data.events import EVENT_SCHEMA
from bowerbird.data.interactions import History, Interactions
from bowerbird.data.snapshot import StoreSnapshot
from bowerbird.embed.index.rows import VectorRows
from bowerbird.embed.index.vectors import item_rows
from bowerbird.errors import InputError
from bowerbird.taste.graph import TasteGraph
from bowerbird.taste.interests.drift import Drift, drift_of
from bowerbird.taste.interests.ranking import (
    Interest,
    Scale,
    Timeline,
    moment,
    one_interest,
    told_event,
)
from bowerbird.taste.profile.changes import Change, changes_of, in_words
from bowerbird.taste.profile.dislikes import Disliked, disliked, hidden_items
from bowerbird.taste.profile.explanation import Because, because
from bowerbird.taste.profile.medoids import DistinctTaste, distinct_tastes
from bowerbird.taste.profile.price_range import Prices, price_comfort
from bowerbird.taste.profile.queries_and_boards import boards_of, queries_of
from bowerbird.taste.profile.similar_users import Crowd, crowd_like
from bowerbird.taste.state.user_state import TasteState

SAMPLE = 2_000  # items that likeness is judged against
RECENT = 12  # events told
EXAMPLES = 3  # of a person's items, told for each interest
MOMENTS, MOST_DRAWN = 60, 12  # of the timeline: points in time, interests
MOST_PEOPLE = 20_000
"""People that a crowd is sought among, the most active first."""


@dataclass(frozen=True)
class Profile:
    """One person's taste at a moment."""

    state: TasteState
    now: int  # microseconds
    interests: list[Interest]  # at the mean of all time-scales
    at_scale: dict[Scale, list[Interest]]
    timeline: Timeline
    tastes: list[DistinctTaste]
    prices: Prices
    disliked: list[Disliked]
    hidden: list[int]  # positions
    disowned: list[Interest]  # of which the person said "not me"
    drift: Drift | None
    changes: list[Change]
    queries: list[dict[str, Any]]
    boards: list[dict[str, Any]]

    @property
    def what_changed(self) -> str:
        if self.drift is None:
            return "Nothing changed this month that is more than chance."
        return in_words(self.drift, self.changes)


class TasteReader:
    """Reads people's taste from a graph and the item vectors. Safe to use from several threads."""

    def __init__(
        self, graph: TasteGraph, rows: VectorRows, collections: Sequence[Collection] = (), version: str = ""
    ) -> None:
        """`rows`: vectors in the catalogue's order; `collections`: everybody's, and their version's name."""
        self.graph = graph
        self._collections, self._version = collections, version
        self.catalogue = graph.catalogue
        self.groups = graph.interests_of_items
        self._half_lives = graph.store.settings.half_life_days
        self._rows = rows
        drawn = np.sort(np.random.default_rng(0).permutation(len(rows))[:SAMPLE])
        self._sample = rows[drawn]

    @classmethod
    def open(cls, snapshot: StoreSnapshot) -> TasteReader:
        """A reader of a snapshot, opened once. Raises `StoreError` where it has no items or no vectors."""
        graph = TasteGraph.open(snapshot)
        version = snapshot.version("collections")
        name = version.name if version else ""
        return snapshot.open_once(
            "taste reader", lambda: cls(graph, item_rows(snapshot), snapshot.collections, name)
        )

    def collections_of(self, user_id: str) -> list[Collection]:
        """A user's collections, without those that an erasure took."""
        if self.graph.is_erased_from(user_id, self._version):
            return []
        return [collection for collection in self._collections if collection.user_id == user_id]

    def vectors(self, positions: np.ndarray) -> np.ndarray:
        """Vectors of items, (n,) -> (n, D)."""
        return self._rows[positions]

    def profile(self, user_id: str, now: int | None = None, log: bool = True) -> Profile:
        """A person's taste at `now` (microseconds; else at their last event); an empty one for a stranger.

        Without `log` the log is not read, and nothing is said of queries and of what was passed over.
        """
        state = self.graph.state(user_id)
        now = state.last_at if now is None else now
        events = self.events_of(user_id) if log else EVENT_SCHEMA.empty_table()
        drift = drift_of(state.history, self.vectors, self._sample, now)
        return Profile(
            state=state,
            now=now,
            interests=self.graph.interests(state, now),
            at_scale={scale: self.graph.interests(state, now, scale) for scale in Scale},
            timeline=self.graph.timeline(state, MOMENTS, MOST_DRAWN),
            tastes=self.tastes(state, now),
            prices=price_comfort(state, self.catalogue, self.groups, self._half_lives, now),
            disliked=disliked(state, self.groups, self._all_seen(events)),
            hidden=hidden_items(state),
            disowned=[
                one_interest(self.groups, state, n) for n, weight in state.corrected.items() if not weight
            ],
            drift=drift,
            changes=changes_of(drift, self.groups) if drift else [],
            queries=queries_of(events, self.catalogue, self.groups),
            boards=boards_of(self.collections_of(user_id), self.catalogue, self.groups),
        )

    def tastes(self, state: TasteState, now: int | None = None) -> list[DistinctTaste]:
        """A person's distinct tastes, strongest first, without what they muted."""
        muted = np.isin(self.groups.group[state.items], list(state.muted))
        return distinct_tastes(state.without(muted, []), self.vectors, self._half_lives, now)

    def hierarchy(self, examples: int = 3) -> list[dict[str, Any]]:
        """Themes with their interests, the largest first: id, name, number of items, and titles of the items
        nearest to the middle of each interest."""
        groups = self.groups
        sizes = np.bincount(groups.group[groups.group >= 0], minlength=len(groups))
        told: dict[int, list[dict[str, Any]]] = {}
        for number in np.argsort(-sizes, kind="stable").tolist():
            mine = np.flatnonzero(groups.group == number)[:SAMPLE]
            near = np.argsort(-(self.vectors(mine) @ groups.centres[number]), kind="stable")[:examples]
            about = {"id": int(groups.fine.ids[number]), "name": groups.names[number]}
            titles = [self.catalogue.item(int(item)).title for item in mine[near]]
            told.setdefault(int(groups.theme[number]), []).append(
                {**about, "items": int(sizes[number]), "examples": titles}
            )
        themes = sorted(told, key=lambda theme: -sum(one["items"] for one in told[theme]))
        return [
            {
                "id": int(groups.themes.ids[theme]),
                "name": groups.themes.names[theme],
                "interests": told[theme],
            }
            for theme in themes
        ]

    def because(self, user_id: str, item_id: str) -> Because:
        """Why an item may be for a person. Raises `InputError` for an unknown item."""
        position = self.catalogue.position.get(item_id)
        if position is None:
            raise InputError(f"there is no item {item_id!r}")
        state = self.graph.state(user_id)
        prices = price_comfort(state, self.catalogue, self.groups, self._half_lives)
        ranked = self.graph.interests(state)
        return because(state, position, self.catalogue, self.vectors, ranked, self.groups.group, prices)

    def crowd(self, user_id: str) -> Crowd:
        """The crowd of people with a similar taste; says nothing of fewer than `crowd.K_ANONYMOUS`."""
        me = self.graph.state(user_id)
        others = (self.graph.state(user) for user in self.graph.people(MOST_PEOPLE))
        season = Scale.SEASON.half_lives(self._half_lives)
        return crowd_like(me, others, self.groups, season, me.last_at)

    def told_crowd(self, crowd: Crowd) -> dict[str, Any]:
        """A crowd as JSON's types."""
        return crowd.as_dict(self.groups, {k: self.catalogue.item(k).title for k, _ in crowd.items})

    def events_of(self, user_id: str) -> pa.Table:
        """Everything the log holds of one person, in order of time: the whole log is read for it.

        Of one whose erasure is not complete, live events after the acknowledgement.
        """
        store, erasure = self.graph.store, self.graph.erasure_of(user_id)
        if erasure is not None:
            rows = [event.as_row() for event in store.log.tail_since(erasure.until(store).live)[0]]
            table = pa.Table.from_pylist(rows, schema=EVENT_SCHEMA)
            table = table.sort_by([("at", "ascending"), ("event_id", "ascending")])
        else:
            table = store.log.read()
        return table.filter(pc.equal(table["user_id"], user_id))

    def _all_seen(self, events: pa.Table) -> History | None:
        known = Interactions.of(events, self.catalogue)
        return History(known.item, known.action, known.at) if len(known) else None

    def told(self, profile: Profile) -> dict[str, Any]:
        """A profile as JSON's types: ids and words instead of positions."""
        ids, catalogue = self.catalogue.ids, self.catalogue
        state, names = profile.state, self.groups.names

        def item(position: int) -> dict[str, Any]:
            return {"item_id": ids[position], "title": catalogue.item(position).title}

        return {
            "user": state.user_id,
            "at": moment(profile.now),
            "interests": [
                one.as_dict()
                | {"examples": [item(position) for position in one.items[:EXAMPLES]]}
                | {"prices": [price.as_dict() for price in profile.prices.of(one.number)]}
                for one in profile.interests
            ],
            "scales": {
                scale.value: [{"id": one.id, "name": one.name, "share": one.share} for one in ranked]
                for scale, ranked in profile.at_scale.items()
            },
            "tastes": [
                {
                    "medoid": item(one.medoid),
                    "share": one.share,
                    "items": [ids[position] for position in one.items],
                }
                for one in profile.tastes
            ],
            "price_comfort": [one.as_dict() for one in profile.prices.overall],
            "hidden": [item(position) for position in profile.hidden],
            "disliked": [{"name": names[one.number], **one.as_dict()} for one in profile.disliked],
            "not_me": [one.name for one in profile.disowned],
            "changed": {
                "words": profile.what_changed,
                "clear": profile.drift.clear if profile.drift else None,
                "since": moment(profile.drift.visits[profile.drift.since].at) if profile.drift else None,
                "interests": [
                    one.as_dict() | {"items": [item(position) for position in one.items]}
                    for one in profile.changes
                ],
            },
            "recent": [
                told_event(catalogue, state, row)
                for row in range(len(state.items) - 1, max(-1, len(state.items) - 1 - RECENT), -1)
            ],
            "queries": profile.queries,
            "boards": profile.boards,
        }

"""Reads a user's taste: the profile that `taste show` prints and draws, explanations, similar users.

Computed on request, from the user's row of fixed size, the item vectors, and, optionally, the log.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bowerbird.data.arrays import FloatArray, IntArray
from bowerbird.data.collections import Collection
from bowerbird.data.events import EVENT_SCHEMA
from bowerbird.data.interactions import History, Interactions
from bowerbird.data.snapshot import StoreSnapshot
from bowerbird.embed.index.rows import VectorRows
from bowerbird.embed.index.vectors import item_rows
from bowerbird.errors import InputError
from bowerbird.taste.config import TASTE_CONFIG
from bowerbird.taste.graph import TasteGraph
from bowerbird.taste.interests.drift import detect_drift
from bowerbird.taste.interests.ranking import (
    Scale,
    interest_of,
)
from bowerbird.taste.profile.changes import changes_of
from bowerbird.taste.profile.dislikes import find_disliked, hidden_items
from bowerbird.taste.profile.explanation import Explanation, explain_item
from bowerbird.taste.profile.medoids import TasteCluster, find_taste_clusters
from bowerbird.taste.profile.price_range import compute_prices
from bowerbird.taste.profile.profile import Profile
from bowerbird.taste.profile.queries_and_boards import boards_of, queries_of
from bowerbird.taste.profile.similar_users import SimilarUsers, find_similar_users
from bowerbird.taste.state.user_state import TasteState

CONFIG = TASTE_CONFIG.profile


class TasteReader:
    """Reads users' taste from a graph and the item vectors. Safe to use from several threads."""

    def __init__(
        self, graph: TasteGraph, rows: VectorRows, collections: Sequence[Collection] = (), version: str = ""
    ) -> None:
        """`rows`: vectors in the catalogue's order; `collections`: those of all users, and their version."""
        self.graph = graph
        self._collections, self._version = collections, version
        self.catalogue = graph.catalogue
        self.groups = graph.interests_of_items
        self._half_lives = graph.store.settings.taste.half_life_days
        self._rows = rows
        sampled = np.sort(np.random.default_rng(0).permutation(len(rows))[: CONFIG.sample])
        self._sample = rows[sampled]

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
        """A user's collections, without those that an erasure removed."""
        if self.graph.is_erased_from(user_id, self._version):
            return []
        return [collection for collection in self._collections if collection.user_id == user_id]

    def vectors(self, positions: IntArray) -> FloatArray:
        """Vectors of items, (n,) -> (n, D)."""
        return self._rows[positions]

    def profile(self, user_id: str, now: int | None = None, log: bool = True) -> Profile:
        """A user's taste at `now` (microseconds; else at their last event); an empty one for an unknown user.

        Without `log` the log is not read, and queries and passed-over interests are missing.
        """
        state = self.graph.state(user_id)
        now = state.last_at if now is None else now
        events = self.events_of(user_id) if log else EVENT_SCHEMA.empty_table()
        drift = detect_drift(state.history, self.vectors, self._sample, now)
        return Profile(
            state=state,
            now=now,
            interests=self.graph.interests(state, now),
            at_scale={scale: self.graph.interests(state, now, scale) for scale in Scale},
            timeline=self.graph.timeline(state, CONFIG.timeline_moments, CONFIG.timeline_interests),
            clusters=self.taste_clusters(state, now),
            prices=compute_prices(state, self.catalogue, self.groups, self._half_lives, now),
            disliked=find_disliked(state, self.groups, self._log_history(events)),
            hidden=hidden_items(state),
            excluded_interests=[
                interest_of(self.groups, state, n) for n, weight in state.corrected.items() if not weight
            ],
            drift=drift,
            changes=changes_of(drift, self.groups) if drift else [],
            queries=queries_of(events, self.catalogue, self.groups),
            boards=boards_of(self.collections_of(user_id), self.catalogue, self.groups),
        )

    def taste_clusters(self, state: TasteState, now: int | None = None) -> list[TasteCluster]:
        """A user's taste clusters, strongest first, without what they muted."""
        muted = np.isin(self.groups.group[state.items], list(state.muted))
        return find_taste_clusters(state.without(muted, []), self.vectors, self._half_lives, now)

    def hierarchy(self, max_examples: int = 3) -> list[dict[str, Any]]:
        """Themes with their interests, the largest first: id, name, number of items, and titles of the items
        nearest to the middle of each interest."""
        groups = self.groups
        sizes = np.bincount(groups.group[groups.group >= 0], minlength=len(groups))
        by_theme: dict[int, list[dict[str, Any]]] = {}
        for number in np.argsort(-sizes, kind="stable").tolist():
            members = np.flatnonzero(groups.group == number)[: CONFIG.sample]
            similarity = self.vectors(members) @ groups.centres[number]
            typical = members[np.argsort(-similarity, kind="stable")[:max_examples]]
            by_theme.setdefault(int(groups.theme[number]), []).append(
                {
                    "id": int(groups.fine.ids[number]),
                    "name": groups.names[number],
                    "items": int(sizes[number]),
                    "examples": [self.catalogue.item(int(item)).title for item in typical],
                }
            )
        largest_first = sorted(
            by_theme, key=lambda theme: -sum(interest["items"] for interest in by_theme[theme])
        )
        return [
            {
                "id": int(groups.themes.ids[theme]),
                "name": groups.themes.names[theme],
                "interests": by_theme[theme],
            }
            for theme in largest_first
        ]

    def explain_item(self, user_id: str, item_id: str) -> Explanation:
        """Why an item may suit a user. Raises `InputError` for an unknown item."""
        position = self.catalogue.position.get(item_id)
        if position is None:
            raise InputError(f"unknown item {item_id!r}: expected an id of the catalogue")
        state = self.graph.state(user_id)
        prices = compute_prices(state, self.catalogue, self.groups, self._half_lives)
        ranked = self.graph.interests(state)
        return explain_item(state, position, self.catalogue, self.vectors, ranked, self.groups.group, prices)

    def similar_users(self, user_id: str) -> SimilarUsers:
        """What users with a similar taste share; empty for fewer than k (see `SimilarUsersConfig`)."""
        state = self.graph.state(user_id)
        others = (self.graph.state(other_id) for other_id in self.graph.users(CONFIG.max_users))
        season = Scale.SEASON.half_lives(self._half_lives)
        return find_similar_users(state, others, self.groups, season, state.last_at)

    def similar_users_as_dict(self, similar: SimilarUsers) -> dict[str, Any]:
        """Similar users as JSON's types."""
        return similar.as_dict(self.groups, {k: self.catalogue.item(k).title for k, _ in similar.items})

    def events_of(self, user_id: str) -> pa.Table:
        """Everything the log holds of one user, in order of time.

        For a user whose erasure is not complete, live events after the acknowledgement.
        """
        store, erasure = self.graph.store, self.graph.erasure_of(user_id)
        if erasure is not None:
            rows = [event.as_row() for event in store.log.tail_since(erasure.until(store).live)[0]]
            table = pa.Table.from_pylist(rows, schema=EVENT_SCHEMA)
            table = table.sort_by([("at", "ascending"), ("event_id", "ascending")])
        else:
            table = store.log.read_users([user_id])
        return table.filter(pc.equal(table["user_id"], user_id))

    def _log_history(self, events: pa.Table) -> History | None:
        """A user's events of known items, impressions included; None where there are none."""
        known = Interactions.of(events, self.catalogue)
        return History(known.item, known.action, known.at) if len(known) else None

    def profile_as_dict(self, profile: Profile) -> dict[str, Any]:
        """A profile as JSON's types: ids and words instead of positions."""
        return profile.as_dict(self.catalogue, self.groups)

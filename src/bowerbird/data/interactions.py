"""Events as arrays: the form that rankers, trainers and metrics compute on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from bowerbird.data.arrays import BoolArray, FloatArray, IntArray
from bowerbird.data.events import ACTION_CODE, ACTION_WEIGHT, ACTIONS, Action
from bowerbird.data.items import Catalogue

WEIGHT_OF_CODE = np.array([ACTION_WEIGHT[action] for action in ACTIONS], dtype=np.float32)
"""Preference weight by action code."""
IS_LIKE = ACTION_WEIGHT[Action.CLICK] <= WEIGHT_OF_CODE
"""Whether an action speaks for its item, by action code: a click or more."""
IS_PREFERENCE = WEIGHT_OF_CODE != 0
"""Whether an action makes its item seen, by action code: all but impressions."""


@dataclass(frozen=True)
class History:
    """One user's events in time order: catalogue positions, action codes, times; all (n,)."""

    items: IntArray
    actions: NDArray[np.int8]  # index into ACTIONS
    at: IntArray  # microseconds since 1970 UTC

    def __len__(self) -> int:
        return len(self.items)

    @property
    def weights(self) -> FloatArray:
        """Weight of each event, (n,)."""
        weights: FloatArray = WEIGHT_OF_CODE[self.actions]
        return weights

    @property
    def is_like(self) -> BoolArray:
        """Whether each event speaks for its item (a click or more), (n,)."""
        is_like: BoolArray = IS_LIKE[self.actions]
        return is_like

    @property
    def is_seen(self) -> BoolArray:
        """Whether each event expresses a preference (weight not 0), so that its item counts as seen, (n,)."""
        is_seen: BoolArray = IS_PREFERENCE[self.actions]
        return is_seen

    def liked(self) -> History:
        """Only the events that speak for their item (a click or more)."""
        return self.where(self.is_like)

    def seen(self) -> History:
        """Only the events that express a preference (weight not 0): their items are not recommended again.

        An impression alone is not such an event. This is the one definition of "seen", for training,
        candidates, evaluation targets and live states.
        """
        return self.where(self.is_seen)

    def where(self, mask: BoolArray | IntArray) -> History:
        """The events selected by a mask (n,), or by their rows (k,)."""
        return History(self.items[mask], self.actions[mask], self.at[mask])

    @classmethod
    def empty(cls) -> History:
        """No events."""
        return cls(np.empty(0, np.int64), np.empty(0, np.int8), np.empty(0, np.int64))


@dataclass(frozen=True)
class Interactions:
    """Events of known items, sorted by time. `users[k]` is the id of the user with index k."""

    users: Sequence[str]
    user: IntArray  # (n,) index into users
    item: IntArray  # (n,) position in the catalogue
    action: NDArray[np.int8]  # (n,) index into ACTIONS
    at: IntArray  # (n,) microseconds since 1970 UTC
    n_items: int
    list_rank: NDArray[np.int32] | None = None  # (n,) rank in the displayed list, from 1; 0 where not logged

    @classmethod
    def of(cls, events: pa.Table, catalogue: Catalogue) -> Interactions:
        """Convert an event table; events of items that are not in the catalogue are left out."""
        rows = pc.index_in(events["item_id"], value_set=pa.array(catalogue.ids, pa.string()))
        known = events.append_column("row", rows).filter(pc.is_valid(rows)).sort_by("at").combine_chunks()
        user_column = pc.dictionary_encode(known["user_id"])
        user_column = (
            user_column.combine_chunks() if isinstance(user_column, pa.ChunkedArray) else user_column
        )
        actions = pc.index_in(known["action"], value_set=pa.array(list(ACTION_CODE), pa.string()))
        return cls(
            users=user_column.dictionary.to_pylist(),
            user=user_column.indices.to_numpy(zero_copy_only=False).astype(np.int64),
            item=known["row"].to_numpy().astype(np.int64),
            action=actions.to_numpy().astype(np.int8),
            at=known["at"].cast(pa.int64()).to_numpy(),
            n_items=len(catalogue),
            list_rank=pc.fill_null(known["position"], 0).to_numpy().astype(np.int32),
        )

    @classmethod
    def empty(cls, n_items: int) -> Interactions:
        """No events, for a catalogue of `n_items` items."""
        none = np.zeros(0, np.int64)
        return cls([], none, none, none.astype(np.int8), none, n_items)

    def __len__(self) -> int:
        return len(self.user)

    @property
    def weights(self) -> FloatArray:
        """Weight of each event, (n,)."""
        weights: FloatArray = WEIGHT_OF_CODE[self.action]
        return weights

    @property
    def is_like(self) -> BoolArray:
        """As `History.is_like`, (n,)."""
        is_like: BoolArray = IS_LIKE[self.action]
        return is_like

    @property
    def is_seen(self) -> BoolArray:
        """As `History.is_seen`, (n,)."""
        is_seen: BoolArray = IS_PREFERENCE[self.action]
        return is_seen

    def where(self, mask: BoolArray | IntArray) -> Interactions:
        """The events selected by a mask (n,), or by their rows (k,); users keep their indices."""
        return Interactions(
            *(self.users, self.user[mask], self.item[mask], self.action[mask], self.at[mask], self.n_items),
            None if self.list_rank is None else self.list_rank[mask],
        )

    def liked(self) -> Interactions:
        """Only the events that speak for their item (a click or more)."""
        return self.where(self.is_like)

    def seen(self) -> Interactions:
        """Only the events that express a preference; see `History.seen`."""
        return self.where(self.is_seen)

    def histories(self) -> Iterator[tuple[int, History]]:
        """Each user's index and history, in the order of the indices."""
        if not len(self):
            return
        order = np.argsort(self.user, kind="stable")
        users, starts = np.unique(self.user[order], return_index=True)
        for user, rows in zip(users, np.split(order, starts[1:]), strict=True):
            yield int(user), History(self.item[rows], self.action[rows], self.at[rows])

    def history_of(self, user_id: str) -> History:
        """The history of one user by id; empty for an unknown user."""
        if user_id not in self._index_of_user:
            return History.empty()
        rows = np.flatnonzero(self.user == self._index_of_user[user_id])
        return History(self.item[rows], self.action[rows], self.at[rows])

    @cached_property
    def _index_of_user(self) -> dict[str, int]:
        return {user: index for index, user in enumerate(self.users)}

"""Events as arrays: what rankers, trainers and metrics compute on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bowerbird.data.events import ACTION_CODE, ACTION_WEIGHT, ACTIONS
from bowerbird.data.items import Catalogue

WEIGHT_OF_CODE = np.array([ACTION_WEIGHT[action] for action in ACTIONS], dtype=np.float32)


@dataclass(frozen=True)
class History:
    """One person's events in time order: positions in the catalogue, action codes, times; all (n,)."""

    items: np.ndarray  # int64
    actions: np.ndarray  # int8, index into ACTIONS
    at: np.ndarray  # int64, microseconds since 1970 UTC

    def __len__(self) -> int:
        return len(self.items)

    @property
    def weights(self) -> np.ndarray:
        """Weight of each event, (n,) float32."""
        weights: np.ndarray = WEIGHT_OF_CODE[self.actions]
        return weights

    def liked(self) -> History:
        """Only the events that speak for their item (a click or more)."""
        return self.where(self.weights >= 1.0)

    def seen(self) -> History:
        """Only the events that say something of taste (weight not 0): their items may not come again.

        An impression alone is no such event. This is the one definition of "seen", for training, candidates,
        evaluation targets and live states.
        """
        return self.where(self.weights != 0)

    def where(self, keep: np.ndarray) -> History:
        return History(self.items[keep], self.actions[keep], self.at[keep])

    @classmethod
    def empty(cls) -> History:
        return cls(np.empty(0, np.int64), np.empty(0, np.int8), np.empty(0, np.int64))


@dataclass(frozen=True)
class Interactions:
    """Events of known items, sorted by time. `users[k]` names the person whose number is k."""

    users: Sequence[str]
    user: np.ndarray  # (n,) int64, index into users
    item: np.ndarray  # (n,) int64, position in the catalogue
    action: np.ndarray  # (n,) int8, index into ACTIONS
    at: np.ndarray  # (n,) int64, microseconds since 1970 UTC
    n_items: int
    place: np.ndarray | None = None  # (n,) int32, where in a list it stood, from 1; 0 where nobody logged it

    @classmethod
    def of(cls, events: pa.Table, catalogue: Catalogue) -> Interactions:
        """Arrays of an event table; events of items that the catalogue does not hold are left out."""
        rows = pc.index_in(events["item_id"], value_set=pa.array(catalogue.ids, pa.string()))
        known = events.append_column("row", rows).filter(pc.is_valid(rows)).sort_by("at").combine_chunks()
        people = pc.dictionary_encode(known["user_id"])
        people = people.combine_chunks() if isinstance(people, pa.ChunkedArray) else people
        actions = pc.index_in(known["action"], value_set=pa.array(list(ACTION_CODE), pa.string()))
        return cls(
            users=people.dictionary.to_pylist(),
            user=people.indices.to_numpy(zero_copy_only=False).astype(np.int64),
            item=known["row"].to_numpy().astype(np.int64),
            action=actions.to_numpy().astype(np.int8),
            at=known["at"].cast(pa.int64()).to_numpy(),
            n_items=len(catalogue),
            place=pc.fill_null(known["position"], 0).to_numpy().astype(np.int32),
        )

    @classmethod
    def empty(cls, n_items: int) -> Interactions:
        """No events of a catalogue of so many items."""
        none = np.zeros(0, np.int64)
        return cls([], none, none, none.astype(np.int8), none, n_items)

    def __len__(self) -> int:
        return len(self.user)

    @property
    def weights(self) -> np.ndarray:
        """Weight of each event, (n,) float32."""
        weights: np.ndarray = WEIGHT_OF_CODE[self.action]
        return weights

    def where(self, keep: np.ndarray) -> Interactions:
        """The events that a boolean mask keeps; people keep their numbers."""
        return Interactions(
            *(self.users, self.user[keep], self.item[keep], self.action[keep], self.at[keep], self.n_items),
            None if self.place is None else self.place[keep],
        )

    def liked(self) -> Interactions:
        """Only the events that speak for their item (a click or more)."""
        return self.where(self.weights >= 1.0)

    def seen(self) -> Interactions:
        """Only the events that say something of taste; see `History.seen`."""
        return self.where(self.weights != 0)

    def histories(self) -> Iterator[tuple[int, History]]:
        """Each person's number and history, people in the order of their numbers."""
        if not len(self):
            return
        order = np.argsort(self.user, kind="stable")
        people, starts = np.unique(self.user[order], return_index=True)
        for person, rows in zip(people, np.split(order, starts[1:]), strict=True):
            yield int(person), History(self.item[rows], self.action[rows], self.at[rows])

    def history_of(self, user_id: str) -> History:
        """The history of one person by id; empty for a stranger."""
        if user_id not in self._number:
            return History.empty()
        rows = np.flatnonzero(self.user == self._number[user_id])
        return History(self.item[rows], self.action[rows], self.at[rows])

    @cached_property
    def _number(self) -> dict[str, int]:
        return {user: number for number, user in enumerate(self.users)}

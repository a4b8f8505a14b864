"""The states of all users as rows of fixed size: `ROW_BYTES` each, in memory and on disk.

A user is a row; an index finds it. See `learning` for how an event changes a row, and why the order of events
does not matter. A snapshot is the rows as a file: it opens by memory map, copied on writing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.feather as feather

from bowerbird.data.arrays import BoolArray, IntArray, IntegerArray
from bowerbird.data.events import ACTION_CODE, Action
from bowerbird.data.interactions import WEIGHT_OF_CODE
from bowerbird.data.times import SECOND
from bowerbird.taste.state.learning import (
    MAX_INTERESTS,
    OLDER,
    PERIOD,
    RING,
    learn_row,
    learn_rows,
)
from bowerbird.taste.state.packed_rows import Columns, PackedRows, row_bytes
from bowerbird.taste.state.seen_items import SeenItems
from bowerbird.taste.state.user_index import MISSING, UserIndex
from bowerbird.taste.state.user_state import OlderSums, TasteState

COLUMNS: Columns = {
    "at": (np.uint32, RING),
    "item": (np.int32, RING),
    "action": (np.int8, RING),
    "count": (np.int16, 1),
    "key": (np.uint32, OLDER),
    "total": (np.int32, OLDER),
    "sums": (np.int16, 1),
    "id_hash": (np.uint64, 1),  # the same in every process: it orders users whatever their rows
}
ROW_BYTES = row_bytes(COLUMNS)
STATE_COLUMNS = ("at", "item", "action", "count", "key", "total", "sums")
"""What `learning` changes, in the order of its parameters."""
HALF_CLICKS = np.round(2 * WEIGHT_OF_CODE).astype(np.int32)
"""Weight of each action code in halves of a click: whole numbers, so that sums do not depend on order."""
IMPRESSION = ACTION_CODE[Action.IMPRESSION.value]
FIRST_ROWS = 256
EPOCH = -1_577_923_200
"""The first second that a row can hold, since 1970: that of 1920. The last one is in 2056."""
MAX_SECOND = int(np.iinfo(np.uint32).max)
IDS_FILE, ROWS_FILE = "user_ids.feather", "user_table.npy"


class UserTable:
    """Rows of U users. Not safe between threads: the caller locks."""

    def __init__(self, interest: IntArray) -> None:
        """`interest` (items,): the interest of each item, -1 for none."""
        self.interest = interest.astype(np.int32)
        self._index = UserIndex()
        self._seen = SeenItems()
        self._rows = PackedRows(COLUMNS, FIRST_ROWS)
        self._bind_columns()

    def __len__(self) -> int:
        return len(self._index)

    def __contains__(self, user_id: object) -> bool:
        return user_id in self._index

    @property
    def ids(self) -> list[str]:
        """All users' ids in the order of their rows; an empty one for a forgotten user."""
        return self._index.ids

    def find(self, user_id: str) -> int:
        """A user's row, `MISSING` for an unknown one."""
        return self._index.find(user_id)

    def row_of(self, user_id: str) -> int:
        """A user's row, made where there is none yet."""
        n_before = len(self)
        row = self._index.row_of(user_id)
        if len(self) > n_before:
            self._init_rows(n_before)
        return row

    def rows_of(self, user_ids: Sequence[str]) -> IntArray:
        """Rows of n users, made where there are none yet, (n,) int64."""
        n_before = len(self)
        rows = self._index.rows_of(user_ids)
        if len(self) > n_before:
            self._init_rows(n_before)
        return rows

    def _init_rows(self, first: int) -> None:
        """Make rows for the new users, from row `first` on."""
        if len(self) > len(self._rows):
            self._grow(2 * len(self))
        for row in range(first, len(self)):
            self._id_hashes[row] = _id_hash(self.ids[row])

    def learn(
        self, rows: IntArray, seconds: IntegerArray, items: IntArray, actions: IntegerArray
    ) -> BoolArray:
        """Learn n events of known rows and items, times by `seconds_of`; return which changed a row, (n,).

        Events without a weight (impressions) change nothing.
        """
        changed = np.zeros(len(rows), bool)
        weighted = HALF_CLICKS[actions] != 0
        self._record_seen(rows[weighted], items[weighted])
        columns = (rows, seconds, items.astype(np.int32), actions.astype(np.int8))
        changed[weighted] = learn_rows(
            *self._columns, *(column[weighted] for column in columns), self.interest, HALF_CLICKS
        )
        return changed

    def learn_one(self, row: int, second: np.uint32, item: int, action: int) -> bool:
        """As `learn`, one event: several times quicker than a batch of one."""
        if action == IMPRESSION:
            return False
        if self._columns[3][row] == RING:
            self._record_seen(np.array([row]), np.array([item]))
        return bool(learn_row(*self._columns, row, second, item, action, self.interest, HALF_CLICKS))

    def _record_seen(self, rows: IntArray, items: IntArray) -> None:
        """Store the items of rows that get more events than they hold; before the events are learned."""
        count = self._columns[3]
        overflows = np.bincount(rows, minlength=len(count)) + count > RING
        for row in np.flatnonzero(overflows & (count > 0)).tolist():
            if row not in self._seen:  # the first time: with all that it holds
                stored = self._columns[1][row, : count[row]]
                self._seen.add(np.full(len(stored), row), stored)
        of_overflowing = overflows[rows]
        self._seen.add(rows[of_overflowing], items[of_overflowing])

    def state(self, user_id: str) -> TasteState:
        """A copy of what is stored of one user; an empty state for an unknown one."""
        row = self._index.find(user_id)
        if row == MISSING:
            return TasteState(user_id)
        stored = {name: column[row].copy() for name, column in zip(STATE_COLUMNS, self._columns, strict=True)}
        n, m = int(stored["count"]), int(stored["sums"])
        keys = stored["key"][:m].astype(np.int64)
        return TasteState(
            user_id,
            stored["item"][:n].astype(np.int64),
            stored["action"][:n],
            (stored["at"][:n].astype(np.int64) + EPOCH) * SECOND,
            OlderSums(
                interest=keys % MAX_INTERESTS,
                at=(keys // MAX_INTERESTS * PERIOD + PERIOD // 2 + EPOCH) * SECOND,
                weight=stored["total"][:m] / 2.0,
            ),
            self._seen.items(row).astype(np.int64),
        )

    @property
    def arrays(self) -> tuple[IntegerArray, IntegerArray, IntegerArray]:
        """`item`, `action` (rows, RING) and `count` (rows,): views, as walks read them."""
        return self._columns[1], self._columns[2], self._columns[3]

    @property
    def id_hashes(self) -> IntegerArray:
        """A hash of each row's id, the same in every process, (rows,) uint64."""
        return self._id_hashes

    def counts(self) -> IntArray:
        """Number of stored events of each user, (U,)."""
        counts: IntArray = self._rows["count"][: len(self)].astype(np.int64)
        return counts

    def forget(self, user_id: str) -> int:
        """Clear a user's row, which is never given again; return it, `MISSING` for an unknown user."""
        row = self._index.forget(user_id)
        if row != MISSING:
            self._rows.clear(row)
            self._seen.forget(row)
        return row

    def _bind_columns(self) -> None:
        """Take views of the columns, as compiled code needs them."""
        self._columns = tuple(self._rows[name] for name in STATE_COLUMNS)
        self._id_hashes = self._rows["id_hash"]

    def _grow(self, n_rows: int) -> None:
        self._rows.grow(n_rows)
        self._bind_columns()

    # -- snapshots ----------------------------------------------------------------------------------------

    def save(self, folder: Path) -> None:
        """Write the rows in use into a folder. Raises `OSError` where they can't be written."""
        self._rows.save(folder / ROWS_FILE, len(self))
        self._seen.save(folder)
        feather.write_feather(pa.table({"user_id": pa.array(self.ids, pa.string())}), folder / IDS_FILE)

    @classmethod
    def open(cls, folder: Path, interest: IntArray) -> UserTable:
        """Open what `save` wrote, by memory map. Raises `OSError` or `ValueError` where it is broken."""
        table = cls(interest)
        table._index = UserIndex(feather.read_table(folder / IDS_FILE)["user_id"].to_pylist())
        table._rows = PackedRows.open(COLUMNS, folder / ROWS_FILE, len(table))
        table._seen = SeenItems.open(folder)
        table._grow(FIRST_ROWS)
        table._bind_columns()
        return table


def seconds_of(at_us: IntArray) -> IntegerArray:
    """Times in microseconds since 1970 as rows store them: seconds since `EPOCH`, uint32, of any shape."""
    seconds: IntegerArray = np.clip(at_us // SECOND - EPOCH, 0, MAX_SECOND).astype(np.uint32)
    return seconds


def second_of(at_us: int) -> np.uint32:
    """As `seconds_of`, one."""
    return np.uint32(min(max(at_us // SECOND - EPOCH, 0), MAX_SECOND))


def _id_hash(user_id: str) -> int:
    return int.from_bytes(
        hashlib.blake2b(user_id.encode(errors="surrogatepass"), digest_size=8).digest(), "little"
    )

"""Everybody's taste as rows of fixed size: `ROW_BYTES` each, in memory and on disk.

A person is a row; a roster says which. How an event changes a row, and why the order of events does not
matter, is told in `learning`. A snapshot is the rows as a file: it opens by memory map, copied on writing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.feather as feather

from bowerbird.data.events import ACTION_CODE, Action
from bowerbird.data.interactions import WEIGHT_OF_CODE
from bowerbird.taste.state.learning import (
    MOST_INTERESTS,
    OLDER,
    PERIOD,
    RING,
    learn_row,
    learn_rows,
)
from bowerbird.taste.state.packed_rows import Columns, PackedRows, row_bytes
from bowerbird.taste.state.seen_items import SeenItems
from bowerbird.taste.state.user_index import NOBODY, Roster
from bowerbird.taste.state.user_state import SECOND, Older, TasteState

COLUMNS: Columns = {
    "at": (np.uint32, RING),
    "item": (np.int32, RING),
    "action": (np.int8, RING),
    "count": (np.int16, 1),
    "key": (np.uint32, OLDER),
    "total": (np.int32, OLDER),
    "sums": (np.int16, 1),
    "name": (np.uint64, 1),  # of the id, the same in every process: what orders people whatever their rows
}
ROW_BYTES = row_bytes(COLUMNS)
LEARNT = ("at", "item", "action", "count", "key", "total", "sums")
HALF_CLICKS = np.round(2 * WEIGHT_OF_CODE).astype(np.int32)
"""Weight of each action code in halves of a click: whole numbers, whose sums know no order."""
IMPRESSION = ACTION_CODE[Action.IMPRESSION.value]
FIRST_ROWS = 256
DAWN = -1_577_923_200
"""The first second that a row can hold, since 1970: that of 1920. The last one is in 2056."""
LAST = int(np.iinfo(np.uint32).max)
IDS_FILE, ROWS_FILE = "people.feather", "people.npy"


class People:
    """Rows of P people. Not safe between threads: whoever holds it locks."""

    def __init__(self, interest: np.ndarray) -> None:
        """`interest` (items,): which interest each item speaks for, -1 for none."""
        self.interest = interest.astype(np.int32)
        self._roster = Roster()
        self._seen = SeenItems()
        self._rows = PackedRows(COLUMNS, FIRST_ROWS)
        self._look()

    def __len__(self) -> int:
        return len(self._roster)

    def __contains__(self, user_id: object) -> bool:
        return user_id in self._roster

    @property
    def ids(self) -> list[str]:
        """Everybody's ids in the order of their rows; of whom was forgotten, an empty one."""
        return self._roster.ids

    def find(self, user_id: str) -> int:
        """A person's row, `NOBODY` for a stranger."""
        return self._roster.find(user_id)

    def row_of(self, user_id: str) -> int:
        """A person's row, made where there is none yet."""
        before = len(self)
        row = self._roster.row_of(user_id)
        if len(self) > before:
            self._welcome(before)
        return row

    def rows_of(self, user_ids: Sequence[str]) -> np.ndarray:
        """Rows of n people, made where there are none yet, (n,) int64."""
        before = len(self)
        rows = self._roster.rows_of(user_ids)
        if len(self) > before:
            self._welcome(before)
        return rows

    def _welcome(self, first: int) -> None:
        """Make rows for whoever is new, from row `first` on."""
        if len(self) > len(self._rows):
            self._grow(2 * len(self))
        for row in range(first, len(self)):
            self._names[row] = _name(self.ids[row])

    def learn(
        self, rows: np.ndarray, seconds: np.ndarray, items: np.ndarray, actions: np.ndarray
    ) -> np.ndarray:
        """Learn n events of known rows and items, times by `seconds_of`; which of them changed a row, (n,).

        Events that say nothing of taste (impressions) change nothing.
        """
        changed = np.zeros(len(rows), bool)
        telling = HALF_CLICKS[actions] != 0
        self._note_seen(rows[telling], items[telling])
        chosen = (rows, seconds, items.astype(np.int32), actions.astype(np.int8))
        changed[telling] = learn_rows(
            *self._arrays, *(part[telling] for part in chosen), self.interest, HALF_CLICKS
        )
        return changed

    def learn_one(self, row: int, second: np.uint32, item: int, action: int) -> bool:
        """As `learn`, one event: several times quicker than a batch of one."""
        if action == IMPRESSION:
            return False
        if self._arrays[3][row] == RING:
            self._note_seen(np.array([row]), np.array([item]))
        return bool(learn_row(*self._arrays, row, second, item, action, self.interest, HALF_CLICKS))

    def _note_seen(self, rows: np.ndarray, items: np.ndarray) -> None:
        """Keep the items of rows that get more events than they hold; before the events are learned."""
        count = self._arrays[3]
        many = np.bincount(rows, minlength=len(count)) + count > RING
        for row in np.flatnonzero(many & (count > 0)).tolist():
            if row not in self._seen:  # the first time: with all that it holds
                held = self._arrays[1][row, : count[row]]
                self._seen.add(np.full(len(held), row), held)
        chosen = many[rows]
        self._seen.add(rows[chosen], items[chosen])

    def state(self, user_id: str) -> TasteState:
        """A copy of what is kept of one person; an empty state for a stranger."""
        row = self._roster.find(user_id)
        if row == NOBODY:
            return TasteState(user_id)
        of = {name: column[row].copy() for name, column in zip(LEARNT, self._arrays, strict=True)}
        n, m = int(of["count"]), int(of["sums"])
        keys = of["key"][:m].astype(np.int64)
        return TasteState(
            user_id,
            of["item"][:n].astype(np.int64),
            of["action"][:n],
            (of["at"][:n].astype(np.int64) + DAWN) * SECOND,
            Older(
                interest=keys % MOST_INTERESTS,
                at=(keys // MOST_INTERESTS * PERIOD + PERIOD // 2 + DAWN) * SECOND,
                weight=of["total"][:m] / 2.0,
            ),
            self._seen.of(row).astype(np.int64),
        )

    @property
    def arrays(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """`item`, `action` (rows, RING) and `count` (rows,): views, as walks read them."""
        return self._arrays[1], self._arrays[2], self._arrays[3]

    @property
    def names(self) -> np.ndarray:
        """A number of each row's id, the same in every process, (rows,) uint64."""
        return self._names

    def counts(self) -> np.ndarray:
        """Kept events of each person, (P,)."""
        found: np.ndarray = self._rows["count"][: len(self)].astype(np.int64)
        return found

    def forget(self, user_id: str) -> int:
        """Empty a person's row, which nobody gets again; gives which it was, `NOBODY` for a stranger."""
        row = self._roster.forget(user_id)
        if row != NOBODY:
            self._rows.clear(row)
            self._seen.forget(row)
        return row

    def _look(self) -> None:
        """Take views of the columns, as compiled code wants them."""
        self._arrays = tuple(self._rows[name] for name in LEARNT)
        self._names = self._rows["name"]

    def _grow(self, least: int) -> None:
        self._rows.grow(least)
        self._look()

    # -- snapshots ----------------------------------------------------------------------------------------

    def save(self, folder: Path) -> None:
        """Write the rows in use into a folder. Raises `OSError` where they can't be written."""
        self._rows.save(folder / ROWS_FILE, len(self))
        self._seen.save(folder)
        feather.write_feather(pa.table({"user_id": pa.array(self.ids, pa.string())}), folder / IDS_FILE)

    @classmethod
    def opened(cls, folder: Path, interest: np.ndarray) -> People:
        """What `save` wrote, by memory map. Raises `OSError` or `ValueError` where it is broken."""
        people = cls(interest)
        people._roster = Roster(feather.read_table(folder / IDS_FILE)["user_id"].to_pylist())
        people._rows = PackedRows.opened(COLUMNS, folder / ROWS_FILE, len(people))
        people._seen = SeenItems.opened(folder)
        people._grow(FIRST_ROWS)
        people._look()
        return people


def seconds_of(at_us: np.ndarray) -> np.ndarray:
    """Times in microseconds since 1970 as rows keep them: seconds since `DAWN`, uint32, of any shape."""
    seconds: np.ndarray = np.clip(at_us // SECOND - DAWN, 0, LAST).astype(np.uint32)
    return seconds


def second_of(at_us: int) -> np.uint32:
    """As `seconds_of`, one."""
    return np.uint32(min(max(at_us // SECOND - DAWN, 0), LAST))


def _name(user_id: str) -> int:
    return int.from_bytes(
        hashlib.blake2b(user_id.encode(errors="surrogatepass"), digest_size=8).digest(), "little"
    )

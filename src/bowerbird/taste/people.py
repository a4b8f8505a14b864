"""Everybody's taste as rows of fixed size in plain arrays: `ROW_BYTES` each, in memory and on disk.

A person is a row; a dictionary says which. How an event changes a row, and why the order of events does not
matter, is told in `learning`. A snapshot is these arrays as files: it opens by memory map, copied on writing.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.feather as feather

from bowerbird.data.events import ACTION_CODE, Action
from bowerbird.data.interactions import WEIGHT_OF_CODE
from bowerbird.taste.learning import (
    FILTER_WORDS,
    MOST_INTERESTS,
    OLDER,
    PERIOD,
    RING,
    learn_row,
    learn_rows,
)
from bowerbird.taste.state import SECOND, Older, Seen, TasteState

COLUMNS: dict[str, tuple[type, int]] = {
    "at": (np.uint32, RING),
    "item": (np.int32, RING),
    "action": (np.int8, RING),
    "key": (np.uint32, OLDER),
    "total": (np.int32, OLDER),
    "seen": (np.uint64, FILTER_WORDS),
    "count": (np.int16, 1),
    "sums": (np.int16, 1),
}
"""What a row consists of: type and how many of it."""
ROW_BYTES = sum(np.dtype(kind).itemsize * many for kind, many in COLUMNS.values())
HALF_CLICKS = np.round(2 * WEIGHT_OF_CODE).astype(np.int32)
"""Weight of each action code in halves of a click: whole numbers, whose sums know no order."""
IMPRESSION = ACTION_CODE[Action.IMPRESSION.value]
FIRST_ROWS = 256
DAWN = -1_577_923_200
"""The first second that a row can hold, since 1970: that of 1920. The last one is in 2056."""
LAST = int(np.iinfo(np.uint32).max)
IDS_FILE = "people.feather"


class People:
    """Rows of P people. Not safe between threads: whoever holds it locks."""

    def __init__(self, interest: np.ndarray) -> None:
        """`interest` (items,): which interest each item speaks for, -1 for none."""
        self.interest = interest.astype(np.int32)
        self.ids: list[str] = []
        self._row: dict[str, int] = {}
        self._columns: dict[str, np.ndarray] = {
            name: np.zeros((FIRST_ROWS, many), kind) for name, (kind, many) in COLUMNS.items()
        }
        self._arrays = self._in_order()

    def __len__(self) -> int:
        return len(self.ids)

    def __contains__(self, user_id: object) -> bool:
        return user_id in self._row

    def row_of(self, user_id: str) -> int:
        """A person's row, made where there is none yet."""
        row = self._row.get(user_id)
        if row is None:
            row = self._row[user_id] = len(self.ids)
            self.ids.append(user_id)
            if row >= len(self._columns["count"]):
                self._grow(2 * row)
        return row

    def learn(
        self, rows: np.ndarray, at_us: np.ndarray, items: np.ndarray, actions: np.ndarray
    ) -> np.ndarray:
        """Learn n events of known rows and items, times in microseconds; which of them changed a row, (n,).

        Events that say nothing of taste (impressions) change nothing.
        """
        changed = np.zeros(len(rows), bool)
        telling = HALF_CLICKS[actions] != 0
        seconds = np.clip(at_us // SECOND - DAWN, 0, LAST).astype(np.uint32)
        chosen = (rows, seconds, items.astype(np.int32), actions.astype(np.int8))
        changed[telling] = learn_rows(
            *self._arrays, *(part[telling] for part in chosen), self.interest, HALF_CLICKS
        )
        return changed

    def learn_one(self, row: int, at_us: int, item: int, action: int) -> bool:
        """As `learn`, one event: several times quicker than a batch of one."""
        if action == IMPRESSION:
            return False
        second = np.uint32(min(max(at_us // SECOND - DAWN, 0), LAST))
        return bool(learn_row(*self._arrays, row, second, item, action, self.interest, HALF_CLICKS))

    def state(self, user_id: str) -> TasteState:
        """A copy of what is kept of one person; an empty state for a stranger."""
        row = self._row.get(user_id)
        if row is None:
            return TasteState(user_id)
        n, m = int(self._columns["count"][row, 0]), int(self._columns["sums"][row, 0])
        of = {name: column[row].copy() for name, column in self._columns.items()}
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
            Seen(of["seen"] if of["seen"].any() else None),
        )

    def _in_order(self) -> tuple[np.ndarray, ...]:
        """The columns as compiled code wants them."""
        c = self._columns
        flat = {name: c[name][:, 0] for name in ("count", "sums")}
        return (
            *(c["at"], c["item"], c["action"], flat["count"]),
            *(c["key"], c["total"], flat["sums"], c["seen"]),
        )

    def counts(self) -> np.ndarray:
        """Kept events of each person, (P,)."""
        found: np.ndarray = self._columns["count"][: len(self), 0].astype(np.int64)
        return found

    # -- snapshots ----------------------------------------------------------------------------------------

    def save(self, folder: Path) -> None:
        """Write the rows in use into a new folder. Raises `OSError` where they can't be written."""
        folder.mkdir(parents=True)
        for name, column in self._columns.items():
            np.save(folder / f"{name}.npy", column[: len(self)])
        feather.write_feather(pa.table({"user_id": pa.array(self.ids, pa.string())}), folder / IDS_FILE)

    @classmethod
    def opened(cls, folder: Path, interest: np.ndarray) -> People:
        """What `save` wrote, by memory map. Raises `OSError` or `ValueError` where it is broken."""
        people = cls(interest)
        people.ids = feather.read_table(folder / IDS_FILE)["user_id"].to_pylist()
        people._row = {user: row for row, user in enumerate(people.ids)}
        for name, (kind, many) in COLUMNS.items():
            column = np.load(folder / f"{name}.npy", mmap_mode="c" if people.ids else None)
            if column.shape != (len(people), many) or column.dtype != kind:
                raise ValueError(f"{folder / name} is of another layout")
            people._columns[name] = column
        people._grow(FIRST_ROWS)
        return people

    def _grow(self, least: int) -> None:
        """Make room for at least so many rows; a mapped column becomes one in memory then."""
        for name, column in self._columns.items():
            if len(column) < least:
                larger = np.zeros((least, column.shape[1]), column.dtype)
                larger[: len(column)] = column
                self._columns[name] = larger
        self._arrays = self._in_order()

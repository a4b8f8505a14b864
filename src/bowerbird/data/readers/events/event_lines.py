"""Files of events, one row a line: rows of the usual form as columns, ten times as fast as one by one.

A reader says what the rows of the usual form hold, as it is written. The values are parsed here by the same
functions that read single rows, each distinct one once. Every other row, and each that has a value which
can't be read, goes through the reader of single rows; a law holds both to the same outcomes.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import pyarrow as pa

from bowerbird.data.arrays import BoolArray, IntArray
from bowerbird.data.events import EVENT_SCHEMA, Action, Alias
from bowerbird.data.readers.event_columns import times
from bowerbird.data.readers.events.values import (
    Value,
    amount_of,
    each_distinct,
    numbers_of,
    rank_of,
    texts_of,
)
from bowerbird.data.readers.records import (
    AliasDraft,
    EventBatch,
    EventDraft,
    IgnoredRow,
    Records,
    RowLocations,
)
from bowerbird.data.readers.values.outcomes import Repair
from bowerbird.data.readers.values.texts import parse_name

LINES_PER_BLOCK, BYTES_PER_BLOCK = 20_000, 1 << 24
_SCHEMA = pa.schema([field.with_nullable(True) for field in EVENT_SCHEMA])


FIELDS = (
    "user",
    "item",
    "action",
    "stamp",
    "event_id",
    "price",
    "currency",
    "session",
    "surface",
    "query",
    "position",
    "recommendation_id",
)
EventFields = tuple[
    Value, Value, Action, str, Value, Value, Value, Value, Value, Value, Value, Value
]  # a plain tuple: a named one takes five times as long to make
"""The `FIELDS` of one event, as they are written; "" and None are missing, an event's id is then derived."""


class EventLines(ABC):
    """Reads the lines of one file."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.n_rows = self.n_valid = 0
        """`n_valid`: rows that are of the layout, whatever they say."""
        self._pairs: dict[tuple[Value, Value], bool] = {}
        self._aliases: list[tuple[int, AliasDraft]] = []

    @abstractmethod
    def usual_events(self, number: int, line: bytes) -> Sequence[EventFields] | str | None:
        """The events of a row of the usual form, or what it is where it says nothing of items.

        None for a row of another form.
        """

    @abstractmethod
    def read_row(self, location: str, line: bytes) -> Records:
        """Read one row whatever its form."""

    def join(self, number: int, device: Value, user: Value) -> bool:
        """Whether two ids of a row are an alias; each pair is noted once."""
        pair = device, user
        if pair not in self._pairs:
            alias = Alias(parse_name(device), parse_name(user))
            self._pairs[pair] = bool(alias.alias and alias.user_id) and alias.alias != alias.user_id
            if self._pairs[pair]:
                self._aliases.append((number, AliasDraft(alias, f"{self.file}:{number}")))
        return self._pairs[pair]

    def read(self, lines: Iterable[tuple[int, bytes]]) -> Records:
        """Read all rows, in blocks; several calls of one line may have its number."""
        numbers: list[int] = []
        block: list[bytes] = []
        size = 0
        for number, line in lines:
            numbers.append(number)
            block.append(line)
            size += len(line)
            if len(block) >= LINES_PER_BLOCK or size >= BYTES_PER_BLOCK:
                yield from self._read_block(numbers, block)
                numbers, block, size = [], [], 0
        yield from self._read_block(numbers, block)

    def _read_block(self, numbers: list[int], block: list[bytes]) -> Records:
        fields: list[EventFields] = []
        indices: list[int] = []
        unusual: set[int] = set()
        ignored: Counter[str] = Counter()
        for index, line in enumerate(block):
            outcome = self.usual_events(numbers[index], line)
            if outcome is None:
                unusual.add(index)
            elif isinstance(outcome, str):
                ignored[outcome] += 1
            else:
                fields += outcome
                indices += [index] * len(outcome)
        self.n_rows += len(block)
        self.n_valid += len(block) - len(unusual)
        yield from (IgnoredRow("events", description, n) for description, n in ignored.items())
        table, is_readable = self._columns(fields)
        row_indices = np.array(indices, np.int64)
        unusual |= set(row_indices[~is_readable].tolist())
        is_usual = ~np.isin(row_indices, list(unusual))
        drafts: list[tuple[int, EventDraft]] = []
        for index in sorted(unusual):
            yield from self._unusual_row(index, numbers[index], block[index], drafts)
        yield from (alias for _, alias in sorted(self._aliases, key=lambda each: each[0]))
        self._aliases.clear()
        usual_rows = row_indices[is_usual]
        yield from self._merged(table.filter(pa.array(is_usual)), usual_rows, numbers, drafts)

    def _unusual_row(
        self, index: int, number: int, line: bytes, drafts: list[tuple[int, EventDraft]]
    ) -> Records:
        """Read a row one by one; its events go to `drafts`, its aliases to those of the block."""
        for record in self.read_row(f"{self.file}:{number}", line):
            if isinstance(record, EventDraft):
                drafts.append((index, record))
            elif isinstance(record, AliasDraft):
                self._aliases.append((number, record))
            else:
                yield record

    def _merged(
        self, table: pa.Table, rows: IntArray, numbers: list[int], drafts: list[tuple[int, EventDraft]]
    ) -> Iterator[EventBatch]:
        """One batch in the order of the block's `rows`: of events with one id the first counts.

        `numbers`: that of each row of the block.
        """
        repairs: dict[int, tuple[Repair, ...]] = {}
        if drafts:
            events = pa.Table.from_pylist([draft.event.as_row() for _, draft in drafts], schema=_SCHEMA)
            table = pa.concat_tables([table, events])
            rows = np.concatenate([rows, np.array([row for row, _ in drafts], np.int64)])
            order = np.argsort(rows, kind="stable")
            table, rows = table.take(pa.array(order)), rows[order]
            row_of = np.argsort(order)[len(order) - len(drafts) :].tolist()
            left_out = zip(row_of, (draft.repairs for _, draft in drafts), strict=True)
            repairs = {row: each for row, each in left_out if each}
        if table.num_rows:
            yield EventBatch(table, RowLocations(self.file, np.array(numbers, np.int64)[rows]), repairs)

    def _columns(self, fields: list[EventFields]) -> tuple[pa.Table, BoolArray]:
        """Events in `EVENT_SCHEMA`, and whether each could be read as a whole, (n,) bool."""
        if not fields:
            return _SCHEMA.empty_table(), np.zeros(0, bool)
        values = dict(zip(FIELDS, zip(*fields, strict=True), strict=True))
        names = {name: each_distinct(parse_name, values[name]) for name in ("user", "item", "surface")}
        prices = list(zip(values["price"], values["currency"], strict=True))
        amounts, has_amount = numbers_of(lambda price: amount_of("price", *price), prices)
        ranks, has_rank = numbers_of(lambda value: rank_of("position", value), values["position"])
        at = times(pa.array(values["stamp"], pa.string()))
        arrays = {
            "user_id": names["user"],
            "item_id": names["item"],
            "action": values["action"],
            "at": at,
            "value": amounts,
            "position": ranks,
            "surface": [text or None for text in names["surface"]],
        } | {name: texts_of(values[name]) for name in ("event_id", "session", "query", "recommendation_id")}
        is_readable = at.is_valid().to_numpy(zero_copy_only=False) & has_amount & has_rank
        for column in (names["user"], names["item"]):
            if not all(column):
                is_readable &= np.array([bool(text) for text in column])
        table = pa.table([pa.array(arrays[field.name], field.type) for field in _SCHEMA], schema=_SCHEMA)
        return table, is_readable

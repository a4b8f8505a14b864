"""Events from columns: whole arrays of users, items, times and values at once.

Values that Arrow can't convert are parsed by the functions of `fields`, each distinct one once, so that a
table says the same whichever way it is read.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bowerbird.data.arrays import BoolArray
from bowerbird.data.events import EVENT_SCHEMA
from bowerbird.data.readers.fields import parse_text, parse_time
from bowerbird.data.readers.inputs.table_batches import TableBatch
from bowerbird.data.readers.records import EventBatch, RejectedRow, RowLocations
from bowerbird.data.readers.values.ids import FLOAT, SHORTENED, SHORTENED_ID, parse_id
from bowerbird.data.readers.values.outcomes import Repair
from bowerbird.data.readers.values.texts import MAX_NULL, NULL_WORDS, is_null
from bowerbird.data.readers.values.times import EPOCH_UNITS, explain_rejection
from bowerbird.data.times import SECOND

AT = EVENT_SCHEMA.field("at").type
_ISO = r"^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d{1,6})?Z?$"
_NUMBER = r"^\d+(\.\d+)?([eE]\+?\d+)?$"
_UNITS = EPOCH_UNITS[:3]
"""Nanoseconds are parsed one by one: they have more digits than float64 holds."""
MIN_EPOCH = 10**8
"""Smaller numbers may be compact dates (20220131): they are parsed one by one."""


class EventRows:
    """Events being made of a batch; `reject` leaves rows out, with a reason."""

    def __init__(self, batch: TableBatch) -> None:
        self.batch = batch
        self._columns: dict[str, Any] = {}
        self._reasons: list[tuple[BoolArray, str]] = []
        self._repairs: dict[int, tuple[Repair, ...]] = {}

    def column(self, name: str) -> pa.Array:
        """A column of the table as one array."""
        return self.batch.rows[name].combine_chunks()

    def set(self, field: str, values: pa.Array | str) -> None:
        """Set a field of all events: an array (n,), or one text."""
        self._columns[field] = values

    def set_id(self, field: str, name: str, reason: str = "") -> None:
        """Set an id from a column, (n,) texts; rows without it are rejected, by default as "no NAME"."""
        self._columns[field] = ids = id_texts(self.column(name))
        self.reject(pc.equal(ids, ""), reason or f"no {name}")
        if pc.any(pc.match_substring(ids, "E+")).as_py():
            self.reject(pc.match_substring_regex(ids, SHORTENED.pattern), f"{field} {SHORTENED_ID}")

    def set_time(self, name: str, reason: str) -> None:
        """Set the time from a column; rows without one, or whose time can't be read, are rejected.

        `reason` is that of missing times; others say why they can't be read, and which forms are understood.
        """
        column = self.column(name)
        self._columns["at"] = at = times(column)
        unreadable = np.flatnonzero(at.is_null().to_numpy(zero_copy_only=False))
        for why, indices in _rows_by_rejection(column.take(pa.array(unreadable)).to_pylist()).items():
            rows = np.zeros(len(column), bool)
            rows[unreadable[indices]] = True
            self.reject(pa.array(rows), reason + why)

    def set_parsed(self, field: str, name: str, values: pa.Array, reason: str) -> None:
        """Set a field to what was parsed from a column, (n,); what is there and can't be parsed is listed."""
        self._columns[field] = values
        column = self.column(name)
        lost = np.flatnonzero(pc.and_(values.is_null(), column.is_valid()).to_numpy(zero_copy_only=False))
        for row, value in zip(lost.tolist(), column.take(pa.array(lost)).to_pylist(), strict=True):
            if not is_null(str(value)):
                self._repairs[row] = (*self._repairs.get(row, ()), Repair.of(name, value, reason))

    def reject(self, rows: pa.Array, reason: str) -> None:
        """Leave rows out, (n,) bool."""
        self._reasons.append((rows.fill_null(True).to_numpy(zero_copy_only=False), reason))

    def records(self) -> Iterator[EventBatch | RejectedRow]:
        """The rejected rows, each with its first reason, and the others as events."""
        n, is_open = self.batch.rows.num_rows, np.ones(self.batch.rows.num_rows, bool)
        for rows, reason in self._reasons:
            for index in np.flatnonzero(rows & is_open).tolist():
                row = self.batch.rows.slice(index, 1).to_pylist()[0]
                location = f"{self.batch.file}:{self.batch.numbers[index]}"
                yield RejectedRow("events", reason, location, row)
            is_open &= ~rows
        arrays = [self._array(field, n) for field in EVENT_SCHEMA]
        table = pa.table(arrays, schema=pa.schema([field.with_nullable(True) for field in EVENT_SCHEMA]))
        if not is_open.all():
            table = table.filter(pa.array(is_open))
        if table.num_rows:
            index_after = (np.cumsum(is_open) - 1).tolist() if self._repairs else []
            repairs = {index_after[row]: each for row, each in self._repairs.items() if is_open[row]}
            yield EventBatch(table, RowLocations(self.batch.file, self.batch.numbers[is_open]), repairs)

    def _array(self, field: pa.Field, n: int) -> pa.Array:
        values = self._columns.get(field.name)
        if values is None:
            return pa.nulls(n, field.type)
        if isinstance(values, str):
            return pa.repeat(pa.scalar(values, field.type), n)
        return values.cast(field.type)


@cache
def _null_spellings() -> pa.Array:
    """Usual spellings of missing values; made when first needed, as Arrow imports pandas for it."""
    return pa.array(
        sorted(
            {
                form
                for word in NULL_WORDS
                for form in (word, word.upper(), word.title(), word.replace("nan", "NaN"))
            }
        )
    )


def _rows_by_rejection(values: list[Any]) -> dict[str, list[int]]:
    """Indices of times that can't be read, by what follows the reason; nothing for missing ones."""
    rows: dict[str, list[int]] = defaultdict(list)
    for index, value in enumerate(values):
        rows[explain_rejection(value)].append(index)
    return rows


def texts(column: pa.Array) -> pa.Array:
    """Texts as `parse_text` gives them, empty where there is none, (n,)."""
    if pa.types.is_integer(column.type):
        return column.cast(pa.string()).fill_null("")
    if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
        return each_distinct(column, parse_text, pa.string())
    return pc.utf8_trim_whitespace(column.cast(pa.string()).fill_null(""))


def id_texts(column: pa.Array) -> pa.Array:
    """Ids as `parse_id` gives them, empty where there is none, (n,)."""
    ids = without_nulls(texts(column))
    # The search for a text is ten times as fast as one for a pattern.
    if not pc.any(pc.match_substring(ids, ".")).as_py():
        return ids
    is_float = pc.match_substring_regex(ids, FLOAT.pattern)
    whole = [parse_id(text) for text in ids.filter(is_float).to_pylist()]
    return pc.replace_with_mask(ids, is_float, pa.array(whole, pa.string())) if whole else ids


def without_nulls(column: pa.Array) -> pa.Array:
    """Texts without those that stand for a missing value, (n,)."""
    is_short = pc.less_equal(pc.binary_length(column), MAX_NULL)  # descriptions are not looked up
    if not pc.any(pc.is_in(column.filter(is_short), _null_spellings())).as_py():
        return column
    is_missing = pc.is_in(column, _null_spellings())
    return pc.if_else(is_missing, "", column) if pc.any(is_missing).as_py() else column


def times(column: pa.Array) -> pa.Array:
    """Times in UTC as `parse_time` gives them, null where none can be read, (n,)."""
    if pa.types.is_timestamp(column.type):
        utc = column if column.type.tz else pc.assume_timezone(column, "UTC")
        return utc.cast(AT, safe=False)
    if pa.types.is_date(column.type):
        return pc.assume_timezone(column.cast(pa.timestamp("us")), "UTC")
    if pa.types.is_nested(column.type):
        return pa.array([parse_time(value) for value in column.to_pylist()], AT)
    encoded = column.dictionary_encode()
    values = encoded.dictionary
    parsed = _vectorised_times(values) if len(values) > 1000 else None
    if parsed is None:
        parsed = pa.array([parse_time(value) for value in values.to_pylist()], AT)
    return parsed.take(encoded.indices)


def _vectorised_times(values: pa.Array) -> pa.Array | None:
    """Times of numbers, of digits, or in ISO 8601; None where any value is of another form."""
    try:
        if pa.types.is_string(values.type):
            if pc.all(pc.match_substring_regex(values, _ISO)).as_py():
                return pc.assume_timezone(pc.utf8_rtrim(values, "Z").cast(pa.timestamp("us")), "UTC")
            if not pc.all(pc.match_substring_regex(values, _NUMBER)).as_py():
                return None
            values = values.cast(pa.float64())
        if values.null_count or not (pa.types.is_integer(values.type) or pa.types.is_floating(values.type)):
            return None
        seconds = values.cast(pa.float64()).to_numpy()  # microseconds of today fit its 53 bits
        if not ((seconds >= MIN_EPOCH) & (seconds < _UNITS[-1][0])).all():
            return None
        limits = np.array([limit for limit, _ in _UNITS])
        units = np.array([SECOND / per_second for _, per_second in _UNITS])
        microseconds = np.rint(seconds * units[np.searchsorted(limits, seconds, side="right")])
        return pa.array(microseconds.astype(np.int64)).cast(AT)
    except pa.ArrowInvalid:  # e.g. the 31st of February
        return None


def numbers(column: pa.Array, parse: Callable[[Any], float | None]) -> pa.Array:
    """Numbers, (n,) float64, null where there is none; `parse` reads what is not simply a number."""
    try:
        values = column.cast(pa.float64())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return each_distinct(column, parse, pa.float64())
    return pc.if_else(pc.is_finite(values), values, pa.scalar(None, pa.float64()))


def each_distinct(column: pa.Array, parse: Callable[[Any], Any], to: pa.DataType) -> pa.Array:
    """`parse` of each value, called once for each distinct one, (n,)."""
    try:
        encoded = column.dictionary_encode()
    except pa.ArrowNotImplementedError:  # nested types
        return pa.array([parse(value) for value in column.to_pylist()], to)
    parsed = pa.array([parse(value) for value in encoded.dictionary.to_pylist()], to)
    result = parsed.take(encoded.indices)
    if column.null_count:
        of_null = parse(None)
        result = result if of_null is None else result.fill_null(of_null)
    return result

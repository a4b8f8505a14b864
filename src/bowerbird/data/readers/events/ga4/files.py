"""Files of Google Analytics 4: its BigQuery export as JSON lines or Parquet, and its Measurement Protocol."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

from bowerbird.data.readers.events.event_lines import EventFields, EventLines
from bowerbird.data.readers.events.ga4.parsing import ACTION_OF, name_of, parse_row, unnested
from bowerbird.data.readers.events.ga4.protocol import is_payload, parse_event_row, rows_of
from bowerbird.data.readers.events.ga4.typed_rows import decode_row
from bowerbird.data.readers.events.segment import MAX_NAME_LENGTH
from bowerbird.data.readers.fields import parse_text
from bowerbird.data.readers.inputs.forms import Form, form_of
from bowerbird.data.readers.inputs.json_lines import decode_json, read_encoded_lines, require_objects
from bowerbird.data.readers.inputs.parquet import read_parquet
from bowerbird.data.readers.inputs.tables import python_rows, read_rows
from bowerbird.data.readers.records import IgnoredRow, Records, RejectedRow, records_of

COLUMNS = ("event_timestamp", "user_id", "user_pseudo_id", "items", "event_params", "ecommerce")
"""What is read of Parquet files, next to the event's name."""
ROWS_PER_BATCH = 8192
_encode = msgspec.json.Encoder(decimal_format="number").encode


def read(paths: Sequence[Path]) -> Records:
    """Read the events of exported files."""
    for path in paths:
        if form_of(path) is Form.JSON:
            rows = RowLines(path.name)
            yield from rows.read(read_encoded_lines(path))
            require_objects(path, rows.n_rows, rows.n_valid)
        elif form_of(path) is Form.PARQUET:
            yield from _of_parquet(path)
        else:
            for location, row in read_rows(path, ("event_name",)):
                yield from _records(row, location)


def _of_parquet(path: Path) -> Records:
    """Only rows that say something become Python's: nine of ten are page views and the like.

    They are encoded as JSON, whose reader is several times as fast as one of single rows.
    """
    lines = RowLines(path.name)
    start = 1
    for table, _ in read_parquet(path, ("event_name",), COLUMNS, ROWS_PER_BATCH):
        numbers = np.arange(start, start + table.num_rows)
        start += table.num_rows
        ignored = _ignored_events(table)
        for name, n in Counter(name for name in ignored if name).items():
            yield IgnoredRow("events", f"event {name!r}", n)
        is_used = np.array([not name for name in ignored], bool)
        rows = zip(numbers[is_used].tolist(), python_rows(path, table.filter(pa.array(is_used))), strict=True)
        if any(_holds_bytes(field.type) for field in table.schema):  # JSON has none
            for number, row in rows:
                yield from _records(row, f"{path.name}:{number}")
        else:
            yield from lines.read((number, _encode(_plain(row))) for number, row in rows)


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    """A row whose repeated fields are lists."""
    lists = {name: unnested(row[name]) for name in ("items", "event_params") if name in row}
    return row | lists


def _holds_bytes(kind: pa.DataType) -> bool:
    nested = (kind.field(index).type for index in range(kind.num_fields))
    return pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or any(map(_holds_bytes, nested))


def _ignored_events(table: pa.Table) -> list[str]:
    """The name of each row that says nothing of items and names one id at most; empty for other rows."""
    names = [parse_text(name)[:MAX_NAME_LENGTH] for name in table["event_name"].to_pylist()]
    has_two = np.ones(table.num_rows, bool)
    for column in ("user_id", "user_pseudo_id"):
        is_there = column in table.column_names
        has_two &= table[column].is_valid().to_numpy() if is_there else np.zeros(table.num_rows, bool)
    return ["" if two or name in ACTION_OF else name for name, two in zip(names, has_two, strict=True)]


def _records(message: dict[str, Any], location: str) -> Records:
    """What a row of the export says, or each event of the protocol's payload."""
    if not is_payload(message):
        yield from records_of(parse_row(message), location, message, f"event {name_of(message)!r}")
        return
    for row in rows_of(message):
        description = "" if isinstance(row, str) else f"event {name_of(row)!r}"
        yield from records_of(parse_event_row(row), location, row, description)


class RowLines(EventLines):
    """Lines of exported rows."""

    def usual_events(self, number: int, line: bytes) -> Sequence[EventFields] | str | None:
        """See `EventLines.usual_events`."""
        row = decode_row(line)
        if row is None or not row.event_name:
            return None
        name = parse_text(row.event_name)[:MAX_NAME_LENGTH]
        names_two = row.user_id is not None and row.user_pseudo_id is not None
        is_alias = names_two and self.join(number, row.user_pseudo_id, row.user_id)
        action = ACTION_OF.get(name)
        if action is None and name:
            return [] if is_alias else f"event {name!r}"
        return None if action is None else row.events(action)

    def read_row(self, location: str, line: bytes) -> Records:
        """See `EventLines.read_row`."""
        row = decode_json(line)
        if isinstance(row, dict):
            self.n_valid += 1
            yield from _records(row, location)
        else:
            yield RejectedRow("events", "not a JSON object", location, row)

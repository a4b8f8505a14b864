"""How every log writes an event down: a digest of its id, the person, and a JSON body.

The digest, 128 bits of BLAKE2, stands for the id wherever ids are looked up: of a hundred million events two
share one with a probability of 1e-23, and it takes 16 bytes however long the id is.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import NamedTuple

import pyarrow as pa
import pyarrow.json as pj

from bowerbird.data.events import EVENT_SCHEMA, Action, Event
from bowerbird.errors import InputError, StoreError

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_WRITTEN = pa.schema([field.with_type(pa.int64()) if field.name == "at" else field for field in EVENT_SCHEMA])
_FIELDS = tuple(EVENT_SCHEMA.names)
_WRITE = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_USER = re.compile(rb'"user_id":"((?:[^"\\]|\\.)*)"')  # inside a text its quotes would be escaped
_AT_ONCE = 20_000  # bodies parsed together: some 5 MB


class Row(NamedTuple):
    """One event as logs keep it."""

    digest: bytes
    user_id: str
    body: bytes
    event: Event  # what the body says


def digest_of(event_id: str) -> bytes:
    return hashlib.blake2b(event_id.encode(), digest_size=16).digest()


def row_of(event: Event) -> Row:
    """An event written down. Raises `InputError` for text that is no Unicode (lone surrogates)."""
    said = {name: value for name in _FIELDS if (value := getattr(event, name)) is not None}
    said["at"] = (event.at - _EPOCH) // _MICROSECOND
    try:
        body = _WRITE(said).encode()
        return Row(digest_of(event.event_id), event.user_id, body, event)
    except UnicodeEncodeError as error:
        raise InputError(f"the event {event.event_id!r} holds text that is no Unicode ({error})") from None


def event_of(body: bytes | str) -> Event:
    row = json.loads(body)
    action, at = Action(row.pop("action")), _EPOCH + row.pop("at") * _MICROSECOND
    return Event(**row, action=action, at=at)


def user_of(body: bytes) -> str:
    """Whose event a body is, ten times quicker than `event_of`. Raises ValueError where it can't be read."""
    written = _USER.search(body)
    if written is None:
        return str(json.loads(body)["user_id"])
    name = written[1]
    return str(json.loads(b'"' + name + b'"')) if b"\\" in name else name.decode()


def rows_of(table: pa.Table) -> Iterator[Row]:
    """The rows of a table in `EVENT_SCHEMA`, a few thousand in memory at a time."""
    for batch in table.to_batches(max_chunksize=_AT_ONCE):
        for row in batch.to_pylist():
            yield row_of(Event.from_row(row))


def table_of(bodies: Iterable[bytes]) -> pa.Table:
    """Bodies as a table in `EVENT_SCHEMA`, in their order. Raises `StoreError` where one can't be read."""
    bodies, parts = iter(bodies), [EVENT_SCHEMA.empty_table()]
    while chunk := list(islice(bodies, _AT_ONCE)):
        lines = b"\n".join(chunk)
        try:
            part = pj.read_json(
                pa.py_buffer(lines),
                pj.ReadOptions(use_threads=False, block_size=len(lines) + 1),  # a body must lie in one block
                pj.ParseOptions(explicit_schema=_WRITTEN, unexpected_field_behavior="error"),
            )
        except pa.ArrowInvalid as error:
            raise StoreError(f"the event log holds a record that is none of an event ({error})") from None
        parts.append(part.select(EVENT_SCHEMA.names).cast(EVENT_SCHEMA))
    return pa.concat_tables(parts)


def in_order(table: pa.Table) -> pa.Table:
    """Sorted by time, equal times by id."""
    return table.sort_by([("at", "ascending"), ("event_id", "ascending")])


def newness(rows: Sequence[Row], kept: set[bytes]) -> list[bool]:
    """Of each row whether it is the first of those whose digests were newly kept."""
    result = []
    for row in rows:
        result.append(row.digest in kept)
        kept.discard(row.digest)
    return result

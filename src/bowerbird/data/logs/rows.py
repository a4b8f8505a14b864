"""The stored form of an event in every log: a digest of its id, the user, and a JSON body.

The digest, 128 bits of BLAKE2, replaces the id in look-ups: among a hundred million events two have the same
digest with a probability of about 1e-23, and it takes 16 bytes for an id of any length.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.json as pj

from bowerbird.data.events import EVENT_SCHEMA, Action, Event
from bowerbird.data.times import microseconds
from bowerbird.errors import InputError, StoreError

TAIL = "tail.jsonl"
"""File of live events in logs of older versions."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_STORED_SCHEMA = pa.schema(
    [field.with_type(pa.int64()) if field.name == "at" else field for field in EVENT_SCHEMA]
)
_FIELDS = tuple(EVENT_SCHEMA.names)
_encode_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_USER_PATTERN = re.compile(
    rb'"user_id":"((?:[^"\\]|\\.)*)"'
)  # inside a string value its quotes would be escaped
_BODIES_PER_BATCH = 20_000  # bodies parsed together: about 5 MB


class Row(NamedTuple):
    """One event as logs store it."""

    digest: bytes
    user_id: str
    body: bytes
    event: Event  # the same event as `body`


def digest_id(event_id: str) -> bytes:
    """128 bits of BLAKE2 of an event's id."""
    return hashlib.blake2b(event_id.encode(), digest_size=16).digest()


def digest_each(contents: Iterable[bytes]) -> Iterator[bytes]:
    """128 bits of BLAKE2 of each content: copies of one hash take half the time of new ones."""
    copy = hashlib.blake2b(digest_size=16).copy
    for content in contents:
        digest = copy()
        digest.update(content)
        yield digest.digest()


def encode_event(event: Event) -> Row:
    """Encode an event. Raises `InputError` for text that is not valid Unicode (lone surrogates)."""
    fields = {name: value for name in _FIELDS if (value := getattr(event, name)) is not None}
    fields["at"] = microseconds(event.at)
    try:
        body = _encode_json(fields).encode()
        return Row(digest_id(event.event_id), event.user_id, body, event)
    except UnicodeEncodeError as error:
        raise InputError(
            f"the event {event.event_id!r} has text that is not valid Unicode ({error})"
        ) from None


def decode_event(body: bytes | str) -> Event:
    """Decode an event from its JSON body."""
    row = json.loads(body)
    action, at = Action(row.pop("action")), _EPOCH + row.pop("at") * _MICROSECOND
    return Event(**row, action=action, at=at)


def decode_user_id(body: bytes) -> str:
    """The user id in a body, ten times faster than `decode_event`. Raises ValueError for an invalid body."""
    match = _USER_PATTERN.search(body)
    if match is None:
        return str(json.loads(body)["user_id"])
    name = match[1]
    return str(json.loads(b'"' + name + b'"')) if b"\\" in name else name.decode()


def encode_table(table: pa.Table) -> Iterator[Row]:
    """Encode the rows of a table in `EVENT_SCHEMA`, in batches."""
    for batch in table.to_batches(max_chunksize=_BODIES_PER_BATCH):
        for row in batch.to_pylist():
            yield encode_event(Event.from_row(row))


def decode_bodies(bodies: Iterable[bytes]) -> pa.Table:
    """Decode bodies into a table in `EVENT_SCHEMA`, in order. Raises `StoreError` for an invalid body."""
    bodies, batches = iter(bodies), [EVENT_SCHEMA.empty_table()]
    while chunk := list(islice(bodies, _BODIES_PER_BATCH)):
        lines = b"\n".join(chunk)
        try:
            batch = pj.read_json(
                pa.py_buffer(lines),
                pj.ReadOptions(use_threads=False, block_size=len(lines) + 1),  # a body must lie in one block
                pj.ParseOptions(explicit_schema=_STORED_SCHEMA, unexpected_field_behavior="error"),
            )
        except pa.ArrowInvalid as error:
            raise StoreError(f"the event log has a record that is not an event ({error})") from None
        batches.append(batch.select(EVENT_SCHEMA.names).cast(EVENT_SCHEMA))
    return pa.concat_tables(batches)


def sort_by_time(table: pa.Table) -> pa.Table:
    """Sort events by time, equal times by id."""
    return table.sort_by([("at", "ascending"), ("event_id", "ascending")])


def mark_new_rows(rows: Sequence[Row], stored: set[bytes]) -> list[bool]:
    """Whether each row is the first one with its digest, among the digests that were newly stored."""
    is_new = []
    for row in rows:
        is_new.append(row.digest in stored)
        stored.discard(row.digest)
    return is_new


def read_tail(path: Path) -> Iterator[Row]:
    """Read the live events of an older version's `TAIL`, one JSON object per line.

    An incomplete last line was never acknowledged and is left out.
    Raises `StoreError` at a damaged line.
    """
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if not line.endswith(b"\n"):
                return
            try:
                row = json.loads(line)
                event = Event.from_row({**row, "at": datetime.fromisoformat(row["at"])})
            except (ValueError, TypeError, KeyError) as error:
                raise StoreError(
                    f"line {number} of {path} is damaged ({type(error).__name__}): restore the file from a "
                    "backup, or delete the line to continue without that event"
                ) from None
            yield encode_event(event)

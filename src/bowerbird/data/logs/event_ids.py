"""Ids of many events that come without any."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bowerbird.data.events import EVENT_SCHEMA
from bowerbird.data.logs.rows import digest_each
from bowerbird.data.times import SECOND

HEX_DIGITS = 32
"""Of a derived id: 128 bits."""


def derive_event_ids(rows: pa.Table) -> pa.Array:
    """The id of each event that is derived from its other fields, (n,): see `events.derive_event_id`."""
    return _hex_digests(_id_contents(rows))


def with_event_ids(rows: pa.Table) -> pa.Table:
    """Events in `EVENT_SCHEMA`, with derived ids where they have none."""
    ids = rows["event_id"].combine_chunks()
    if ids.null_count:
        missing = rows if ids.null_count == len(ids) else rows.filter(ids.is_null())
        derived = derive_event_ids(missing)
        ids = derived if missing is rows else pc.replace_with_mask(ids, ids.is_null(), derived)
    column = rows.schema.get_field_index("event_id")
    return rows.set_column(column, EVENT_SCHEMA.field("event_id"), ids).cast(EVENT_SCHEMA)


def _id_contents(rows: pa.Table) -> list[bytes]:
    """What ids are derived from: user, item, action and time, separated as in `derive_event_id`."""
    times = rows["at"].combine_chunks().dictionary_encode()
    written = _isoformat(times.dictionary)
    columns = [rows[name].combine_chunks() for name in ("user_id", "item_id", "action")]
    joined = pc.binary_join_element_wise(*columns, written.take(times.indices), "\x1f")
    contents: list[bytes] = joined.cast(pa.binary()).to_pylist()
    return contents


def _isoformat(times: pa.Array) -> pa.Array:
    """Times as `datetime.isoformat` writes them, (n,): without a fraction where there is none."""
    utc = times.cast(pa.timestamp("us"))
    is_whole = pa.array(utc.cast(pa.int64()).to_numpy() % SECOND == 0)
    seconds = pc.floor_temporal(utc, unit="second").cast(pa.timestamp("s")).cast(pa.string())
    written = pc.if_else(is_whole, seconds, utc.cast(pa.string()))
    return pc.binary_join_element_wise(pc.replace_substring(written, " ", "T"), "+00:00", "")


def _hex_digests(contents: list[bytes]) -> pa.Array:
    """The digest of each content in hexadecimal digits, (n,)."""
    digits = b"".join(digest_each(contents)).hex().encode()
    offsets = np.arange(len(contents) + 1, dtype=np.int32) * HEX_DIGITS
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(digits)]
    return pa.Array.from_buffers(pa.string(), len(contents), buffers)

"""Events out of a store again: as Segment's calls, or as Parquet. Importing them anew changes nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from bowerbird.choices import SEGMENT_EVENTS, SEGMENT_EVENTS_OF_LISTS
from bowerbird.data.files.durable import write_atomically
from bowerbird.data.files.table_files import write_table
from bowerbird.data.logs.joined import JoinedLog
from bowerbird.data.readers.layouts import EventLayout
from bowerbird.data.times import format_utc
from bowerbird.errors import InputError

ROWS_PER_BATCH = 50_000
PROPERTY_OF = {
    "value": "price",
    "session": "session_id",
    "surface": "list_id",
    "query": "query",
    "position": "position",
    "recommendation_id": "recommendation_id",
}


def export_events(log: JoinedLog, layout: EventLayout, out: Path) -> int:
    """Write every event of a log, by time, with the id of the user to whom it belongs; return their number.

    Raises `InputError` where the file can't be written.
    """
    events = log.read()
    if layout is EventLayout.PARQUET:
        write_table(events, out)
    else:
        content = b"".join(json.dumps(call, ensure_ascii=False).encode() + b"\n" for call in calls_of(events))
        try:
            write_atomically(out, content)
        except OSError as error:
            raise InputError(
                f"{out} can't be written ({error}): choose a file in an existing folder"
            ) from None
    return int(events.num_rows)


def calls_of(events: pa.Table) -> Iterator[dict[str, Any]]:
    """Segment's call of each event in `EVENT_SCHEMA`."""
    for batch in events.to_batches(max_chunksize=ROWS_PER_BATCH):
        for row in batch.to_pylist():
            yield _call_of(row)


def _call_of(row: dict[str, Any]) -> dict[str, Any]:
    product = {"product_id": row["item_id"]} | {
        name: row[field] for field, name in PROPERTY_OF.items() if row[field] is not None
    }
    return {
        "type": "track",
        "event": SEGMENT_EVENTS[row["action"]],
        "messageId": row["event_id"],
        "userId": row["user_id"],
        "timestamp": format_utc(row["at"]),
        "properties": {"products": [product]} if row["action"] in SEGMENT_EVENTS_OF_LISTS else product,
    }

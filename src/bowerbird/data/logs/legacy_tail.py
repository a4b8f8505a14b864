"""Reading `tail.jsonl`, the live events of logs of older versions: one JSON object per line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from bowerbird.data.events import Event
from bowerbird.data.logs.rows import Row, encode_event
from bowerbird.errors import StoreError

TAIL = "tail.jsonl"


def read_tail(path: Path) -> Iterator[Row]:
    """The events of complete lines; an incomplete last line was never acknowledged and is left out.

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

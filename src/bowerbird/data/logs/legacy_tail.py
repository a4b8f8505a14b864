"""Taking over `tail.jsonl`, where logs of earlier versions kept their live events: a JSON line an event."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from bowerbird.data.events import Event
from bowerbird.data.logs.rows import Row, row_of
from bowerbird.errors import StoreError

TAIL = "tail.jsonl"


def tail_rows(path: Path) -> Iterator[Row]:
    """The events of complete lines; a last line cut by a crash was never accepted and is left out.

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
                    "backup, or go on without that event by deleting the line"
                ) from None
            yield row_of(event)

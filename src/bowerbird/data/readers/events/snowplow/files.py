"""Files of Snowplow's enriched events: one row or one JSON object a line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from bowerbird.data.readers.events.event_lines import EventFields, EventLines
from bowerbird.data.readers.events.snowplow.json_events import NO_EVENT, fields_of_event, is_event
from bowerbird.data.readers.events.snowplow.parsing import (
    FIELD,
    MIN_FIELDS,
    N_FIELDS,
    TIMES,
    fields_of,
    parse_row,
    value_of,
)
from bowerbird.data.readers.events.snowplow.payloads import events_of_payload, is_payload
from bowerbird.data.readers.events.snowplow.typed_rows import decode_interaction
from bowerbird.data.readers.inputs.json_lines import read_json_lines
from bowerbird.data.readers.inputs.text_files import open_bytes
from bowerbird.data.readers.records import Records, RejectedRow, records_of
from bowerbird.errors import InputError

_EVENT, _EVENT_ID, _USER, _DEVICE = (FIELD[n] for n in ("event", "event_id", "user_id", "domain_userid"))
_NETWORK, _SESSION = FIELD["network_userid"], FIELD["domain_sessionid"]
_BEFORE_JSON = b"\xef\xbb\xbf\xff\xfe\x00 \r\n"
"""Marks and blanks, but no tabs: empty fields of a row."""
_EVENT_DATA, _CONTEXTS = FIELD["unstruct_event"], FIELD["contexts"]


def read(paths: Sequence[Path]) -> Records:
    """Read the events of enriched files. Raises `InputError` for a file without a row of that form."""
    for path in paths:
        if _is_json(path):
            yield from _json_records(path)
            continue
        rows = RowLines(path.name)
        with open_bytes(path) as file:
            yield from rows.read((n, line) for n, line in enumerate(file, start=1) if line.strip())
        if rows.n_rows and not rows.n_valid:
            raise InputError(
                f"{path} has no row of {N_FIELDS} tab-separated fields: is it an enriched Snowplow file?"
            )


def _is_json(path: Path) -> bool:
    """Whether the first line that is not blank begins as JSON does; a row may hold JSON further on."""
    with open_bytes(path) as file:
        first = next((line for line in file if line.strip()), b"")
    return first.lstrip(_BEFORE_JSON)[:1] in (b"{", b"[")


def _json_records(path: Path) -> Records:
    for number, row in read_json_lines(path):
        location = f"{path.name}:{number}"
        if not isinstance(row, dict):
            yield RejectedRow("events", "not a JSON object", location, row)
        elif is_payload(row):
            for fields in events_of_payload(row):
                if isinstance(fields, str):
                    yield RejectedRow("events", fields, location, row)
                else:
                    yield from _records(fields, location)
        elif not is_event(row):
            yield RejectedRow("events", NO_EVENT, location, row)
        else:
            yield from _records(fields_of_event(row), location)


class RowLines(EventLines):
    """Lines of enriched rows."""

    def usual_events(self, number: int, line: bytes) -> Sequence[EventFields] | str | None:
        """See `EventLines.usual_events`."""
        fields = fields_of(line)
        if len(fields) < MIN_FIELDS:
            return None
        user, device = fields[_USER].strip(), fields[_DEVICE].strip() or fields[_NETWORK].strip()
        is_alias = bool(user and device) and self.join(number, device, user)
        interaction = decode_interaction(fields[_EVENT_DATA].strip(), fields[_CONTEXTS].strip())
        name = fields[_EVENT].strip() or "unnamed"
        if name == "transaction_item" or interaction is None:
            return None
        if interaction.action is None:
            return [] if is_alias else f"{name} event"
        stamp = next((text for each in TIMES if (text := value_of(fields, each))), "")
        return interaction.events(user or device, stamp, fields[_EVENT_ID].strip(), fields[_SESSION].strip())

    def read_row(self, location: str, line: bytes) -> Records:
        """See `EventLines.read_row`."""
        fields = fields_of(line)
        if len(fields) < MIN_FIELDS:
            reason = f"{len(fields)} fields, expected {N_FIELDS}"
            yield RejectedRow("events", reason, location, "\t".join(fields)[:500])
            return
        self.n_valid += 1
        yield from _records(fields, location)


def _records(fields: list[str], location: str) -> Records:
    name = value_of(fields, "event") or "unnamed"
    for record in records_of(parse_row(fields), location, fields, f"{name} event"):
        if isinstance(record, RejectedRow):
            row = {name: fields[index] for name, index in FIELD.items() if index < len(fields)}
            record = replace(record, row=row)
        yield record

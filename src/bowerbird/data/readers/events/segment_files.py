"""Files of Segment's and RudderStack's calls, one JSON object a line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import chain, islice
from pathlib import Path
from typing import Any

from bowerbird.data.collections import Collection
from bowerbird.data.events import Action
from bowerbird.data.readers.events.event_lines import EventFields, EventLines
from bowerbird.data.readers.events.segment import (
    ACTION_OF,
    ACTION_OF_LIST,
    MAX_NAME_LENGTH,
    TIMES,
    USUAL_TYPES,
    describe_ignored,
    parse_call,
    properties_of,
)
from bowerbird.data.readers.events.segment_calls import BATCH, calls_of, decode_call, event_name
from bowerbird.data.readers.events.segment_rows import call_of_row, is_warehouse_row
from bowerbird.data.readers.fields import parse_text
from bowerbird.data.readers.inputs.forms import Form, form_of
from bowerbird.data.readers.inputs.json_lines import (
    MAX_SHOWN,
    decode_json,
    read_encoded_lines,
    require_objects,
)
from bowerbird.data.readers.inputs.records_of_text import ragged_reason
from bowerbird.data.readers.inputs.tables import read_rows
from bowerbird.data.readers.records import CollectionDraft, EventDraft, Records, RejectedRow, records_of
from bowerbird.data.readers.values.actions import parse_action
from bowerbird.errors import InputError

BOARD_NAMES = ("wishlist_name", "board_name", "board")  # the specification's field, and common custom fields
Boards = dict[tuple[str, str], dict[str, None]]
"""Items of each user's boards, by the user and the board's name."""


def read(paths: Sequence[Path]) -> Records:
    """Read the events of files, and a collection for each named wish list or board."""
    boards: Boards = {}
    for path in paths:
        if form_of(path) is not Form.JSON:
            yield from _of_table(path)
            continue
        calls = CallLines(path.name, boards)
        yield from calls.read(_calls_in(path))
        require_objects(path, calls.n_rows, calls.n_valid)
    for (user, name), items in boards.items():
        collection = Collection(f"{user}/{name}", tuple(items), name=name, kind="board", user_id=user)
        yield CollectionDraft(collection, f"board {name}", extends_existing=True)


def _of_table(path: Path) -> Records:
    """What the rows of a warehouse's table say."""
    for location, row in read_rows(path):
        if reason := ragged_reason(row):
            yield RejectedRow("events", reason, location, row)
        elif is_warehouse_row(row):
            yield from records_of(parse_call(row), location, row, describe_ignored(call_of_row(row)))
        else:
            columns = ", ".join(row)[:MAX_SHOWN]
            raise InputError(
                f"{path} holds no JSON objects, one a line, and is no table of a warehouse (anonymous_id, "
                f"event, timestamp); it has {columns}: name another layout, or give a map with --columns"
            )


def _calls_in(path: Path) -> Iterator[tuple[int, bytes]]:
    """The calls of a file, each with the number of its line.

    Batches are taken apart where the first line is one: a look into each line costs a twentieth of the
    import. Others are read as rows.
    """
    lines = read_encoded_lines(path)
    first = list(islice(lines, 1))
    numbered = chain(first, lines)
    if any(BATCH in line for _, line in first):
        return ((number, call) for number, line in numbered for call in calls_of(line))
    return numbered


class CallLines(EventLines):
    """Lines of calls: of the usual form are those about products whose fields have the usual types."""

    def __init__(self, file: str, boards: Boards) -> None:
        super().__init__(file)
        self._boards = boards

    def usual_events(self, number: int, line: bytes) -> Sequence[EventFields] | str | None:
        """See `EventLines.usual_events`."""
        call = decode_call(line)
        if call is None or call.type not in USUAL_TYPES or (call.user is None and call.anonymous is None):
            return None
        names_two = call.user is not None and call.anonymous is not None
        is_alias = names_two and self.join(number, call.anonymous, call.user)
        if call.type != "track":
            return [] if is_alias else f"{call.type} call"
        action, is_list, description = _usual_event(call.event)
        if action is not None:
            return call.events(action, is_list)
        return [] if is_alias and description else description

    def read_row(self, location: str, line: bytes) -> Records:
        """See `EventLines.read_row`."""
        message = decode_json(line)
        self.n_valid += isinstance(message, dict)
        for call in _calls(message):
            if not isinstance(call, dict):
                yield RejectedRow("events", "not a JSON object", location, call)
                continue
            ignored = describe_ignored(call_of_row(call) if is_warehouse_row(call) else call)
            for record in records_of(parse_call(call), location, call, ignored):
                yield record
                if isinstance(record, EventDraft) and record.event.action is Action.SAVE:
                    event = record.event
                    if board := _board(call):
                        self._boards.setdefault((event.user_id, board), {})[event.item_id] = None


@lru_cache(4096)
def _usual_event(event: str | None) -> tuple[Action | None, bool, str | None]:
    """The action of an event, and whether it has a list of products; or else what it is.

    None of these for a name of another vocabulary: it counts where a call names products.
    """
    name = event_name(event)[:MAX_NAME_LENGTH]
    action = ACTION_OF.get(name) or ACTION_OF_LIST.get(name)
    is_other = bool(name) and (action is not None or parse_action(name) is None)
    description = f"event {parse_text(event)[:MAX_NAME_LENGTH]!r}" if is_other else None
    return action, name in ACTION_OF_LIST, description


def _calls(message: Any) -> list[Any]:
    """The calls of a row: itself, or those of a batch, as senders post them."""
    calls = message.get("batch") if isinstance(message, dict) else None
    if not isinstance(calls, list):
        return [message]
    shared = {name: message[name] for name in TIMES if name in message}
    return [shared | call if isinstance(call, dict) else call for call in calls]


def _board(message: dict[str, Any]) -> str:
    properties = properties_of(message)
    return next((text for name in BOARD_NAMES if (text := parse_text(properties.get(name)))), "")

"""Dialogues from Parquet and JSONL, in three shapes that their columns tell apart.

- Turns: `dialogue_id, turn, role, text` and lists of item ids (`mentioned`, `recommended`, `liked`, …).
- Sequences of items without text: `dialogue_id, role, sentiment, item_id` (or `movieId`), all lists.
- Single recommending turns: `dialogue_id, turn, context` (the turns before, the user's last), `response,
  recommended`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bowerbird.data.dialogues import ITEM_LISTS, DialogueTurn, Role
from bowerbird.data.readers.fields import parse_text
from bowerbird.data.readers.inputs.tables import read_rows
from bowerbird.data.readers.records import RejectedRow
from bowerbird.errors import InputError

MAX_TURN = 100_000
"""Highest number of a turn; larger ones are ids or times in the wrong column."""
MAX_CHARACTERS = 100_000  # of one turn
_ROLES = {
    **dict.fromkeys(("user", "seeker", "customer", "human"), Role.USER),
    **dict.fromkeys(("assistant", "recommender", "system", "agent", "wizard"), Role.ASSISTANT),
}


@dataclass(frozen=True, slots=True)
class TurnDraft:
    """A turn as read, with its place in a dialogue."""

    dialogue_id: str
    user_id: str
    number: int
    turn: DialogueTurn
    location: str
    """File and row number."""
    in_sequence: bool = False
    """Whether it comes from a sequence of items, whose numbers are not those of the dialogue's turns."""


DraftsOrRejected = Iterator[TurnDraft | RejectedRow]
Row = Mapping[str, Any]


class _RowError(ValueError):
    """Why a row can't be used."""


def read_turns(path: Path) -> DraftsOrRejected:
    """Read the turns of a file, a row at a time; rows that can't be used come with their reason.

    Raises `InputError` where the file can't be read or has none of the three shapes.
    """
    parse: Callable[[Row], Iterator[tuple[int, DialogueTurn]]] | None = None
    for location, row in _json_rows(path) if path.suffix.lower() == ".jsonl" else read_rows(path):
        if isinstance(row, str):
            yield RejectedRow("dialogues", "not a JSON object", location, row)
            continue
        parse = parse or _parser_of(row, path)
        try:
            dialogue_id, user_id = _identifier(row, "dialogue_id"), parse_text(row.get("user_id"))
            drafts = [
                TurnDraft(dialogue_id, user_id, *numbered, location, parse is _parse_sequence)
                for numbered in parse(row)
            ]
        except _RowError as error:
            yield RejectedRow("dialogues", str(error), location, row)
        else:
            yield from drafts


def _json_rows(path: Path) -> Iterator[tuple[str, dict[str, Any] | str]]:
    """Rows of a JSONL file; a line that is not a JSON object comes as its text."""
    try:
        with path.open(encoding="utf-8-sig") as file:
            for number, line in enumerate(file, start=1):
                if not line.strip():
                    continue
                try:
                    row = json.loads(line)
                except (ValueError, RecursionError):
                    row = line
                yield f"{path.name}:{number}", row if isinstance(row, dict) else line.strip()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} can't be read as JSONL in UTF-8 ({error})") from None


def _parser_of(row: Row, path: Path) -> Callable[[Row], Iterator[tuple[int, DialogueTurn]]]:
    """The parser for a file's shape, by the columns of its first row."""
    if "context" in row and "response" in row:
        return _parse_recommending_turn
    if isinstance(row.get("role"), list) and ("item_id" in row or "movieId" in row):
        return _parse_sequence
    if all(name in row for name in ("dialogue_id", "turn", "role", "text")):
        return _parse_turn
    raise InputError(
        f"{path} holds no dialogues that can be read: it has {', '.join(row)}. Expected are dialogue_id, "
        "turn, role, text; or dialogue_id and lists of role, sentiment, item_id; or dialogue_id, turn, "
        "context, response, recommended"
    )


def _parse_turn(row: Row) -> Iterator[tuple[int, DialogueTurn]]:
    lists = {name: _texts(row, name) for name in ITEM_LISTS}
    acts = _texts(row, "acts") or tuple(act for act in (parse_text(row.get("act")),) if act)
    turn = DialogueTurn(
        parse_role(row["role"]), _text(row, "text"), **lists, acts=acts, satisfaction=_satisfaction(row)
    )
    yield parse_turn_number(row["turn"]), turn


def _parse_sequence(row: Row) -> Iterator[tuple[int, DialogueTurn]]:
    """One turn without text for each item; what the assistant names is recommended."""
    name = "item_id" if "item_id" in row else "movieId"
    roles, items, sentiments = row["role"], row[name], row.get("sentiment")
    if not isinstance(roles, list) or not isinstance(items, list) or len(roles) != len(items):
        raise _RowError(f"role and {name} are not lists of one length")
    if sentiments is None:
        sentiments = [""] * len(items)
    if not isinstance(sentiments, list) or len(sentiments) != len(items):
        raise _RowError(f"sentiment is not a list as long as {name}")
    for number, (raw_role, item, sentiment) in enumerate(zip(roles, items, sentiments, strict=True)):
        item_id, role = parse_text(item), parse_role(raw_role)
        if not item_id:
            continue
        item_ids, feeling = (item_id,), sentiment.upper() if isinstance(sentiment, str) else ""
        yield (
            number,
            DialogueTurn(
                role,
                mentioned=item_ids,
                recommended=item_ids if role is Role.ASSISTANT else (),
                liked=item_ids if feeling == "POS" else (),
                disliked=item_ids if feeling == "NEG" else (),
            ),
        )


def _parse_recommending_turn(row: Row) -> Iterator[tuple[int, DialogueTurn]]:
    """The context's turns, user and assistant in turns with the user last, and the recommending response."""
    context = row["context"]
    if not isinstance(context, list) or not all(isinstance(text, str) for text in context):
        raise _RowError("context is not a list of texts")
    for number, text in enumerate(context):
        role = Role.USER if (len(context) - number) % 2 else Role.ASSISTANT
        yield number, DialogueTurn(role, parse_text(text)[:MAX_CHARACTERS])
    recommended = _texts(row, "recommended")
    yield (
        len(context),
        DialogueTurn(Role.ASSISTANT, _text(row, "response"), mentioned=recommended, recommended=recommended),
    )


# -- fields -------------------------------------------------------------------------------------------------


def _identifier(row: Row, name: str) -> str:
    if not (identifier := parse_text(row.get(name))):
        raise _RowError(f"no {name}")
    return identifier


def parse_role(value: Any) -> Role:
    """Who speaks, from the spellings that files have. Raises `ValueError` for others."""
    role = _ROLES.get(parse_text(value).lower())
    if role is None:
        raise _RowError(f"role is neither user nor assistant: {parse_text(value)[:40]!r}")
    return role


def parse_turn_number(value: Any) -> int:
    """The number of a turn. Raises `ValueError` where it is not a whole number in range."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, str) and value.isdecimal():
        value = int(value[:9])
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MAX_TURN:
        raise _RowError(f"turn is not a whole number from 0 to {MAX_TURN}")
    return value


def _text(row: Row, name: str) -> str:
    value = row.get(name)
    if value is not None and not isinstance(value, str):
        raise _RowError(f"{name} is not a text")
    return parse_text(value)[:MAX_CHARACTERS]


def _texts(row: Row, name: str) -> tuple[str, ...]:
    """A list of ids or labels without repetitions; a missing one is empty."""
    value = row.get(name)
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ()
    if not isinstance(value, list):
        raise _RowError(f"{name} is not a list")
    return tuple(dict.fromkeys(text for text in map(parse_text, value) if text))


def _satisfaction(row: Row) -> float | None:
    value = row.get("satisfaction")
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if is_number and value is not None else None

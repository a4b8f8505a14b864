"""Dialogues: recorded conversations between a user and whoever recommends, with the items that were named.

They train and evaluate the assistant. Some hold only the sequence of items, without any text.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from enum import StrEnum
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

DIALOGUES_FILE = "dialogues.parquet"
ITEM_LISTS = ("mentioned", "recommended", "accepted", "liked", "disliked", "seen")
"""Fields of a turn that hold item ids."""
_TEXTS = pa.list_(pa.string())
DIALOGUE_SCHEMA = pa.schema(
    [
        pa.field("dialogue_id", pa.string(), nullable=False),
        pa.field("user_id", pa.string()),
        pa.field("liked_before", _TEXTS),
        pa.field("turn", pa.int32(), nullable=False),
        pa.field("role", pa.string(), nullable=False),
        pa.field("text", pa.string()),
        *(pa.field(name, _TEXTS) for name in (*ITEM_LISTS, "acts")),
        pa.field("satisfaction", pa.float64()),
    ]
)
"""One row per turn, in the order of the turns."""


class Role(StrEnum):
    """Who speaks."""

    USER = "user"
    ASSISTANT = "assistant"


@dataclass(frozen=True, slots=True)
class DialogueTurn:
    """What one side said, and the ids of the items in it."""

    role: Role
    text: str = ""
    mentioned: tuple[str, ...] = ()
    """Items named in this turn, recommended ones included."""
    recommended: tuple[str, ...] = ()
    accepted: tuple[str, ...] = ()
    """Recommended items that the user took."""
    liked: tuple[str, ...] = ()
    disliked: tuple[str, ...] = ()
    seen: tuple[str, ...] = ()
    """Items that the user knows already."""
    acts: tuple[str, ...] = ()
    satisfaction: float | None = None
    """Satisfaction of the user, 1 to 5; None where nobody rated it."""


@dataclass(frozen=True, slots=True)
class Dialogue:
    """A recorded conversation; `user_id` is empty where it is not known."""

    dialogue_id: str
    turns: tuple[DialogueTurn, ...]
    user_id: str = ""
    liked_before: tuple[str, ...] = ()
    """Items that the user liked before the conversation, the oldest first; empty where that is not known."""

    @property
    def has_text(self) -> bool:
        """Whether any turn has its text."""
        return any(turn.text for turn in self.turns)


def write_dialogues(folder: Path, dialogues: Sequence[Dialogue]) -> None:
    """Write dialogues into a version's folder."""
    with pq.ParquetWriter(folder / DIALOGUES_FILE, DIALOGUE_SCHEMA, compression="zstd") as file:
        for start in range(0, len(dialogues), _DIALOGUES_PER_GROUP):
            rows = [
                row for dialogue in dialogues[start : start + _DIALOGUES_PER_GROUP] for row in _rows(dialogue)
            ]
            file.write_table(pa.Table.from_pylist(rows, schema=DIALOGUE_SCHEMA))


_DIALOGUES_PER_GROUP = 1000


def _rows(dialogue: Dialogue) -> Iterator[dict[str, Any]]:
    for number, turn in enumerate(dialogue.turns):
        of_dialogue = {name: getattr(dialogue, name) for name in ("dialogue_id", "user_id", "liked_before")}
        of_turn = {declared.name: getattr(turn, declared.name) for declared in fields(DialogueTurn)}
        yield {**of_dialogue, "turn": number, **of_turn}


def read_dialogues(folder: Path) -> list[Dialogue]:
    """Read what `write_dialogues` wrote, in the same order."""
    turns: dict[str, list[DialogueTurn]] = {}
    known: dict[str, tuple[str, tuple[str, ...]]] = {}
    for batch in pq.ParquetFile(folder / DIALOGUES_FILE).iter_batches(8192):
        for row in batch.to_pylist():
            known[row["dialogue_id"]] = row["user_id"], tuple(row.get("liked_before") or ())
            turns.setdefault(row["dialogue_id"], []).append(_turn(row))
    return [Dialogue(dialogue_id, tuple(turns[dialogue_id]), *known[dialogue_id]) for dialogue_id in turns]


def _turn(row: dict[str, Any]) -> DialogueTurn:
    lists = {name: tuple(row[name]) for name in (*ITEM_LISTS, "acts")}
    return DialogueTurn(Role(row["role"]), row["text"], **lists, satisfaction=row["satisfaction"])

"""Import dialogues into a store: read, check, reject rows with a reason, and publish what is new.

Importing the same files again changes nothing. A dialogue with text replaces one of the same id without.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import msgspec
import pyarrow.parquet as pq

from bowerbird.data.dialogues import (
    DIALOGUES_FILE,
    ITEM_LISTS,
    Dialogue,
    DialogueTurn,
    read_dialogues,
    write_dialogues,
)
from bowerbird.data.ingest.summary import RowCounts, write_rejected
from bowerbird.data.readers.datasets.dialogues import TurnDraft, read_turns
from bowerbird.data.readers.records import RejectedRow
from bowerbird.data.store import Store
from bowerbird.data.versions.meta import DialoguesMeta
from bowerbird.errors import InputError
from bowerbird.progress import track

KIND = DialoguesMeta.KIND


@dataclass
class DialogueImportSummary:
    """How many turns and dialogues an import read, and what it left out."""

    turns: RowCounts = field(default_factory=RowCounts)
    dialogues: int = 0
    """Dialogues in the files with at least one usable turn."""
    new: int = 0
    """Of them, those that the store did not hold, or held differently."""
    total: int = 0
    """Dialogues in the store afterwards."""
    unknown_items: Counter[str] = field(default_factory=Counter)
    """Item ids that the catalogue does not have, by field; the turn is accepted without them."""
    seconds: float = 0.0
    rejected_file: Path | None = None

    def as_dict(self) -> dict[str, Any]:
        """Counts and file as plain values, for JSON."""
        return dict(msgspec.to_builtins(self, enc_hook=str))


def import_dialogues(store: Store, paths: Sequence[Path]) -> DialogueImportSummary:
    """Import files of dialogues, holding the store's lock.

    Raises `InputError` where a file is missing, is not of a known shape, or where none of its rows is usable.
    """
    start = time.perf_counter()
    for path in paths:
        if not path.is_file():
            raise InputError(f"there is no file {path}: name Parquet or JSONL files that exist")
    with store.lock("bowerbird import dialogues"):
        run = _Import(store, frozenset(store.item_ids()))
        for path in paths:
            for draft in track(read_turns(path), f"reading {path.name}"):
                run.add(draft)
        run.publish()
    run.summary.seconds = time.perf_counter() - start
    return run.summary


def read_dialogue_files(paths: Sequence[Path], items: frozenset[str]) -> list[Dialogue]:
    """Read dialogues without importing them; rows that can't be used and ids outside `items` are left out.

    Raises `InputError` where a file is missing or is not of a known shape.
    """
    run = _Import(None, items)
    for path in paths:
        if not path.is_file():
            raise InputError(f"there is no file {path}: name Parquet or JSONL files that exist")
        for draft in read_turns(path):
            run.add(draft)
    run.turns = run.sequences | run.turns
    return run.dialogues()


class _Import:
    """A running import: all turns that were read."""

    def __init__(self, store: Store | None, items: frozenset[str]) -> None:
        """`store` is where it is published; None to read only. `items` are the ids of the catalogue."""
        self.store = store
        self.items = items
        self.summary = DialogueImportSummary()
        self.turns: dict[str, dict[int, DialogueTurn]] = {}
        self.sequences: dict[str, dict[int, DialogueTurn]] = {}
        """Dialogues without text; they count where none of the same id has text."""
        self.users: dict[str, str] = {}
        self.rejected: list[RejectedRow] = []

    def add(self, draft: TurnDraft | RejectedRow) -> None:
        self.summary.turns.read += 1
        if isinstance(draft, RejectedRow):
            self._reject(draft)
            return
        turns = (self.sequences if draft.in_sequence else self.turns).setdefault(draft.dialogue_id, {})
        turn, present = self._with_known_items(draft.turn), turns.get(draft.number)
        if present is not None and present.text and turn.text and present.text != turn.text:
            row = {"dialogue_id": draft.dialogue_id, "turn": draft.number, "text": turn.text}
            self._reject(RejectedRow(KIND, "another turn of that number", draft.location, row))
            return
        turns[draft.number] = turn if present is None else _merge(present, turn)
        self.users[draft.dialogue_id] = draft.user_id or self.users.get(draft.dialogue_id, "")
        self.summary.turns.accepted += 1

    def _with_known_items(self, turn: DialogueTurn) -> DialogueTurn:
        known: dict[str, tuple[str, ...]] = {}
        for name in ITEM_LISTS:
            item_ids: tuple[str, ...] = getattr(turn, name)
            known[name] = tuple(item_id for item_id in item_ids if item_id in self.items)
            if n_unknown := len(item_ids) - len(known[name]):
                self.summary.unknown_items[name] += n_unknown
        return replace(turn, **known)  # type: ignore[arg-type]

    def _reject(self, rejected: RejectedRow) -> None:
        self.summary.turns.rejected[rejected.reason] += 1
        self.rejected.append(rejected)

    def publish(self) -> None:
        assert self.store is not None
        self.turns = self.sequences | self.turns
        self.summary.dialogues = len(self.turns)
        if not self.turns:
            reasons = ", ".join(f"{reason} ({n})" for reason, n in self.summary.turns.rejected.most_common())
            raise InputError(f"the files hold no usable turn: nothing was imported. {reasons}".rstrip(". "))
        current = self.store.current(KIND)
        stored = {} if current is None else {each.dialogue_id: each for each in read_dialogues(current.path)}
        new = {each.dialogue_id: each for each in self.dialogues() if _replaces(each, stored)}
        self.summary.new, merged = len(new), stored | new
        self.summary.total = len(merged)
        if new:
            publish_dialogues(self.store, list(merged.values()))
        self._write_rejected()

    def dialogues(self) -> list[Dialogue]:
        return [
            Dialogue(dialogue_id, tuple(turns[number] for number in sorted(turns)), self.users[dialogue_id])
            for dialogue_id, turns in self.turns.items()
        ]

    def _write_rejected(self) -> None:
        if not self.rejected or self.store is None:
            return
        self.summary.rejected_file = write_rejected(self.store, KIND, self.rejected, "usable turns")


def publish_dialogues(store: Store, dialogues: Sequence[Dialogue]) -> None:
    """Publish dialogues in place of those in force; the caller holds the store's lock."""
    turns = [turn for dialogue in dialogues for turn in dialogue.turns]
    meta = DialoguesMeta(
        dialogues=len(dialogues),
        turns=len(turns),
        without_text=sum(not dialogue.has_text for dialogue in dialogues),
        recommendations=sum(len(turn.recommended) for turn in turns),
    )
    store.publish(KIND, meta, lambda folder: write_dialogues(folder, dialogues))


def has_dialogue_of(store: Store, user_id: str) -> bool:
    """Whether any stored version of the dialogues has one of a user."""
    return any(
        user_id in pq.read_table(path, columns=["user_id"])["user_id"].unique().to_pylist()
        for path in store.path.glob(f"{KIND}/*/{DIALOGUES_FILE}")
    )


def erase_dialogues(store: Store, user_ids: Collection[str]) -> bool:
    """Remove the dialogues of users from every version; return whether there were any.

    All versions are dropped and the others' dialogues published again; the caller holds the store's lock.
    """
    if not any(has_dialogue_of(store, user_id) for user_id in user_ids):
        return False
    current = store.current(KIND)
    stored = [] if current is None else read_dialogues(current.path)
    store.drop(KIND)
    if others := [dialogue for dialogue in stored if dialogue.user_id not in user_ids]:
        publish_dialogues(store, others)
    return True


def _replaces(dialogue: Dialogue, stored: dict[str, Dialogue]) -> bool:
    present = stored.get(dialogue.dialogue_id)
    if present is None:
        return True
    return present != dialogue and (dialogue.has_text or not present.has_text)


def _merge(present: DialogueTurn, turn: DialogueTurn) -> DialogueTurn:
    """One turn of two readings of it: the text of whichever has one, and the items of both."""
    lists = {
        name: tuple(dict.fromkeys((*getattr(present, name), *getattr(turn, name))))
        for name in (*ITEM_LISTS, "acts")
    }
    satisfaction = turn.satisfaction if turn.satisfaction is not None else present.satisfaction
    merged = replace(turn, text=present.text or turn.text, satisfaction=satisfaction)
    return replace(merged, **lists)  # type: ignore[arg-type]

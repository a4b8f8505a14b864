"""`bowerbird evaluate --conversations FILE`: recommending from conversations, and the assistant."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from bowerbird.cli.output import emit
from bowerbird.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bowerbird.assist.evaluation.summary import AssistantEvaluation
    from bowerbird.conversations.evaluation import ConversationEvaluation, RecallRow
    from bowerbird.data.dialogues import Dialogue
    from bowerbird.data.snapshot import StoreSnapshot

STAGE_NAMES = {"understand_ms": "understand", "find_ms": "find", "write_ms": "write", "ms": "whole turn"}


@dataclass(frozen=True)
class FileEvaluation:
    """What a file of conversations says of a store; None where a part can't be evaluated."""

    recall: ConversationEvaluation | None
    assistant: AssistantEvaluation | None
    notes: tuple[str, ...]
    """Why a part was left out."""


def evaluate_conversation_file(path: Path, conversations: Path, as_json: bool) -> None:
    """Evaluate a store on conversations that it was not trained on.

    Recall is printed before the assistant's replay, which takes longer.
    """
    from bowerbird.data.files.records import record_as_dict
    from bowerbird.data.ingest.dialogues import read_dialogue_files
    from bowerbird.data.store import Store

    snapshot = Store.open(path).snapshot()
    dialogues = read_dialogue_files([conversations], frozenset(snapshot.catalogue.ids))
    recall, recall_note = _evaluate_recall(snapshot, dialogues)
    if recall is not None and not as_json:
        emit(None, as_json, lambda console: print_recall(console, recall))
    assistant, assistant_note = _evaluate_assistant(snapshot, conversations, dialogues)
    result = FileEvaluation(recall, assistant, tuple(filter(None, (recall_note, assistant_note))))
    emit(record_as_dict(result), as_json, lambda console: print_replay(console, result))


def _evaluate_recall(
    snapshot: StoreSnapshot, dialogues: Sequence[Dialogue]
) -> tuple[ConversationEvaluation | None, str]:
    from bowerbird.conversations.evaluation import evaluate_conversations
    from bowerbird.graft.head.ranker import open_ranker

    if not any(turn.recommended for dialogue in dialogues for turn in dialogue.turns):
        return None, "No recall: the file recommends no item of the catalogue."
    try:
        return evaluate_conversations(open_ranker(snapshot), dialogues), ""
    except StoreError as error:
        return None, f"No recall: {error}"


def _evaluate_assistant(
    snapshot: StoreSnapshot, path: Path, dialogues: Sequence[Dialogue]
) -> tuple[AssistantEvaluation | None, str]:
    from bowerbird.assist.assistant import Assistant
    from bowerbird.assist.evaluation.summary import evaluate_assistant

    if not any(dialogue.has_text for dialogue in dialogues):
        return None, "No assistant: the file holds no text."
    try:
        return evaluate_assistant(Assistant.open(snapshot), path, dialogues), ""
    except StoreError as error:
        return None, f"No assistant: {error}"


def print_recall(console: Console, recall: ConversationEvaluation) -> None:
    """Print the recall of all systems."""
    counts = f"{recall.recommended_items:,} recommended items, {recall.dialogues:,} dialogues"
    console.print(_tabulate_recall(f"{counts}; named left out", recall.rows))
    console.print(_tabulate_recall("Items already named counted in", recall.with_named))


def print_replay(console: Console, result: FileEvaluation) -> None:
    """Print the assistant's part, and why a part is missing."""
    if result.assistant is not None:
        print_assistant(console, result.assistant)
    for note in result.notes:
        console.print(note, markup=False, highlight=False)


def _tabulate_recall(title: str, rows: Sequence[RecallRow]) -> Table:
    names = list(rows[0].recall) if rows else []
    table = Table("", *names, title=title)
    for row in rows:
        cells = [
            f"{row.recall[k]:.3f} [{row.low[k]:.3f}, {row.high[k]:.3f}]".replace("[", "\\[") for k in names
        ]
        table.add_row(row.system, *cells)
    return table


def print_assistant(console: Console, result: AssistantEvaluation) -> None:
    """Print what the assistant made of the messages."""
    figures = Table(
        "assistant",
        "share",
        "cases",
        title=f"{result.turns:,} messages of {result.dialogues:,} conversations, replayed",
    )
    for act, accuracy in sorted(result.acts.items(), key=lambda pair: pair[0] != "all"):
        figures.add_row(f"act: {act}", f"{accuracy:.3f}", "")
    for slot, share in result.states.items():
        figures.add_row(f"state: {slot}", _format(share.share), f"{share.n:,}")
    figures.add_row("first item as expected", _format(result.first_item.share), f"{result.first_item.n:,}")
    figures.add_row("invented items", "", f"{result.invented_items:,}")
    figures.add_row("false claims", "", f"{result.false_claims:,}")
    console.print(figures)
    if result.acts_left_out:
        others = ", ".join(f"{act} ({n:,})" for act, n in result.acts_left_out.items())
        console.print(f"Acts that do not exist here, left out: {others}", markup=False, highlight=False)
    for claim in result.claim_examples:
        console.print(f"  false claim: {claim}", markup=False, highlight=False)
    times = Table("stage", "p50, ms", "p95, ms", title="Latency, wall clock")
    for stage, name in STAGE_NAMES.items():
        if stage in result.latency_ms:
            cuts = result.latency_ms[stage]
            times.add_row(name, f"{cuts.p50:.1f}", f"{cuts.p95:.1f}")
    console.print(times)


def _format(share: float | None) -> str:
    return "–" if share is None else f"{share:.3f}"

"""Printing of `recommend --conversations` and `evaluate --conversations`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from bowerbird.cli.output import emit

if TYPE_CHECKING:
    from bowerbird.conversations.evaluation import ConversationEvaluation, RecallRow


def recommend_conversations(store: Path, conversations: Path, out: Path, n: int, as_json: bool) -> None:
    """Answer every conversation of a file."""
    from bowerbird.conversations.batch import read_conversations, write_recommendations
    from bowerbird.data.files.records import record_as_dict
    from bowerbird.data.store import Store
    from bowerbird.graft.head.ranker import open_ranker

    turns = read_conversations(conversations)
    result = write_recommendations(open_ranker(Store.open(store).snapshot()), turns, n, out)
    text = f"{result.conversations:,} conversations, {result.rows:,} rows in {result.out}"
    emit(record_as_dict(result), as_json, lambda console: console.print(text, soft_wrap=True))


def evaluate_conversation_file(store: Path, conversations: Path, as_json: bool) -> None:
    """Evaluate the conversational recommender on dialogues that it was not trained on."""
    from bowerbird.conversations.evaluation import evaluate_conversations
    from bowerbird.data.files.records import record_as_dict
    from bowerbird.data.ingest.dialogues import read_dialogue_files
    from bowerbird.data.store import Store
    from bowerbird.graft.head.ranker import open_ranker

    ranker = open_ranker(Store.open(store).snapshot())
    dialogues = read_dialogue_files([conversations], frozenset(ranker.catalogue.ids))
    result = evaluate_conversations(ranker, dialogues)
    emit(record_as_dict(result), as_json, lambda console: print_conversations(console, result))


def print_conversations(console: Console, result: ConversationEvaluation) -> None:
    title = f"{result.recommended_items:,} recommended items, {result.dialogues:,} dialogues; named left out"
    console.print(_recall_table(title, result.rows))
    console.print(_recall_table("Items already named counted in", result.with_named))


def _recall_table(title: str, rows: list[RecallRow]) -> Table:
    names = list(rows[0].recall) if rows else []
    table = Table("", *names, title=title)
    for row in rows:
        cells = [
            f"{row.recall[k]:.3f} [{row.low[k]:.3f}, {row.high[k]:.3f}]".replace("[", "\\[") for k in names
        ]
        table.add_row(row.system, *cells)
    return table

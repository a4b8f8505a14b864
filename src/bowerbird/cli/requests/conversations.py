"""`bowerbird recommend --conversations`: answer every conversation of a file."""

from __future__ import annotations

from pathlib import Path

from bowerbird.cli.output import emit


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

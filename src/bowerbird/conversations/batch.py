"""Recommendations for a whole file of conversations; text in, ranked items out, both Parquet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from bowerbird.conversations.contexts import ContextTurn
from bowerbird.conversations.ranker import ConversationRanker
from bowerbird.data.files.durable import replacing
from bowerbird.data.readers.datasets.dialogues import parse_role, parse_turn_number
from bowerbird.data.readers.fields import parse_text
from bowerbird.data.readers.inputs.tables import read_rows
from bowerbird.errors import InputError
from bowerbird.progress import track

BLOCK = 128  # conversations answered at once
COLUMNS = ("conversation_id", "turn", "role", "text")
OUT_SCHEMA = pa.schema(
    [
        ("conversation_id", pa.string()),
        ("rank", pa.int32()),
        ("item_id", pa.string()),
        ("score", pa.float32()),
    ]
)


@dataclass(frozen=True)
class ConversationBatch:
    """What was written."""

    conversations: int
    rows: int
    out: str


def read_conversations(path: Path) -> dict[str, list[ContextTurn]]:
    """Turns of each conversation of a Parquet file, in their order.

    Raises `InputError`, with the row, where a column is missing or holds something else.
    """
    numbered: dict[str, dict[int, ContextTurn]] = {}
    for location, row in read_rows(path, COLUMNS):
        try:
            conversation_id = parse_text(row["conversation_id"])
            if not conversation_id:
                raise ValueError("no conversation_id")
            number, role = parse_turn_number(row["turn"]), parse_role(row["role"])
        except ValueError as error:
            raise InputError(f"{location}: {error}") from None
        turns = numbered.setdefault(conversation_id, {})
        if number in turns:
            raise InputError(f"{location}: conversation {conversation_id} has turn {number} twice")
        turns[number] = ContextTurn(role, parse_text(row["text"]))
    return {key: [turns[number] for number in sorted(turns)] for key, turns in numbered.items()}


def write_recommendations(
    ranker: ConversationRanker, conversations: dict[str, list[ContextTurn]], n: int, out: Path
) -> ConversationBatch:
    """Write the best `n` items of each conversation, whole or not at all, a block in memory at a time."""
    ids = list(conversations)
    rows = 0
    try:
        with replacing(out) as temporary, pq.ParquetWriter(temporary, OUT_SCHEMA) as file:
            starts = range(0, len(ids), BLOCK)
            for start in track(starts, "recommending", len(starts)):
                table = _recommend_block(ranker, ids[start : start + BLOCK], conversations, n)
                rows += table.num_rows
                file.write_table(table)
    except OSError as error:
        raise InputError(f"{out} can't be written ({error}): choose another place") from None
    return ConversationBatch(len(ids), rows, str(out))


def _recommend_block(
    ranker: ConversationRanker, ids: Sequence[str], conversations: dict[str, list[ContextTurn]], n: int
) -> pa.Table:
    contexts = [ranker.contexts.context(conversations[each]) for each in ids]
    rows = [
        {"conversation_id": each, "rank": rank, "item_id": ranker.catalogue.ids[position], "score": score}
        for each, (positions, scores) in zip(ids, ranker.recommend(contexts, n), strict=True)
        for rank, (position, score) in enumerate(zip(positions.tolist(), scores.tolist(), strict=True), 1)
    ]
    return pa.Table.from_pylist(rows, schema=OUT_SCHEMA)

"""What a user searched for and their boards, with the interests that these belong to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import pyarrow as pa

from bowerbird.data.collections import Collection
from bowerbird.data.items import Catalogue
from bowerbird.taste.interests.interests import Interests

MAX_INTERESTS = 3  # named for a query or a board


def queries_of(
    events: pa.Table, catalogue: Catalogue, interests: Interests, max_queries: int = 10
) -> list[dict[str, Any]]:
    """The latest queries of one user's events (`EVENT_SCHEMA`, in order of time), the latest first.

    Each with its text, the time of its last event, its number of events, and the interests of their items.
    """
    by_text: dict[str, list[tuple[str, Any]]] = {}  # item id and time of each event
    for row in events.select(["query", "item_id", "at"]).to_pylist():
        text = (row["query"] or "").strip()
        if text:
            by_text.setdefault(text, []).append((row["item_id"], row["at"]))
    latest = sorted(by_text, key=lambda text: by_text[text][-1][1], reverse=True)[:max_queries]
    return [
        {
            "query": text,
            "at": by_text[text][-1][1].isoformat(timespec="seconds"),
            "events": len(by_text[text]),
            "interests": _main_interests([item_id for item_id, _ in by_text[text]], catalogue, interests),
        }
        for text in latest
    ]


def boards_of(
    collections: Iterable[Collection], catalogue: Catalogue, interests: Interests
) -> list[dict[str, Any]]:
    """A user's boards, the largest first: name, kind, item ids, those that can't be bought, and interests."""
    largest_first = sorted(
        collections, key=lambda board: (-len(board.item_ids), board.name, board.collection_id)
    )
    return [
        {
            "name": board.name or board.collection_id,
            "kind": board.kind,
            "item_ids": list(board.item_ids),
            "unavailable": [item_id for item_id in board.item_ids if not _can_be_bought(item_id, catalogue)],
            "interests": _main_interests(board.item_ids, catalogue, interests),
        }
        for board in largest_first
    ]


def _can_be_bought(item_id: str, catalogue: Catalogue) -> bool:
    position = catalogue.position.get(item_id)
    return position is not None and bool(catalogue.available[position])


def _main_interests(item_ids: Sequence[str], catalogue: Catalogue, interests: Interests) -> list[str]:
    """Names of the interests of most of some items, the most frequent first."""
    positions = (catalogue.position.get(item_id) for item_id in item_ids)
    groups = [int(interests.group[position]) for position in positions if position is not None]
    counts = Counter(number for number in groups if number >= 0)
    return [interests.names[number] for number, _ in counts.most_common(MAX_INTERESTS)]

"""What a person searched for and which boards they keep, with the interests that these speak for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import pyarrow as pa

from bowerbird.data.collections import Collection
from bowerbird.data.items import Catalogue
from bowerbird.taste.interests.interests import Interests

MOST_INTERESTS = 3  # named for a query or a board


def queries_of(
    events: pa.Table, catalogue: Catalogue, interests: Interests, most: int = 10
) -> list[dict[str, Any]]:
    """The latest queries of one person's events (`EVENT_SCHEMA`, in order of time), the latest first: its
    text, when it was last asked, how many events came of it, and the interests of the items dealt with."""
    asked: dict[str, list[tuple[str, Any]]] = {}
    rows = events.select(["query", "item_id", "at"]).to_pylist()
    for row in rows:
        text = (row["query"] or "").strip()
        if text:
            asked.setdefault(text, []).append((row["item_id"], row["at"]))
    latest = sorted(asked, key=lambda text: asked[text][-1][1], reverse=True)[:most]
    return [
        {
            "query": text,
            "at": asked[text][-1][1].isoformat(timespec="seconds"),
            "events": len(asked[text]),
            "interests": _spoken_for([item for item, _ in asked[text]], catalogue, interests),
        }
        for text in latest
    ]


def boards_of(
    collections: Iterable[Collection], catalogue: Catalogue, interests: Interests
) -> list[dict[str, Any]]:
    """A user's boards, the largest first: name, kind, item ids, and the interests that they speak for."""
    return [
        {
            "name": one.name or one.collection_id,
            "kind": one.kind,
            "item_ids": list(one.item_ids),
            "interests": _spoken_for(one.item_ids, catalogue, interests),
        }
        for one in sorted(collections, key=lambda one: (-len(one.item_ids), one.name, one.collection_id))
    ]


def _spoken_for(item_ids: Sequence[str], catalogue: Catalogue, interests: Interests) -> list[str]:
    """Names of the interests of most of some items, the most frequent first."""
    places = (catalogue.position.get(item_id) for item_id in item_ids)
    groups = [int(interests.group[place]) for place in places if place is not None]
    counts = Counter(number for number in groups if number >= 0)
    return [interests.names[number] for number, _ in counts.most_common(MOST_INTERESTS)]

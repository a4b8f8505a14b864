"""MovieLens: films and ratings, csv or Parquet, with posters where the Parquet file has them.

A rating of at least 3.5 is a save, one of at most 2 a hide, one between a view; the stars stay in `value`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bowerbird.data.events import Action, Event
from bowerbird.data.items import Item
from bowerbird.data.readers.fields import find_file, parse_number, parse_text, parse_time
from bowerbird.data.readers.records import EventDraft, ItemDraft, Records, RejectedRow
from bowerbird.data.readers.tables import read_rows

MIN_SAVE_STARS, MAX_HIDE_STARS = 3.5, 2.0  # stars


def read(paths: Sequence[Path]) -> Records:
    """Read films, then ratings, of each folder."""
    for folder in paths:
        films = find_file(folder, "items.parquet", "movies.csv")
        ratings = find_file(folder, "ratings.parquet", "ratings.csv")
        for location, row in read_rows(films, ("movieId", "title")):
            yield _film(row, location)
        for location, row in read_rows(ratings, ("userId", "movieId", "rating", "timestamp")):
            yield _rating(row, location)


def _film(row: dict[str, Any], location: str) -> ItemDraft | RejectedRow:
    film = parse_text(row["movieId"])
    if not film:
        return RejectedRow("items", "no movieId", location, row)
    genres = [
        genre for genre in parse_text(row.get("genres")).split("|") if genre and "no genres" not in genre
    ]
    attributes = {
        "genre": ", ".join(genres),
        "director": parse_text(row.get("director")),
        "actors": parse_text(row.get("actors")),
    }
    item = Item(
        item_id=film,
        title=parse_text(row["title"]),
        description=parse_text(row.get("plot")),
        category=("film", *genres[:1]),
        attributes={name: value for name, value in attributes.items() if value},
    )
    return ItemDraft(item, location, row.get("image"))


def _rating(row: dict[str, Any], location: str) -> EventDraft | RejectedRow:
    user, film, at = parse_text(row["userId"]), parse_text(row["movieId"]), parse_time(row["timestamp"])
    stars = parse_number(row["rating"])
    if stars is None:
        return RejectedRow("events", "no rating that can be read", location, row)
    if not user or not film or at is None:
        reason = "no userId" if not user else "no movieId" if not film else "no timestamp that can be read"
        return RejectedRow("events", reason, location, row)
    action = (
        Action.SAVE if stars >= MIN_SAVE_STARS else Action.HIDE if stars <= MAX_HIDE_STARS else Action.VIEW
    )
    return EventDraft(Event(user, film, action, at, value=stars), location)

"""MovieLens: films and ratings, csv or Parquet, with posters where the Parquet file has them.

A rating of at least 3.5 is a save, one of at most 2 a hide, one between a view; the stars stay in `value`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bowerbird.data.events import Action, Event
from bowerbird.data.items import Item
from bowerbird.data.readers.fields import file_in, number_of, text_of, time_of
from bowerbird.data.readers.records import EventDraft, ItemDraft, Records, Refused
from bowerbird.data.readers.tables import rows_of

LIKED, DISLIKED = 3.5, 2.0  # stars


def read(paths: Sequence[Path]) -> Records:
    """Films, then ratings, of each folder."""
    for folder in paths:
        films = file_in(folder, "items.parquet", "movies.csv")
        ratings = file_in(folder, "ratings.parquet", "ratings.csv")
        for where, row in rows_of(films, ("movieId", "title")):
            yield _film(row, where)
        for where, row in rows_of(ratings, ("userId", "movieId", "rating", "timestamp")):
            yield _rating(row, where)


def _film(row: dict[str, Any], where: str) -> ItemDraft | Refused:
    film = text_of(row["movieId"])
    if not film:
        return Refused("items", "no movieId", where, row)
    genres = [genre for genre in text_of(row.get("genres")).split("|") if genre and "no genres" not in genre]
    attributes = {
        "genre": ", ".join(genres),
        "director": text_of(row.get("director")),
        "actors": text_of(row.get("actors")),
    }
    item = Item(
        item_id=film,
        title=text_of(row["title"]),
        description=text_of(row.get("plot")),
        category=("film", *genres[:1]),
        attributes={name: value for name, value in attributes.items() if value},
    )
    return ItemDraft(item, where, row.get("image"))


def _rating(row: dict[str, Any], where: str) -> EventDraft | Refused:
    user, film, at = text_of(row["userId"]), text_of(row["movieId"]), time_of(row["timestamp"])
    stars = number_of(row["rating"])
    if stars is None:
        return Refused("events", "no rating that can be read", where, row)
    if not user or not film or at is None:
        reason = "no userId" if not user else "no movieId" if not film else "no timestamp that can be read"
        return Refused("events", reason, where, row)
    action = Action.SAVE if stars >= LIKED else Action.HIDE if stars <= DISLIKED else Action.VIEW
    return EventDraft(Event(user, film, action, at, value=stars), where)

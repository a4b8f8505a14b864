"""MovieLens: films and ratings of every release (100k, 1M, 10M to 32M, small), csv, dat or Parquet.

A rating of at least 3.5 is a save, one of at most 2 a hide, one between a view; the stars stay in `value`.
Posters are taken where the Parquet file has them. The releases of 100k and 1M have no header and are Latin-1.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bowerbird.data.events import Action
from bowerbird.data.items import Item
from bowerbird.data.readers.event_columns import EventRows, numbers
from bowerbird.data.readers.fields import find_file, parse_id, parse_number, parse_text
from bowerbird.data.readers.inputs.records_of_text import ragged_reason
from bowerbird.data.readers.inputs.table_batches import Batches, TableBatch, read_batches, table_columns
from bowerbird.data.readers.inputs.tables import read_rows
from bowerbird.data.readers.inputs.text_files import open_bytes
from bowerbird.data.readers.records import EventBatch, ItemDraft, Records, RejectedRow
from bowerbird.data.readers.values.texts import parse_prose

MIN_SAVE_STARS, MAX_HIDE_STARS = 3.5, 2.0  # stars
FILM_FILES = ("items.parquet", "movies.csv", "movies.dat", "u.item")
RATING_FILES = ("ratings.parquet", "ratings.csv", "ratings.dat", "u.data")
RATING_FIELDS = ("userId", "movieId", "rating", "timestamp")
FILM_FIELDS = ("movieId", "title", "genres")
GENRES_100K = (
    *("unknown", "Action", "Adventure", "Animation", "Children's", "Comedy", "Crime", "Documentary", "Drama"),
    *(
        "Fantasy",
        "Film-Noir",
        "Horror",
        "Musical",
        "Mystery",
        "Romance",
        "Sci-Fi",
        "Thriller",
        "War",
        "Western",
    ),
)
"""The order of the genre flags in the release of 100k, as in its `u.genre`."""
LINES_PER_BATCH = 1 << 17


def read(paths: Sequence[Path]) -> Records:
    """Read films, then ratings, of each folder, and of single files with a header."""
    files = [path for path in paths if path.is_file()]
    films = [path for path in files if set(FILM_FIELDS) <= set(table_columns(path))]
    ratings = [path for path in files if path not in films]
    for folder in (path for path in paths if path not in files):
        films.append(find_file(folder, *FILM_FILES))
        ratings.append(find_file(folder, *RATING_FILES))
    for path in films:
        for location, row in _film_rows(path):
            yield _film(row, location)
    for path in ratings:
        yield from _ratings_in(path)


def _ratings_in(path: Path) -> Iterator[EventBatch | RejectedRow]:
    is_raw = path.suffix in (".dat", ".data")
    for batch in _raw_batches(path) if is_raw else read_batches(path, RATING_FIELDS):
        if isinstance(batch, RejectedRow):
            yield batch
        else:
            yield from _ratings(batch)


def _film_rows(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    if path.suffix not in (".dat", ".item"):
        yield from read_rows(path, ("movieId", "title"))
        return
    for number, line in enumerate(_lines(path), start=1):
        fields = line.split("::" if path.suffix == ".dat" else "|")
        if path.suffix == ".item" and len(fields) > 5:
            flags = zip(GENRES_100K, fields[5:], strict=False)
            fields = [*fields[:2], "|".join(genre for genre, flag in flags if flag == "1")]
        yield f"{path.name}:{number}", dict(zip(FILM_FIELDS, [*fields, "", ""], strict=False))


def _film(row: dict[str, Any], location: str) -> ItemDraft | RejectedRow:
    film = parse_id(row["movieId"])
    if reason := ragged_reason(row) or ("" if film else "no movieId"):
        return RejectedRow("items", reason, location, row)
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
        title=parse_prose(row["title"]),
        description=parse_prose(row.get("plot")),
        category=("film", *genres[:1]),
        attributes={name: value for name, value in attributes.items() if value},
    )
    return ItemDraft(item, location, row.get("image"))


def _ratings(batch: TableBatch) -> Iterator[EventBatch | RejectedRow]:
    rows = EventRows(batch)
    stars = numbers(rows.column("rating"), parse_number)
    rows.reject(stars.is_null(), "no rating that can be read")
    rows.set_id("user_id", "userId")
    rows.set_id("item_id", "movieId")
    rows.set_time("timestamp", "no timestamp that can be read")
    rows.set("value", stars)
    liked, disliked = pc.greater_equal(stars, MIN_SAVE_STARS), pc.less_equal(stars, MAX_HIDE_STARS)
    mild = pc.if_else(disliked, Action.HIDE.value, Action.VIEW.value)
    rows.set("action", pc.if_else(liked, Action.SAVE.value, mild))
    yield from rows.records()


def _raw_batches(path: Path) -> Batches:
    """Ratings without a header: separated by tabs (100k) or double colons."""
    separator, start = "::" if path.suffix == ".dat" else "\t", 1
    lines = _lines(path)
    while chunk := list(islice(lines, LINES_PER_BATCH)):
        rows, row_numbers = [], []
        for number, line in enumerate(chunk, start):
            fields = line.split(separator)
            if len(fields) == len(RATING_FIELDS):
                rows.append(fields)
                row_numbers.append(number)
            else:
                reason = f"{len(fields)} fields, expected {len(RATING_FIELDS)}"
                yield RejectedRow("events", reason, f"{path.name}:{number}", line)
        start += len(chunk)
        columns = zip(*rows, strict=True) if rows else [()] * len(RATING_FIELDS)
        arrays = [pa.array(list(column), pa.string()) for column in columns]
        yield TableBatch(
            pa.table(arrays, names=list(RATING_FIELDS)), path.name, np.array(row_numbers, np.int64)
        )


def _lines(path: Path) -> Iterator[str]:
    """Lines in Latin-1, as these releases are; UTF-8 where the file is in it."""
    with open_bytes(path) as file:
        for line in file:
            text = line.rstrip(b"\r\n")
            try:
                yield text.decode()
            except UnicodeDecodeError:
                yield text.decode("latin-1")

"""Which items of a catalogue link to a picture, and which have none yet."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bowerbird.data.arrays import BoolArray, IntArray
from bowerbird.data.files.picture_columns import replace_pictures
from bowerbird.data.items import ITEM_SCHEMA, Catalogue


def linked_items(catalogue: Catalogue) -> BoolArray:
    """Which items link to a picture on the web, withdrawn ones left out, (items,) bool."""
    has_link = pc.match_substring_regex(catalogue.table["image_link"], "^https?://").fill_null(False)
    linked: BoolArray = has_link.to_numpy() & ~catalogue.withdrawn
    return linked


def unfetched_items(catalogue: Catalogue) -> BoolArray:
    """Which items link to a picture that was not fetched, (items,) bool."""
    unfetched: BoolArray = linked_items(catalogue) & pc.is_null(catalogue.table["image"]).to_numpy()
    return unfetched


def items_by_link(catalogue: Catalogue, chosen: BoolArray) -> dict[str, list[int]]:
    """Positions of the chosen (items,) bool items of each link."""
    positions: dict[str, list[int]] = {}
    links = catalogue.table["image_link"]
    for position in np.flatnonzero(chosen).tolist():
        positions.setdefault(links[position].as_py(), []).append(position)
    return positions


def keep_fetched(fresh: Catalogue, before: Catalogue) -> Catalogue:
    """Items as a file has them, with the pictures that were fetched from links that are still theirs."""
    positions = before.position
    position_of_row = {
        row: position
        for row in np.flatnonzero(unfetched_items(fresh)).tolist()
        if (position := positions.get(fresh.ids[row])) is not None
        and before.table["image_link"][position].equals(fresh.table["image_link"][row])
        and before.table["image"][position].is_valid
    }
    if not position_of_row:
        return fresh
    pictures = before.table["image"].take(pa.array(list(position_of_row.values())))
    return with_pictures(fresh, np.array(list(position_of_row), np.int64), pictures)


def with_pictures(catalogue: Catalogue, rows: IntArray, pictures: pa.ChunkedArray) -> Catalogue:
    """The same items, with other pictures (m,) at some rows (m,)."""
    images = replace_pictures(catalogue.table["image"], pictures, rows)
    column = ITEM_SCHEMA.get_field_index("image")
    return Catalogue(catalogue.table.set_column(column, ITEM_SCHEMA.field("image"), images))

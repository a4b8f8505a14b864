"""Read and write the catalogue and the collections of a version."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from bowerbird.data.collections import COLLECTION_SCHEMA, Collection
from bowerbird.data.items import ITEM_SCHEMA, Catalogue

ITEMS_FILE = "items.parquet"
PICTURES_FILE = "pictures.arrow"
"""Pictures are stored separately and uncompressed: a million of them are memory-mapped, not read."""
PICTURES_CHUNK = 4096
COLLECTIONS_FILE = "collections.parquet"


def write_catalogue(folder: Path, catalogue: Catalogue, pictures_of: Path | None = None) -> None:
    """Write items into a version's folder; the picture file of version `pictures_of` is hard-linked."""
    columns = catalogue.table.drop_columns(["image"])
    pq.write_table(columns, folder / ITEMS_FILE, compression="zstd", row_group_size=4096)
    if pictures_of is not None:
        with contextlib.suppress(OSError):  # no hard links on this disk, or an older version without the file
            os.link(pictures_of / PICTURES_FILE, folder / PICTURES_FILE)
            return
    pictures = catalogue.table.select(["image"])
    with pa.ipc.new_file(folder / PICTURES_FILE, pictures.schema) as file:
        file.write_table(pictures, max_chunksize=PICTURES_CHUNK)


def write_item_batches(folder: Path, batches: Iterable[pa.Table]) -> None:
    """Write items in `ITEM_SCHEMA`, a batch at a time: a catalogue may be larger than the memory."""
    columns = pa.schema([field for field in ITEM_SCHEMA if field.name != "image"])
    pictures = pa.schema([ITEM_SCHEMA.field("image")])
    with (
        pq.ParquetWriter(folder / ITEMS_FILE, columns, compression="zstd") as items,
        pa.ipc.new_file(folder / PICTURES_FILE, pictures) as images,
    ):
        for batch in batches:
            items.write_table(batch.select(columns.names), row_group_size=4096)
            images.write_table(batch.select(["image"]), max_chunksize=PICTURES_CHUNK)


def read_catalogue(folder: Path) -> Catalogue:
    """Read the items; pictures stay in their mapped file until they are used."""
    table = pq.ParquetFile(folder / ITEMS_FILE).read()
    if (folder / PICTURES_FILE).exists():  # older stores keep the pictures in the table
        with pa.memory_map(str(folder / PICTURES_FILE)) as file:
            pictures = pa.ipc.open_file(file).read_all()["image"]
        table = table.append_column(ITEM_SCHEMA.field("image"), pictures)
    return Catalogue(table)


def read_item_ids(folder: Path) -> list[str]:
    """Read only the item ids, in the catalogue's order."""
    ids: list[str] = pq.ParquetFile(folder / ITEMS_FILE).read(columns=["item_id"])["item_id"].to_pylist()
    return ids


def read_availability(folder: Path) -> pa.Table:
    """Read only the item ids and whether they are sold, in the catalogue's order."""
    return pq.ParquetFile(folder / ITEMS_FILE).read(columns=["item_id", "availability"])


def write_collections(folder: Path, collections: Sequence[Collection]) -> None:
    """Write collections into a version's folder."""
    rows = [
        {name: getattr(collection, name) for name in COLLECTION_SCHEMA.names}
        | {"item_ids": list(collection.item_ids)}
        for collection in collections
    ]
    pq.write_table(pa.Table.from_pylist(rows, schema=COLLECTION_SCHEMA), folder / COLLECTIONS_FILE)


def read_collections(folder: Path) -> list[Collection]:
    """Read the collections of a version's folder."""
    rows = pq.ParquetFile(folder / COLLECTIONS_FILE).read().to_pylist()
    return [Collection(**{**row, "item_ids": tuple(row["item_ids"])}) for row in rows]

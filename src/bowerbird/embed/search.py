"""Items that resemble a text, a picture, an item, or a mix of them; always items of today's catalogue."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from bowerbird.data.items import Catalogue
from bowerbird.data.store import Store
from bowerbird.embed.index import ItemIndex
from bowerbird.embed.rows import unit
from bowerbird.embed.saved_index import item_index
from bowerbird.errors import InputError

if TYPE_CHECKING:
    from bowerbird.embed.query import QueryEncoder

RESULT_SCHEMA = pa.schema(
    [
        pa.field("query_id", pa.string(), nullable=False),
        pa.field("rank", pa.int32(), nullable=False),
        pa.field("item_id", pa.string(), nullable=False),
        pa.field("score", pa.float32(), nullable=False),
    ]
)


@dataclass(frozen=True)
class Found:
    """One item of an answer."""

    position: int
    item_id: str
    score: float
    """Cosine with the query, -1 to 1."""


class Searcher:
    """Search over a store's items, exact up to `index.EXACT_UP_TO` of them."""

    def __init__(self, store: Store, catalogue: Catalogue, index: ItemIndex) -> None:
        self.catalogue = catalogue
        self.index = index
        self._store = store

    @classmethod
    def open(cls, store: Store) -> Searcher:
        """Raises `StoreError` where the store has no items or no vectors."""
        catalogue = store.catalogue()
        return cls(store, catalogue, item_index(store, catalogue))

    def search(
        self,
        text: str | None = None,
        image: bytes | None = None,
        item: str | None = None,
        n: int = 20,
        allowed: np.ndarray | None = None,
    ) -> list[Found]:
        """The n best items, best first; `allowed` (items,) bool restricts them.

        What is given counts alike: a text and a picture go through the tower together, an item's own vector
        is added. The item itself is not in the answer. Raises `InputError` where nothing was given, the text
        is blank, the picture is broken, or the item is unknown.
        """
        if text is None and image is None and item is None:
            raise InputError("nothing to search for: give a text, a picture, or an item's id")
        query = np.zeros(self.index.rows.dim, np.float32)
        itself = -1
        if item is not None:
            itself = self._position(item)
            query += self.index.rows[np.array(itself)]
        if text is not None or image is not None:
            query += self._encoder.composed(text, image)
        positions, scores = self.index.nearest(unit(query[None]), n + (itself >= 0), allowed)
        others = positions[0] != itself
        return self._found(positions[0, others][:n], scores[0, others][:n])

    def batch(self, queries: pa.Table, n: int = 20) -> pa.Table:
        """Many queries at once: columns query_id and text, image (bytes) or both; to `RESULT_SCHEMA`.

        Raises `InputError` where a column is missing or of another type, an id is missing or there twice, or
        a query is empty or its picture broken.
        """
        ids, texts, images = _columns(queries)
        vectors = self._encoder.many(texts, images) if ids else np.zeros((0, self.index.rows.dim), np.float32)
        positions, scores = self.index.nearest(vectors, n)
        row, rank = np.nonzero(positions >= 0)
        return pa.table(
            [
                pa.array(ids, pa.string()).take(pa.array(row)),
                pa.array(rank + 1, pa.int32()),
                pa.array(self.catalogue.ids, pa.string()).take(pa.array(positions[row, rank])),
                pa.array(scores[row, rank], pa.float32()),
            ],
            schema=RESULT_SCHEMA,
        )

    @cached_property
    def _encoder(self) -> QueryEncoder:
        from bowerbird.embed.query import QueryEncoder  # torch, only where something must be encoded

        return QueryEncoder.open(self._store)

    def _position(self, item: str) -> int:
        if item not in self.catalogue:
            raise InputError(f"there is no item {item!r} in this catalogue: check the id")
        position = self.catalogue.position[item]
        if not self.index.rows.known[position]:
            raise InputError(f"the item {item!r} has no vector yet: run `bowerbird embed {self._store.path}`")
        return position

    def _found(self, positions: np.ndarray, scores: np.ndarray) -> list[Found]:
        return [
            Found(int(position), self.catalogue.ids[position], float(score))
            for position, score in zip(positions, scores, strict=True)
            if position >= 0
        ]


def _columns(queries: pa.Table) -> tuple[list[str], list[str | None], list[bytes | None]]:
    have = ", ".join(queries.schema.names) or "none"
    expected = "expected query_id, and text (string) or image (bytes) or both"
    if "query_id" not in queries.schema.names:
        raise InputError(f"the queries have no column query_id (columns: {have}): {expected}")
    if not {"text", "image"} & set(queries.schema.names):
        raise InputError(f"the queries have neither a column text nor image (columns: {have}): {expected}")
    ids = _column(queries, "query_id", pa.string())
    missing = [row + 1 for row, value in enumerate(ids) if value is None]
    if missing:
        raise InputError(f"query_id is missing in row {missing[0]}: give every query an id of its own")
    if len(set(ids)) < len(ids):
        twice = next(value for row, value in enumerate(ids) if value in ids[:row])
        raise InputError(f"the query_id {twice!r} is there twice: give every query an id of its own")
    return ids, _column(queries, "text", pa.string()), _column(queries, "image", pa.binary())


def _column(queries: pa.Table, name: str, kind: Any) -> list[Any]:
    if name not in queries.schema.names:
        return [None] * int(queries.num_rows)
    came = queries.schema.field(name).type
    textual = pa.types.is_string(came) or pa.types.is_large_string(came) or pa.types.is_integer(came)
    binary = pa.types.is_binary(came) or pa.types.is_large_binary(came)
    if not (pa.types.is_null(came) or (textual if kind == pa.string() else binary)):
        raise InputError(f"the queries' column {name} is {came}, expected {kind}")
    values: list[Any] = queries[name].cast(kind).to_pylist()
    return values

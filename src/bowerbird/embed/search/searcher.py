"""Search for items similar to a text, a picture or an item, or to a picture or item that a text edits.

Returns items of the current catalogue only. A text alone and an item alone are looked up by their vectors;
the nearest items of a picture and of an edited query are re-ranked by facts of the catalogue (see
`reranking`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from bowerbird.data.arrays import BoolArray, FloatArray, IntArray
from bowerbird.data.items import Catalogue
from bowerbird.data.snapshot import TEXTS, StoreSnapshot
from bowerbird.embed.index.item_index import ItemIndex
from bowerbird.embed.index.rows import normalize_rows
from bowerbird.embed.index.saved_index import item_index
from bowerbird.embed.index.vectors import load_vectors
from bowerbird.embed.search.config import SEARCH_DEFAULTS
from bowerbird.embed.search.edits.catalogue_facts import CatalogueWords
from bowerbird.embed.search.reranking import Reranker
from bowerbird.errors import InputError

if TYPE_CHECKING:
    from bowerbird.embed.search.query import EncodedQuery, QueryEncoder

Find = Callable[[int], tuple[IntArray, FloatArray]]
"""Finds the best items, at most so many: their positions and scores, best first."""
RESULT_SCHEMA = pa.schema(
    [
        pa.field("query_id", pa.string(), nullable=False),
        pa.field("rank", pa.int32(), nullable=False),
        pa.field("item_id", pa.string(), nullable=False),
        pa.field("score", pa.float32(), nullable=False),
    ]
)


@dataclass(frozen=True)
class SearchHit:
    """One item of a search result."""

    position: int
    item_id: str
    score: float
    """Cosine with the query, -1 to 1; for a picture or an edit, plus the scores of the item's facts."""


class Searcher:
    """Search over a store's items, exact up to `item_index.EXACT_UP_TO` of them."""

    def __init__(self, snapshot: StoreSnapshot, catalogue: Catalogue, index: ItemIndex) -> None:
        self.catalogue = catalogue
        self.index = index
        self._snapshot = snapshot

    @classmethod
    def open(cls, snapshot: StoreSnapshot) -> Searcher:
        """Open a snapshot. Raises `StoreError` if it has no items or no vectors."""
        return cls(snapshot, snapshot.catalogue, item_index(snapshot))

    def search(
        self,
        text: str | None = None,
        image: bytes | None = None,
        item: str | None = None,
        n: int = 20,
        allowed: BoolArray | None = None,
    ) -> list[SearchHit]:
        """Find the n best items, best first; `allowed` (items,) bool restricts them.

        With a picture or an item, the text describes the change: "but in blue and longer". A picture and an
        item have equal weights. The item itself is not in the result. Raises `InputError` if nothing was
        given, the text is blank, the picture is broken, or the item is unknown.

        Of each article the best variant is in the result. Items like one item are of other articles; a
        changed one ("but in blue") may be another variant of it.
        """
        if text is None and image is None and item is None:
            raise InputError("nothing to search for: give a text, a picture, or an item's id")
        item_position = -1 if item is None else self._position(item)
        if text is None and image is None:
            query = self.index.rows[np.array(item_position)]
            others = self._is_of_other_article(item_position)
            if others is not None:
                allowed = others if allowed is None else others & allowed
            return self._hits(
                *self._best(lambda count: self._nearest(query, count, allowed), item_position, n)
            )
        encoded = self._encoder.encode_separately([text], [image])[0]
        return self._hits(
            *self._best(
                lambda count: self._search_encoded(encoded, item_position, count, allowed), item_position, n
            )
        )

    def _is_of_other_article(self, position: int) -> BoolArray | None:
        """Which items are of another article than one, (items,) bool; None where it has no variants."""
        articles = self.catalogue.articles
        if not articles.has_variants:
            return None
        return ~articles.shares_article(np.array([position]))

    def _best(self, find: Find, item_position: int, n: int) -> tuple[IntArray, FloatArray]:
        """The best n of what `find(count)` gives but for an item, best first, one variant of each article."""
        articles, count = self.catalogue.articles, n + (item_position >= 0)
        while True:
            positions, scores = find(count)
            n_hits = len(positions)
            is_other = positions != item_position
            positions, scores = positions[is_other], scores[is_other]
            if not articles.has_variants:
                return positions[:n], scores[:n]
            rows = articles.first_rows(positions)[:n]
            if len(rows) == n or n_hits < count:
                return positions[rows], scores[rows]
            count *= 4

    def batch(self, queries: pa.Table, n: int = 20) -> pa.Table:
        """Search for a table of queries: columns query_id and text, image (bytes) or both; to
        `RESULT_SCHEMA`.

        With a picture, the text describes the change. Raises `InputError` if a column is missing or has the
        wrong type, an id is missing or duplicate, or a query is empty or its picture broken.
        """
        ids, texts, images = _read_columns(queries)
        encoded = self._encoder.encode_separately(texts, images) if ids else []
        text_rows = [row for row, query in enumerate(encoded) if query.image_features is None]
        text_vectors = np.array([encoded[row].text_vector for row in text_rows], np.float32).reshape(
            -1, self.index.rows.dim
        )
        hits_of_row = {}
        if not self.catalogue.articles.has_variants:
            positions_and_scores = self.index.nearest(text_vectors, n, self._available)
            hits_of_row = dict(zip(text_rows, zip(*positions_and_scores, strict=True), strict=True))
        hits = []
        for row, query in enumerate(encoded):
            positions, scores = hits_of_row.get(row) or self._best(
                partial(self._search_encoded, query, -1), -1, n
            )
            is_hit = positions >= 0
            hits.append((positions[is_hit], scores[is_hit]))
        counts = [len(positions) for positions, _ in hits]
        no_hits = [(np.zeros(0, np.int64), np.zeros(0, np.float32))]
        all_positions, scores = (np.concatenate(part) for part in zip(*no_hits, *hits, strict=True))
        return pa.table(
            [
                pa.array(ids, pa.string()).take(pa.array(np.repeat(np.arange(len(ids)), counts))),
                pa.array([rank for count in counts for rank in range(1, count + 1)], pa.int32()),
                pa.array(self.catalogue.ids, pa.string()).take(pa.array(all_positions)),
                pa.array(scores, pa.float32()),
            ],
            schema=RESULT_SCHEMA,
        )

    def _search_encoded(
        self, encoded: EncodedQuery, item_position: int, n: int, allowed: BoolArray | None = None
    ) -> tuple[IntArray, FloatArray]:
        """Find positions and scores (≤ n,), best first; `item_position`: the item of the query, or -1."""
        if item_position >= 0:
            query = self._reranker.compose_item(item_position)
            query = replace(query, vector=normalize_rows(query.vector + encoded.image_vector))
        elif encoded.image_features is not None:
            query = self._reranker.compose_picture(encoded.image_vector, encoded.image_features)
        else:
            return self._nearest(encoded.text_vector, n, allowed)
        if encoded.text is not None:
            modification = self._reranker.parse(encoded.text)
            query = self._reranker.apply(query, modification, encoded.text_vector)
            if modification.price_direction and item_position >= 0:
                allowed = self._mask_by_price(item_position, modification.price_direction, allowed)
        positions, cosines = self._nearest(query.vector, max(n, SEARCH_DEFAULTS.candidates), allowed)
        positions, scores = self._reranker.rerank(query, positions, cosines)
        return positions[:n], scores[:n]

    def _nearest(self, query: FloatArray, n: int, allowed: BoolArray | None) -> tuple[IntArray, FloatArray]:
        if self._available is not None:
            allowed = self._available if allowed is None else self._available & allowed
        positions, scores = self.index.nearest(normalize_rows(query[None]), n, allowed)
        is_hit = positions[0] >= 0
        return positions[0, is_hit], scores[0, is_hit]

    def _mask_by_price(self, position: int, direction: int, allowed: BoolArray | None) -> BoolArray:
        """Mask items that are cheaper (`direction` -1) or more expensive (1); all if it has no price."""
        price = self.catalogue.prices[position]
        in_range: BoolArray = np.isnan(price) | (direction * (self.catalogue.prices - price) > 0)
        return in_range if allowed is None else in_range & allowed

    @property
    def _available(self) -> BoolArray | None:
        """Items that can be bought, (items,) bool; None if all can."""
        available = self.catalogue.available
        return None if available.all() else available

    @cached_property
    def _encoder(self) -> QueryEncoder:
        from bowerbird.embed.search.query import (
            QueryEncoder,
        )  # imports torch, only if something must be encoded

        return QueryEncoder.open(self._snapshot)

    @cached_property
    def _reranker(self) -> Reranker:
        return self._snapshot.open_once("reranker", self._open_reranker, of=("vectors", TEXTS))

    def _open_reranker(self) -> Reranker:
        image_features = load_vectors(self._snapshot).image_features(
            self.catalogue, self._encoder.image_feature_width
        )
        return Reranker(CatalogueWords.of(self.catalogue), self.catalogue, self.index.rows, image_features)

    def _position(self, item: str) -> int:
        position = self.catalogue.position.get(item)
        if position is None and item not in self._snapshot.imported:
            raise InputError(f"no item {item!r} in this catalogue: check the id")
        if position is None or not self.index.rows.has_vector[position]:
            path = self._snapshot.store.path
            raise InputError(f"the item {item!r} has no vector yet: run `bowerbird embed {path}`")
        return position

    def _hits(self, positions: IntArray, scores: FloatArray) -> list[SearchHit]:
        return [
            SearchHit(int(position), self.catalogue.ids[position], float(score))
            for position, score in zip(positions, scores, strict=True)
            if position >= 0
        ]


def _read_columns(queries: pa.Table) -> tuple[list[str], list[str | None], list[bytes | None]]:
    columns = ", ".join(queries.schema.names) or "none"
    expected = "expected query_id, and text (string) or image (bytes) or both"
    if "query_id" not in queries.schema.names:
        raise InputError(f"the queries have no column query_id (columns: {columns}): {expected}")
    if not {"text", "image"} & set(queries.schema.names):
        raise InputError(f"the queries have neither a column text nor image (columns: {columns}): {expected}")
    ids = _read_column(queries, "query_id", pa.string())
    missing = [row + 1 for row, value in enumerate(ids) if value is None]
    if missing:
        raise InputError(f"query_id is missing in row {missing[0]}: give every query an id of its own")
    if len(set(ids)) < len(ids):
        duplicate = next(value for row, value in enumerate(ids) if value in ids[:row])
        raise InputError(f"the query_id {duplicate!r} is there twice: give every query an id of its own")
    return ids, _read_column(queries, "text", pa.string()), _read_column(queries, "image", pa.binary())


def _read_column(queries: pa.Table, name: str, expected: Any) -> list[Any]:
    if name not in queries.schema.names:
        return [None] * int(queries.num_rows)
    actual = queries.schema.field(name).type
    is_textual = pa.types.is_string(actual) or pa.types.is_large_string(actual) or pa.types.is_integer(actual)
    is_binary = pa.types.is_binary(actual) or pa.types.is_large_binary(actual)
    if not (pa.types.is_null(actual) or (is_textual if expected == pa.string() else is_binary)):
        raise InputError(f"the queries' column {name} is {actual}, expected {expected}")
    values: list[Any] = queries[name].cast(expected).to_pylist()
    return values

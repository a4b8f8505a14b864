"""Items that resemble a text, a picture or an item, or one of the two as a text changes it.

Always items of today's catalogue. A text alone and an item alone are looked up by their vectors; the nearest
of a picture, and of what a text changes, are ranked by what is known of them too (`refining`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from bowerbird.data.items import Catalogue
from bowerbird.data.snapshot import TEXTS, StoreSnapshot
from bowerbird.embed.index.item_index import ItemIndex
from bowerbird.embed.index.rows import unit
from bowerbird.embed.index.saved_index import item_index
from bowerbird.embed.index.vectors import load_vectors
from bowerbird.embed.search.catalogue_words import ShopWords
from bowerbird.embed.search.refining import CANDIDATES, Refiner
from bowerbird.errors import InputError

if TYPE_CHECKING:
    from bowerbird.embed.search.query import Asked, QueryEncoder

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
    """Cosine with the query, -1 to 1; of a picture or a change, with what the items' facts add to it."""


class Searcher:
    """Search over a store's items, exact up to `index.EXACT_UP_TO` of them."""

    def __init__(self, snapshot: StoreSnapshot, catalogue: Catalogue, index: ItemIndex) -> None:
        self.catalogue = catalogue
        self.index = index
        self._snapshot = snapshot

    @classmethod
    def open(cls, snapshot: StoreSnapshot) -> Searcher:
        """Raises `StoreError` where the store has no items or no vectors."""
        return cls(snapshot, snapshot.catalogue, item_index(snapshot))

    def search(
        self,
        text: str | None = None,
        image: bytes | None = None,
        item: str | None = None,
        n: int = 20,
        allowed: np.ndarray | None = None,
    ) -> list[Found]:
        """The n best items, best first; `allowed` (items,) bool restricts them.

        A text beside a picture or an item says what shall be different from it: "but in blue and longer".
        A picture and an item count alike. The item itself is not in the answer. Raises `InputError` where
        nothing was given, the text is blank, the picture is broken, or the item is unknown.
        """
        if text is None and image is None and item is None:
            raise InputError("nothing to search for: give a text, a picture, or an item's id")
        itself = -1 if item is None else self._position(item)
        n_found = n + (itself >= 0)
        if text is None and image is None:
            positions, scores = self._nearest(self.index.rows[np.array(itself)], n_found, allowed)
        else:
            asked = self._encoder.asked([text], [image])[0]
            positions, scores = self._answer(asked, itself, n_found, allowed)
        others = positions != itself
        return self._found(positions[others][:n], scores[others][:n])

    def batch(self, queries: pa.Table, n: int = 20) -> pa.Table:
        """Many queries at once: columns query_id and text, image (bytes) or both; to `RESULT_SCHEMA`.

        A text beside a picture says what shall be different. Raises `InputError` where a column is missing or
        of another type, an id is missing or there twice, or a query is empty or its picture broken.
        """
        ids, texts, images = _columns(queries)
        asked = self._encoder.asked(texts, images) if ids else []
        worded = [row for row, one in enumerate(asked) if one.picture is None]
        said = np.array([asked[row].said for row in worded], np.float32).reshape(-1, self.index.rows.dim)
        nearest = self.index.nearest(said, n, self._sold)
        answers = dict(zip(worded, zip(*nearest, strict=True), strict=True))
        parts = []
        for row in range(len(ids)):
            positions, scores = answers[row] if row in answers else self._answer(asked[row], -1, n)
            there = positions >= 0
            parts.append((positions[there], scores[there]))
        counts = [len(positions) for positions, _ in parts]
        none = [(np.zeros(0, np.int64), np.zeros(0, np.float32))]
        found, scores = (np.concatenate(side) for side in zip(*none, *parts, strict=True))
        return pa.table(
            [
                pa.array(ids, pa.string()).take(pa.array(np.repeat(np.arange(len(ids)), counts))),
                pa.array([rank for count in counts for rank in range(1, count + 1)], pa.int32()),
                pa.array(self.catalogue.ids, pa.string()).take(pa.array(found)),
                pa.array(scores, pa.float32()),
            ],
            schema=RESULT_SCHEMA,
        )

    def _answer(
        self, asked: Asked, itself: int, n: int, allowed: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Positions and scores (≤ n,), best first; `itself` is the item asked about, -1 for none."""
        if itself >= 0:
            thing = self._refiner.item(itself)
            thing = replace(thing, vector=unit(thing.vector + asked.shown))
        elif asked.picture is not None:
            thing = self._refiner.picture(asked.shown, asked.picture)
        else:
            return self._nearest(asked.said, n, allowed)
        if asked.text is not None:
            change = self._refiner.modification(asked.text)
            thing = self._refiner.changed(thing, change, asked.said)
            if change.price and itself >= 0:
                allowed = self._cheaper(itself, change.price, allowed)
        positions, cosines = self._nearest(thing.vector, max(n, CANDIDATES), allowed)
        positions, scores = self._refiner.ranked(thing, positions, cosines)
        return positions[:n], scores[:n]

    def _nearest(
        self, query: np.ndarray, n: int, allowed: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray]:
        if self._sold is not None:
            allowed = self._sold if allowed is None else self._sold & allowed
        positions, scores = self.index.nearest(unit(query[None]), n, allowed)
        there = positions[0] >= 0
        return positions[0, there], scores[0, there]

    def _cheaper(self, position: int, sign: int, allowed: np.ndarray | None) -> np.ndarray:
        """Items that cost less than one (`sign` -1), or more (1), (items,) bool; all if it has no price."""
        price = self.catalogue.prices[position]
        within: np.ndarray = np.isnan(price) | (sign * (self.catalogue.prices - price) > 0)
        return within if allowed is None else within & allowed

    @cached_property
    def _sold(self) -> np.ndarray | None:
        """Items that were not taken out of the shop, (items,) bool; None for all of them."""
        withdrawn = self.catalogue.withdrawn
        return ~withdrawn if withdrawn.any() else None

    @cached_property
    def _encoder(self) -> QueryEncoder:
        from bowerbird.embed.search.query import QueryEncoder  # torch, only where something must be encoded

        return QueryEncoder.open(self._snapshot)

    @cached_property
    def _refiner(self) -> Refiner:
        return self._snapshot.open_once("refiner", self._opened_refiner, of=("vectors", TEXTS))

    def _opened_refiner(self) -> Refiner:
        pictures = load_vectors(self._snapshot).pictures(self.catalogue, self._encoder.picture_width)
        return Refiner(ShopWords.of(self.catalogue), self.catalogue, self.index.rows, pictures)

    def _position(self, item: str) -> int:
        position = self.catalogue.position.get(item)
        if position is None and item not in self._snapshot.imported:
            raise InputError(f"there is no item {item!r} in this catalogue: check the id")
        if position is None or not self.index.rows.known[position]:
            path = self._snapshot.store.path
            raise InputError(f"the item {item!r} has no vector yet: run `bowerbird embed {path}`")
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

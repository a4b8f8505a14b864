"""Attribute affinity: how much a user prefers what the catalogue says of an item.

Vectors mix all that is known of an item; facets (attributes, category levels, brand, title) keep it apart. Of
every value of every facet it is counted how often a user liked it, how often all users did, and how many
items have it. Each facet then gives an item one number: the log of the share of its values among the user's
likes over their share of the catalogue. Where little is known of a user, all users' share counts (a Dirichlet
prior), so a value that sells now lifts items that nobody has liked yet.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import scipy.sparse as sparse
from numba import njit

from bowerbird.data.items import Catalogue

MAX_FACETS = 16  # those that most items have
MIN_SHARE = 0.02  # of the items that a facet must say something of
DEPTHS = 4  # levels of the category path
PRIOR = 3.0  # likes that everybody's share counts for, beside a person's own
MIN_LIKES = 0.5  # of every value: what nobody liked yet is unlikely, not impossible


@dataclass(frozen=True)
class Facets:
    """F facets of n items, V values in all; values of one item only are left out, they speak of no other."""

    names: tuple[str, ...]
    texts: np.ndarray  # (V,) str: what a value says, in lower case
    facet: np.ndarray  # (V,) int64: which facet a value is of
    values: Any  # sparse (n, V) float32: each facet of an item that has it sums to 1

    @classmethod
    def of(cls, catalogue: Catalogue) -> Facets:
        """Those of a catalogue; a text with commas holds several values."""
        n = len(catalogue)
        kept = []
        for name, rows, texts in _facet_texts(catalogue):
            matrix, values = _shared_values(rows, texts, n)
            n_items = np.count_nonzero(np.diff(matrix.indptr))
            if matrix.shape[1] > 1 and n_items >= MIN_SHARE * n:
                kept.append((-n_items, name, matrix, values))
        kept = sorted(kept, key=lambda facet: facet[:2])[:MAX_FACETS]
        sizes = np.array([matrix.shape[1] for _, _, matrix, _ in kept], np.int64)
        matrices = [sparse.csr_matrix((n, 0), dtype=np.float32), *(matrix for _, _, matrix, _ in kept)]
        return cls(
            tuple(name for _, name, _, _ in kept),
            np.concatenate([np.zeros(0, "<U1"), *(values for _, _, _, values in kept)]),
            np.repeat(np.arange(len(kept)), sizes),
            sparse.hstack(matrices, format="csr"),
        )

    def values_of(self, item: int) -> np.ndarray:
        """Give the values of an item, (k,) indices of `texts`."""
        values = self.values
        found: np.ndarray = values.indices[values.indptr[item] : values.indptr[item + 1]]
        return found

    def sums(self, of_value: np.ndarray, items: np.ndarray) -> np.ndarray:
        """Mean of numbers of values (V,) over each item's values, by facet: (C, F); NaN where it has none."""
        v = self.values
        found: np.ndarray = _sums(v.indptr, v.indices, v.data, self.facet, of_value, items, len(self.names))
        return found.T


@dataclass(frozen=True)
class AttributeAffinity:
    """What everybody leans to, by value, and with it what a person does."""

    facets: Facets
    usual: np.ndarray  # (V,) float32: share of a value among its facet's likes
    lift: np.ndarray  # (V,) float32: log of that over its share of the items

    @classmethod
    def fit(cls, facets: Facets, likes: np.ndarray) -> AttributeAffinity:
        """From how often each item was liked, (n,), old likes less."""
        liked = facets.values.T @ likes + MIN_LIKES
        items = np.asarray(facets.values.sum(axis=0)).ravel()
        usual, offered = (_by_facet(one, facets) for one in (liked, items))
        return cls(facets, usual.astype(np.float32), np.log(usual / offered).astype(np.float32))

    def of(self, items: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Leanings of who liked `items` (H,), weighted, to each value, (V,) float64.

        log((c + PRIOR·p) / (w + PRIOR) / q) with c the weight of the person's likes that have the value, w of
        those that have the facet, p its share of everybody's likes and q of the items.
        """
        values = self.facets.values
        counts, known = _counted(
            *(values.indptr, values.indices, values.data, self.facets.facet, items, weights),
            *(values.shape[1], len(self.facets.names)),
        )
        own: np.ndarray = self.lift - np.log1p(known / PRIOR)[self.facets.facet]
        some = np.flatnonzero(counts)
        own[some] += np.log1p(counts[some] / (PRIOR * self.usual[some]))
        return own

    def to(self, leaning: np.ndarray, items: np.ndarray) -> np.ndarray:
        """What a leaning to values (V,) says of some items by facet, (C, F) float32; NaN for no value."""
        said: np.ndarray = self.facets.sums(leaning, items)
        return said

    def to_all(self, leaning: np.ndarray) -> np.ndarray:
        """The `total` of what it says of every item, (n,) float32."""
        said: np.ndarray = self.facets.values @ leaning.astype(np.float32)
        return said


def total(by_facet: np.ndarray) -> np.ndarray:
    """Sum over the facets that an item has, (C, F) -> (C,) float32: as if they knew nothing of each other."""
    found: np.ndarray = np.nansum(by_facet, axis=1)
    return found


@njit(cache=True, nogil=True)
def _sums(indptr, indices, data, facet, of_value, items, facets):  # type: ignore[no-untyped-def]
    found = np.full((facets, len(items)), np.nan, np.float32)
    sums, has = np.zeros(facets), np.zeros(facets, np.bool_)
    for row in range(len(items)):
        sums[:], has[:] = 0.0, False
        for place in range(indptr[items[row]], indptr[items[row] + 1]):
            value = indices[place]
            sums[facet[value]] += data[place] * of_value[value]
            has[facet[value]] = True
        for one in range(facets):
            if has[one]:
                found[one, row] = sums[one]
    return found


@njit(cache=True, nogil=True)
def _counted(indptr, indices, data, facet, items, weights, values, facets):  # type: ignore[no-untyped-def]
    """Weight of the items that have each value, (V,), and those that have each facet, (F,)."""
    counts, known = np.zeros(values), np.zeros(facets)
    for row in range(len(items)):
        for place in range(indptr[items[row]], indptr[items[row] + 1]):
            value = indices[place]
            counts[value] += weights[row] * data[place]
            known[facet[value]] += weights[row] * data[place]
    return counts, known


def _by_facet(counts: np.ndarray, facets: Facets) -> np.ndarray:
    totals = np.bincount(facets.facet, counts, minlength=len(facets.names))
    shares: np.ndarray = counts / totals[facets.facet]
    return shares


def _facet_texts(catalogue: Catalogue) -> Iterator[tuple[str, np.ndarray, pa.Array]]:
    """Each facet's name, and its texts (T,) with the items that have them (T,)."""
    table = catalogue.table
    everyone = np.arange(len(catalogue))
    yield "title", everyone, pc.utf8_lower(_joined(table["title"]))
    yield "brand", everyone, pc.utf8_lower(_joined(table["brand"]))
    paths = _joined(table["category"])
    rows, depths = _places(paths)
    names = pc.utf8_lower(paths.flatten())
    for depth in range(DEPTHS):
        mine = np.flatnonzero(depths == depth)
        yield f"category {depth + 1}", rows[mine], names.take(pa.array(mine))
    facts = _joined(table["attributes"]).cast(
        pa.list_(pa.struct([("key", pa.string()), ("value", pa.string())]))
    )
    rows, _ = _places(facts)
    keys, texts = (facts.flatten().field(name) for name in ("key", "value"))
    for key in sorted(pc.unique(keys).to_pylist()):
        mine = np.flatnonzero(pc.equal(keys, key).to_numpy(zero_copy_only=False))
        parts = pc.split_pattern_regex(pc.utf8_lower(texts.take(pa.array(mine))), r"\s*,\s*")
        parents, _ = _places(parts)
        yield key, rows[mine][parents], parts.flatten()


def _joined(column: pa.ChunkedArray) -> Any:
    one = column.combine_chunks()
    return one.combine_chunks() if isinstance(one, pa.ChunkedArray) else one


def _places(lists: Any) -> tuple[np.ndarray, np.ndarray]:
    """Of everything in some lists, its list's number and its place there, (T,) each."""
    parents = pc.list_parent_indices(lists).to_numpy(zero_copy_only=False).astype(np.int64)
    starts = np.flatnonzero(np.diff(parents, prepend=-1))
    lengths = np.diff(starts, append=len(parents))
    return parents, np.arange(len(parents)) - np.repeat(starts, lengths)


def _shared_values(rows: np.ndarray, texts: pa.Array, n: int) -> tuple[Any, np.ndarray]:
    """Items by the texts that at least two of them have, sparse (n, V) float32, and these texts, (V,).

    Rows sum to 1 or 0.
    """
    said = np.flatnonzero(pc.fill_null(pc.not_equal(texts, ""), False).to_numpy(zero_copy_only=False))
    encoded = pc.dictionary_encode(texts.take(pa.array(said)))
    cells = (np.ones(len(said), np.float32), (rows[said], encoded.indices.to_numpy(zero_copy_only=False)))
    matrix = sparse.csr_matrix(cells, shape=(n, len(encoded.dictionary)))
    matrix.data[:] = 1.0
    shared = np.flatnonzero(np.bincount(matrix.indices, minlength=matrix.shape[1]) > 1)
    matrix = matrix[:, shared]
    lengths = np.diff(matrix.indptr)
    matrix.data = (1.0 / np.repeat(lengths, lengths)).astype(np.float32)
    return matrix.tocsr(), np.array(encoded.dictionary.take(pa.array(shared)).to_pylist(), np.str_)

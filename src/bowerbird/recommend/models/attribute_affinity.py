"""Attribute affinity: how much a user prefers the attribute values of an item.

Vectors mix everything known about an item; facets (attributes, category levels, brand, title) keep it apart.
For every value of every facet the model counts how often a user liked it, how often all users did, and how
many items have it. Each facet then gives an item one number: the log of the share of its values among the
user's likes over their share of the catalogue. Where little is known about a user, all users' share counts (a
Dirichlet prior), so a value that sells now lifts items that nobody has liked yet.
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

MAX_FACETS = 16  # the most frequent ones
MIN_SHARE = 0.02  # of the items must have a facet
DEPTHS = 4  # levels of the category path
PRIOR = 3.0  # likes by which the share among all users' likes is weighted, next to the user's own
MIN_LIKES = 0.5  # added to every value: what nobody liked yet is unlikely, not impossible


@dataclass(frozen=True)
class Facets:
    """F facets of n items, V values in all; values that only one item has are left out."""

    names: tuple[str, ...]
    texts: np.ndarray  # (V,) str: a value's text, in lower case
    facet: np.ndarray  # (V,) int64: which facet a value is of
    values: Any  # sparse (n, V) float32: each facet of an item that has it sums to 1

    @classmethod
    def from_catalogue(cls, catalogue: Catalogue) -> Facets:
        """Extract the facets of a catalogue; a text with commas holds several values."""
        n = len(catalogue)
        facets = []
        for name, rows, texts in _facet_texts(catalogue):
            matrix, values = _shared_values(rows, texts, n)
            n_items = np.count_nonzero(np.diff(matrix.indptr))
            if matrix.shape[1] > 1 and n_items >= MIN_SHARE * n:
                facets.append((-n_items, name, matrix, values))
        facets = sorted(facets, key=lambda facet: facet[:2])[:MAX_FACETS]
        sizes = np.array([matrix.shape[1] for _, _, matrix, _ in facets], np.int64)
        matrices = [sparse.csr_matrix((n, 0), dtype=np.float32), *(matrix for _, _, matrix, _ in facets)]
        return cls(
            tuple(name for _, name, _, _ in facets),
            np.concatenate([np.zeros(0, "<U1"), *(values for _, _, _, values in facets)]),
            np.repeat(np.arange(len(facets)), sizes),
            sparse.hstack(matrices, format="csr"),
        )

    def values_of(self, item: int) -> np.ndarray:
        """Return the values of an item, (k,) indices of `texts`."""
        values = self.values
        value_rows: np.ndarray = values.indices[values.indptr[item] : values.indptr[item + 1]]
        return value_rows

    def sums(self, of_value: np.ndarray, items: np.ndarray) -> np.ndarray:
        """Average numbers of values (V,) over each item's values, by facet: (C, F); NaN where it has none."""
        values = self.values
        sums: np.ndarray = _sums(
            values.indptr, values.indices, values.data, self.facet, of_value, items, len(self.names)
        )
        return sums.T


@dataclass(frozen=True)
class AttributeAffinity:
    """How popular each value is with all users, and from that the preferences of a single user."""

    facets: Facets
    usual: np.ndarray  # (V,) float32: share of a value among its facet's likes
    lift: np.ndarray  # (V,) float32: log of that over its share of the items

    @classmethod
    def fit(cls, facets: Facets, likes: np.ndarray) -> AttributeAffinity:
        """Fit on how often each item was liked, (n,), with older likes decayed."""
        liked = facets.values.T @ likes + MIN_LIKES
        items = np.asarray(facets.values.sum(axis=0)).ravel()
        usual, offered = (_shares_within_facet(counts, facets) for counts in (liked, items))
        return cls(facets, usual.astype(np.float32), np.log(usual / offered).astype(np.float32))

    def preferences(self, items: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Compute a user's preference for each value from liked `items` (H,) and weights (H,): (V,) float64.

        log((c + PRIOR·p) / (w + PRIOR) / q) with c the weight of the user's likes that have the value, w of
        those that have the facet, p the value's share of all users' likes and q its share of the items.
        """
        values = self.facets.values
        value_weights, facet_weights = _weights_of_values(
            *(values.indptr, values.indices, values.data, self.facets.facet, items, weights),
            *(values.shape[1], len(self.facets.names)),
        )
        preferences: np.ndarray = self.lift - np.log1p(facet_weights / PRIOR)[self.facets.facet]
        liked_values = np.flatnonzero(value_weights)
        preferences[liked_values] += np.log1p(
            value_weights[liked_values] / (PRIOR * self.usual[liked_values])
        )
        return preferences

    def scores_by_facet(self, preferences: np.ndarray, items: np.ndarray) -> np.ndarray:
        """Score items by facet from preferences for values (V,): (C, F) float32; NaN for no value."""
        scores: np.ndarray = self.facets.sums(preferences, items)
        return scores

    def scores(self, preferences: np.ndarray) -> np.ndarray:
        """Score all items, summed over facets as by `sum_facets`, (n,) float32."""
        scores: np.ndarray = self.facets.values @ preferences.astype(np.float32)
        return scores


def sum_facets(by_facet: np.ndarray) -> np.ndarray:
    """Sum over the facets that an item has, (C, F) -> (C,) float32: as if they were independent."""
    sums: np.ndarray = np.nansum(by_facet, axis=1)
    return sums


@njit(cache=True, nogil=True)
def _sums(indptr, indices, data, facet, of_value, items, n_facets):  # type: ignore[no-untyped-def]
    sums_by_facet = np.full((n_facets, len(items)), np.nan, np.float32)
    sums, has = np.zeros(n_facets), np.zeros(n_facets, np.bool_)
    for row in range(len(items)):
        sums[:], has[:] = 0.0, False
        for entry in range(indptr[items[row]], indptr[items[row] + 1]):
            value = indices[entry]
            sums[facet[value]] += data[entry] * of_value[value]
            has[facet[value]] = True
        for number in range(n_facets):
            if has[number]:
                sums_by_facet[number, row] = sums[number]
    return sums_by_facet


@njit(cache=True, nogil=True)
def _weights_of_values(indptr, indices, data, facet, items, weights, n_values, n_facets):  # type: ignore[no-untyped-def]
    """Sum the weights of the items that have each value, (V,), and of those that have each facet, (F,)."""
    value_weights, facet_weights = np.zeros(n_values), np.zeros(n_facets)
    for row in range(len(items)):
        for entry in range(indptr[items[row]], indptr[items[row] + 1]):
            value = indices[entry]
            value_weights[value] += weights[row] * data[entry]
            facet_weights[facet[value]] += weights[row] * data[entry]
    return value_weights, facet_weights


def _shares_within_facet(counts: np.ndarray, facets: Facets) -> np.ndarray:
    totals = np.bincount(facets.facet, counts, minlength=len(facets.names))
    shares: np.ndarray = counts / totals[facets.facet]
    return shares


def _facet_texts(catalogue: Catalogue) -> Iterator[tuple[str, np.ndarray, pa.Array]]:
    """Yield each facet's name, the items that have it (T,) and their texts (T,)."""
    table = catalogue.table
    all_rows = np.arange(len(catalogue))
    yield "title", all_rows, pc.utf8_lower(_combine(table["title"]))
    yield "brand", all_rows, pc.utf8_lower(_combine(table["brand"]))
    paths = _combine(table["category"])
    rows, depths = _rows_and_offsets(paths)
    names = pc.utf8_lower(paths.flatten())
    for depth in range(DEPTHS):
        having = np.flatnonzero(depths == depth)
        yield f"category {depth + 1}", rows[having], names.take(pa.array(having))
    facts = _combine(table["attributes"]).cast(
        pa.list_(pa.struct([("key", pa.string()), ("value", pa.string())]))
    )
    rows, _ = _rows_and_offsets(facts)
    keys, texts = (facts.flatten().field(name) for name in ("key", "value"))
    for key in sorted(pc.unique(keys).to_pylist()):
        having = np.flatnonzero(pc.equal(keys, key).to_numpy(zero_copy_only=False))
        values = pc.split_pattern_regex(pc.utf8_lower(texts.take(pa.array(having))), r"\s*,\s*")
        parents, _ = _rows_and_offsets(values)
        yield key, rows[having][parents], values.flatten()


def _combine(column: pa.ChunkedArray) -> Any:
    array = column.combine_chunks()
    return array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array


def _rows_and_offsets(lists: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return each list element's row and its offset within its list, (T,) each."""
    parents = pc.list_parent_indices(lists).to_numpy(zero_copy_only=False).astype(np.int64)
    starts = np.flatnonzero(np.diff(parents, prepend=-1))
    lengths = np.diff(starts, append=len(parents))
    return parents, np.arange(len(parents)) - np.repeat(starts, lengths)


def _shared_values(rows: np.ndarray, texts: pa.Array, n: int) -> tuple[Any, np.ndarray]:
    """Build the matrix of items by texts shared by at least two, sparse (n, V) float32, and these texts (V,).

    Rows sum to 1 or 0.
    """
    nonempty = np.flatnonzero(pc.fill_null(pc.not_equal(texts, ""), False).to_numpy(zero_copy_only=False))
    encoded = pc.dictionary_encode(texts.take(pa.array(nonempty)))
    cells = (
        np.ones(len(nonempty), np.float32),
        (rows[nonempty], encoded.indices.to_numpy(zero_copy_only=False)),
    )
    matrix = sparse.csr_matrix(cells, shape=(n, len(encoded.dictionary)))
    matrix.data[:] = 1.0
    shared = np.flatnonzero(np.bincount(matrix.indices, minlength=matrix.shape[1]) > 1)
    matrix = matrix[:, shared]
    lengths = np.diff(matrix.indptr)
    matrix.data = (1.0 / np.repeat(lengths, lengths)).astype(np.float32)
    return matrix.tocsr(), np.array(encoded.dictionary.take(pa.array(shared)).to_pylist(), np.str_)

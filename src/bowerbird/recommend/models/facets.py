"""The facets of a catalogue as a sparse matrix: attributes, category levels, brand and title."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import scipy.sparse as sparse
from numba import njit
from numpy.typing import NDArray

from bowerbird.data.arrays import DoubleArray, FloatArray, IntArray, IntegerArray
from bowerbird.data.items import Catalogue
from bowerbird.recommend.models.config import AffinityConfig
from bowerbird.text.facets import VALUE_SEPARATOR


@dataclass(frozen=True)
class Facets:
    """F facets of n items, V values in all; values that only one item has are left out."""

    names: tuple[str, ...]
    texts: NDArray[np.str_]  # (V,) str: a value's text, in lower case
    facet: IntArray  # (V,): which facet a value is of
    values: Any  # sparse (n, V) float32: each facet of an item that has it sums to 1

    @classmethod
    def from_catalogue(cls, catalogue: Catalogue, config: AffinityConfig | None = None) -> Facets:
        """Extract the facets of a catalogue; a text with commas holds several values."""
        config = config or AffinityConfig()
        n = len(catalogue)
        facets = []
        for name, rows, texts in _facet_texts(catalogue, config.depths):
            matrix, values = _shared_values(rows, texts, n)
            n_items = np.count_nonzero(np.diff(matrix.indptr))
            if matrix.shape[1] > 1 and n_items >= config.min_share * n:
                facets.append((-n_items, name, matrix, values))
        facets = sorted(facets, key=lambda facet: facet[:2])[: config.max_facets]
        sizes = np.array([matrix.shape[1] for _, _, matrix, _ in facets], np.int64)
        matrices = [sparse.csr_matrix((n, 0), dtype=np.float32), *(matrix for _, _, matrix, _ in facets)]
        return cls(
            tuple(name for _, name, _, _ in facets),
            np.concatenate([np.zeros(0, "<U1"), *(values for _, _, _, values in facets)]),
            np.repeat(np.arange(len(facets)), sizes),
            sparse.hstack(matrices, format="csr"),
        )

    def values_of(self, item: int) -> IntegerArray:
        """Return the values of an item, (k,) indices of `texts`."""
        values = self.values
        value_rows: IntegerArray = values.indices[values.indptr[item] : values.indptr[item + 1]]
        return value_rows

    def sums(self, of_value: DoubleArray, items: IntArray) -> FloatArray:
        """Average numbers of values (V,) over each item's values, by facet: (C, F); NaN where it has none."""
        values = self.values
        sums: FloatArray = _sums(
            values.indptr, values.indices, values.data, self.facet, of_value, items, len(self.names)
        )
        return sums.T


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


def _facet_texts(catalogue: Catalogue, depths: int) -> Iterator[tuple[str, IntArray, pa.Array]]:
    """Yield each facet's name, the items that have it (T,) and their texts (T,)."""
    table = catalogue.table
    all_rows = np.arange(len(catalogue))
    yield "title", all_rows, pc.utf8_lower(_combine(table["title"]))
    yield "brand", all_rows, pc.utf8_lower(_combine(table["brand"]))
    paths = _combine(table["category"])
    rows, depth_of = _rows_and_offsets(paths)
    names = pc.utf8_lower(paths.flatten())
    for depth in range(depths):
        having = np.flatnonzero(depth_of == depth)
        yield f"category {depth + 1}", rows[having], names.take(pa.array(having))
    facts = _combine(table["attributes"]).cast(
        pa.list_(pa.struct([("key", pa.string()), ("value", pa.string())]))
    )
    rows, _ = _rows_and_offsets(facts)
    keys, texts = (facts.flatten().field(name) for name in ("key", "value"))
    for key in sorted(pc.unique(keys).to_pylist()):
        having = np.flatnonzero(pc.equal(keys, key).to_numpy(zero_copy_only=False))
        values = pc.split_pattern_regex(pc.utf8_lower(texts.take(pa.array(having))), VALUE_SEPARATOR)
        parents, _ = _rows_and_offsets(values)
        yield key, rows[having][parents], values.flatten()


def _combine(column: pa.ChunkedArray) -> Any:
    array = column.combine_chunks()
    return array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array


def _rows_and_offsets(lists: Any) -> tuple[IntArray, IntArray]:
    """Return each list element's row and its offset within its list, (T,) each."""
    parents = pc.list_parent_indices(lists).to_numpy(zero_copy_only=False).astype(np.int64)
    starts = np.flatnonzero(np.diff(parents, prepend=-1))
    lengths = np.diff(starts, append=len(parents))
    return parents, np.arange(len(parents)) - np.repeat(starts, lengths)


def _shared_values(rows: IntArray, texts: pa.Array, n: int) -> tuple[Any, NDArray[np.str_]]:
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

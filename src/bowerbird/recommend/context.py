"""What candidate sources read: the catalogue with its vectors, and statistics of the training events."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeAlias

import numpy as np

from bowerbird.data.arrays import BoolArray, FloatArray, IntArray
from bowerbird.data.interactions import Interactions
from bowerbird.data.items import Catalogue
from bowerbird.data.times import DAY
from bowerbird.embed.index.item_index import ItemIndex
from bowerbird.embed.index.rows import VectorRows
from bowerbird.recommend.models.config import AffinityConfig, SourceConfig
from bowerbird.recommend.models.facets import Facets
from bowerbird.recommend.models.id_neighbourhood import rank_ids
from bowerbird.recommend.models.nearest import Neighbours, RoundedRows
from bowerbird.recommend.models.popularity import Popularity

Matrix: TypeAlias = FloatArray | VectorRows
"""Vectors of all items, in memory or read where they are needed."""


def rows_at(matrix: Matrix, positions: IntArray) -> FloatArray:
    """Give some rows, (C, D) float32; `take` is twice as quick as indexing where they are in memory."""
    rows = matrix.take(positions, axis=0) if isinstance(matrix, np.ndarray) else matrix[positions]
    return np.asarray(rows, np.float32)


class ItemContext:
    """A catalogue of n items with their vectors: what is known without a single event."""

    def __init__(
        self,
        catalogue: Catalogue,
        vectors: Matrix,
        modalities: tuple[Matrix, ...] = (),
        index: ItemIndex | None = None,
        affinity: AffinityConfig | None = None,
    ) -> None:
        """`vectors` (n, D): rows of length 1 or 0. `modalities`: untrained content by facts, text and
        picture, (n, W) each; where there are none, the vectors stand for each.

        With an `index` candidates are found through it, else by a look at every item.
        """
        self.catalogue = catalogue
        # The same memory: a memory map's own indexing is slow in small pieces.
        self.vectors = np.asarray(vectors) if isinstance(vectors, np.ndarray) else vectors
        self.modalities = modalities or (self.vectors,) * 3
        self.index = index
        self.affinity = affinity or AffinityConfig()

    def __len__(self) -> int:
        return len(self.vectors)

    @cached_property
    def id_ranks(self) -> IntArray:
        """Each item's rank in the natural order of ids, (n,) int64; only fitting needs it."""
        return rank_ids(self.catalogue.ids)

    @cached_property
    def facets(self) -> Facets:
        """The catalogue's facets; only fitting needs them."""
        return Facets.from_catalogue(self.catalogue, self.affinity)

    @cached_property
    def columns(self) -> FloatArray:
        """The vectors laid out by columns, (D, n): a few rows times it is a third quicker than times `.T`."""
        assert isinstance(self.vectors, np.ndarray), "only vectors in memory are multiplied as a whole"
        return np.ascontiguousarray(self.vectors.T)

    @cached_property
    def rounded(self) -> RoundedRows:
        """The vectors in eight bits, for the nearest items to one vector."""
        assert isinstance(self.vectors, np.ndarray), "vectors on disk have an index"
        return RoundedRows(self.vectors)

    def modality_counts(self, positions: IntArray) -> FloatArray:
        """Count the modalities that items have, (C,) float32."""
        counts = self._all_counts
        if counts is not None:
            chosen: FloatArray = counts[positions]
            return chosen
        if all(rows is self.vectors for rows in self.modalities):  # read from disk once, not three times
            has_vector = np.asarray(self.vectors[positions]).any(axis=1)
            vector_counts: FloatArray = np.where(has_vector, np.float32(len(self.modalities)), np.float32(0))
            return vector_counts
        return _count_modalities([np.asarray(rows[positions]) for rows in self.modalities])

    @cached_property
    def _all_counts(self) -> FloatArray | None:
        in_memory = [rows for rows in self.modalities if isinstance(rows, np.ndarray)]
        return _count_modalities(in_memory) if len(in_memory) == len(self.modalities) else None


def _count_modalities(rows: list[FloatArray]) -> FloatArray:
    counts: FloatArray = np.stack([part.any(axis=1) for part in rows]).sum(axis=0, dtype=np.float32)
    return counts


@dataclass
class SourceContext:
    """What every source may read: items, and statistics of the events that it is fitted on."""

    items: ItemContext
    popularity: Popularity
    first_seen: IntArray
    """(n,) float64 microseconds: launch or first event, NaN where neither is known."""
    config: SourceConfig = field(default_factory=SourceConfig)
    neighbours: tuple[Neighbours, Neighbours] | None = None
    """Nearest items of each item, among all and among the cold ones; only a served ranker has them."""

    @classmethod
    def fit(cls, events: Interactions, items: ItemContext, config: SourceConfig) -> SourceContext:
        """Collect the statistics of training events."""
        popularity = Popularity.fit(events, items.id_ranks, config.popularity)
        return cls(items, popularity, _first_seen(events, items), config)

    @cached_property
    def is_cold(self) -> BoolArray:
        """Items that nobody has liked yet, (n,) bool."""
        is_cold: BoolArray = self.popularity.total == 0
        return is_cold

    @cached_property
    def is_young(self) -> BoolArray:
        """Cold items that were not there long enough to be liked, as far as is known, (n,) bool.

        Long enough is the half-life of the trend, before the last like.
        """
        grown_up = self.popularity.end - self.popularity.lately * DAY
        is_young: BoolArray = self.is_cold & ~(self.first_seen <= grown_up)  # unknown ones are young
        return is_young


def _first_seen(events: Interactions, items: ItemContext) -> IntArray:
    first = np.full(len(items), np.inf)
    np.minimum.at(first, events.item, events.at.astype(np.float64))
    launched = items.catalogue.launched
    has_launch = launched > np.iinfo(np.int64).min
    first[has_launch] = launched[has_launch]
    return np.where(np.isfinite(first), first, np.nan)

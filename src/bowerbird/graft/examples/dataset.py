"""The graft's training dataset, made from a store, and its validation items.

Only events of the vectors' own training split are used; a further tenth of the items is held out for
validation. Nothing here comes from an external model.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bowerbird.data.arrays import FloatArray, IntArray
from bowerbird.data.interactions import Interactions
from bowerbird.data.snapshot import StoreSnapshot
from bowerbird.data.splits import Holdout, hash_share
from bowerbird.embed.index.vectors import Vectors, item_matrix, load_vectors
from bowerbird.errors import StoreError
from bowerbird.graft.examples.facts import CatalogueFacts, build_caption
from bowerbird.graft.examples.question_sampler import TrainingData

MIN_LIKES = 2
"""Liked items a user needs for a question about their taste."""


@dataclass(frozen=True)
class GraftDataset:
    """The data that training questions are made from, and the captions of the validation items."""

    training_data: TrainingData
    validation_captions: dict[int, str]

    @classmethod
    def from_snapshot(cls, snapshot: StoreSnapshot) -> GraftDataset:
        """Read a snapshot. Raises `StoreError` if its vectors do not record their holdout."""
        catalogue, vectors = snapshot.catalogue, load_vectors(snapshot)
        events = Interactions.of(snapshot.store.log.read(), catalogue)
        training_events = read_holdout(vectors).training(events)
        likes_by_user = [np.unique(history.liked().items) for _, history in training_events.histories()]
        matrix = item_matrix(snapshot)
        captions = {
            position: text
            for position in np.flatnonzero(np.abs(matrix).sum(1) > 0).tolist()
            if (text := build_caption(catalogue, position))
        }
        validation_captions = {p: text for p, text in captions.items() if is_held_out(catalogue.ids[p])}
        training_data = TrainingData(
            matrix,
            {p: text for p, text in captions.items() if p not in validation_captions},
            CatalogueFacts.from_catalogue(catalogue),
            [items for items in likes_by_user if len(items) >= MIN_LIKES],
            read_collections(snapshot),
            encode_item_pictures(snapshot),
        )
        return cls(training_data, validation_captions)

    @property
    def matrix(self) -> FloatArray:
        """Item vectors, (items, dim)."""
        return self.training_data.matrix


def read_collections(snapshot: StoreSnapshot) -> list[tuple[str, IntArray]]:
    catalogue = snapshot.catalogue
    members_by_name = [
        (
            collection.name,
            np.array([catalogue.position[i] for i in collection.item_ids if i in catalogue], np.int64),
        )
        for collection in snapshot.collections
    ]
    return [(name, members) for name, members in members_by_name if len(members) > 1]


def encode_item_pictures(snapshot: StoreSnapshot) -> FloatArray | None:
    """Encode each item from its picture alone, (items, dim); None if the store has no encoder or picture
    features."""
    from bowerbird.embed.encode.features import read_cached_image_features
    from bowerbird.embed.search.query import QueryEncoder

    try:
        encoder = QueryEncoder.open(snapshot)
    except StoreError:
        return None
    features = read_cached_image_features(snapshot.store, snapshot.catalogue, encoder.backbones[0])
    return None if features is None else encoder.encode_image_features(features)


def read_holdout(vectors: Vectors) -> Holdout:
    """The holdout that the vectors were not trained on. Raises `StoreError` if they do not record it."""
    if vectors.meta.holdout is None:
        raise StoreError(
            f"the vectors {vectors.version} do not record which events were held out: "
            "run `bowerbird embed` again, so that validation data was never trained on"
        )
    return vectors.meta.holdout


def is_held_out(identifier: str, fraction: float = 0.1) -> bool:
    """Whether an item (or a user, in benchmarks) is held out for validation; independent of the holdout's
    hash."""
    return hash_share(identifier, "graft-judge") < fraction

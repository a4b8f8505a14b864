"""What a store teaches a graft, and what is left out of the lessons to judge them by.

Only events of the vectors' own training part are learned from; a further tenth of the items is left out to
validate on. Nothing here comes from an outside model.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np

from bowerbird.data.interactions import Interactions
from bowerbird.data.snapshot import StoreSnapshot
from bowerbird.data.splits import Holdout
from bowerbird.embed.index.vectors import Vectors, item_matrix, load_vectors
from bowerbird.errors import StoreError
from bowerbird.graft.examples.facts import Facts, caption
from bowerbird.graft.examples.questions import Material

LEAST_LIKED = 2
"""Items that a user must like for a question about their taste."""


@dataclass(frozen=True)
class Lesson:
    """What questions are made of, and the texts of the items that are left out of it."""

    material: Material
    judged_captions: dict[int, str]

    @classmethod
    def of(cls, snapshot: StoreSnapshot) -> Lesson:
        """Read a snapshot. Raises `StoreError` where its vectors do not say what they were kept from."""
        catalogue, vectors = snapshot.catalogue, load_vectors(snapshot)
        events = Interactions.of(snapshot.store.log.read(), catalogue)
        training = holdout_of(vectors).training(events)
        liked = [np.unique(history.liked().items) for _, history in training.histories()]
        matrix = item_matrix(snapshot)
        said = {
            position: text
            for position in np.flatnonzero(np.abs(matrix).sum(1) > 0).tolist()
            if (text := caption(catalogue, position))
        }
        judged = {p: text for p, text in said.items() if left_out(catalogue.ids[p])}
        material = Material(
            matrix,
            {p: text for p, text in said.items() if p not in judged},
            Facts.read(catalogue),
            [items for items in liked if len(items) >= LEAST_LIKED],
            _collections(snapshot),
            _pictures(snapshot),
        )
        return cls(material, judged)

    @property
    def matrix(self) -> np.ndarray:
        """Item vectors, (items, dim)."""
        return self.material.matrix


def _collections(snapshot: StoreSnapshot) -> list[tuple[str, np.ndarray]]:
    catalogue = snapshot.catalogue
    known = [
        (one.name, np.array([catalogue.position[i] for i in one.item_ids if i in catalogue], np.int64))
        for one in snapshot.collections
    ]
    return [(name, members) for name, members in known if len(members) > 1]


def _pictures(snapshot: StoreSnapshot) -> np.ndarray | None:
    """What the tower makes of each item's picture alone, (items, dim); None where the store can't tell."""
    from bowerbird.embed.encode.features import read_cached_image_features
    from bowerbird.embed.search.query import QueryEncoder

    try:
        encoder = QueryEncoder.open(snapshot)
    except StoreError:
        return None
    features = read_cached_image_features(snapshot.store, snapshot.catalogue, encoder.backbones[0])
    return None if features is None else encoder.encode_image_features(features)


def holdout_of(vectors: Vectors) -> Holdout:
    """What the vectors were never trained on. Raises `StoreError` where they do not say."""
    if "holdout" not in vectors.meta:
        raise StoreError(
            f"the vectors {vectors.version} do not say which events they were kept from: "
            "run `bowerbird embed` again, so that what is judged was never learnt"
        )
    return Holdout(**vectors.meta["holdout"])


def left_out(identifier: str, share: float = 0.1) -> bool:
    """Whether an item (or a user, in benchmarks) is left out to validate on; not the holdout's hash."""
    digest = hashlib.blake2b(identifier.encode(), digest_size=8, person=b"graft-judge").digest()
    return int.from_bytes(digest, "big") < share * 2**64

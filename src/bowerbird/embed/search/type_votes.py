"""The item type of a picture, by a vote of the catalogue's most similar pictures.

A user's photo differs from a catalogue's pictures in light, background and pose. Its nearest items agree on
what it shows, though no single one need be right; so the majority's type corrects the ranking. The untrained
features of the pictures vote: whitened ones separate a catalogue's own pictures better, but follow the
background of a photo.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bowerbird.data.arrays import FloatArray, IntArray
from bowerbird.embed.index.rows import VectorRows, normalize_rows
from bowerbird.embed.search.config import TypeVoteConfig

DEFAULT = TypeVoteConfig()


class TypeVotes:
    """The item types of V pictures with E features each."""

    def __init__(self, features: FloatArray, types: Sequence[str], config: TypeVoteConfig = DEFAULT) -> None:
        """`features` (V, E) of the pictures, and the type of each."""
        self._features = normalize_rows(features)
        self._types = list(types)
        self._config = config

    @classmethod
    def of(
        cls,
        features: VectorRows,
        positions: IntArray,
        types: Sequence[str],
        config: TypeVoteConfig = DEFAULT,
    ) -> TypeVotes:
        """From items at positions and their types; items without a picture or a type do not vote."""
        typed = np.flatnonzero([bool(item_type) for item_type in types])
        if len(typed) > config.max_voters:
            typed = np.sort(np.random.default_rng(0).permutation(typed)[: config.max_voters])
        typed_features = features[positions[typed]]
        has_picture = typed_features.any(axis=1)
        return cls(typed_features[has_picture], [types[row] for row in typed[has_picture].tolist()], config)

    def vote(self, picture: FloatArray) -> dict[str, float]:
        """Share of the votes of each type for one picture's features (E,); empty without voters."""
        if not self._types or len(picture) != self._features.shape[1]:
            return {}
        cosines = self._features @ normalize_rows(picture)
        nearest = np.argsort(-cosines, kind="stable")[: self._config.nearest]
        weights = np.exp(self._config.sharpness * (cosines[nearest] - cosines[nearest[0]]))
        shares: dict[str, float] = {}
        for row, weight in zip(nearest.tolist(), (weights / weights.sum()).tolist(), strict=True):
            shares[self._types[row]] = shares.get(self._types[row], 0.0) + weight
        return shares

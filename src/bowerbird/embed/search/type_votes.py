"""Of what kind a pictured thing seems to be: the kinds of the shop's most similar pictures vote.

A person's photo differs from a shop's in light, background and pose, and its nearest items agree on what it
shows rather than each being right. So what the many say is held against each. The untrained features of the
pictures vote: whitened ones, which tell a shop's own pictures apart better, follow the background of a photo.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bowerbird.embed.index.rows import Rows, unit

VOTERS = 10_000
"""Pictures of a larger shop that vote, drawn at random; 51 MB of EfficientNet-Lite0's features."""
NEAREST = 100
SHARPNESS = 20.0
"""A picture whose cosine is .05 less has 1 / e of a vote."""


class Kinds:
    """The kinds of V pictures with E features each."""

    def __init__(self, pictures: np.ndarray, kinds: Sequence[str]) -> None:
        """`pictures` (V, E), and the kind of each."""
        self._pictures = unit(pictures)
        self._kinds = list(kinds)

    @classmethod
    def of(cls, pictures: Rows, positions: np.ndarray, kinds: Sequence[str]) -> Kinds:
        """Of the items at some positions and their kinds; those without a picture or a kind do not vote."""
        told = np.flatnonzero([bool(kind) for kind in kinds])
        if len(told) > VOTERS:
            told = np.sort(np.random.default_rng(0).permutation(told)[:VOTERS])
        features = pictures[positions[told]]
        voting = features.any(axis=1)
        return cls(features[voting], [kinds[row] for row in told[voting].tolist()])

    def votes(self, picture: np.ndarray) -> dict[str, float]:
        """Each kind's share of the votes for one picture's features (E,); empty where nobody votes."""
        if not self._kinds or len(picture) != self._pictures.shape[1]:
            return {}
        cosines = self._pictures @ unit(picture)
        near = np.argsort(-cosines, kind="stable")[:NEAREST]
        weights = np.exp(SHARPNESS * (cosines[near] - cosines[near[0]]))
        shares: dict[str, float] = {}
        for row, weight in zip(near.tolist(), (weights / weights.sum()).tolist(), strict=True):
            shares[self._kinds[row]] = shares.get(self._kinds[row], 0.0) + weight
        return shares

"""The plain order: the sources' reciprocal ranks, fused. It knows no training, so it fits everywhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from bowerbird.data.arrays import FloatArray, RealArray
from bowerbird.data.ranks import fuse_ranks, ranks_of
from bowerbird.recommend.sources.source import FusionTerm, Role


def fuse_sources(
    rows: FloatArray, columns: Mapping[str, int], terms: Sequence[FusionTerm], content_weight: float
) -> FloatArray:
    """Fuse the sources' orders of C candidates by weighted reciprocal ranks, (C, features) -> (C,) float32.

    `columns` gives each feature's column. Of a user who likes nothing yet only the general orders count.
    """
    ranks = {term.feature: np.expm1(rows[:, columns[term.feature]]) for term in terms}
    parts = [(term.weight, ranks[term.feature]) for term in terms if term.role is Role.GENERAL]
    content = [ranks[term.feature] for term in terms if term.role is Role.CONTENT]
    if content and not any(np.isnan(order).any() for order in content):
        mean_content = np.mean(content, axis=0)
        for term in terms:
            order = ranks[term.feature]
            if term.role is Role.COLLABORATIVE:
                # Of an item that nobody has liked, what people do together says nothing: content stands in.
                parts.append((term.weight, np.where(np.isnan(order), mean_content, order)))
            elif term.role is Role.CONTENT:
                parts.append((term.weight * content_weight, order))
            elif term.role is Role.PERSONAL:
                parts.append((term.weight, order))
    return fuse_ranks(parts)


def blend(learned: RealArray, fused: RealArray, learned_weight: float) -> FloatArray:
    """Blend the learned order of C candidates and the fused one, whose weight is 1, (C,) float32."""
    return fuse_ranks([(learned_weight, ranks_of(learned)), (1.0, ranks_of(fused))])

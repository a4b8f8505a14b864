"""Attribute affinity: how much a user prefers the attribute values of an item.

Vectors mix everything known about an item; facets (attributes, category levels, brand, title) keep it apart.
For every value of every facet the model counts how often a user liked it, how often all users did, and how
many items have it. Each facet then gives an item one number: the log of the share of its values among the
user's likes over their share of the catalogue. Where little is known about a user, all users' share counts (a
Dirichlet prior), so a value that sells now lifts items that nobody has liked yet.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numba import njit

from bowerbird.data.arrays import DoubleArray, FloatArray, IntArray, RealArray
from bowerbird.recommend.models.config import AffinityConfig
from bowerbird.recommend.models.facets import Facets


@dataclass(frozen=True)
class AttributeAffinity:
    """How popular each value is with all users, and from that the preferences of a single user."""

    facets: Facets
    usual: FloatArray  # (V,): share of a value among its facet's likes
    lift: FloatArray  # (V,): log of that over its share of the items
    config: AffinityConfig = field(default_factory=AffinityConfig)

    @classmethod
    def fit(cls, facets: Facets, likes: RealArray, config: AffinityConfig | None = None) -> AttributeAffinity:
        """Fit on how often each item was liked, (n,), with older likes decayed."""
        config = config or AffinityConfig()
        liked = facets.values.T @ likes + config.min_likes
        items = np.asarray(facets.values.sum(axis=0)).ravel()
        usual, offered = (_shares_within_facet(counts, facets) for counts in (liked, items))
        return cls(facets, usual.astype(np.float32), np.log(usual / offered).astype(np.float32), config)

    def preferences(self, items: IntArray, weights: RealArray) -> DoubleArray:
        """Compute a user's preference for each value from liked `items` (H,) and weights (H,): (V,) float64.

        log((c + m·p) / (w + m) / q) with m the config's `prior`, c the weight of the user's likes that have
        the value, w of those that have the facet, p the value's share of all users' likes and q its share of
        the items.
        """
        values, prior = self.facets.values, self.config.prior
        value_weights, facet_weights = _weights_of_values(
            *(values.indptr, values.indices, values.data, self.facets.facet, items, weights),
            *(values.shape[1], len(self.facets.names)),
        )
        preferences: DoubleArray = self.lift - np.log1p(facet_weights / prior)[self.facets.facet]
        liked_values = np.flatnonzero(value_weights)
        preferences[liked_values] += np.log1p(
            value_weights[liked_values] / (prior * self.usual[liked_values])
        )
        return preferences

    def scores_by_facet(self, preferences: DoubleArray, items: IntArray) -> FloatArray:
        """Score items by facet from preferences for values (V,): (C, F) float32; NaN for no value."""
        scores: FloatArray = self.facets.sums(preferences, items)
        return scores

    def scores(self, preferences: DoubleArray) -> FloatArray:
        """Score all items, summed over facets as by `sum_facets`, (n,) float32."""
        scores: FloatArray = self.facets.values @ preferences.astype(np.float32)
        return scores


def sum_facets(by_facet: FloatArray) -> FloatArray:
    """Sum over the facets that an item has, (C, F) -> (C,) float32: as if they were independent."""
    sums: FloatArray = np.nansum(by_facet, axis=1)
    return sums


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


def _shares_within_facet(counts: RealArray, facets: Facets) -> RealArray:
    totals = np.bincount(facets.facet, counts, minlength=len(facets.names))
    shares: RealArray = counts / totals[facets.facet]
    return shares

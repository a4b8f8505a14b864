"""Composed queries: one vector for a picture or item and a text that edits it, and scores of how items fit
the edits.

What an edit means is learned from the catalogue itself. Items that satisfy it and items that contradict it,
each relative to the mean of their type, differ on average in one direction. The linear discriminant of the
two groups (Fisher, 1936) measures how far a vector satisfies the edit, and the query is moved along that
direction by what it lacks. So a colour gives way to the one that is named, attributes that the edit does not
mention stay, and a query that satisfies the edit already stays where it is.

If an item states the attribute, the statement decides its score; if it does not, the discriminant counts
half.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bowerbird.data.arrays import BoolArray, DoubleArray, FloatArray
from bowerbird.embed.index.rows import normalize_rows
from bowerbird.embed.search.config import CompositionConfig
from bowerbird.embed.search.edits.catalogue_facts import TYPE_FACET, CatalogueWords, ItemFacts
from bowerbird.embed.search.edits.edit import AttributeEdit

DEFAULT = CompositionConfig()


@dataclass(frozen=True)
class EditDirection:
    """The direction of one edit. D dimensions."""

    direction: FloatArray  # (D,) from the mean of the contradicting items to that of the satisfying ones
    probe: DoubleArray  # (D,) discriminant: probe @ vector, less its type mean, rises with the attribute
    satisfied: float
    """Mean of the discriminant over items that satisfy the edit."""


class Composer:
    """Learned edit directions in one version of the vectors. S items of a sample, D dimensions."""

    def __init__(
        self, words: CatalogueWords, vectors: FloatArray, config: CompositionConfig = DEFAULT
    ) -> None:
        """`vectors` (S, D) of the sample of `words`; zeros for items that have none."""
        self.words = words
        self._config = config
        self._has_vector = np.asarray(vectors.any(axis=1))
        self._vectors = vectors
        has = self._has_vector
        self._mean = vectors[has].mean(axis=0) if has.any() else vectors.sum(axis=0)
        self._type_means = _compute_type_means(words.facts, vectors, has, config.min_items_per_type)
        self._own_type_means = np.stack([self._type_mean(facts) for facts in words.facts])
        self._centred = (vectors - self._own_type_means) * has[:, None]
        covariance = self._centred.T @ self._centred / max(1, int(has.sum()))
        ridge = config.ridge * np.trace(covariance) / max(1, len(covariance)) + 1e-9
        self._inverse_covariance = np.linalg.inv(covariance + ridge * np.eye(len(covariance)))
        self._directions: dict[AttributeEdit, EditDirection | None] = {}

    def apply_edits(self, query: FloatArray, edits: Sequence[AttributeEdit]) -> FloatArray:
        """Move a query (D,) of length 1 along the directions of edits, (D,) of length 1."""
        type_mean = self._type_mean_near(query)
        edited = query
        for edit in edits:
            learned = self.direction(edit)
            if learned is not None:
                relative = edited if edit.facet == TYPE_FACET else edited - type_mean
                lacking = max(0.0, learned.satisfied - float(learned.probe @ relative))
                separation = float(learned.probe @ learned.direction)
                edited = edited + self._config.strength * lacking * learned.direction / separation
        unit_length: FloatArray = normalize_rows(edited)
        return unit_length

    def score(
        self, edits: Sequence[AttributeEdit], vectors: FloatArray, facts: Sequence[ItemFacts]
    ) -> DoubleArray:
        """Score how items (K, D) fit edits, (K,): the sum of -1 to 1 for each edit, over √edits."""
        total, weight = np.zeros(len(facts)), self._config.unstated_weight
        for edit in edits:
            stated = np.array([edit.match(item_facts) for item_facts in facts])
            total += np.where(stated != 0, stated, weight * self._estimate(edit, vectors, facts))
        scores: DoubleArray = total / max(1, len(edits)) ** 0.5
        return scores

    def _estimate(self, edit: AttributeEdit, vectors: FloatArray, facts: Sequence[ItemFacts]) -> DoubleArray:
        """Estimate the fit of items by the discriminant, (K,): 1 as satisfying items, -1 as the others."""
        learned = self.direction(edit)
        if learned is None:
            return np.zeros(len(vectors))
        separation = float(learned.probe @ learned.direction)
        relative = vectors
        if edit.facet != TYPE_FACET:
            relative = vectors - np.stack([self._type_mean(item_facts) for item_facts in facts])
        share = (relative @ learned.probe - learned.satisfied + separation) / separation
        estimate: DoubleArray = 2 * np.clip(share, 0, 1) - 1
        return estimate

    def direction(self, edit: AttributeEdit) -> EditDirection | None:
        """The direction of an edit; None if the sample holds too few examples of it."""
        if edit not in self._directions:
            self._directions[edit] = self._learn_direction(edit)
        return self._directions[edit]

    def _learn_direction(self, edit: AttributeEdit) -> EditDirection | None:
        match = np.array([edit.match(facts) for facts in self.words.facts])
        satisfying, contradicting = (match > 0) & self._has_vector, (match < 0) & self._has_vector
        if contradicting.sum() < self._config.min_examples:
            contradicting = (match <= 0) & self._has_vector
        if min(satisfying.sum(), contradicting.sum()) < self._config.min_examples:
            return None
        rows = self._vectors if edit.facet == TYPE_FACET else self._centred
        direction = rows[satisfying].mean(axis=0) - rows[contradicting].mean(axis=0)
        probe = self._inverse_covariance @ direction
        return EditDirection(direction, probe, float(probe @ rows[satisfying].mean(axis=0)))

    def _type_mean(self, facts: ItemFacts) -> FloatArray:
        type_mean: FloatArray = self._type_means.get(facts.item_type, self._mean)
        return type_mean

    def _type_mean_near(self, query: FloatArray) -> FloatArray:
        """Mean of the type means of the query's nearest items, (D,)."""
        nearest = np.argsort(-(self._vectors @ query))[: self._config.nearest]
        type_mean: FloatArray = self._own_type_means[nearest].mean(axis=0)
        return type_mean


def _compute_type_means(
    facts: Sequence[ItemFacts], vectors: FloatArray, has_vector: BoolArray, min_items: int
) -> dict[str, FloatArray]:
    """Mean vector (D,) of each type with enough items."""
    rows_of_type: dict[str, list[int]] = {}
    for row in np.flatnonzero(has_vector).tolist():
        rows_of_type.setdefault(facts[row].item_type, []).append(row)
    return {
        item_type: vectors[rows].mean(axis=0)
        for item_type, rows in rows_of_type.items()
        if len(rows) >= min_items
    }

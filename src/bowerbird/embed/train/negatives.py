"""Hard negatives: liked items of the same category as the neighbour.

In-batch negatives of another category are easy: the category alone separates them. One more negative for each
pair, of the neighbour's own category, needs finer differences.
"""

from __future__ import annotations

import numpy as np

from bowerbird.data.arrays import IntArray
from bowerbird.data.items import Catalogue
from bowerbird.embed.train.neighbours import InteractionSequences


class SameCategoryNegatives:
    """Samples items in proportion to their likes, within a category.

    Liked items only: other items as negatives would teach the tower that new items are never liked.
    """

    def __init__(self, sequences: InteractionSequences, categories: IntArray) -> None:
        """`categories` (items,) int64, the number of each item's category."""
        self._category_of = categories
        liked_categories = categories[sequences.items]
        # Liked items, category by category, as often as they are liked.
        self._items = sequences.items[np.argsort(liked_categories, kind="stable")]
        counts = np.bincount(liked_categories, minlength=int(categories.max(initial=0)) + 1)
        self._first = np.concatenate([[0], np.cumsum(counts)])

    def sample(self, items: IntArray, rng: np.random.Generator) -> IntArray:
        """Sample an item of the category of each of B liked items, (B,); may be the item itself."""
        category = self._category_of[items]
        size = self._first[category + 1] - self._first[category]
        index = self._first[category] + np.floor(rng.random(len(items)) * size).astype(np.int64)
        negatives: IntArray = self._items[index]
        return negatives


def number_categories(catalogue: Catalogue) -> IntArray:
    """Number the items' whole category paths, (items,) int64; items without one share a number."""
    paths = [tuple(path or ()) for path in catalogue.table["category"].to_pylist()]
    numbers = {path: number for number, path in enumerate(sorted(set(paths)))}
    return np.array([numbers[path] for path in paths], np.int64)

"""Hard negatives: what was liked as well, and is of the same category as the neighbour.

Items of a batch that are of another kind are told apart by their kind alone. One more negative for each pair,
of the neighbour's own category, asks for the rest.
"""

from __future__ import annotations

import numpy as np

from bowerbird.data.items import Catalogue
from bowerbird.embed.train.neighbours import Strings


class SameCategory:
    """Draws items by the likes that they have, category by category.

    Only liked items: whoever taught with the others would teach that nobody likes what is new.
    """

    def __init__(self, strings: Strings, categories: np.ndarray) -> None:
        """`categories` (items,) int64, a number for each category."""
        self._of = categories
        kinds = categories[strings.items]
        self._items = strings.items[np.argsort(kinds, kind="stable")]  # likes, category by category
        counts = np.bincount(kinds, minlength=int(categories.max(initial=0)) + 1)
        self._first = np.concatenate([[0], np.cumsum(counts)])

    def draw(self, items: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """For each of B liked items one of its category, (B,); the item itself where there is no other."""
        kind = self._of[items]
        size = self._first[kind + 1] - self._first[kind]
        drawn = self._first[kind] + np.floor(rng.random(len(items)) * size).astype(np.int64)
        found: np.ndarray = self._items[drawn]
        return found


def categories_of(catalogue: Catalogue) -> np.ndarray:
    """A number for each item's whole category path, (items,) int64; those without one share a number."""
    paths = [tuple(path or ()) for path in catalogue.table["category"].to_pylist()]
    numbers = {path: number for number, path in enumerate(sorted(set(paths)))}
    return np.array([numbers[path] for path in paths], np.int64)

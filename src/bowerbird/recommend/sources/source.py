"""What a candidate source is: one object that proposes items for a user, describes and explains them."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar, Self

import numpy as np

from bowerbird.data.interactions import Interactions
from bowerbird.recommend.context import SourceContext
from bowerbird.recommend.query import Query


class Role(StrEnum):
    """How an order counts in the plain fusion, which stands next to the learned order."""

    COLLABORATIVE = "collaborative"
    """Unknown (NaN) for items that nobody has liked; content speaks for those."""
    CONTENT = "content"
    """Weighted by a number that is chosen on the training examples."""
    PERSONAL = "personal"
    """Counts where something is known of the user."""
    GENERAL = "general"
    """Counts for everybody."""


@dataclass(frozen=True)
class FusionTerm:
    """One order in the plain fusion: a feature that holds log(1 + rank), and its weight."""

    feature: str
    weight: float
    role: Role


class Source(ABC):
    """One way to find items for a user. To add one: a file with a subclass, a line in `sources.SOURCES`."""

    name: ClassVar[str]
    """Recorded with every candidate that the source brought, and answered with every recommendation."""
    fusion: tuple[FusionTerm, ...] = ()
    feature_names: tuple[str, ...] = ()

    def __init__(self, context: SourceContext) -> None:
        self.context = context

    def with_context(self, context: SourceContext) -> Self:
        """The same source that tells other facts of the same items."""
        other = copy.copy(self)
        other.context = context
        return other

    @classmethod
    def fit(cls, events: Interactions, context: SourceContext) -> Self:
        """Learn from training events (and nothing else)."""
        return cls(context)

    def prepare(self, queries: Sequence[Query]) -> None:  # noqa: B027 (most have nothing to prepare)
        """Compute for many queries together what is cheaper so; it is kept in each query."""

    @abstractmethod
    def propose(self, query: Query, count: int) -> list[np.ndarray]:
        """Name eligible items: one or more orders of positions, each best first and about `count` long.

        Only items that the source has a reason for.
        """

    def features(self, query: Query, positions: np.ndarray) -> Sequence[np.ndarray]:
        """Describe candidates (C,) to the ranker: a column (C,) for each of `feature_names`, NaN for unknown.

        Nothing may depend on what the user does later, so that the ranker learns from what it will be given.
        """
        return []

    def explain(self, query: Query, position: int) -> str | None:
        """Say why an item may be for the user, in words that catalogue and log prove; else None."""
        return None

    def arrays(self) -> Mapping[str, Any]:
        """Give what was learned, as arrays and sparse matrices by name, for `from_arrays`."""
        return {}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Any], context: SourceContext) -> Self:
        """Make a source from what `arrays` gave. Raises `KeyError` where something is missing."""
        return cls(context)

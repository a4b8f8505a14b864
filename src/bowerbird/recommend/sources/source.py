"""The interface of a candidate source: it proposes items for a user, computes features and explains."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar, Self

from bowerbird.data.arrays import BoolArray, IntArray, RealArray
from bowerbird.data.interactions import Interactions
from bowerbird.recommend.context import SourceContext
from bowerbird.recommend.query import Query
from bowerbird.recommend.reasons import Reason


class Role(StrEnum):
    """How a ranking counts in the plain rank fusion, which is interpolated with the learned ranking."""

    COLLABORATIVE = "collaborative"
    """Unknown (NaN) for items without likes; content ranks those."""
    CONTENT = "content"
    """Weighted by a number that is tuned on the training examples."""
    PERSONAL = "personal"
    """Counts where the user has likes."""
    GENERAL = "general"
    """Counts for every user."""


@dataclass(frozen=True)
class FusionTerm:
    """One ranking in the plain fusion: a feature that holds log(1 + rank), and its weight."""

    feature: str
    weight: float
    role: Role


class Source(ABC):
    """One way to find items for a user. To add one: a file with a subclass, a line in `sources.SOURCES`."""

    name: ClassVar[str]
    """Recorded with every candidate that the source proposed, and returned with every recommendation."""
    fusion: tuple[FusionTerm, ...] = ()
    feature_names: tuple[str, ...] = ()

    def __init__(self, context: SourceContext) -> None:
        self.context = context

    def with_context(self, context: SourceContext) -> Self:
        """Copy the source with another context, for instance a newer catalogue of the same items."""
        source = copy.copy(self)
        source.context = context
        return source

    @classmethod
    def fit(cls, events: Interactions, context: SourceContext) -> Self:
        """Fit on training events only."""
        return cls(context)

    def prepare(self, queries: Sequence[Query]) -> None:  # noqa: B027 (most have nothing to prepare)
        """Precompute for many queries together what is cheaper in a batch, and cache it in each query."""

    @abstractmethod
    def propose(self, query: Query, count: int) -> list[IntArray]:
        """Propose eligible items: one or more rankings of positions, each best first and about `count` long.

        Contains only items that the source has a reason for.
        """

    def features(self, query: Query, positions: IntArray) -> Sequence[RealArray | BoolArray]:
        """Compute ranker features of candidates (C,): a column (C,) for each of `feature_names`, NaN for
        unknown.

        Nothing may depend on later events of the user, so that training and serving features agree.
        """
        return []

    def explain(self, query: Query, position: int) -> Reason | None:
        """Explain an item by what the catalogue and the log support; None if there is no such reason."""
        return None

    def arrays(self) -> Mapping[str, Any]:
        """Return the fitted parameters, as arrays and sparse matrices by name, for `from_arrays`."""
        return {}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Any], context: SourceContext) -> Self:
        """Create a source from what `arrays` returned. Raises `KeyError` if an array is missing."""
        return cls(context)

"""What a recommender answers: a ranked list of candidates, and items with reasons and probabilities."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bowerbird.data.arrays import BoolArray, DoubleArray, IntArray
from bowerbird.recommend.ranker.hybrid import CandidateSet
from bowerbird.recommend.reasons import ENGLISH, Reason, ReasonLanguage


@dataclass(frozen=True)
class RankedList:
    """One user's list: n items, best first."""

    candidates: CandidateSet
    rows: IntArray
    """(n,) which of the candidates."""
    relevance: DoubleArray  # (n,), 0 to 1, and what a boosted interest adds
    propensities: DoubleArray
    """(n,) the chance that each item had at its rank, given those before it; 1 without exploration."""
    is_promoted: BoolArray  # (n,): moved up by a boost of the shop

    @property
    def positions(self) -> IntArray:
        """Positions of the items in the catalogue, (n,) int64."""
        positions: IntArray = self.candidates.positions[self.rows]
        return positions


@dataclass(frozen=True)
class Recommendation:
    """One recommended item."""

    position: int
    item_id: str
    title: str
    price: float | None
    currency: str
    list_price: float | None
    """Price outside of the sale; None where there is no sale price."""
    on_sale: bool
    also_in: Mapping[str, Sequence[str]]
    """By attribute, what other variants of its article can be bought in."""
    score: float
    explanation: Reason
    source: str
    """Name of the candidate source that brought it; see `sources.SOURCES`."""
    probability: dict[str, float]
    """Probability of each outcome that the log knows, at the item's rank; see `outcomes`."""
    propensity: float = 1.0
    """The chance that this item had at its rank, given those before it; 1 without exploration."""
    promoted: bool = False
    """Whether a boost of the shop moved it up."""

    @property
    def reason(self) -> str:
        """Why it may be for the user, in English."""
        return self.explanation.phrase()

    def as_dict(self, language: ReasonLanguage = ENGLISH) -> dict[str, Any]:
        """Give the fields that commands and HTTP answer with, the reason in a language; the position stays
        inside."""
        names = ("item_id", "title", "price", "currency", "list_price", "on_sale", "also_in", "score")
        of_list = ("source", "probability", "propensity", "promoted")
        fields = {name: getattr(self, name) for name in (*names, *of_list)}
        return fields | {"reason": self.explanation.phrase(language)}

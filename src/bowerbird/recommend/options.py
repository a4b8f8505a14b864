"""Options of a list: target outcome, diversity, filters, exploration, boosts, and what to leave out."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from bowerbird.data.arrays import BoolArray
from bowerbird.data.events import Action
from bowerbird.data.items import Catalogue
from bowerbird.errors import InputError
from bowerbird.recommend.outcomes.slates import OUTCOMES
from bowerbird.recommend.rerank.boosts import Boosts


@dataclass(frozen=True)
class RecommendOptions:
    """Options of one list. Raises `InputError` where they make no sense."""

    outcome: Action = Action.CLICK
    """Outcome to optimise for: click, save or purchase; items for which it is likelier move up."""
    diversity: float = 0.2
    """From 0 (relevance alone) to 1."""
    exploration: float = 0.0
    """From 0 (the best known order) to 1 (sampled widely; every item gives its propensity)."""
    seed: int | None = None
    """Of the exploration; another order each time without one."""
    price_min: float | None = None
    price_max: float | None = None
    """In the catalogue's currency; items without a price are left out where one of the two is given."""
    category: str | None = None
    """A name anywhere in the items' category paths, in any case."""
    boosts: Boosts = field(default_factory=Boosts)
    use_walks: bool = True
    """Whether the live walk proposes items. This and the next three exist for ablations."""
    use_session: bool = True
    """Whether the likes of a session that goes on count more."""
    use_outcomes: bool = True
    """Whether predicted probabilities of the target outcome count."""
    use_reserve: bool = True
    """Whether young items have their share of places."""

    def __post_init__(self) -> None:
        for name in ("diversity", "exploration"):
            value = getattr(self, name)
            if not 0 <= value <= 1:
                raise InputError(f"{name} is {value}, expected 0 to 1")
        if self.outcome not in OUTCOMES:
            wanted = ", ".join(OUTCOMES)
            raise InputError(f"the target outcome is {self.outcome.value!r}, expected one of {wanted}")
        low, high = self.price_min, self.price_max
        if low is not None and high is not None and low > high:
            raise InputError(f"the lowest price {low} is above the highest {high}")

    def eligible(self, catalogue: Catalogue) -> BoolArray:
        """Give the items that pass the filters, (items,) bool."""
        eligible = np.ones(len(catalogue), bool)
        with np.errstate(invalid="ignore"):
            if self.price_min is not None:
                eligible &= catalogue.prices >= self.price_min
            if self.price_max is not None:
                eligible &= catalogue.prices <= self.price_max
        if self.category is not None:
            eligible &= catalogue.in_category(self.category)
        return eligible


DEFAULT_OPTIONS = RecommendOptions()

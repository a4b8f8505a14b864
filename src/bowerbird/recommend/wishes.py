"""What a caller wants of one answer, beside the person: filters, exploration, boosts."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from bowerbird.data.events import Action
from bowerbird.data.items import Catalogue
from bowerbird.errors import InputError
from bowerbird.recommend.boosts import Boosts
from bowerbird.recommend.occasions import OUTCOMES


@dataclass(frozen=True)
class Wishes:
    """Settings of one recommendation. Raises `InputError` where they make no sense."""

    outcome: Action = Action.CLICK
    """What is hoped for, click, save or purchase: items for which it is likelier move up."""
    diversity: float = 0.3
    """From 0 (relevance alone) to 1."""
    explore: float = 0.0
    """From 0 (the best order that is known) to 1 (drawn widely; every item says its propensity)."""
    seed: int | None = None
    """Of what is drawn; another order each time without one."""
    price_min: float | None = None
    price_max: float | None = None
    """In the catalogue's currency; items without a price are left out where one of the two is given."""
    category: str | None = None
    """A name anywhere in the items' category paths, in any case."""
    boosts: Boosts = field(default_factory=Boosts)

    def __post_init__(self) -> None:
        for name in ("diversity", "explore"):
            value = getattr(self, name)
            if not 0 <= value <= 1:
                raise InputError(f"{name} is {value}, expected 0 to 1")
        if self.outcome not in OUTCOMES:
            wanted = ", ".join(OUTCOMES)
            raise InputError(f"the outcome hoped for is {self.outcome.value!r}, expected one of {wanted}")
        low, high = self.price_min, self.price_max
        if low is not None and high is not None and low > high:
            raise InputError(f"the lowest price {low} is above the highest {high}")

    def allowed(self, catalogue: Catalogue) -> np.ndarray | None:
        """Items that pass the filters, (items,) bool; None where there is no filter."""
        if self.price_min is None and self.price_max is None and self.category is None:
            return None
        allowed = np.ones(len(catalogue), bool)
        with np.errstate(invalid="ignore"):
            if self.price_min is not None:
                allowed &= catalogue.prices >= self.price_min
            if self.price_max is not None:
                allowed &= catalogue.prices <= self.price_max
        if self.category is not None:
            allowed &= catalogue.in_category(self.category)
        return allowed


PLAIN = Wishes()
"""No wishes but for the best answer."""

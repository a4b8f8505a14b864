"""Options of a list: target outcome, diversity, filters, exploration, the shop's rules, what to leave out."""

from __future__ import annotations

from dataclasses import dataclass, field

from bowerbird.data.arrays import BoolArray
from bowerbird.data.events import Action
from bowerbird.data.items import Catalogue
from bowerbird.errors import InputError
from bowerbird.recommend.filtering.filters import ItemFilter
from bowerbird.recommend.outcomes.slates import OUTCOMES
from bowerbird.recommend.rerank.shop_rules import ShopRules

MAX_EXCLUDED = 500


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
    filter: ItemFilter | None = None
    """Conditions that all items must meet."""
    exclude: tuple[str, ...] = ()
    """Ids of items to leave out, at most `MAX_EXCLUDED`; ids that the catalogue does not know count too."""
    rules: ShopRules = field(default_factory=ShopRules)
    """Of the shop: boosts, pins, and what is hidden."""
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
        if len(self.exclude) > MAX_EXCLUDED:
            raise InputError(f"{len(self.exclude)} items are excluded, expected at most {MAX_EXCLUDED}")

    def eligible(self, catalogue: Catalogue) -> BoolArray:
        """Give the items that pass the filter and are neither excluded nor hidden, (items,) bool."""
        eligible = self.rules.eligible(catalogue)
        if self.filter is not None:
            eligible &= self.filter.mask(catalogue)
        eligible[[catalogue.position[item_id] for item_id in self.exclude if item_id in catalogue]] = False
        return eligible


DEFAULT_OPTIONS = RecommendOptions()

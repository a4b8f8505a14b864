"""The behaviour of simulated users.

In a session a user follows one interest, is shown lists of products, clicks by utility and position, and
saves or buys some of the clicked products.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from bowerbird.demo.products import WORLD_ENDS, Product
from bowerbird.demo.users import SimulatedUser, TrueInterest
from bowerbird.demo.vocabulary import STYLES, TYPES

LIST_LENGTH = 8  # products per list


@dataclass(frozen=True)
class UserAction:
    """One event: a list was shown (several items), or the user acted on one item."""

    user_id: str
    name: str  # Segment's event name
    at: datetime
    items: tuple[int, ...]
    session: str
    board: str = ""


class ProductArrays:
    """All products as arrays, so that utilities are computed in one vector expression."""

    def __init__(self, products: Sequence[Product]) -> None:
        self.kind = np.array([p.kind for p in products])
        self.style = np.array([p.style for p in products])
        self.colour = np.array([p.colour for p in products])
        self.pattern = np.array([p.pattern for p in products])
        self.quality = np.array([p.quality for p in products])
        typical_prices = np.array([TYPES[p.kind].price for p in products])
        self.log_relative_price = np.log(np.array([p.price for p in products]) / typical_prices)
        self.launched = np.array([p.launched.timestamp() for p in products])

    def utility(self, interest: TrueInterest, price_sensitivity: float) -> NDArray[np.float64]:
        """The utility of each product for an interest, (items,).

        2.0 type + 1.6 style + 0.9 colour + 0.7 pattern (matches) + 0.25 quality - price_sensitivity ·
        log(price / typical price).
        """
        match_score = 2.0 * np.isin(self.kind, interest.kinds) + 1.6 * (self.style == interest.style)
        match_score = match_score + 0.9 * np.isin(self.colour, interest.colours)
        if interest.pattern is not None:
            match_score = match_score + 0.7 * (self.pattern == interest.pattern)
        cost = price_sensitivity * self.log_relative_price
        utility: NDArray[np.float64] = match_score + 0.25 * self.quality - cost
        return utility


def simulate_actions(
    user: SimulatedUser, products: ProductArrays, days: int, seed: int
) -> Iterator[UserAction]:
    """Simulate everything a user does, session by session, in chronological order."""
    number = int(user.user_id.rsplit("-", 1)[1])
    generator = np.random.default_rng([seed, 5, number])
    starts = np.sort(generator.uniform(0, days, user.sessions))
    seen: set[int] = set()
    for k, start in enumerate(starts):
        at = WORLD_ENDS - timedelta(days=days) + timedelta(days=float(start))
        yield from _simulate_session(user, products, at, f"{user.user_id}/{k}", generator, seen)


def _simulate_session(
    user: SimulatedUser,
    products: ProductArrays,
    at: datetime,
    session: str,
    generator: np.random.Generator,
    seen: set[int],
) -> Iterator[UserAction]:
    interests = user.interests_at(at)
    weights = np.array([interest.weight for interest in interests])
    interest = interests[int(generator.choice(len(interests), p=weights / weights.sum()))]
    utility = products.utility(interest, user.price_sensitivity)
    on_sale = products.launched <= at.timestamp()
    if not on_sale.any():
        return
    for _ in range(int(generator.integers(1, 4))):
        at += timedelta(seconds=float(generator.uniform(20, 90)))
        item_list = _choose_list(utility, products, on_sale, generator, seen)
        yield UserAction(user.user_id, "Product List Viewed", at, tuple(item_list), session)
        for rank, item in enumerate(item_list):
            appeal = utility[item] - 3.6 - 0.08 * rank
            is_random_click = generator.random() < user.noise * 0.4
            if not is_random_click and generator.random() > 1 / (1 + np.exp(-1.7 * appeal)):
                continue
            for name, board in _sample_reactions(appeal, interest, generator):
                at += timedelta(seconds=float(generator.uniform(3, 40)))
                yield UserAction(user.user_id, name, at, (item,), session, board)
            seen.add(item)


def _choose_list(
    utility: NDArray[np.float64],
    products: ProductArrays,
    on_sale: NDArray[np.bool_],
    generator: np.random.Generator,
    seen: set[int],
) -> list[int]:
    """Choose a list as a shop would: half by (noisy) utility, a quarter popular, a quarter random."""
    by_utility = np.where(on_sale, utility + 0.9 * generator.gumbel(size=len(utility)), -np.inf)
    if seen:
        by_utility[list(seen)] -= 2.0
    by_popularity = np.where(on_sale, products.quality + 0.8 * generator.gumbel(size=len(utility)), -np.inf)
    by_chance = np.where(on_sale, generator.random(len(utility)), -np.inf)
    chosen: list[int] = []
    for scores, count in (
        (by_utility, LIST_LENGTH // 2),
        (by_popularity, LIST_LENGTH // 4),
        (by_chance, LIST_LENGTH // 4),
    ):
        for item in np.argsort(-scores)[: count + len(chosen)]:
            if len(chosen) < LIST_LENGTH and int(item) not in chosen and np.isfinite(scores[item]) and count:
                chosen.append(int(item))
                count -= 1
    return [chosen[k] for k in generator.permutation(len(chosen))]


def _sample_reactions(
    appeal: float, interest: TrueInterest, generator: np.random.Generator
) -> Iterator[tuple[str, str]]:
    yield "Product Clicked", ""
    yield "Product Viewed", ""
    p_like = 1 / (1 + np.exp(-appeal))
    if generator.random() < 0.45 * p_like:
        yield "Product Added to Wishlist", f"{STYLES[interest.style].name} {TYPES[interest.kinds[0]].name}s"
    if generator.random() < 0.3 * p_like:
        yield "Product Added", ""
        if generator.random() < 0.5:
            yield "Order Completed", ""

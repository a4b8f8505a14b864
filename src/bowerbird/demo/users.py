"""The shoppers of the demo world: what each is drawn to, and what they do about it.

A shopper has two to four interests; an interest is a set of types, a style, two colours, and perhaps a
pattern. In a session the shopper follows one of them, is shown a list of products, clicks by utility and
position, and saves or buys some of what was clicked. A quarter of the shoppers change: at a known moment one
interest gives way to another.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from bowerbird.demo.products import WORLD_ENDS, Product
from bowerbird.demo.vocabulary import COLOURS, PATTERNS, STYLES, TYPES

SHOWN = 8  # products in a list
DRIFT_SHARE = 0.25


@dataclass(frozen=True)
class TrueInterest:
    """What a shopper is really drawn to."""

    kinds: tuple[int, ...]
    style: int
    colours: tuple[int, ...]
    pattern: int | None
    weight: float

    def as_dict(self) -> dict[str, Any]:
        return {
            "types": [TYPES[k].name for k in self.kinds],
            "style": STYLES[self.style].name,
            "colours": [list(COLOURS)[c] for c in self.colours],
            "pattern": PATTERNS[self.pattern] if self.pattern is not None else None,
            "weight": self.weight,
        }


@dataclass(frozen=True)
class SimulatedUser:
    """One shopper. After `drift_at` the interests are `after`, if they drift at all."""

    user_id: str
    interests: tuple[TrueInterest, ...]
    after: tuple[TrueInterest, ...]
    drift_at: datetime | None
    price_sensitivity: float
    noise: float
    sessions: int

    def interests_at(self, moment: datetime) -> tuple[TrueInterest, ...]:
        return self.after if self.drift_at is not None and moment >= self.drift_at else self.interests

    def as_dict(self) -> dict[str, Any]:
        rest = {
            k: v
            for k, v in asdict(self).items()
            if k in ("user_id", "price_sensitivity", "noise", "sessions")
        }
        return rest | {
            "drift_at": self.drift_at.isoformat() if self.drift_at else None,
            "interests": [one.as_dict() for one in self.interests],
            "after": [one.as_dict() for one in self.after],
        }


@dataclass(frozen=True)
class UserAction:
    """One thing that happened: a list was shown (several items), or one item was dealt with."""

    user_id: str
    name: str  # Segment's event name
    at: datetime
    items: tuple[int, ...]
    session: str
    board: str = ""


class ProductArrays:
    """All products as arrays, so that a utility is one vector expression."""

    def __init__(self, products: Sequence[Product]) -> None:
        self.kind = np.array([p.kind for p in products])
        self.style = np.array([p.style for p in products])
        self.colour = np.array([p.colour for p in products])
        self.pattern = np.array([p.pattern for p in products])
        self.quality = np.array([p.quality for p in products])
        usual = np.array([TYPES[p.kind].price for p in products])
        self.dearness = np.log(np.array([p.price for p in products]) / usual)
        self.launched = np.array([p.launched.timestamp() for p in products])

    def utility(self, interest: TrueInterest, price_sensitivity: float) -> np.ndarray:
        """How much an interest wants each product, (items,)."""
        wanted = 2.0 * np.isin(self.kind, interest.kinds) + 1.6 * (self.style == interest.style)
        wanted = wanted + 0.9 * np.isin(self.colour, interest.colours)
        if interest.pattern is not None:
            wanted = wanted + 0.7 * (self.pattern == interest.pattern)
        utility: np.ndarray = wanted + 0.25 * self.quality - price_sensitivity * self.dearness
        return utility


def shopper(number: int, days: int, seed: int) -> SimulatedUser:
    """Shopper k, the same however many there are."""
    generator = np.random.default_rng([seed, 4, number])
    interests = _interests(generator, int(generator.integers(2, 5)))
    drifts = generator.random() < DRIFT_SHARE
    drift_day = float(generator.uniform(0.4, 0.8) * days)
    after = interests
    if drifts:
        newcomer = _interests(generator, 1)[0]
        kept = interests[1:]
        after = (TrueInterest(**{**asdict(newcomer), "weight": interests[0].weight}), *kept)
    return SimulatedUser(
        user_id=f"shopper-{number:05d}",
        interests=interests,
        after=after,
        drift_at=WORLD_ENDS - timedelta(days=days - drift_day) if drifts else None,
        price_sensitivity=float(generator.uniform(0.1, 1.2)),
        noise=float(generator.uniform(0.02, 0.15)),
        sessions=int(np.clip(generator.lognormal(2.2, 0.6), 3, 60)),
    )


def _interests(generator: np.random.Generator, count: int) -> tuple[TrueInterest, ...]:
    weights = generator.dirichlet(np.full(count, 3.0))
    found = []
    for weight in weights:
        home = [k for k, kind in enumerate(TYPES) if kind.path.startswith("Home")]
        family = home if generator.random() < 0.55 else [k for k in range(len(TYPES)) if k not in home]
        kinds = generator.choice(family, size=int(generator.integers(2, 4)), replace=False)
        style = int(generator.integers(len(STYLES)))
        colours = {
            int((style * 3 + generator.integers(0, 5)) % len(COLOURS)),
            int(generator.integers(len(COLOURS))),
        }
        pattern = int(generator.integers(1, len(PATTERNS))) if generator.random() < 0.5 else None
        kinds_of = tuple(sorted(int(k) for k in kinds))
        found.append(TrueInterest(kinds_of, style, tuple(sorted(colours)), pattern, float(weight)))
    return tuple(sorted(found, key=lambda one: -one.weight))


def simulate_actions(one: SimulatedUser, shelf: ProductArrays, days: int, seed: int) -> Iterator[UserAction]:
    """Everything a shopper does, session by session, in order of time."""
    number = int(one.user_id.rsplit("-", 1)[1])
    generator = np.random.default_rng([seed, 5, number])
    starts = np.sort(generator.uniform(0, days, one.sessions))
    seen: set[int] = set()
    for k, start in enumerate(starts):
        at = WORLD_ENDS - timedelta(days=days) + timedelta(days=float(start))
        yield from _session(one, shelf, at, f"{one.user_id}/{k}", generator, seen)


def _session(
    one: SimulatedUser,
    shelf: ProductArrays,
    at: datetime,
    session: str,
    generator: np.random.Generator,
    seen: set[int],
) -> Iterator[UserAction]:
    interests = one.interests_at(at)
    weights = np.array([interest.weight for interest in interests])
    interest = interests[int(generator.choice(len(interests), p=weights / weights.sum()))]
    utility = shelf.utility(interest, one.price_sensitivity)
    on_sale = shelf.launched <= at.timestamp()
    if not on_sale.any():
        return
    for _ in range(int(generator.integers(1, 4))):
        at += timedelta(seconds=float(generator.uniform(20, 90)))
        shown = _shown(utility, shelf, on_sale, generator, seen)
        yield UserAction(one.user_id, "Product List Viewed", at, tuple(shown), session)
        for place, item in enumerate(shown):
            appeal = utility[item] - 3.6 - 0.08 * place
            curious = generator.random() < one.noise * 0.4
            if not curious and generator.random() > 1 / (1 + np.exp(-1.7 * appeal)):
                continue
            for name, board in _reactions(appeal, interest, generator):
                at += timedelta(seconds=float(generator.uniform(3, 40)))
                yield UserAction(one.user_id, name, at, (item,), session, board)
            seen.add(item)


def _shown(
    utility: np.ndarray,
    shelf: ProductArrays,
    on_sale: np.ndarray,
    generator: np.random.Generator,
    seen: set[int],
) -> list[int]:
    """A list as a shop would show it: half by what is wanted, a quarter popular, a quarter by chance."""
    wanted = np.where(on_sale, utility + 0.9 * generator.gumbel(size=len(utility)), -np.inf)
    if seen:
        wanted[list(seen)] -= 2.0
    popular = np.where(on_sale, shelf.quality + 0.8 * generator.gumbel(size=len(utility)), -np.inf)
    chance = np.where(on_sale, generator.random(len(utility)), -np.inf)
    picked: list[int] = []
    for scores, count in ((wanted, SHOWN // 2), (popular, SHOWN // 4), (chance, SHOWN // 4)):
        for item in np.argsort(-scores)[: count + len(picked)]:
            if len(picked) < SHOWN and int(item) not in picked and np.isfinite(scores[item]) and count:
                picked.append(int(item))
                count -= 1
    return [picked[k] for k in generator.permutation(len(picked))]


def _reactions(
    appeal: float, interest: TrueInterest, generator: np.random.Generator
) -> Iterator[tuple[str, str]]:
    yield "Product Clicked", ""
    yield "Product Viewed", ""
    liking = 1 / (1 + np.exp(-appeal))
    if generator.random() < 0.45 * liking:
        yield "Product Added to Wishlist", f"{STYLES[interest.style].name} {TYPES[interest.kinds[0]].name}s"
    if generator.random() < 0.3 * liking:
        yield "Product Added", ""
        if generator.random() < 0.5:
            yield "Order Completed", ""

"""The hard constraints of a request as masks, and the items that miss as few of them as possible."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from bowerbird.assist.find.offers import in_currency
from bowerbird.assist.languages import Language
from bowerbird.assist.price_range import PriceRange
from bowerbird.assist.request import Request
from bowerbird.data.arrays import BoolArray, DoubleArray
from bowerbird.data.items import Catalogue
from bowerbird.text.vocabulary import Vocabulary
from bowerbird.text.words import stem_phrase

_SOFTER_FIRST = {"price": 1.0, "category": 3.0, "type": 5.0}
"""What giving up a constraint costs; unnamed ones cost 0.9. The kind of thing is the last to give up."""


@dataclass(frozen=True, eq=False)
class Constraint:
    """One hard constraint: who satisfies it, and how an item that does not differs from it."""

    name: str
    description: str
    mask: BoolArray  # (items,) bool
    difference: Callable[[int], str]

    @property
    def cost(self) -> float:
        return _SOFTER_FIRST.get(self.name, 0.9)


def constraints_of(
    request: Request, catalogue: Catalogue, vocabulary: Vocabulary, language: Language
) -> list[Constraint]:
    """The hard constraints of a request; an item without a price never satisfies a price bound."""
    matches = [
        Constraint(
            facet,
            " or ".join(sorted(values)) if len(values) <= 3 else f"{facet} as asked",
            vocabulary.mask(facet, values),
            lambda p, f=facet, v=values: _facet_difference(p, f, v, request, vocabulary, language),  # type: ignore[misc]
        )
        for facet, values in request.facets.items()
    ]
    matches += [
        Constraint(
            f"not {facet}",
            f"not {' or '.join(sorted(values))}",
            ~vocabulary.mask(facet, values),
            lambda p, f=facet: language.say(  # type: ignore[misc]
                "differs_excluded", has=_worded(vocabulary.values_of(p, f), f, language, "and")
            ),
        )
        for facet, values in request.excluded.items()
    ]
    if request.price.bounded:
        mask = in_range(catalogue.prices, request.price)
        matches.append(
            Constraint(
                "price",
                request.price.describe(),
                mask,
                lambda p: price_difference(
                    float(catalogue.prices[p]), request.price, language, catalogue.item(p).currency
                ),
            )
        )
    return matches


def in_range(prices: DoubleArray, wanted: PriceRange) -> BoolArray:
    """Which prices lie in the range, (items,) bool; NaN never does. Agrees with `PriceRange.__contains__`."""
    with np.errstate(invalid="ignore"):
        above = prices > wanted.low if wanted.low_open else prices >= wanted.low
        below = prices < wanted.high if wanted.high_open else prices <= wanted.high
    inside: BoolArray = above & below & ~np.isnan(prices)
    return inside


def price_difference(price: float, wanted: PriceRange, language: Language, currency: str = "") -> str:
    """How a price misses a range, in the user's language.

    >>> from bowerbird.assist.languages import load_language
    >>> price_difference(72.0, PriceRange(high=60), load_language("en"))
    '12.00 above your limit'
    >>> price_difference(60.0, PriceRange(high=60, high_open=True), load_language("en"))
    'exactly 60.00, not less'
    """
    if math.isnan(price):
        return language.say("differs_no_price")
    if price > wanted.high:
        return language.say("differs_above", amount=in_currency(price - wanted.high, currency, language))
    if price < wanted.low:
        return language.say("differs_below", amount=in_currency(wanted.low - price, currency, language))
    key = "differs_not_less" if price == wanted.high else "differs_not_more"
    return language.say(key, amount=in_currency(price, currency, language))


def _facet_difference(
    position: int,
    facet: str,
    wanted: frozenset[str],
    request: Request,
    vocabulary: Vocabulary,
    language: Language,
) -> str:
    has = _worded(vocabulary.values_of(position, facet)[:2], facet, language, "and")
    words = request.wording.get(facet)
    if words:
        wanted_words = f" {language.say('or')} ".join(
            language.value_for(facet, " ".join(stem_phrase(name)) if facet == "type" else name)
            for name in words.split(" or ")
        )
    else:
        wanted_words = _worded(sorted(wanted)[:2], facet, language, "or")
    if has:
        return language.say("differs_facet", has=has, asked=wanted_words)
    return language.say("differs_not_stated", facet=language.facet(facet), asked=wanted_words)


def _worded(values: Sequence[str], facet: str, language: Language, joint: str) -> str:
    return f" {language.say(joint)} ".join(language.value_for(facet, value) for value in values)


def near_misses(
    constraints: Sequence[Constraint],
    base: BoolArray,
    rank: Callable[[BoolArray, int], list[int]],
    prices: DoubleArray,
    wanted: PriceRange,
    n: int,
) -> list[tuple[int, tuple[Constraint, ...]]]:
    """Items that satisfy all constraints but as few as possible, with those they miss.

    `base` (items,) bool are the items that may be offered at all; `rank(mask, n)` orders them. Where the
    price is what is given up, those nearest to the range come first. Each way to give up as few
    constraints gets its turn, cheapest to give up first.
    """
    for size in range(1, len(constraints) + 1):
        matches: list[tuple[int, tuple[Constraint, ...]]] = []
        relaxations = sorted(
            itertools.combinations(constraints, size),
            key=lambda relaxed: sum(constraint.cost for constraint in relaxed),
        )
        queues = []
        for relaxed in relaxations[:40]:
            mask = base.copy()
            for constraint in constraints:
                mask &= ~constraint.mask if constraint in relaxed else constraint.mask
            if mask.any():
                if any(constraint.name == "price" for constraint in relaxed):
                    mask = _nearest_in_price(mask, prices, wanted, n)
                queues.append([(position, relaxed) for position in rank(mask, n)])
        matches = [match for turn in itertools.zip_longest(*queues) for match in turn if match is not None]
        # Another kind of thing comes close only where nothing of the kind does.
        of_kind = [
            (position, relaxed)
            for position, relaxed in matches
            if all(constraint.name != "type" for constraint in relaxed)
        ]
        if of_kind or (matches and size == len(constraints)) or (matches and not _has_kind(constraints)):
            return (of_kind or matches)[:n]
    return []


def _has_kind(constraints: Sequence[Constraint]) -> bool:
    return any(constraint.name == "type" for constraint in constraints)


def _nearest_in_price(mask: BoolArray, prices: DoubleArray, wanted: PriceRange, n: int) -> BoolArray:
    rows = np.flatnonzero(mask)
    if np.isnan(prices[rows]).all():
        return mask
    away = np.maximum(prices[rows] - wanted.high, wanted.low - prices[rows])
    nearest_rows = rows[np.argsort(np.where(np.isnan(away), np.inf, away), kind="stable")[: max(1, n // 2)]]
    near = np.zeros_like(mask)
    near[nearest_rows] = True
    return near

"""What a list holds beside the best: one of each article, other types, the kinds within one budget."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from bowerbird.assist.parts import Parts
from bowerbird.assist.price_range import PriceRange
from bowerbird.assist.request import Request
from bowerbird.data.arrays import BoolArray
from bowerbird.text.audiences import AUDIENCE, audiences_of_recipient


def one_of_each(parts: Parts, positions: Sequence[int]) -> list[int]:
    """The first of each article: variants share a group, or else their title."""
    first: dict[str, int] = {}
    for position in positions:
        item = parts.catalogue.item(position)
        first.setdefault(item.group_id or item.title or item.item_id, position)
    return list(first.values())


def of_different_types(parts: Parts, positions: Sequence[int]) -> list[int]:
    """The first item of each type, then the second ones: four scarves are one idea for a gift."""
    n_of_type, rounds = Counter[str](), list[tuple[int, int]]()
    for position in positions:
        kind = next(iter(parts.vocabulary.values_of(position, "type")), "")
        rounds.append((n_of_type[kind], position))
        n_of_type[kind] += 1
    return [position for _, position in sorted(rounds, key=lambda pair: pair[0])]


def suiting_recipient(parts: Parts, request: Request, allowed: BoolArray) -> BoolArray:
    """Of the allowed items those for the recipient, else those that say nothing of it, else all."""
    audiences = audiences_of_recipient(request.recipient) if request.recipient else frozenset()
    if not audiences or AUDIENCE in request.facets:
        return allowed
    vocabulary = parts.vocabulary
    suiting: BoolArray = allowed & vocabulary.mask(AUDIENCE, audiences)
    silent: BoolArray = allowed & ~vocabulary.mask(AUDIENCE, vocabulary.positions.get(AUDIENCE, {}))
    if 2 * silent.sum() > allowed.sum():  # few listings say: that a skirt does makes it no better gift
        either: BoolArray = suiting | silent
        return either
    # "A dress for my uncle", where all dresses are women's: what was asked for is shown all the same.
    return next((mask for mask in (suiting, silent) if mask.any()), allowed)


def within_total(parts: Parts, request: Request, base: BoolArray) -> list[Request]:
    """The needs of its kinds. A budget for all of them is divided, so that any one of each is within it.

    Each kind gets its lowest price, and of the rest a share as its mean price is one of all mean prices.
    """
    needs = [request.of_kind(kind) for kind in request.kinds]
    if not request.has_total_budget:
        return needs
    prices = [
        parts.catalogue.prices[base & parts.vocabulary.mask("type", kind.types)] for kind in request.kinds
    ]
    lowest = np.array([np.nanmin(of_kind, initial=np.inf) for of_kind in prices])
    if not np.isfinite(lowest).all() or lowest.sum() > request.budget.high:
        return needs
    means = np.array([np.nanmean(of_kind) for of_kind in prices])
    shares = lowest + (request.budget.high - lowest.sum()) * means / means.sum()
    return [
        replace(need, price=need.price.narrowed(PriceRange(high=float(share))))
        for need, share in zip(needs, shares, strict=True)
    ]

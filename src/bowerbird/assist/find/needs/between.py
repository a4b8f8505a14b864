""" "Something in between": a price between two items, or between the list before and the one on screen."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import replace
from statistics import median

from bowerbird.assist.find.needs.reading import leave_out, read_need
from bowerbird.assist.price_range import PriceRange
from bowerbird.assist.request import Request, Shown
from bowerbird.assist.turn import Turn
from bowerbird.assist.understand.act_patterns import Act
from bowerbird.assist.understand.prices import GAP

_BETWEEN = re.compile(
    r"\b(?:(?:something|anything|somewhere|one|rather|price|priced) )*(?:in|in the) between"
    r"(?: (?:(?:the|these|those) )?(?:two|both|them|these|those|§))?(?! \d)(?: (?:in|by) price)?|"
    r"\b(?:(?:something|anything|somewhere|one|priced) )*between "
    r"(?:them|these|those|both|§|(?:the|those|these) two)(?: (?:in|by) price)?|"
    r"\b(?:something |one )?in the middle(?= (?:of|between) (?:them|these|those|the two)\b|\W*$)|"
    r"\b(?:a )?compromise\b|\bmid(?:dle)?[ -](?:range|priced?)\b"
)


def need_between(turn: Turn) -> Request | None:
    """The need before, at a price between what was shown; None where a message asks for no such thing.

    Measured by two items that it points at or that were compared last, else by the list before and the one on
    screen, else by the two ends of the list.
    """
    text = " ".join((turn.reference.rest if turn.reference.is_explicit else turn.plain).split())
    match = _BETWEEN.search(text)
    previous = turn.state.request
    if match is None or turn.recognised.act != Act.FIND or previous is None:
        return None
    price, shown = _prices_between(turn)
    if not price.bounded:
        return None
    request = read_need(turn, text[: match.start()] + GAP + text[match.end() :], previous)
    if not request.facets and not request.words and not request.follow_up:
        request = previous
    narrowed = price.narrowed(request.budget)
    price = narrowed if narrowed.low <= narrowed.high else price
    request = replace(request, price=price, is_relative=True, follow_up=True, unknown_kind="")
    return leave_out(request, [item.item_id for item in shown])


def _prices_between(turn: Turn) -> tuple[PriceRange, Sequence[Shown]]:
    """The prices between, in whole amounts where they are large, and the items that set them."""
    compared = [item for item in map(turn.parts.shown, turn.state.compared) if item is not None]
    pointed_at = turn.reference.items if turn.reference.is_explicit else ()
    pair = pointed_at if len(pointed_at) > 1 else compared
    if len(pair) > 1:
        return _range_of([item.price for item in pair]), pair
    earlier_ids = [item_id for item_id in turn.state.offered if item_id not in turn.state.on_screen]
    earlier = [item for item in map(turn.parts.shown, earlier_ids[-turn.n :]) if item is not None]
    if earlier:
        lists = (earlier, turn.on_screen)
        ends = [
            median(prices) for shown in lists if (prices := [i.price for i in shown if i.price is not None])
        ]
        return _range_of(ends), (*earlier, *turn.on_screen)
    return _range_of([item.price for item in turn.on_screen]), turn.on_screen


def _range_of(prices: Sequence[float | None]) -> PriceRange:
    """Between the lowest and the highest price, both left out; unbounded where they are no two."""
    known = sorted({price for price in prices if price is not None})
    if len(known) < 2:
        return PriceRange()
    low, high = known[0], known[-1]
    if math.ceil(low) < math.floor(high):
        low, high = float(math.ceil(low)), float(math.floor(high))
    return PriceRange(low, high)

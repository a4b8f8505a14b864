"""How light, colourful and plain items are, by the values of their colours and patterns."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bowerbird.assist.parts import Parts
from bowerbird.assist.request import Shown
from bowerbird.assist.understand.patterns.shades import Quality, ShadeChange
from bowerbird.text.colours import is_plain, look_of

PATTERN_SHARE = 0.3
"""What a pattern adds to how colourful an item is."""


def measure_item(parts: Parts, item_id: str, quality: Quality) -> float | None:
    """How much of a quality an item's colours or pattern have, 0 to 1; None where its listing doesn't say."""
    position, facet = parts.catalogue.position[item_id], facet_of(quality)
    measures = [measure_value(facet, value, quality) for value in parts.vocabulary.values_of(position, facet)]
    known = [measure for measure in measures if measure is not None]
    return float(np.mean(known)) if known else None


def extreme_items(parts: Parts, shown: Sequence[Shown], change: ShadeChange) -> tuple[Shown, ...]:
    """Those of some items that have most, or least, of a quality; none where their listings don't say."""
    measured = [(_measure_with_pattern(parts, item.item_id, change.quality), item) for item in shown]
    known = [(measure, item) for measure, item in measured if measure is not None]
    if not known:
        return ()
    best = (max if change.is_more else min)(measure for measure, _ in known)
    return tuple(item for measure, item in known if measure == best)


def _measure_with_pattern(parts: Parts, item_id: str, quality: Quality) -> float | None:
    measure = measure_item(parts, item_id, quality)
    is_patterned = measure_item(parts, item_id, Quality.PLAIN) == 0.0
    if measure is None or quality != Quality.COLOURFUL:
        return measure
    return measure + PATTERN_SHARE * is_patterned


def facet_of(quality: Quality) -> str:
    """The facet whose values have a quality."""
    return "pattern" if quality == Quality.PLAIN else "colour"


def measure_value(facet: str, value: str, quality: Quality) -> float | None:
    """How much of a quality a value of a facet has."""
    if facet == "pattern":
        return float(is_plain(value))
    look = look_of(value)
    if look is None:
        return None
    return look.lightness if quality == Quality.LIGHT else look.colourfulness

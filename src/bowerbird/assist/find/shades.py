"""Items lighter, darker, plainer, more or less colourful than others, by their colours and patterns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from bowerbird.assist.facet_needs import name_values
from bowerbird.assist.find.finding import allowed_items
from bowerbird.assist.languages import ENGLISH, load_language
from bowerbird.assist.parts import Parts
from bowerbird.assist.parts.shades import PATTERN_SHARE, facet_of, measure_item, measure_value
from bowerbird.assist.request import Request, Shown
from bowerbird.assist.turn import Turn
from bowerbird.assist.understand.mentions import mentions_of
from bowerbird.assist.understand.patterns.shades import Quality, ShadeChange
from bowerbird.data.arrays import FloatArray

EPSILON = 1e-6


@dataclass(frozen=True)
class ShadedNeed:
    """A need whose items have more, or less, of a quality than some items."""

    request: Request
    change: ShadeChange
    """What was asked for, or what does for it."""
    scores: FloatArray
    """How much each item has of what is wanted, (items,) float32 from 0 to 1."""
    is_other_colour: bool
    """Whether no item of the colours that were asked for has: then others are looked for."""


def need_with_shade(
    turn: Turn, request: Request, anchors: Sequence[Shown], change: ShadeChange
) -> ShadedNeed | None:
    """The need narrowed to colours, or patterns, beyond those of some items; None where there are none."""
    for need in (request, _without_shades(request)):
        shaded = _narrowed_beyond(turn, need, anchors, change)
        if shaded is None and change.quality != Quality.LIGHT:  # plain, if no colours are less colourful
            substitute = Quality.PLAIN if change.quality == Quality.COLOURFUL else Quality.COLOURFUL
            need = _no_worse(turn, need, anchors, change)
            shaded = _narrowed_beyond(turn, need, anchors, change.of_other(substitute))
        if shaded is not None:
            return shaded
    return None


def _no_worse(turn: Turn, request: Request, anchors: Sequence[Shown], change: ShadeChange) -> Request:
    """The request without values that are further from the change than the items are."""
    facet = facet_of(change.quality)
    values = _values_beyond(turn.parts, anchors, change, is_strict=False)
    if not values:  # the listings don't say
        return request
    own = request.facets.get(facet, values)
    return replace(request, facets={**request.facets, facet: own & values})


def _shade_words(change: ShadeChange) -> str:
    """The change as a request words it, in English."""
    return load_language(ENGLISH).say(f"shade_{change.key}")


def _without_shades(request: Request) -> Request:
    """The request without what earlier changes of this kind made of colour and pattern."""
    facets = {f: values for f, values in request.facets.items() if not _prefix_of(request.wording.get(f, ""))}
    return replace(
        request, facets=facets, wording={f: request.wording[f] for f in facets if f in request.wording}
    )


def _prefix_of(words: str) -> str:
    """The change that a wording begins with: "lighter" of "lighter blue"; empty for other wordings."""
    changes = (ShadeChange(quality, is_more, "") for quality, is_more in product(Quality, (True, False)))
    return next((prefix for prefix in map(_shade_words, changes) if words.startswith(prefix)), "")


def _narrowed_beyond(
    turn: Turn, request: Request, anchors: Sequence[Shown], change: ShadeChange
) -> ShadedNeed | None:
    facet, words = facet_of(change.quality), _shade_words(change)
    values = _values_beyond(turn.parts, anchors, change, is_strict=True)
    own, own_words = _asked_by_name(turn, request, facet)
    for choice in (own & values, values) if own else (values,):
        is_own = bool(own) and choice <= own
        narrowed = _with_values(request, facet, choice, f"{words} {own_words}" if is_own else words)
        if choice and allowed_items(turn, narrowed).any():
            is_other = facet == "colour" and bool(own) and not is_own
            return ShadedNeed(narrowed, change, _scores(turn.parts, change), is_other)
    return None


def _values_beyond(
    parts: Parts, anchors: Sequence[Shown], change: ShadeChange, *, is_strict: bool
) -> frozenset[str]:
    """The values with more, or less, of a quality than some items have; or, if not strict, with as much."""
    measures = [measure_item(parts, item.item_id, change.quality) for item in anchors]
    known = [measure for measure in measures if measure is not None]
    if not known:
        return frozenset()
    facet, sign, bound = facet_of(change.quality), 1 if change.is_more else -1, float(np.mean(known))
    least = EPSILON if is_strict else -EPSILON
    of_values = {
        value: measure_value(facet, value, change.quality)
        for value in parts.vocabulary.positions.get(facet, ())
    }
    return frozenset(
        value
        for value, measure in of_values.items()
        if measure is not None and sign * (measure - bound) > least
    )


def _asked_by_name(turn: Turn, request: Request, facet: str) -> tuple[frozenset[str], str]:
    """The values of a facet that were asked for by name, and how: "blue" of "lighter blue"; none of "lighter"
    alone."""
    own, words = request.facets.get(facet, frozenset()), request.wording.get(facet, "")
    prefix = _prefix_of(words)
    if not prefix:
        return own, words or name_values(own)
    words = words.removeprefix(prefix).strip()
    return frozenset(mentions_of(words, turn.parts.vocabulary, {}).facets.get(facet, ())), words


def _with_values(request: Request, facet: str, values: frozenset[str], words: str) -> Request:
    return replace(
        request,
        facets={**request.facets, facet: values},
        exact={name: group for name, group in request.exact.items() if name != facet},
        wording={**request.wording, facet: words},
        follow_up=True,
    )


def _scores(parts: Parts, change: ShadeChange) -> FloatArray:
    """How much each item has of what is wanted; those that don't say the least."""
    scores = np.zeros(len(parts.catalogue), np.float32)
    for facet, share in (("colour", 1.0), ("pattern", PATTERN_SHARE)):
        quality = Quality.COLOURFUL if change.quality == Quality.PLAIN else change.quality
        is_more = change.is_more if change.quality == quality else not change.is_more
        if facet == "pattern" and quality == Quality.LIGHT:
            continue
        for value, positions in parts.vocabulary.positions.get(facet, {}).items():
            measure = measure_value(facet, value, quality)
            if measure is not None:
                amount = 1 - measure if facet == "pattern" else measure  # plain is the opposite of colourful
                scores[positions] += share * (amount if is_more else 1 - amount)
    return scores

"""A short question that would halve the candidates, and what the user may say next."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bowerbird.assist.languages import ENGLISH
from bowerbird.assist.languages.plurals import plural
from bowerbird.assist.needs import join_words
from bowerbird.assist.reply import ReplyItem
from bowerbird.assist.request import Order, Request
from bowerbird.assist.state import ClarifyingQuestion
from bowerbird.assist.turn import Turn
from bowerbird.data.arrays import BoolArray

ASK_FACETS = ("type", "colour", "material", "style", "genre", "pattern", "brand")
MIN_CANDIDATES = 24
"""Fewer are looked through faster than a question is answered."""
MAX_SHARE = 0.5
"""The commonest value holds at most this share: the answer halves the candidates."""
MIN_STATED = 0.7
"""At least this share of the candidates states the facet."""
OPTIONS = 3


def clarifying_question(turn: Turn, request: Request, mask: BoolArray | None) -> ClarifyingQuestion | None:
    """The facet whose value would halve the candidates, with its commonest values; at most one in a row."""
    if turn.state.question is not None or mask is None or turn.image or request.like or request.kinds:
        return None
    if request.order in (Order.CHEAPEST, Order.MOST_EXPENSIVE):
        return None
    for facet, values in request.preferred.items():  # "accessories" may be bags or scarves, not sofas
        mask = _narrowed(mask, turn.parts.vocabulary.mask(facet, values))
    candidates = int(mask.sum())
    if candidates < MIN_CANDIDATES or len(request.facets) > 1:
        return None
    vocabulary = turn.parts.vocabulary
    for facet in ASK_FACETS:
        if facet in request.facets or facet in request.preferred or facet not in vocabulary.positions:
            continue
        if facet != "type" and "type" not in request.facets and "type" in vocabulary.positions:
            continue
        counts = {value: int(mask[items].sum()) for value, items in vocabulary.positions[facet].items()}
        common = sorted((value for value in counts if counts[value]), key=lambda v: (-counts[v], v))
        is_stated = len(common) >= 2 and sum(counts.values()) >= MIN_STATED * candidates
        if is_stated and counts[common[0]] <= MAX_SHARE * candidates:
            return ClarifyingQuestion(facet, tuple(common[:OPTIONS]))
    return None


def _narrowed(mask: BoolArray, preferred: BoolArray) -> BoolArray:
    narrowed: BoolArray = mask & preferred
    return narrowed if narrowed.any() else mask


def ask(turn: Turn, question: ClarifyingQuestion) -> str:
    """The question in words."""
    options = join_words(
        [turn.language.value_for(question.facet, value) for value in question.options], turn.say("or")
    )
    key = "question_type" if question.facet == "type" else "question_facet"
    return turn.say(key, facet=turn.language.facet(question.facet), options=options)


def suggest_next(
    turn: Turn, items: Sequence[ReplyItem], question: ClarifyingQuestion | None
) -> tuple[str, ...]:
    """Two or three things that the user may say next."""
    if not items:
        return turn.say("suggest_popular"), turn.say("suggest_range")
    suggestions = []
    if question is not None:
        key = "suggest_type" if question.facet == "type" else "suggest_facet"
        option = turn.language.value_for(question.facet, question.options[0])
        if question.facet == "type" and turn.language.code == ENGLISH:
            option = plural(option).capitalize()
        suggestions.append(turn.say(key, value=option))
    prices = sorted(item.price for item in items if item.price is not None)
    if len(prices) > 2 and not question:
        suggestions.append(turn.say("suggest_under", amount=f"{_round(float(np.median(prices)))}"))
    if len(items) > 1:
        suggestions.append(turn.say("suggest_compare"))
    suggestions.append(turn.say("suggest_similar" if len(items) > 1 else "suggest_more"))
    return tuple(suggestions[:3])


def _round(amount: float) -> int:
    """A price as people name it: 47.9 becomes 50, 187 becomes 190."""
    step = 10 ** max(0, len(str(int(amount))) - 2)
    return max(1, round(amount / step) * step if amount >= 20 else round(amount))

"""A text as a request, read against what is looked for and what is on screen."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from bowerbird.assist.request import MAX_ITEMS, Request, Shown
from bowerbird.assist.turn import Turn
from bowerbird.assist.understand.act_patterns import Act
from bowerbird.assist.understand.mentions import mentions_of
from bowerbird.assist.understand.readable import is_gibberish
from bowerbird.assist.understand.references import COMPARES_ALONE, COMPARES_PRICE
from bowerbird.assist.understand.understanding import understand

_IS_DESCRIPTION = re.compile(
    r"\b(?:something|anything|things?|stuff|ones?|idea|ideas)\b|\b[a-z]{3,}(?:y|ful|ous|ish|able|ible|ic|"
    r"ive|less|ing|ed)\b"
)
"""Words that describe, though no item's text uses them: search by meaning may know them."""
_GREETS = re.compile(r"^(?:hi+|hello|hey+|good (?:morning|afternoon|evening|day))\b")
_QUERIES = re.compile(
    r"\b(?:need|want|look|looking|search|searching|find|show|give|recommend|suggest|something|anything|buy|"
    r"gifts?|would like|i'd like|have you|do you|can you|could you|help)\b|\?"
)


def read_need(turn: Turn, text: str, previous: Request | None, compared: Sequence[Shown] = ()) -> Request:
    """A text as a request; `compared` are what "cheaper" is measured by, else the items on screen."""
    if not any(letter.isalnum() for letter in text):
        return Request()
    shown = tuple(compared) or turn.on_screen
    if turn.state.is_near_miss and not compared:  # their prices set no bound
        shown = tuple(replace(item, price=None) for item in shown)
    words = turn.parts.lexicon.items_by_stem
    if COMPARES_ALONE.search(text) and not COMPARES_PRICE.search(text):
        shown = _priced_by_kind(turn, text, shown)
    return understand(text, turn.parts.vocabulary, previous, shown, words, turn.parts.is_aside)


def _priced_by_kind(turn: Turn, text: str, shown: tuple[Shown, ...]) -> tuple[Shown, ...]:
    """The items shown with the prices that "cheaper" is measured by: of rugs and chairs, for "cheaper rugs"
    those of the rugs."""
    mentions = mentions_of(text, turn.parts.vocabulary, turn.parts.lexicon.items_by_stem)
    kinds = mentions.facets.get("type", set())
    is_of_kind = [not kinds.isdisjoint(kinds_of(turn, item)) for item in shown]
    if not any(is_of_kind):
        return shown
    pairs = zip(shown, is_of_kind, strict=True)
    return tuple(item if counts else replace(item, price=None) for item, counts in pairs)


def kinds_of(turn: Turn, item: Shown) -> list[str]:
    """The kinds that an item's listing names."""
    return turn.parts.vocabulary.values_of(turn.parts.catalogue.position[item.item_id], "type")


def names_kind(turn: Turn) -> bool:
    """Whether a message names a kind of item that the catalogue has."""
    return "type" in turn.wanted_values


def says_nothing(turn: Turn, request: Request) -> bool:
    """Whether a message holds no word that the shop or the language knows."""
    if is_gibberish(request.words):
        return not (request.constrained or turn.image)
    if _states_need(turn, request):
        return False
    words = turn.parts.lexicon.content_stems(request.words)
    is_known = any(word in turn.parts.lexicon.items_by_stem for word in words)
    return not is_known and not _IS_DESCRIPTION.search(request.words)


def compares_with_nothing(turn: Turn, request: Request) -> bool:
    """Whether "too expensive" or "cheaper" is all that a message says, and nothing is on screen."""
    return (
        not (_states_need(turn, request) or turn.on_screen) and COMPARES_ALONE.search(turn.plain) is not None
    )


def greets_only(turn: Turn, request: Request) -> bool:
    """Whether a message greets, and tells something without asking for anything: "hi, I've just moved"."""
    is_greeting = _GREETS.search(turn.plain) is not None and not _QUERIES.search(turn.plain)
    return is_greeting and not _states_need(turn, request) and turn.recognised.act == Act.FIND


def _states_need(turn: Turn, request: Request) -> bool:
    """Whether a message says what an item should be, or shows it by a picture."""
    is_described = request.constrained or request.preferred or request.like or request.is_gift
    return bool(is_described or turn.image)


def leave_out(request: Request, item_ids: Sequence[str]) -> Request:
    """The request without these items either, each named once."""
    without = tuple(dict.fromkeys((*request.without, *item_ids)))
    return replace(request, without=without[-MAX_ITEMS:])

"""Changes of the kinds that are asked for together: "swap the cushion for a throw", "bring the lamp back"."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from bowerbird.assist.facet_needs import KindNeed, name_values
from bowerbird.assist.request import Request
from bowerbird.assist.understand.mentions import mentions_of
from bowerbird.assist.understand.prices import GAP, take_prices
from bowerbird.assist.understand.withdrawals import VALUES
from bowerbird.text.vocabulary import Vocabulary

_REPLACES = re.compile(
    rf"\b(?:swap|replace|exchange|change|trade|switch) (?:the |my |an? )*(?P<what>{VALUES}) "
    rf"(?:for|with|by|to|into)\b|"
    rf"\b(?:instead|in place) of (?:the |my |an? )*(?P<left>{VALUES})"
    rf"(?=\W*$|,| (?:an?|some|the|show|give)\b)"
)
"""One of several kinds that another takes the place of."""
_ADDS = re.compile(
    r"\b(?:bring|put|take|have|want|need) (?:[a-z'-]+ ){0,4}back\b|"
    r"\b(?:add|include|throw in)\b(?!.*\b(?:to|on|in|into) (?:my|the)\b)"
)
"""A kind that comes to those before."""
_ADDS_TO_SEVERAL = re.compile(r"^(?:and|also|plus) (?:an?|some)\b|\b(?:too|as well|also)\W*$")
"""One that comes to several: "and a rug"."""


def change_kinds(
    text: str, vocabulary: Vocabulary, request: Request, real_words: Mapping[str, object]
) -> Request | None:
    """The request with another kind in the place of one, or with one more; None for neither."""
    swapped = _swap_kind(text, vocabulary, request, real_words)
    return _add_kind(text, vocabulary, request, real_words) if swapped is None else swapped


def _swap_kind(
    text: str, vocabulary: Vocabulary, request: Request, real_words: Mapping[str, object]
) -> Request | None:
    """None where the text swaps none of several kinds for one that the catalogue has."""
    match = _REPLACES.search(text) if request.kinds else None
    if match is None:
        return None
    swapped = mentions_of(match["what"] or match["left"], vocabulary, real_words).facets.get("type", set())
    new = _kind_in(text[: match.start()] + GAP + text[match.end() :], vocabulary, real_words)
    is_known = any(not kind.types.isdisjoint(swapped) for kind in request.kinds)
    if not is_known or new is None:
        return None
    return _with_kinds(request, [kind if kind.types.isdisjoint(swapped) else new for kind in request.kinds])


def _add_kind(
    text: str, vocabulary: Vocabulary, request: Request, real_words: Mapping[str, object]
) -> Request | None:
    """None where the text adds no kind to those before."""
    types = request.facets.get("type", frozenset())
    is_added = _ADDS.search(text) or (request.kinds and _ADDS_TO_SEVERAL.search(text))
    new = _kind_in(text, vocabulary, real_words) if types and is_added else None
    if new is None or not new.types.isdisjoint(types):
        return None
    before = request.kinds or (
        KindNeed(types, wording={"type": request.wording.get("type", name_values(types))}),
    )
    return _with_kinds(request, [*before, new])


def _kind_in(text: str, vocabulary: Vocabulary, real_words: Mapping[str, object]) -> KindNeed | None:
    """The one kind that a text names, with what it asks of it; None for none and for several."""
    price, rest = take_prices(text, a_type_follows=vocabulary.starts_with_type)
    mentions = mentions_of(rest, vocabulary, real_words)
    if len(mentions.kinds) != 1:
        return None
    words, types = mentions.kinds[0]
    facets = {f: frozenset(values) for f, values in mentions.facets.items() if f != "type"}
    return KindNeed(types, facets, mentions.words_for(facets) | {"type": words}, price)


def _with_kinds(request: Request, kinds: Sequence[KindNeed]) -> Request:
    wanted = frozenset().union(*(kind.types for kind in kinds))
    return replace(
        request,
        kinds=tuple(kinds),
        facets={**request.facets, "type": wanted},
        wording={**request.wording, "type": name_values(wanted)},
        words=" and ".join(kind.wording["type"] for kind in kinds),
        follow_up=True,
    )

"""From a message to a `Request`: rules over the catalogue's vocabulary, no model.

Hard constraints have to be right and explainable, so they come from words that the catalogue knows;
everything else is left to search by meaning. How a message relates to the ones before:

- a message that names a new type of item starts a new topic: all constraints before are dropped, the price
  bound too, since a budget belongs to a thing ("same colour", "same price" keep that one);
- "… instead", "but as a …" and a narrower type ("table lamps" after "lamps") keep the rest;
- any other message is a follow-up: what it names replaces what was said of the same facet ("but in green"),
  is added after "also" or "or", and "any colour", "no budget" drop it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from bowerbird.assist.request import Order, Request, Shown
from bowerbird.assist.understand.followups import FACET_WORDS, PRICE_WORDS, is_new_topic, keep_same, merged
from bowerbird.assist.understand.kinds.several_kinds import (
    TOTAL,
    kinds_asked_for,
    refines_kind,
    with_refined_kind,
    without_own_needs,
)
from bowerbird.assist.understand.kinds.unknown_kinds import asked_noun, unknown_kind
from bowerbird.assist.understand.mentions import REJECTED_WORD, Mentions, mentions_of, with_plain_refusals
from bowerbird.assist.understand.prices import GAP, take_prices
from bowerbird.assist.understand.recipients import take_recipient
from bowerbird.assist.understand.references import References, take_references
from bowerbird.errors import InputError
from bowerbird.text.numbers import digits_for_words
from bowerbird.text.vocabulary import Vocabulary
from bowerbird.text.words import normalize_text, stem_phrase

_ANY = re.compile(
    r"(?:\b(?:any|whatever|all|every|no matter (?:the|which|what)|regardless of (?:the )?|ignore the|"
    r"forget (?:about )?the|never mind the|drop the|remove the|no preferred)\s*(?P<a>[a-z]{3,20})\b)|"
    r"(?:\b(?:the )?(?P<b>[a-z]{3,20}) (?:(?:doesn'?t|does not|don'?t|do not) matter|"
    r"(?:is|are)(?: not|n'?t) (?:so |that |really )?(?:important|relevant)|"
    r"(?:is|are) (?:irrelevant|unimportant|not an issue|no (?:issue|object|problem|concern)))\b)|"
    r"(?:\b(?:don'?t|do not) care (?:about|what|how much|which) (?:the |it )?(?P<d>[a-z]{3,20})"
    r"(?: it (?:is|has))?\b)|"
    r"(?:\b(?P<c>no) (?:(?:budget|price)(?: limit)?|limit)\b)"
)
_NAMED_AS_KIND = re.compile(
    r"^(?:and |or |now |ok(?:ay)? )*(?:an?|some|any|the)\b|"
    r"\b(?:need|want|looking for|show me|find me|do you have|have you got|got any|sell)\b"
)
"""How a kind of thing is asked for, not what it has."""
MIN_MENTIONS = 3
"""Items of the kind before whose texts mention a word, from which on it is a feature of theirs."""
_CHEAP = re.compile(
    r"\b(?:cheap|inexpensive|affordable|low(?:-| )cost|low budget|on a budget|"
    r"(?:not|nothing) (?:too |that |so |very )?(?:expensive|pricey|costly|dear))\b"
)
_MOST_EXPENSIVE = re.compile(
    r"\b(?:(?:highest|most expensive) (?:price )?first|high(?:est)? to low(?:est)?|descending|"
    r"most expensive|priciest|dearest|most luxurious|as expensive as possible)\b"
)
_CHEAPEST = re.compile(
    r"\b(?:(?:lowest|cheapest) (?:price )?first|low(?:est)? to high(?:est)?|ascending|"
    r"cheapest|lowest[ -]price[d]?|least expensive|as (?:cheap|inexpensive|affordable) as possible|"
    r"cheapest possible)\b"
)
_BY_PRICE = re.compile(
    r"\b(?:sort|order|rank|arrang|show|list|put)(?:ed?|ing)?(?: me)?"
    r"(?: (?:it|them|these|those|all|the list))? by (?:the )?prices?\b"
)
_REVERSED = re.compile(
    r"\b(?:other way (?:a)?round|reversed?(?: (?:the |that |this )?(?:order|sorting|list|it))|"
    r"opposite order)\b|"
    r"^(?:now |and )*reversed?\W*$"
)
_OPPOSITE = {Order.CHEAPEST: Order.MOST_EXPENSIVE}


def understand(
    text: str,
    vocabulary: Vocabulary,
    previous: Request | None = None,
    shown: Sequence[Shown] = (),
    real_words: Mapping[str, object] | None = None,
    is_aside: Callable[[str], bool] = lambda stem: False,
) -> Request:
    """What a message asks for, given the request before and the items of the last reply, in order.

    `real_words` are stems that are never taken for a typing mistake (see `Lexicon.items_by_stem`);
    `is_aside(stem)` says that items mention a word only as what they are for. A text
    longer than 2,000 characters is cut to its start and end. Raises `InputError` for a text without any word.
    """
    plain = normalize_text(text)
    if not any(letter.isalnum() for letter in plain):
        raise InputError(
            "the request is empty: say what you are looking for, for example `a warm lamp under 60`"
        )
    plain = digits_for_words(plain)
    dropped, rest = _take_dropped(plain, vocabulary)
    recipient, is_gift, rest = take_recipient(rest)
    references, rest = take_references(rest, shown)
    own = replace(
        _own_request(_BY_PRICE.sub(GAP, _REVERSED.sub(GAP, rest)), references, vocabulary, real_words or {}),
        text=plain[:500],
        order=_order(plain, previous),
        recipient=recipient,
        is_gift=is_gift,
        is_total=TOTAL.search(plain) is not None,
    )
    if previous is not None and refines_kind(plain, own, previous):
        return with_refined_kind(plain, own, previous)
    if not references.any:
        kind = unknown_kind(own, vocabulary, real_words or {}, is_aside)
        noun = asked_noun(own, vocabulary)
        noun = "" if previous and _is_feature(noun, plain, previous, vocabulary, real_words or {}) else noun
        own = replace(own, unknown_kind=kind, noun=noun)
    if previous is None or is_new_topic(plain, own, previous, references, dropped):
        return keep_same(own, previous, plain)
    return merged(own, previous, plain, dropped)


def _is_feature(
    noun: str, text: str, previous: Request, vocabulary: Vocabulary, texts: Mapping[str, object]
) -> bool:
    """Whether a bare noun is what items of the kind before have: "slim fit" of blazers, "long sleeves"."""
    stems = stem_phrase(noun)
    mentioning = texts.get(stems[-1]) if stems else None
    if not isinstance(mentioning, np.ndarray) or _NAMED_AS_KIND.search(text):
        return False
    of_kind = vocabulary.mask("type", previous.facets.get("type", ()))
    return int(of_kind[mentioning].sum()) >= MIN_MENTIONS


def _own_request(
    text: str, references: References, vocabulary: Vocabulary, real_words: Mapping[str, object]
) -> Request:
    """What a text itself asks for: prices, facets and kinds, and what its references stand for."""
    budget, rest = take_prices(text, a_type_follows=vocabulary.starts_with_type)
    rest = with_plain_refusals(rest)
    matches = mentions_of(rest, vocabulary, real_words)
    own = Request(
        facets=_frozen(matches.facets),
        exact=_frozen(matches.exact),
        excluded=_frozen(matches.excluded),
        rejected=_frozen(matches.rejected_groups),
        preferred=_frozen(matches.preferred),
        wording=matches.words_for(matches.facets),
        price=budget.narrowed(references.price),
        words=_words_wanted(rest, matches),
        like=references.like,
        without=references.without,
        kinds=kinds_asked_for(with_plain_refusals(text), matches.kinds, vocabulary, real_words),
        is_relative=references.price.bounded,
        budget=budget,
    )
    own = without_own_needs(own) if own.kinds else own
    if "type" in own.preferred and "type" not in own.facets:
        # "Something for my black leather sofa" need be neither black nor of leather.
        own = replace(own, preferred={"type": own.preferred["type"]})
    return own


def _words_wanted(text: str, mentions: Mentions) -> str:
    """The words for search by meaning: without what is not wanted, which would attract what it names."""
    for start, end in reversed(mentions.refusals):
        text = text[:start] + GAP + text[end:]
    text = REJECTED_WORD.sub(GAP, text)
    return " ".join(text.replace(GAP.strip(), " ").split())[:500]


def _take_dropped(text: str, vocabulary: Vocabulary) -> tuple[set[str], str]:
    """Facets whose constraint the text lifts ("any colour"), "price" among them; and the rest of the text."""
    dropped: set[str] = set()

    def replaced(match: re.Match[str]) -> str:
        word = match["a"] or match["b"] or match["d"] or "price"
        facet = "price" if word in PRICE_WORDS else FACET_WORDS.get(word, word.removesuffix("s"))
        if facet != "price" and facet not in vocabulary.positions:
            return match.group()
        dropped.add(facet)
        return GAP

    return dropped, _ANY.sub(replaced, text)


def _frozen(table: Mapping[str, set[str]]) -> dict[str, frozenset[str]]:
    return {facet: frozenset(values) for facet, values in table.items() if values}


def _order(text: str, previous: Request | None) -> Order:
    if previous is not None and _REVERSED.search(text):
        return _OPPOSITE.get(previous.order, Order.CHEAPEST)
    if _CHEAPEST.search(text):
        return Order.CHEAPEST
    if _MOST_EXPENSIVE.search(text):
        return Order.MOST_EXPENSIVE
    if _BY_PRICE.search(text):
        return Order.CHEAPEST
    return Order.CHEAP if _CHEAP.search(text) else Order.RELEVANCE

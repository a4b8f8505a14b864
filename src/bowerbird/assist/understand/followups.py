"""How a message meets the ones before (the rules are in `understanding`)."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import replace

from bowerbird.assist.facet_needs import wording_of_rest
from bowerbird.assist.price_range import PriceRange
from bowerbird.assist.request import MAX_ITEMS, Order, Request
from bowerbird.assist.understand.mentions import rejected_words
from bowerbird.assist.understand.references import References
from bowerbird.text.audiences import AUDIENCE, audiences_of_recipient
from bowerbird.text.words import stem_phrase, word_set

EVENT = re.compile(r"\b(?:wedding|birthday|christmas|anniversary|house ?warming|valentine'?s?)\b")
_SAME = re.compile(r"\b(?:same|similar)\s+([a-z]{3,20})\b")
FACET_WORDS = {
    "colour": "colour",
    "color": "colour",
    "colours": "colour",
    "colors": "colour",
    "kind": "type",
    "maker": "brand",
    "designer": "brand",
    "fabric": "material",
}
"""Facets by other words for them."""
PRICE_WORDS = word_set("price prices budget cost costs limit money")
MAX_EARLIER_WORDS = 16
"""Different words of earlier messages that still count."""
_FRESH = re.compile(
    r"\b(?:start over|start again|new search|reset|forget (?:it|that|everything|all)|new topic|"
    r"(?:drop|scrap|skip) (?:it|that|this)|never ?mind(?! the\b)|change of plans?|moving on|"
    r"something (?:completely |totally |entirely )?different|"
    r"(?:done|finished|through) with (?:it|that|this|them|those)|switch to|on to)\b|"
    r"^(?:ok(?:ay)? |and |so )*(?:now|next)\b"
)
_CUES = re.compile(
    r"\b(?:i need|i want|i'?m looking|i am looking|looking for|show me|find me|search for|do you have|"
    r"have you got|i'?d like)\s+(?:a|an|some|something|anything|any)\b"
)
_NAMES_NOTHING = re.compile(
    r"\b(?:need|want|looking for|show me|find me|search for|have|got|like) "
    r"(?:something|anything)\b(?! else\b)"
)
"""A wish without a noun: more of what is wanted of the thing before."""
_STOCK_QUESTION = re.compile(r"\b(?:do you (?:have|sell|stock)|have you got|got any)\b")
_BACKWARD = re.compile(
    r"\b(?:it(?!'?s (?:my|our)\b)|one|ones|them|that|those|these|same|instead|but|also|too|as well|"
    r"what about|how about|would be (?:nice|great|good|best|better|lovely|perfect|ideal)|ideally|preferably|"
    r"if possible|is a must)\b"
)
_ADDS = re.compile(
    r"^(?:and |or |also |plus )+(?!in\b|what about\b|how about\b)|\b(?:also|as well)\b|\btoo\W*$"
)
_KEEPS_REST = re.compile(
    r"\binstead\b|^(?:but|rather|no,? (?!wait\b|sorry\b|i (?:want|need)\b))|"
    r"\bbut (?:as|a|an|in a)\b|\brather\b"
)


_PRONOUNS = ("her", "him", "them")
_ONLY_FOR = re.compile(
    r"^(?:(?:and|but|oh|ah|yes|no|sorry|it'?s|it is|they'?re|they are|this is|that'?s|these are|actually|"
    r"all|only|just)[, ]+)*for (?:my|our|a|the|his|her) \w+(?:[ -]\w+){0,4}\W*(?:please)?\W*$"
)
"""Nothing but whom something is for."""
_ASIDE = re.compile(r"\b(?:for|with|beside|near|next|onto|above|under|match(?:ing|es)?|goes?|on)\b")
"""What stands before something that is not wanted itself."""
_NAMED_AFRESH = re.compile(r"(?:^|\b(?:an?|some|any|me|for|need|want|have) )(?!in\b)")
"""A kind named as one names it at first: "a rattan chair", not "the chair"."""


def is_new_topic(
    text: str, own: Request, previous: Request, references: References, dropped: set[str]
) -> bool:
    if _FRESH.search(text):
        return True
    if own.like:
        return False
    is_same_recipient = own.recipient == previous.recipient or _names_recipient_again(own, previous)
    if _adds_recipient(text, own, previous):
        return False  # "socks", then "for my husband"
    if own.recipient and not is_same_recipient and not _BACKWARD.search(text):
        return True
    if not is_same_recipient and _is_for_others(own, previous):
        return True
    if own.unknown_kind or (not own.recipient and _is_new_event(text, previous)):
        return True
    if own.is_gift and not (previous.is_gift or own.facets or _BACKWARD.search(text)):
        return True  # "a gift under 50" after "cheese" is no cheese
    place = own.preferred.get("type")
    is_place = place and "type" not in own.facets and _ASIDE.search(text)
    if is_place and place != previous.preferred.get("type"):
        return not _BACKWARD.search(text)  # "something for the sofa"
    if "type" in own.facets:
        before = previous.facets.get("type")
        narrower = before is not None and own.facets["type"] <= before
        says_more = len(own.facets) > 1 or any(not kind.is_plain for kind in own.kinds)
        if narrower and says_more and _NAMED_AFRESH.search(text):
            return not (_BACKWARD.search(text) or _KEEPS_REST.search(text))
        if (
            before is None
        ):  # "a lamp" after "something for my sister" says what; "show me a lamp" starts afresh
            is_asked = previous.noun or _CUES.search(text) or _STOCK_QUESTION.search(text)
            return bool(is_asked) and not _BACKWARD.search(text)
        return not narrower and not _KEEPS_REST.search(text)
    if references.any or dropped:
        return False
    if own.noun and "type" in previous.facets and not _BACKWARD.search(text):
        return True
    return bool(_CUES.search(text)) and not (_BACKWARD.search(text) or _NAMES_NOTHING.search(text))


def _adds_recipient(text: str, own: Request, previous: Request) -> bool:
    """Whether a message says nothing but whom the kind before is for."""
    says_more = own.facets or own.excluded or own.preferred or own.price.bounded or own.noun or own.like
    is_bare = _ONLY_FOR.search(text) is not None and not says_more
    return bool(own.recipient and is_bare and "type" in previous.facets and not previous.recipient)


def _names_recipient_again(own: Request, previous: Request) -> bool:
    """Whether "for her" means whom the wish before is for."""
    return bool(previous.recipient) and own.recipient in _PRONOUNS


def _is_for_others(own: Request, previous: Request) -> bool:
    """Whether a message names an audience that the recipient before is none of: "baby pyjamas"."""
    audiences = own.facets.get(AUDIENCE, frozenset())
    before = audiences_of_recipient(previous.recipient)
    return bool(audiences and before) and audiences.isdisjoint(before)


def _is_new_event(text: str, previous: Request) -> bool:
    """Whether a gift is for another day than the one before ("a wedding gift" after "for my nephew")."""
    event = EVENT.search(text)
    return event is not None and event.group() not in previous.text and not _BACKWARD.search(text)


def keep_same(own: Request, previous: Request | None, text: str) -> Request:
    """A new topic keeps only what it says is the same ("rugs in the same colour")."""
    if previous is None:
        return own
    facets, exact, price, budget = dict(own.facets), dict(own.exact), own.price, own.budget
    before = previous.facets.get("type")
    is_same_kind = before is not None and own.facets.get("type", frozenset("-")) <= before
    has_own_budgets = any(kind.price.bounded for kind in own.kinds)
    is_budget_alone = not (previous.facets or previous.recipient or previous.like)
    has_budget = budget.bounded or has_own_budgets
    is_for_all = previous.is_total and bool(own.kinds)  # "400 in total", then what to buy for it
    if (is_same_kind or is_budget_alone or is_for_all) and not has_budget and not _FRESH.search(text):
        price = budget = previous.budget  # a budget belongs to a kind of thing
    for word in _SAME.findall(text):
        facet = FACET_WORDS.get(word, word)
        if word in PRICE_WORDS and not price.bounded:
            price = budget = previous.budget
        elif facet in previous.facets and facet not in facets:
            facets[facet] = previous.facets[facet]
            exact[facet] = previous.exact.get(facet, frozenset())
    wording = {**{f: previous.wording[f] for f in facets if f in previous.wording}, **own.wording}
    is_total = own.is_total or (is_for_all and budget == previous.budget)
    return replace(
        own, facets=facets, exact=exact, wording=wording, price=price, budget=budget, is_total=is_total
    )


def merged(own: Request, previous: Request, text: str, dropped: set[str]) -> Request:
    adds = _ADDS.search(text) is not None
    is_restated = "type" in own.facets and own.budget.bounded and not adds and not own.is_relative
    before = replace(previous, price=PriceRange(), budget=PriceRange()) if is_restated else previous
    if "type" in own.facets and own.facets["type"] != previous.facets.get("type"):
        before = replace(before, price=before.budget)  # "cheaper" was said of other things
    price, budget = _prices_after(own, before, is_dropped="price" in dropped)
    if _is_for_others(replace(own, facets=previous.facets), replace(previous, recipient=own.recipient)):
        dropped = {*dropped, AUDIENCE}  # "for my niece" after "it's a boy"
    facets = _over(previous.facets, own.facets, adds, dropped)
    excluded = {facet: values for facet, values in previous.excluded.items() if facet not in dropped}
    for facet, values in own.excluded.items():
        excluded[facet] = excluded.get(facet, frozenset()) | values
        if facet in facets and facet not in own.facets:
            facets[facet] = facets[facet] - values
    facets = {facet: values for facet, values in facets.items() if values}
    for facet, values in own.facets.items():
        excluded[facet] = excluded.get(facet, frozenset()) - values
    return replace(
        own,
        facets=facets,
        exact=_over(previous.exact, own.exact, adds, dropped),
        excluded={facet: values for facet, values in excluded.items() if values},
        rejected={**previous.rejected, **own.rejected},
        preferred=_over(previous.preferred, own.preferred, adds, dropped),
        wording=_named_after(own, previous, facets, adds),
        price=price,
        budget=budget,
        is_total=own.is_total or (previous.is_total and not own.budget.bounded),
        noun=own.noun if "type" in facets else previous.noun or own.noun,
        kinds=own.kinds or (previous.kinds if "type" not in own.facets else ()),
        recipient=previous.recipient
        if _names_recipient_again(own, previous)
        else own.recipient or previous.recipient,
        is_gift=own.is_gift or previous.is_gift,
        words=_words_after(own, previous),
        order=_order_after(own, previous),
        without=tuple(dict.fromkeys((*previous.without, *own.without)))[-MAX_ITEMS:],
        follow_up=True,
    )


def _order_after(own: Request, previous: Request) -> Order:
    """ "Cheaper" and "too expensive" end "the most expensive first"."""
    if own.order != Order.RELEVANCE or own.is_relative:
        return own.order
    return previous.order


def _named_after(
    own: Request, previous: Request, facets: Mapping[str, frozenset[str]], adds: bool
) -> dict[str, str]:
    wording = {}
    for facet in facets:
        names = [table[facet] for table in (previous.wording, own.wording) if facet in table]
        if names and facet not in own.facets:
            wording[facet] = wording_of_rest(names[-1], previous.facets[facet], facets[facet])
        elif names:
            wording[facet] = " or ".join(dict.fromkeys(names)) if adds else names[-1]
    return wording


def _words_after(own: Request, previous: Request) -> str:
    """The earlier wish without the values that the new message replaced, then the new words.

    Of the earlier words only the last `MAX_EARLIER_WORDS` different ones stay: a turn costs the same however
    long the conversation is.
    """
    replaced = {
        word
        for facet in (*own.facets, *own.excluded)
        for value in previous.facets.get(facet, frozenset()) - own.facets.get(facet, frozenset())
        for word in stem_phrase(value)
    }
    replaced |= {word for phrase in rejected_words(own.text) for word in stem_phrase(phrase)}
    own_words = own.words.split()
    earlier = dict.fromkeys(
        word
        for word in previous.words.split()
        if word not in own_words and not set(stem_phrase(word)) & replaced
    )
    return " ".join([*list(earlier)[-MAX_EARLIER_WORDS:], *own_words])


def _over(
    before: Mapping[str, frozenset[str]], now: Mapping[str, frozenset[str]], adds: bool, dropped: set[str]
) -> dict[str, frozenset[str]]:
    merged = {facet: values for facet, values in before.items() if facet not in dropped}
    for facet, values in now.items():
        merged[facet] = merged.get(facet, frozenset()) | values if adds else values
    return merged


def _prices_after(own: Request, previous: Request, *, is_dropped: bool) -> tuple[PriceRange, PriceRange]:
    """The price range that holds now, and the part of it that was said in amounts.

    A new upper bound replaces the old one, likewise the lower; contradictory ends are dropped. A bound
    relative to items on screen narrows what was said in amounts, and is itself replaced by the next one.
    """
    before = PriceRange() if is_dropped else previous.budget
    budget = _replaced_ends(own.budget, before) if own.budget.bounded else before
    if own.is_relative:
        narrowed = own.price.narrowed(budget)
        return (narrowed if narrowed.low <= narrowed.high else own.price), budget
    if own.price.bounded or is_dropped:
        return budget, budget
    return previous.price, budget


def _replaced_ends(now: PriceRange, before: PriceRange) -> PriceRange:
    low, low_open = (now.low, now.low_open) if now.low > 0 else (before.low, before.low_open)
    high, high_open = (now.high, now.high_open) if now.high < math.inf else (before.high, before.high_open)
    is_possible = low < high or (low == high and not (low_open or high_open))
    return PriceRange(low, high, low_open, high_open) if is_possible else now

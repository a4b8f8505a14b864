"""Judges words that a model proposes for a reply: nothing invented, no wrong price, no empty superlative.

A part of a reply is refused as soon as one rule is broken; a template then says it instead. Strict on
purpose: a refused good sentence costs a little charm, a kept wrong one costs trust.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from bowerbird.assist.reply import ReplyItem
from bowerbird.assist.request import Request
from bowerbird.assist.understand.mentions import mentions_of
from bowerbird.assist.understand.prices import amount
from bowerbird.graft.naming.made_up_names import TitleIndex
from bowerbird.text.facets import FACETS
from bowerbird.text.lexicon import EMPTY_WORDS
from bowerbird.text.vocabulary import Vocabulary
from bowerbird.text.words import normalize_text, stem, tokenize, word_set

_MARKER = re.compile(r"\[(\d{1,3})\]")
NUMBER = re.compile(r"\d{1,9}(?:[.,]\d{1,6}){0,4}")
MARKS = re.compile(r"<\||\||https?:|www\.|[a-z]\.[a-z]{2,}|[@{}<>#*_\n\r]", re.I)
_PRICED = re.compile(r"[$€£¥]\s*(\d[\d.,]*\d|\d)|(\d[\d.,]*\d|\d)\s*[$€£¥]")
SUPERLATIVES = word_set(
    """
    cheapest best finest greatest lowest highest largest smallest biggest softest warmest brightest
    newest latest only ever never always unique number-one ultimate perfect unbeatable unmatched
    most least
    """
)
CLAIMS = word_set(
    """
    sale discount discounted off free shipping delivery guarantee guaranteed warranty refund returns
    rated rating reviews review popular bestseller bestselling bestsellers award award-winning
    famous trending stock available coupon promotion deal deals exclusive limited handmade
    handcrafted organic sustainable recycled waterproof certified dollar dollars euro euros pound
    pounds cents usd eur gbp price priced cost costs click link website
    """
)
"""Things a catalogue entry does not prove, and prices in words."""

_COURTESIES = word_set(
    """
    add beautiful bring choice choose classic complete cool day easy enjoy everyday feel fine fit
    full give glad go going happy help here home keep life like little look lot lovely made make
    match nice option outfit pair pick piece place right room round simple stay stylish suit
    them they their those thing time today together touch use wardrobe wear well whole work your
    yours would will both listing say state mention doesn't
    """
)
"""Words that claim no fact of an item."""
_DOUBTS = word_set(
    "too expensive cheap budget unfortunately sorry however although don't not cannot can't bad ugly worse"
)
"""Small models slip into talking an offer down; in an offer these words are never needed."""


@dataclass(frozen=True)
class Ground:
    """What a part of a reply may speak of: some items, the request they answer, the catalogue's words."""

    items: Sequence[ReplyItem]
    request: Request
    vocabulary: Vocabulary
    known: Collection[str] = ()
    """Stems of the words that the items' own entries use (of all of them, where there are several)."""
    superlatives: Collection[str] = ()
    """Superlatives that are true here, for example `cheapest` of the cheapest match."""
    names: TitleIndex = field(default_factory=TitleIndex, repr=False)
    """The titles of the whole catalogue, by which other items' names are known."""
    numbers: Collection[float] = ()
    """Numbers that the items' entries state, such as sizes; they prove no price."""


def problems(text: str, ground: Ground, most_words: int = 32) -> list[str]:
    """What is wrong with a proposed text; empty if it may be said.

    Items are named by markers, `[1]` for the first. Numbers must be prices of the items or numbers of the
    request; capitalised names must be the items' own; values of the vocabulary must be true of every item.
    """
    faults = []
    count = len(text.split())
    if not 3 <= count <= most_words or len(text) > 12 * most_words:
        faults.append(f"{count} words, expected 3 to {most_words}")
    if MARKS.search(text) or not text.isprintable():
        faults.append("marks that do not belong into a sentence")
    faults += [
        f"[{number}] is no item of the reply"
        for number in _MARKER.findall(text)
        if not 1 <= int(number) <= len(ground.items)
    ]
    stripped = _MARKER.sub(" ", text)
    for item in ground.items:  # titles may hold any numbers and names
        stripped = stripped.replace(item.title, " ") if len(item.title) > 2 else stripped
    words = tokenize(normalize_text(stripped))
    faults += [f"the unproven word {word}" for word in _unproven(words, ground)]
    pairs = [pair for pair in pairwise(words) if len("".join(pair)) > 4]
    faults += [f"{' '.join(pair)} twice" for pair in set(pairs) if pairs.count(pair) > 1]
    faults += [
        f"the word {word} three times" for word in set(words) if len(word) > 3 and words.count(word) > 2
    ]
    faults += [f"the doubtful word {word}" for word in words if word in _DOUBTS]
    faults += [
        f"the number {number}" for number in NUMBER.findall(stripped) if not _number_known(number, ground)
    ]
    prices = ["".join(groups) for groups in _PRICED.findall(stripped)]
    faults += [f"the price {price}" for price in prices if not _is_price(amount(price), ground)]
    faults += [f"the name {name}" for name in _invented(text, ground)]
    faults += [f"the superlative {w}" for w in words if w in SUPERLATIVES and w not in ground.superlatives]
    request_words = set(tokenize(normalize_text(ground.request.text)))
    faults += [f"the claim {w}" for w in words if w in CLAIMS and w not in request_words]
    return faults + _untrue(stripped, ground)


def _unproven(words: Sequence[str], ground: Ground) -> list[str]:
    """Words that neither the request nor the items' entries use, and that say more than a courtesy."""
    own = {stem(word) for item in ground.items for word in tokenize(normalize_text(item.title, 300))}
    proven = own | set(ground.known) | {stem(word) for word in tokenize(normalize_text(ground.request.text))}
    proven |= {stem(word) for word in tokenize(ground.request.words)}
    return [
        word
        for word in words
        if word[0].isalpha()
        and word not in EMPTY_WORDS
        and word not in ground.superlatives
        and not {word, stem(word)} & _COURTESIES
        and stem(word) not in proven
    ]


def with_titles(text: str, items: Sequence[ReplyItem]) -> str:
    """The text with each marker replaced by its item's title."""
    return _MARKER.sub(lambda match: items[int(match[1]) - 1].title, text)


def listing_numbers(text: str) -> set[float]:
    """The numbers that a text states."""
    return {amount(number) for number in NUMBER.findall(text)}


def _number_known(number: str, ground: Ground) -> bool:
    value = amount(number)
    return value in ground.numbers or _is_price(value, ground)


def _is_price(value: float, ground: Ground) -> bool:
    known = [item.price for item in ground.items if item.price is not None]
    known += [item.list_price for item in ground.items if item.on_sale and item.list_price is not None]
    known += [ground.request.price.low, ground.request.price.high]
    return value > 0 and any(abs(value - price) < 0.005 * min(1.0, price) for price in known)


def _invented(text: str, ground: Ground) -> list[str]:
    """Names of no item of the reply: made up, or other items'."""
    titles = [item.title for item in ground.items]

    def known(word: str) -> bool:
        return all(stem(part) in ground.vocabulary.known_stems for part in tokenize(word))

    # What the customer named is not excused: asking for a brand does not make us have it.
    return [
        name.text
        for name in ground.names.find_made_up(_MARKER.sub(" ", text), titles, is_catalogue_word=known)
    ]


def _untrue(text: str, ground: Ground) -> list[str]:
    """Values that the text speaks of and that an item does not have: "a wool rug" of a linen one."""
    mentions = mentions_of(normalize_text(text), ground.vocabulary, {})
    faults = [f"{facet} {', '.join(sorted(v))} denied" for facet, v in mentions.excluded.items()]
    for table in (mentions.facets, mentions.preferred):
        for facet, values in table.items():
            if facet not in FACETS:
                continue
            faults += [
                f"{facet} {', '.join(sorted(values)[:3])} is not of {item.title}"
                for item in ground.items
                if values.isdisjoint(ground.vocabulary.values_of(item.position, facet))
            ]
    return faults

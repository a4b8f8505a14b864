"""What the catalogue says of an item: attributes, price, stock, and sentences of its description.

Nothing is inferred: what a listing does not state is answered "the listing doesn't say".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from bowerbird.assist.find.offers import priced
from bowerbird.assist.languages import Language
from bowerbird.assist.understand.mentions import mentions_of
from bowerbird.data.items import Item
from bowerbird.text.facets import FACETS
from bowerbird.text.lexicon import EMPTY_WORDS
from bowerbird.text.vocabulary import Vocabulary
from bowerbird.text.words import normalize_text, stem, tokenize, word_set

TokenKind = Literal["value", "yes", "no", "sentence", "describe", "unknown"]
_ATTRIBUTES: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (name, re.compile(pattern))
    for name, pattern in (
        (
            "price",
            r"\b(?:how much(?!.*\b(?:hold|weigh|contain|fit|measure)s?\b)|price[ds]?|costs?|how expensive)\b",
        ),
        ("stock", r"\b(?:in stock|available|availability|sold out|any left|still have|get it now)\b"),
        (
            "brand",
            r"\b(?:brand|who (?:makes|made|designs?|designed|produces|manufactures)|maker|made by|"
            r"manufacturer|which company|what make)\b",
        ),
        ("material", r"\b(?:made (?:of|off|from|out of)|materials?|fabric|what is it made)\b"),
        (
            "origin",
            r"\bwhere (?:is|are|was|were|does|do) .{0,40}(?:made|from|produced|manufactured)\b|"
            r"\b(?:country of origin|(?:which|what) country)\b",
        ),
        ("colour", r"\b(?:what|which) colou?rs?\b|\bcolou?r is\b"),
        ("pattern", r"\b(?:what|which) pattern\b"),
        ("director", r"\bdirect(?:ed|or|ors|s)\b"),
        ("actors", r"\b(?:actors?|actress(?:es)?|cast|stars?|starring|(?:plays?|acts?) in)\b"),
        ("genre", r"\b(?:what|which) genres?\b"),
        ("style", r"\b(?:what|which) style\b"),
        (
            "size",
            r"\b(?:how (?:big|large|tall|long|wide|high|deep|heavy|thick)|dimensions?|measurements?|"
            r"(?:what|which) sizes?|"
            r"weigh[ts]?|size is)\b",
        ),
        (
            "describe",
            r"\b(?:tell me (?:more )?about|more (?:about|info|details)|"
            r"tell me (?:a bit |a little )?more|details|describe|what is (?:it|"
            r"this|that)|what (?:can|would|could|do) you (?:say|tell me|think) (?:about|of))\b|"
            r"\bhow (?:is|are) (?:it|they|§)\W*$|\bwhat(?:'s| is| are) (?:it|they|§) like\W*$|§ how is\W*$",
        ),
    )
)
_SIZE_NAMES = word_set(
    "size dimensions dimension height width depth length weight diameter measurements volume"
)
_QUESTION = word_set(
    "and so but ok okay then is are was does do can could how what which who when where it its this that "
    "one they them be been come comes have has "
    "suitable good ok okay fine safe possible use used using made § too really actually also there any "
    "please know tell show see again "
    "would should will about if like love for with in on to of a an the i me my you your wear put get go"
)
_MAX_SENTENCE = 220
_STATED_OR_UNKNOWN = ("origin", "material", "pattern", "style", "director", "actors", "genre")
"""Asked for by name: nothing else of the listing answers it."""
_MATERIALS = word_set(
    "cotton wool linen leather silk cashmere polyester viscose polyamide nylon denim jersey velvet suede "
    "corduroy satin lace fleece modal elastane lyocell acrylic wood oak pine walnut bamboo rattan jute "
    "glass ceramic porcelain steel brass copper aluminium iron metal marble stone concrete plastic rubber "
    "paper"
)


@dataclass(frozen=True)
class Fact:
    """What an item's listing says to a question."""

    kind: TokenKind
    text: str = ""
    """A value, a phrase or a sentence of the listing."""
    attribute: str = ""


def fact_asked(question: str, item: Item, position: int, vocabulary: Vocabulary) -> Fact:
    """The answer of a listing to a cleaned English question, from which the words that point are gone."""
    for name, pattern in _ATTRIBUTES:
        if pattern.search(question):
            fact = _attribute(name, item)
            if fact is None and name == "material":
                fact = next(
                    (Fact("sentence", sentence) for sentence in sentences(item) if _names_material(sentence)),
                    None,
                )
            if fact is not None or name in _STATED_OR_UNKNOWN:
                return fact or Fact("unknown", "", name)
    mentioned = mentions_of(question, vocabulary, {})
    values = {
        f: v for table in (mentioned.preferred, mentioned.facets) for f, v in table.items() if f in FACETS
    }
    for facet, wanted in values.items():
        own = vocabulary.values_of(position, facet)
        if facet == "type" or not own:
            continue
        is_so = not wanted.isdisjoint(own)
        return Fact("yes" if is_so else "no", " / ".join(value.lower() for value in own), facet)
    for name, value in item.attributes.items():
        if stem(normalize_text(name, 40)) in {stem(word) for word in tokenize(question)}:
            return Fact("value", f"{name} {value}", name)
    content_words = [word for word in tokenize(question) if word[0].isalnum() and word not in _QUESTION]
    return (
        (_sentence(question, item) or Fact("unknown")) if content_words else Fact("describe", "", "describe")
    )


def is_price_question(question: str) -> bool:
    """Whether a cleaned English question is about a price."""
    return dict(_ATTRIBUTES)["price"].search(question) is not None


def _attribute(name: str, item: Item) -> Fact | None:
    attributes = {normalize_text(key, 60): value for key, value in item.attributes.items() if value}
    if name in ("price", "stock", "describe"):
        return Fact("value" if name != "describe" else "describe", "", name)
    if name == "brand":
        return Fact("value", f"brand {item.brand}", name) if item.brand else Fact("unknown", "", name)
    if name == "size":
        stated = [f"{key} {value}" for key, value in attributes.items() if set(key.split()) & _SIZE_NAMES]
        return Fact("value", ", ".join(stated), name) if stated else _sentence("cm size measures", item, 1)
    aliases = {
        "colour": ("colour", "color", "colour group", "colour_group_name"),
        "material": ("material", "fabric"),
        "origin": ("origin", "country of origin", "country_of_origin", "made in", "country"),
    }
    for key in aliases.get(name, (name,)):
        if key in attributes:
            return Fact("value", f"{name} {attributes[key]}", name)
    return None


def _sentence(question: str, item: Item, enough: int | None = None) -> Fact | None:
    """A sentence of the listing that speaks of what is asked."""
    stems = [
        stem(word)
        for word in tokenize(question)
        if word[0].isalpha() and word not in _QUESTION and word not in EMPTY_WORDS
    ]
    stems = list(dict.fromkeys(stems))
    if not stems:
        return None
    for sentence in sentences(item):
        words = {stem(word) for word in tokenize(normalize_text(sentence, 1000)) if word[0].isalnum()}
        hits = sum(any(_is_same(word, word_stem) for word_stem in words) for word in stems)
        if hits >= (enough or len(stems)):
            return Fact("sentence", sentence)
    return None


def _names_material(sentence: str) -> bool:
    return not _MATERIALS.isdisjoint(tokenize(normalize_text(sentence, 1000)))


def _is_same(stem: str, listed_stem: str) -> bool:
    """Whether two stems are of one word: "wash" and "washable", but not "oak" and "oaken bar"."""
    shortest = min(len(stem), len(listed_stem))
    return stem == listed_stem or (
        shortest >= 4 and (stem.startswith(listed_stem) or listed_stem.startswith(stem))
    )


def sentences(item: Item) -> Iterator[str]:
    """Sentences of a description, each cut to a readable length."""
    for passage in re.split(r"(?<=[.!?])\s+|\n+", item.description[:5000]):
        sentence = " ".join(passage.split())
        if len(sentence) > 3:
            yield (
                sentence
                if len(sentence) <= _MAX_SENTENCE
                else sentence[:_MAX_SENTENCE].rsplit(" ", 1)[0] + "…"
            )


def table_of_differences(
    items: Mapping[str, Item], names: Mapping[str, str], language: Language
) -> list[tuple[str, list[str]]]:
    """Rows of a comparison, name and a value for each item, where the items differ; the price comes first.

    `names` are the words for "price" and "not stated".
    """
    rows: list[tuple[str, list[str]]] = []
    prices = [priced(item, language) or names["none"] for item in items.values()]
    rows.append((names["price"], prices))
    keys = dict.fromkeys(key for item in items.values() for key in item.attributes)
    columns = (
        {"brand": [item.brand for item in items.values()]} if any(i.brand for i in items.values()) else {}
    )
    columns |= {key: [item.attributes.get(key, "") for item in items.values()] for key in keys}
    for key, values in columns.items():
        if len({value.lower() for value in values}) > 1:
            rows.append((key, [value or names["none"] for value in values]))
    return rows[:10]

"""What can be said of an item, and how: its facets, a price bound, words of its description."""

from __future__ import annotations

import math
import random
import tomllib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

from bowerbird.data.items import Catalogue
from bowerbird.text.lexicon import EMPTY_WORDS
from bowerbird.text.phrases import resolve_choices
from bowerbird.text.vocabulary import Vocabulary
from bowerbird.text.words import normalize_text, tokenize

HEAD_FACETS = ("type", "genre")
"""Facets that a request begins with."""
FACETS = ("colour", "material", "style", "pattern", "brand", "genre")
MAX_WORD_SHARE = 0.05
"""A word of more items' texts tells little about one."""
MIN_WORD_LENGTH = 4
PRICE_HEADROOM = (1.05, 1.6)
"""A price bound is the item's price times a number between these, rounded as people do."""


@dataclass(frozen=True)
class Criterion:
    """One thing that a shopper may want: a facet and its value, "price" and a bound, or "word" and a word."""

    name: str
    value: str


@cache
def load_phrases() -> Mapping[str, Sequence[str]]:
    """Phrases by move; refinements by the name of the criterion, as "refinement colour"."""
    source = resources.files(__package__).joinpath("phrases.toml")
    raw = tomllib.loads(source.read_text(encoding="utf-8"))
    refinements = raw.pop("refinements")
    return {**raw, **{f"refinement {name}": phrases for name, phrases in refinements.items()}}


def word_phrase(move: str, generator: random.Random, **slots: str) -> str:
    """One of the wordings of a move, its slots filled."""
    phrase = resolve_choices(generator.choice(load_phrases()[move]), generator)
    for name, value in slots.items():
        phrase = phrase.replace(f"{{{name}}}", value)
    for mark in ",.!?":
        phrase = phrase.replace(f" {mark}", mark)
    return " ".join(phrase.split()).lstrip(",.!? ")


class CriterionReader:
    """Reads the criteria that an item fulfils."""

    def __init__(
        self, catalogue: Catalogue, vocabulary: Vocabulary, to_english: Callable[[str], str] | None
    ) -> None:
        """`to_english` brings the catalogue's values to the language of the phrases."""
        self._catalogue, self._vocabulary = catalogue, vocabulary
        self._to_english = to_english or str
        self._words = [self._content_words(position) for position in range(len(catalogue))]
        counts = Counter(word for words in self._words for word in set(words))
        self._common = {word for word, n in counts.items() if n > MAX_WORD_SHARE * len(catalogue)}

    def head(self, position: int, generator: random.Random) -> Criterion | None:
        """The kind of thing; None where the catalogue does not say."""
        for facet in HEAD_FACETS:
            if values := self._vocabulary.values_of(position, facet):
                return Criterion(facet, self._worded(generator.choice(values)))
        return None

    def criteria(self, position: int, generator: random.Random) -> list[Criterion]:
        """Everything else that may be said, in random order."""
        criteria = [
            Criterion(facet, self._worded(generator.choice(values)))
            for facet in FACETS
            if (values := self._vocabulary.values_of(position, facet))
        ]
        price = float(self._catalogue.prices[position])
        if math.isfinite(price) and price > 0:
            criteria.append(Criterion("price", _round(price * generator.uniform(*PRICE_HEADROOM))))
        rare = [word for word in dict.fromkeys(self._words[position]) if word not in self._common]
        criteria += [Criterion("word", word) for word in generator.sample(rare, min(2, len(rare)))]
        generator.shuffle(criteria)
        return criteria

    def _worded(self, value: str) -> str:
        return self._to_english(normalize_text(value))

    def _content_words(self, position: int) -> list[str]:
        item = self._catalogue.item(position)
        words = tokenize(normalize_text(f"{item.title} {item.description}", 1500))
        return [word for word in words if len(word) >= MIN_WORD_LENGTH and word not in EMPTY_WORDS]


def describe_item(head: Criterion | None, criteria: Sequence[Criterion], generator: random.Random) -> str:
    """A kind of thing with what was said of it, as "a green lamp of brass under 40"."""
    noun = head.value if head else generator.choice(("something", "one", "anything"))
    before = [criterion.value for criterion in criteria if criterion.name in ("colour", "style", "pattern")]
    after = [
        resolve_choices(_AFTER.get(criterion.name, "(with|of) {value}"), generator).replace(
            "{value}", criterion.value
        )
        for criterion in criteria
        if criterion.name not in ("colour", "style", "pattern")
    ]
    if head is None:
        after, before = [*before, *after], []
    article = generator.choice(("a ", "a ", "some ", "")) if head else ""
    return " ".join((article + " ".join((*before, noun)), *after))


_AFTER = {
    "material": "(made of|of|in) {value}",
    "brand": "(by|from) {value}",
    "price": "(under|below|up to|for less than) {value}",
    "word": "(with|, something with|that has) {value}",
    "genre": "(, ){value}",
}


def _round(amount: float) -> str:
    step = 10 ** max(0, len(str(int(amount))) - 2) * (5 if amount >= 20 else 1)
    return str(max(1, math.ceil(amount / step) * step))

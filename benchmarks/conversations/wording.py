"""Messages from templates: noun phrases, price phrases, slips of the hand."""

from __future__ import annotations

import random
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from bowerbird.assist.evaluation.expected_state import ExpectedPrice
from conversations.numbers import written
from conversations.words import COLOURS, MATERIALS, NOUNS, Noun, article, coloured

PHRASES = Path(__file__).parent / "phrases"
SYNONYMS = {
    "sofa": ("couch",),
    "sweater": ("jumper", "pullover"),
    "rug": ("carpet",),
    "cushion": ("pillow",),
    "mug": ("cup",),
    "bag": ("handbag",),
    "trousers": ("pants",),
}
PATTERNS = {"stripe": "striped", "dot": "dotted", "check": "checked"}
ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth")
SYNONYM_SHARE, TYPO_SHARE, CAPITAL_SHARE = 0.08, 0.05, 0.1


@cache
def phrases(language: str) -> Mapping[str, Any]:
    """The templates of a language."""
    return tomllib.loads((PHRASES / f"{language}.toml").read_text(encoding="utf-8"))


def templates(language: str, move: str) -> Sequence[str]:
    """The templates of a move such as `refine.colour`; none where the language has none."""
    table: Any = phrases(language)
    for key in move.split("."):
        table = table.get(key, {})
    return table or ()


@dataclass
class Writer:
    """Words moves in one language."""

    language: str
    rng: random.Random

    def can(self, move: str) -> bool:
        """Whether the language has templates of a move."""
        return bool(templates(self.language, move))

    def pick(self, move: str) -> str:
        """One of the templates of a move."""
        return self.rng.choice(templates(self.language, move))

    def noun(self, kind: str) -> Noun:
        """The noun for a kind; English by rule where the table lacks it."""
        if kind in NOUNS[self.language]:
            noun = NOUNS[self.language][kind]
            if self.language == "en" and kind in SYNONYMS and self.rng.random() < SYNONYM_SHARE:
                synonym = self.rng.choice(SYNONYMS[kind])
                return Noun(
                    synonym, synonym if noun.is_plural_only else synonym + "s", "f", noun.is_plural_only
                )
            return noun
        return Noun(kind, kind + "s")

    def noun_phrase(self, kind: str, values: Mapping[str, str], price: str, *, is_plural: bool) -> str:
        """A noun phrase: "a green oak lamp under 60", "lámparas de roble por menos de 60"."""
        if self.language != "en":
            return self._foreign_phrase(kind, values, price, is_plural=is_plural)
        noun, before, after = self.noun(kind), list[str](), list[str]()
        for facet in ("style", "colour", "pattern"):
            if facet in values:
                before.append(PATTERNS.get(values[facet], values[facet]))
        if "material" in values:
            if self.rng.random() < 0.5:
                before.append(values["material"])
            else:
                after.append(self.rng.choice(("made of", "in", "out of")) + f" {values['material']}")
        if "brand" in values:
            after.append(f"by {values['brand']}")
        if price:
            after.append(price)
        own = noun.plural if is_plural or noun.is_plural_only else noun.singular
        own = self.slip(own)
        phrase = " ".join([*before, own, *after])
        return phrase if is_plural else f"{article(noun, 'en', phrase)} {phrase}"

    def _foreign_phrase(self, kind: str, values: Mapping[str, str], price: str, *, is_plural: bool) -> str:
        noun, after = self.noun(kind), list[str]()
        joint = {"es": "en", "de": "in", "fr": "en", "it": "in"}[self.language]
        phrase = noun.plural if is_plural else noun.singular
        if "colour" in values:
            if is_plural:
                after.append(f"{joint} {self.value('colour', values['colour'])}")
            else:
                phrase = coloured(values["colour"], noun, self.language)
        if "material" in values:
            preposition = {"es": "de", "de": "aus", "fr": "en", "it": "di"}[self.language]
            after.append(f"{preposition} {self.value('material', values['material'])}")
        phrase = " ".join([phrase, *after, *([price] if price else [])])
        return phrase if is_plural else f"{article(noun, self.language, phrase)} {phrase}"

    def value(self, facet: str, value: str) -> str:
        """A value in the language."""
        if facet == "colour" and value in COLOURS[self.language]:
            return COLOURS[self.language][value][0]
        if facet == "material" and value in MATERIALS[self.language]:
            return MATERIALS[self.language][value][0]
        return PATTERNS.get(value, value)

    def price(self, bounds: ExpectedPrice, kind: str) -> tuple[str, str]:
        """A price phrase of a kind ("under", "range", …) and its template."""
        template = self.pick(f"price.{kind}")
        if kind == "range":
            low, high = (str(int(end)) for end in (bounds.low, bounds.high))
            if self.rng.random() < 0.3 and "-" not in template:
                low, high = (written(int(end), self.rng, self.language) for end in (bounds.low, bounds.high))
            return template.format(a=low, b=high), template
        amount = int(bounds.low or bounds.high)
        number = written(amount, self.rng, self.language)
        if "uro" in template or "ish" in template or "<" in template or "~" in template:
            number = str(amount)
        return template.format(n=number), template

    def slip(self, word: str) -> str:
        """A word, sometimes with two letters swapped or one left out."""
        if self.language != "en" or len(word) < 6 or " " in word or self.rng.random() > TYPO_SHARE:
            return word
        at = self.rng.randrange(1, len(word) - 2)
        if self.rng.random() < 0.5 and word[at] != word[at + 1]:
            return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
        return word[:at] + word[at + 1 :]

    def finish(self, text: str) -> str:
        """A message as it is typed: now and then with a capital, or without its question mark."""
        draw = self.rng.random()
        if draw < CAPITAL_SHARE:
            return text[:1].upper() + text[1:]
        if draw < 2 * CAPITAL_SHARE:
            return text.rstrip("?. ").strip()
        return text.upper() if draw > 0.985 else text

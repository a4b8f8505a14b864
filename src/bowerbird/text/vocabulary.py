"""The catalogue's own words: its facets (type, colour, material, …), their values, and how people say them.

Read from the items, so that a furniture shop and a film library each get theirs. A phrase means every value
that ends in it: "lamp" is Table lamp and Floor lamp, "blue" is Blue, Dark Blue and Light Blue.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from bowerbird.data.items import Catalogue, Item
from bowerbird.text.words import SYNONYMS, cleaned, corrected, key_of, stem, tokens, word_set

FACETS = ("type", "colour", "material", "pattern", "style", "brand", "genre", "size")
"""Hard facets in order of precedence, where one phrase is a value of several; other attributes are soft."""
_ALIASES = {
    "color": "colour",
    "colour_group": "colour",
    "colour_group_name": "colour",
    "product_type": "type",
    "product_type_name": "type",
    "item_type": "type",
    "graphical_appearance": "pattern",
    "graphical_appearance_name": "pattern",
    "genres": "genre",
    "fabric": "material",
}
_MEANINGLESS = word_set("unknown other undefined none na n a misc item thing no yes true false")
_NO_HEADS = word_set("set item piece wear pair thing one body other case string cover cosmetic")
_PARTS = frozenset(("top", "bottom", "set", "body"))
"""Heads that say little: people say "bikini" and "pyjamas" for Bikini top and Pyjama set."""
_SPLIT = re.compile(r"\s*[|;]\s*")
_MANY_VALUES = 400


@dataclass(frozen=True)
class Meaning:
    """What a phrase says of one facet: values it names as a whole, and values that merely end in it."""

    facet: str
    exact: frozenset[str] = frozenset()
    loose: frozenset[str] = frozenset()

    @property
    def values(self) -> frozenset[str]:
        return self.exact | self.loose


@dataclass
class Vocabulary:
    """Facets of a catalogue. `positions[facet][value]` are the items that have the value, sorted."""

    n_items: int
    positions: dict[str, dict[str, np.ndarray]]
    phrases: dict[tuple[str, ...], tuple[Meaning, ...]] = field(repr=False)
    """Meanings of each phrase (a tuple of stems), the most trusted first."""
    hints: dict[tuple[str, ...], Meaning] = field(repr=False)
    """Soft meanings: first words of compounds ("bikini" of Bikini top), values of further attributes."""

    @classmethod
    def of(cls, catalogue: Catalogue) -> Vocabulary:
        rows: dict[str, dict[tuple[str, ...], list[int]]] = defaultdict(lambda: defaultdict(list))
        spellings: dict[tuple[str, tuple[str, ...]], Counter[str]] = defaultdict(Counter)
        for position in range(len(catalogue)):
            for facet, value in set(facet_values(catalogue.item(position))):
                key = key_of(value)
                if key and len(key) <= 5 and not _MEANINGLESS.issuperset(key):
                    rows[facet][key].append(position)
                    spellings[facet, key][value] += 1
        positions = {
            facet: {
                spellings[facet, key].most_common(1)[0][0]: np.unique(np.array(items, np.int64))
                for key, items in values.items()
            }
            for facet, values in rows.items()
            if facet in FACETS or len(values) <= _MANY_VALUES
        }
        phrases, hints = _phrases(positions)
        return cls(len(catalogue), positions, phrases, hints)

    @cached_property
    def longest(self) -> int:
        """Words in the longest phrase."""
        return max((len(phrase) for phrase in (*self.phrases, *self.hints)), default=1)

    @cached_property
    def known_stems(self) -> frozenset[str]:
        return frozenset(word for phrase in (*self.phrases, *self.hints) for word in phrase)

    @cached_property
    def typo_targets(self) -> dict[str, list[str]]:
        """Stems worth correcting to, by first letter."""
        by_letter: dict[str, list[str]] = defaultdict(list)
        for phrase, meanings in self.phrases.items():
            if any(meaning.facet in FACETS for meaning in meanings):
                for word in phrase:
                    by_letter[word[0]].append(word)
        return {letter: sorted(set(words)) for letter, words in by_letter.items()}

    def stems(self, words: Iterable[str], real: Mapping[str, object]) -> list[str]:
        """Stems of words, mistyped ones corrected; a word that the catalogue's texts use (`real`) is none."""
        seen: dict[str, str] = {}
        for word in words:
            if word not in seen:
                seen[word] = self._stem(word, real)
        return [seen[word] for word in words]

    def _stem(self, word: str, real: Mapping[str, object]) -> str:
        plain = stem(word)
        if plain in self.known_stems or plain in real or not word[0].isalpha():
            return plain
        return corrected(plain, self.typo_targets.get(plain[0], ())) or plain

    def mask(self, facet: str, values: Iterable[str]) -> np.ndarray:
        """Which items have one of the values, (items,) bool."""
        mask = np.zeros(self.n_items, dtype=bool)
        for value in values:
            mask[self.positions.get(facet, {}).get(value, np.empty(0, np.int64))] = True
        return mask

    def values_of(self, position: int, facet: str) -> list[str]:
        """The values that an item has of a facet."""
        return list(self._values_by_item.get(facet, {}).get(position, []))

    @cached_property
    def _values_by_item(self) -> dict[str, dict[int, list[str]]]:
        table: dict[str, dict[int, list[str]]] = {facet: defaultdict(list) for facet in self.positions}
        for facet, values in self.positions.items():
            for value, items in values.items():
                for item in items.tolist():
                    table[facet][item].append(value)
        return table


def facet_values(item: Item) -> Iterator[tuple[str, str]]:
    """Facets and values of an item: its attributes, its brand, its category's last level as the type."""
    attributes = {
        _ALIASES.get(cleaned(name, 60), cleaned(name, 60)): v for name, v in item.attributes.items()
    }
    if "type" not in attributes and item.category:
        yield "type", item.category[-1]
    for level in item.category[:-1]:
        yield "category", level
    if item.brand:
        yield "brand", item.brand
    for name, value in attributes.items():
        if value and len(value) <= 120:
            for one in _SPLIT.split(value):
                yield name, one


def _phrases(
    positions: Mapping[str, Mapping[str, np.ndarray]],
) -> tuple[dict[tuple[str, ...], tuple[Meaning, ...]], dict[tuple[str, ...], Meaning]]:
    exact: dict[tuple[str, ...], dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    loose: dict[tuple[str, ...], dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    hints: dict[tuple[str, ...], tuple[str, set[str]]] = {}
    for facet, values in positions.items():
        for value in values:
            if facet not in FACETS:
                hints.setdefault(key_of(value), (facet, set()))[1].add(value)
                continue
            whole = key_of(value)
            exact[("size", *whole) if facet == "size" else whole][facet].add(value)
            if facet == "size":
                exact[*whole, "size"][facet].add(value)
            elif facet != "brand":
                for tail in _tails(value):
                    loose[tail][facet].add(value)
                if len(whole) > 1 and whole[-1] in _PARTS and facet == "type":
                    loose[whole[:-1]][facet].add(value)
                elif len(whole) > 1 and facet == "type":
                    hints.setdefault(whole[:1], (facet, set()))[1].add(value)
    _add_synonyms(exact, loose)
    order = {facet: rank for rank, facet in enumerate(FACETS)}
    phrases = {}
    for phrase in {*exact, *loose}:
        named, ending = exact.get(phrase, {}), loose.get(phrase, {})
        meanings = [
            Meaning(f, frozenset(named.get(f, ())), frozenset(ending.get(f, ()))) for f in {*named, *ending}
        ]
        phrases[phrase] = tuple(sorted(meanings, key=lambda m: (not m.exact, order[m.facet])))
    left = {
        p: Meaning(facet, loose=frozenset(v)) for p, (facet, v) in hints.items() if p and p not in phrases
    }
    return phrases, left


def _tails(value: str) -> Iterator[tuple[str, ...]]:
    """Shorter ways to say a value: either side of a slash, its last words, its participle ("striped")."""
    for part in re.split(r"\s*[/,&]\s*|\s+and\s+", value.lower()):
        words = part.split()
        for start in range(len(words)):
            tail = key_of(" ".join(words[start:]))
            if tail and not (len(tail) == 1 and (tail[0] in _NO_HEADS or len(tail[0]) < 2)):
                yield tail
        if len(words) == 1 and len(part) > 2:
            last = part if part.endswith("e") else part + "e"
            yield (last + "d",)


def _add_synonyms(
    exact: dict[tuple[str, ...], dict[str, set[str]]], loose: dict[tuple[str, ...], dict[str, set[str]]]
) -> None:
    for group in SYNONYMS:
        keys = [tuple(stem(word) for word in tokens(name)) for name in group]
        known = [key for key in keys if key in exact] or [key for key in keys if key in loose]
        for key in keys:
            if key in exact or key in loose or not known:
                continue
            for table in (exact, loose):
                for facet, values in table.get(known[0], {}).items():
                    table[key][facet] |= values

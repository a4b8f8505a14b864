"""The catalogue's own vocabulary: its facets (type, colour, material, …), their values, and common phrasings.

Extracted from the items, so that a furniture shop and a film library each get their own. A phrase means every
value that ends in it: "lamp" is Table lamp and Floor lamp, "blue" is Blue, Dark Blue and Light Blue.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from bowerbird.data.arrays import BoolArray, IntArray
from bowerbird.data.items import Catalogue, Item
from bowerbird.text.audiences import AUDIENCE, FORMS, audiences_of
from bowerbird.text.departments import collect_departments
from bowerbird.text.facets import FACETS, facet_values, split_values
from bowerbird.text.synonyms import COLOUR_GROUPS, MATERIAL_GROUPS, SYNONYMS, USES
from bowerbird.text.words import correct_typo, stem, stem_phrase, tokenize, word_set

_MEANINGLESS_VALUES = word_set("unknown other undefined none na n a misc item thing no yes true false")
_NOT_HEADS = word_set(
    "pattern colour material style set item piece wear pair thing one body other case string cover cosmetic"
)
_DROPPABLE_HEADS = frozenset(("top", "bottom", "set", "body"))
"""Heads that users omit: "bikini" and "pyjamas" stand for Bikini top and Pyjama set."""
_MAX_SOFT_VALUES = 400
_SIDES = re.compile(r"\s*[/,&]\s*|\s+(?:and|und|et|y|e|ed)\s+")


@dataclass(frozen=True)
class Meaning:
    """Values of one facet that a phrase names: exactly, or as their last words."""

    facet: str
    exact: frozenset[str] = frozenset()
    loose: frozenset[str] = frozenset()
    is_use: bool = False
    """Whether it says what an item is for: a type that is named beside it is meant instead."""

    @property
    def values(self) -> frozenset[str]:
        """The values of the catalogue that it means."""
        return self.exact | self.loose


@dataclass
class Vocabulary:
    """Facets of a catalogue. `positions[facet][value]`: sorted positions of the items that have the value."""

    n_items: int
    positions: dict[str, dict[str, IntArray]]
    phrases: dict[tuple[str, ...], tuple[Meaning, ...]] = field(repr=False)
    """Meanings of each phrase (a tuple of stems), the most reliable first."""
    hints: dict[tuple[str, ...], Meaning] = field(repr=False)
    """Soft meanings: first words of compounds ("bikini" of Bikini top), values of other attributes."""

    @classmethod
    def of(
        cls,
        catalogue: Catalogue,
        to_english: Callable[[str], str] | None = None,
        *,
        heads_first: bool = False,
    ) -> Vocabulary:
        """Extract the facets; `to_english` brings values in another language to how requests are read.

        `heads_first`: in compounds of that language the thing comes first ("vin rouge").
        """
        rows: dict[str, dict[tuple[str, ...], list[int]]] = defaultdict(lambda: defaultdict(list))
        spellings: dict[tuple[str, tuple[str, ...]], Counter[str]] = defaultdict(Counter)
        levels = {
            level for category in catalogue.table["category"].to_pylist() for level in (category or ())[:-1]
        }
        for position in range(len(catalogue)):
            for facet, value in set(_values_of(catalogue.item(position))):
                if facet == "type" and value in levels:
                    continue  # an item of no particular type in its department
                key = stem_phrase(value)
                if key and len(key) <= 5 and not _MEANINGLESS_VALUES.issuperset(key):
                    rows[facet][key].append(position)
                    spellings[facet, key][value] += 1
        positions = {
            facet: {
                spellings[facet, key].most_common(1)[0][0]: np.unique(np.array(items, np.int64))
                for key, items in values.items()
            }
            for facet, values in rows.items()
            if facet in FACETS or len(values) <= _MAX_SOFT_VALUES
        }
        departments = collect_departments(catalogue, positions.get("type", {}))
        phrases, hints = _collect_phrases(positions, departments, to_english or _as_it_is, heads_first)
        return cls(len(catalogue), positions, phrases, hints)

    @cached_property
    def max_phrase_words(self) -> int:
        """Number of words in the longest phrase."""
        return max((len(phrase) for phrase in (*self.phrases, *self.hints)), default=1)

    @cached_property
    def known_stems(self) -> frozenset[str]:
        """Stems of all words of the vocabulary."""
        return frozenset(word for phrase in (*self.phrases, *self.hints) for word in phrase)

    @cached_property
    def value_stems(self) -> frozenset[str]:
        """Stems of the words that name values; not of what items are for ("carry my laptop")."""
        values = (key for key, meanings in self.phrases.items() if not all(m.is_use for m in meanings))
        return frozenset(word for phrase in (*values, *self.hints) for word in phrase)

    @cached_property
    def typo_targets(self) -> dict[str, list[str]]:
        """Stems that typos may be corrected to, by first letter."""
        by_letter: dict[str, list[str]] = defaultdict(list)
        for phrase, meanings in self.phrases.items():
            if any(meaning.facet in FACETS and meaning.facet != AUDIENCE for meaning in meanings):
                for word in phrase:
                    by_letter[word[0]].append(word)
        return {letter: sorted(set(words)) for letter, words in by_letter.items()}

    def stems(self, words: Iterable[str], text_stems: Mapping[str, object]) -> list[str]:
        """Stem words and correct their typos; words that the catalogue's texts use (`text_stems`) are
        kept."""
        stem_of: dict[str, str] = {}
        for word in words:
            if word not in stem_of:
                stem_of[word] = self._stem_or_correct(word, text_stems)
        return [stem_of[word] for word in words]

    def _stem_or_correct(self, word: str, text_stems: Mapping[str, object]) -> str:
        stemmed = stem(word)
        if stemmed in self.known_stems or stemmed in text_stems or not word[0].isalpha():
            return stemmed
        return correct_typo(stemmed, self.typo_targets.get(stemmed[0], ()), len(word)) or stemmed

    def mask(self, facet: str, values: Iterable[str]) -> BoolArray:
        """Mask of the items that have one of the values, (items,) bool."""
        mask = np.zeros(self.n_items, dtype=bool)
        for value in values:
            mask[self.positions.get(facet, {}).get(value, np.empty(0, np.int64))] = True
        return mask

    def values_of(self, position: int, facet: str) -> list[str]:
        """Values of a facet that an item has."""
        return list(self._values_by_item.get(facet, {}).get(position, []))

    @cached_property
    def _values_by_item(self) -> dict[str, dict[int, list[str]]]:
        values_of_item: dict[str, dict[int, list[str]]] = {
            facet: defaultdict(list) for facet in self.positions
        }
        for facet, values in self.positions.items():
            for value, items in values.items():
                for item in items.tolist():
                    values_of_item[facet][item].append(value)
        return values_of_item


def _values_of(item: Item) -> Iterator[tuple[str, str]]:
    """Facets and values of an item, with the audiences that its listing names."""
    for facet, value in facet_values(item):
        if facet == "genre":
            yield from ((facet, genre) for genre in split_values(value))
        elif facet != AUDIENCE:
            yield facet, value
    yield from ((AUDIENCE, audience) for audience in audiences_of(item))


def _as_it_is(text: str) -> str:
    return text


def _collect_phrases(
    positions: Mapping[str, Mapping[str, IntArray]],
    departments: Mapping[str, frozenset[str]],
    to_english: Callable[[str], str],
    heads_first: bool,
) -> tuple[dict[tuple[str, ...], tuple[Meaning, ...]], dict[tuple[str, ...], Meaning]]:
    """Phrases and hints (see `Vocabulary`) that name the facets' values."""
    exact: dict[tuple[str, ...], dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    loose: dict[tuple[str, ...], dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    hints: dict[tuple[str, ...], tuple[str, set[str]]] = {}
    for facet, values in positions.items():
        for value in values:
            if facet not in FACETS:
                hints.setdefault(stem_phrase(value), (facet, set()))[1].add(value)
                continue
            full_key = stem_phrase(value)
            if facet == AUDIENCE:
                for form in FORMS[value]:
                    exact[stem_phrase(form)][facet].add(value)
                continue
            exact[("size", *full_key) if facet == "size" else full_key][facet].add(value)
            english = to_english(value.lower())
            english_key = stem_phrase(english)
            if english_key and english_key != full_key and facet not in ("size", "brand"):
                exact[english_key][facet].add(value)
                for variant in _phrase_variants(english, heads_first):
                    loose[variant][facet].add(value)
                if heads_first:
                    exact[english_key[::-1]][facet].add(value)  # "wine red" is asked for as "red wine"
            if facet == "size":
                exact[*full_key, "size"][facet].add(value)
            elif facet != "brand":
                for variant in _phrase_variants(value, heads_first):
                    loose[variant][facet].add(value)
                if heads_first and len(full_key) > 1:
                    hints.setdefault(full_key[-1:], (facet, set()))[1].add(value)
                elif len(full_key) > 1 and full_key[-1] in _DROPPABLE_HEADS and facet == "type":
                    loose[full_key[:-1]][facet].add(value)
                elif len(full_key) > 1 and facet == "type":
                    hints.setdefault(full_key[:1], (facet, set()))[1].add(value)
    for department, types in departments.items():
        for key in {stem_phrase(department), stem_phrase(to_english(department.lower()))}:
            if key and key not in exact and key not in loose:
                loose[key]["type"] |= types
                hints.pop(key, None)
    _add_synonyms(exact, loose)
    _add_groups("colour", COLOUR_GROUPS, exact, loose)
    _add_groups("material", MATERIAL_GROUPS, exact, loose)
    order = {facet: rank for rank, facet in enumerate(FACETS)}
    phrases = {}
    for phrase in {*exact, *loose}:
        exact_values, loose_values = exact.get(phrase, {}), loose.get(phrase, {})
        meanings = [
            Meaning(facet, frozenset(exact_values.get(facet, ())), frozenset(loose_values.get(facet, ())))
            for facet in {*exact_values, *loose_values}
        ]
        phrases[phrase] = tuple(
            sorted(meanings, key=lambda meaning: (not meaning.exact, order[meaning.facet]))
        )
    phrases |= {phrase: (meaning,) for phrase, meaning in _uses(phrases).items()}
    remaining_hints = {
        phrase: Meaning(facet, loose=frozenset(hint_values))
        for phrase, (facet, hint_values) in hints.items()
        if phrase and phrase not in phrases
    }
    return phrases, remaining_hints


def _phrase_variants(value: str, heads_first: bool) -> Iterator[tuple[str, ...]]:
    """Yield shorter forms of a value: either side of a slash, its last words, its participle ("striped").

    Where the thing comes first, its first words.
    """
    for part in _SIDES.split(value.lower()):
        words = part.split()
        for size in range(len(words), 0, -1):
            key = stem_phrase(" ".join(words[:size] if heads_first else words[-size:]))
            if key and not (len(key) == 1 and (key[0] in _NOT_HEADS or len(key[0]) < 2)):
                yield key
        if len(words) == 1 and len(part) > 2:
            stem_base = part if part.endswith("e") else part + "e"
            yield (stem_base + "d",)


def _add_groups(
    facet: str,
    groups: Sequence[tuple[tuple[str, ...], tuple[str, ...]]],
    exact: dict[tuple[str, ...], dict[str, set[str]]],
    loose: dict[tuple[str, ...], dict[str, set[str]]],
) -> None:
    """Let the names of a group ("wooden", "warm colours") mean those of it that a catalogue has, in place."""
    for phrases, names in groups:
        values = {
            value
            for name in names
            for values_by_phrase in (exact, loose)
            for value in values_by_phrase.get(stem_phrase(name), {}).get(facet, ())
        }
        for phrase in map(stem_phrase, phrases if values else ()):
            if phrase not in exact:
                loose[phrase][facet] |= values


def _uses(phrases: Mapping[tuple[str, ...], tuple[Meaning, ...]]) -> dict[tuple[str, ...], Meaning]:
    """The types that serve a use ("sit on"), by the phrases of the use that name nothing else."""
    uses = {}
    for wordings, names in USES:
        meanings = (meaning for name in names for meaning in phrases.get(stem_phrase(name), ()))
        types = frozenset(value for each in meanings if each.facet == "type" for value in each.values)
        for phrase in map(stem_phrase, wordings if types else ()):
            if phrase not in phrases:
                uses[phrase] = Meaning("type", loose=types, is_use=True)
    return uses


def _add_synonyms(
    exact: dict[tuple[str, ...], dict[str, set[str]]], loose: dict[tuple[str, ...], dict[str, set[str]]]
) -> None:
    """Give the synonyms of a value's phrase its meaning, in place."""
    for group in SYNONYMS:
        keys = [tuple(stem(word) for word in tokenize(name)) for name in group]
        known = [key for key in keys if key in exact] or [key for key in keys if key in loose]
        for key in keys:
            if key in exact or key in loose or not known:
                continue
            for values_by_phrase in (exact, loose):
                for facet, values in values_by_phrase.get(known[0], {}).items():
                    values_by_phrase[key][facet] |= values

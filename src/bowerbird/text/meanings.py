"""What phrases mean in a catalogue: values by their names, their last words, groups and synonyms."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from bowerbird.data.arrays import IntArray
from bowerbird.text.audiences import AUDIENCE, FORMS
from bowerbird.text.facets import FACETS
from bowerbird.text.synonyms import COLOUR_GROUPS, MATERIAL_GROUPS, SYNONYMS, USES
from bowerbird.text.words import normalize_text, stem, stem_phrase, tokenize, word_set

_NOT_HEADS = word_set(
    "pattern colour material style set item piece wear pair thing one body other case string cover cosmetic "
    "hair"
)
_JOINTS = frozenset(("&", "and"))
_DROPPABLE_HEADS = frozenset(("top", "bottom", "set", "body"))
"""Heads that users omit: "bikini" and "pyjamas" stand for Bikini top and Pyjama set."""
_SIDES = re.compile(r"\s*[/,&]\s*|\s+(?:and|und|et|y|e|ed)\s+")
Phrase = tuple[str, ...]
"""Stems of words."""
ValuesByPhrase = dict[Phrase, dict[str, set[str]]]
"""For each phrase, by facet, the values that it names."""


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


def collect_phrases(
    positions: Mapping[str, Mapping[str, IntArray]],
    departments: Mapping[str, frozenset[str]],
    to_english: Callable[[str], str],
    heads_first: bool,
) -> tuple[dict[Phrase, tuple[Meaning, ...]], dict[Phrase, Meaning]]:
    """Phrases and hints (see `Vocabulary`) that name the facets' values."""
    names = _Names(to_english, heads_first)
    for facet, values in positions.items():
        for value in values:
            names.add_value(facet, value)
    for department, types in departments.items():
        names.add_department(department, types)
    names.add_synonyms()
    names.add_groups("colour", COLOUR_GROUPS)
    names.add_groups("material", MATERIAL_GROUPS)
    phrases = names.phrases()
    phrases |= {phrase: (meaning,) for phrase, meaning in _uses(phrases).items()}
    return phrases, names.other_hints(phrases)


def _values_by_phrase() -> ValuesByPhrase:
    return defaultdict(lambda: defaultdict(set))


@dataclass
class _Names:
    """The phrases that name values, while they are collected."""

    to_english: Callable[[str], str]
    heads_first: bool
    exact: ValuesByPhrase = field(default_factory=_values_by_phrase)
    loose: ValuesByPhrase = field(default_factory=_values_by_phrase)
    hints: dict[Phrase, tuple[str, set[str]]] = field(default_factory=dict)

    def add_value(self, facet: str, value: str) -> None:
        """The ways in which a value is named."""
        key = stem_phrase(value)
        if facet not in FACETS:
            self._hint(key, facet, value)
        elif facet == AUDIENCE:
            for form in FORMS[value]:
                self.exact[stem_phrase(form)][facet].add(value)
        elif facet == "size":
            self.exact["size", *key][facet].add(value)
            self.exact[*key, "size"][facet].add(value)
        else:
            for spelling in _spellings(value):
                self.exact[spelling][facet].add(value)
            if facet != "brand":
                self._add_english(facet, value)
                self._add_shorter(facet, value)

    def _add_english(self, facet: str, value: str) -> None:
        english = self.to_english(value.lower())
        key = stem_phrase(english)
        if not key or key == stem_phrase(value):
            return
        self.exact[key][facet].add(value)
        for variant in _phrase_variants(english, self.heads_first):
            self.loose[variant][facet].add(value)
        if self.heads_first:
            self.exact[key[::-1]][facet].add(value)  # "wine red" is asked for as "red wine"

    def _add_shorter(self, facet: str, value: str) -> None:
        key = stem_phrase(value)
        for variant in _phrase_variants(value, self.heads_first):
            self.loose[variant][facet].add(value)
        for participle in () if facet == "type" else _participles(value):  # "hates" is no misspelt "hatted"
            self.loose[participle][facet].add(value)
        if len(key) < 2:
            return
        if self.heads_first:
            self._hint(key[-1:], facet, value)
        elif key[-1] in _DROPPABLE_HEADS and facet == "type":
            self.loose[key[:-1]][facet].add(value)
        elif facet == "type":
            self._hint(key[:1], facet, value)

    def _hint(self, phrase: Phrase, facet: str, value: str) -> None:
        self.hints.setdefault(phrase, (facet, set()))[1].add(value)

    def add_department(self, department: str, types: frozenset[str]) -> None:
        """The name of a department, where it names nothing else: all of its types."""
        for key in {stem_phrase(department), stem_phrase(self.to_english(department.lower()))}:
            # "Shoes" are all of the department, not only what is called "Flat shoe".
            if key and key not in self.exact and set(self.loose.get(key, ("type",))) == {"type"}:
                self.loose[key]["type"] |= types
                self.hints.pop(key, None)

    def add_groups(self, facet: str, groups: Sequence[tuple[tuple[str, ...], tuple[str, ...]]]) -> None:
        """Let the names of a group ("wooden", "warm colours") mean those of it that a catalogue has."""
        for phrases, names in groups:
            values = {
                value
                for name in names
                for table in (self.exact, self.loose)
                for value in table.get(stem_phrase(name), {}).get(facet, ())
            }
            for phrase in map(stem_phrase, phrases if values else ()):
                if phrase not in self.exact:
                    self.loose[phrase][facet] |= values

    def add_synonyms(self) -> None:
        """Give the synonyms of a value's phrase its meaning."""
        for group in SYNONYMS:
            keys = [tuple(stem(word) for word in tokenize(name)) for name in group]
            known = [key for key in keys if key in self.exact] or [key for key in keys if key in self.loose]
            for key in keys:
                if key in self.exact or key in self.loose or not known:
                    continue
                for table in (self.exact, self.loose):
                    for facet, values in table.get(known[0], {}).items():
                        table[key][facet] |= values

    def phrases(self) -> dict[Phrase, tuple[Meaning, ...]]:
        """The meanings of each phrase, the most reliable first."""
        order = {facet: rank for rank, facet in enumerate(FACETS)}
        phrases = {}
        for phrase in {*self.exact, *self.loose}:
            exact, loose = self.exact.get(phrase, {}), self.loose.get(phrase, {})
            meanings = [
                Meaning(facet, frozenset(exact.get(facet, ())), frozenset(loose.get(facet, ())))
                for facet in {*exact, *loose}
            ]
            phrases[phrase] = tuple(
                sorted(meanings, key=lambda meaning: (not meaning.exact, order[meaning.facet]))
            )
        return phrases

    def other_hints(self, phrases: Mapping[Phrase, object]) -> dict[Phrase, Meaning]:
        """The soft meanings of what is no phrase."""
        return {
            phrase: Meaning(facet, loose=frozenset(values))
            for phrase, (facet, values) in self.hints.items()
            if phrase and phrase not in phrases
        }


def _spellings(value: str) -> set[Phrase]:
    """A value with "&", "and" or nothing between its parts: "Sorrel & Oak".

    >>> sorted(_spellings("Sorrel & Oak"))
    [('sorrel', '&', 'oak'), ('sorrel', 'and', 'oak'), ('sorrel', 'oak')]
    """
    words = tokenize(normalize_text(value, 200))
    texts = [[joint if word in _JOINTS else stem(word) for word in words] for joint in ("", "&", "and")]
    return {tuple(word for word in text if word == "&" or word[:1].isalnum()) for text in texts}


def _phrase_variants(value: str, heads_first: bool) -> Iterator[tuple[str, ...]]:
    """Yield shorter forms of a value: either side of a slash, its last words.

    Where the thing comes first, its first words.
    """
    for alternative in _SIDES.split(value.lower()):
        words = alternative.split()
        for size in range(len(words), 0, -1):
            key = stem_phrase(" ".join(words[:size] if heads_first else words[-size:]))
            if key and not (len(key) == 1 and (key[0] in _NOT_HEADS or len(key[0]) < 2)):
                yield key


def _participles(value: str) -> Iterator[tuple[str, ...]]:
    """Yield the participles of a value of one word, or of each side of a slash: "striped" for Stripe."""
    for alternative in _SIDES.split(value.lower()):
        if len(alternative) > 2 and " " not in alternative:
            yield ((alternative if alternative.endswith("e") else alternative + "e") + "d",)


def _uses(phrases: Mapping[Phrase, tuple[Meaning, ...]]) -> dict[Phrase, Meaning]:
    """The types that serve a use ("sit on"), by the phrases of the use that name nothing else."""
    uses = {}
    for wordings, names in USES:
        meanings = (meaning for name in names for meaning in phrases.get(stem_phrase(name), ()))
        types = frozenset(value for each in meanings if each.facet == "type" for value in each.values)
        for phrase in map(stem_phrase, wordings if types else ()):
            if phrase not in phrases:
                uses[phrase] = Meaning("type", loose=types, is_use=True)
    return uses

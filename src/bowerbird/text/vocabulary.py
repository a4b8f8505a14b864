"""The catalogue's own vocabulary: its facets (type, colour, material, …), their values, and common phrasings.

Extracted from the items, so that a furniture shop and a film library each get their own. A phrase means every
value that ends in it: "lamp" is Table lamp and Floor lamp, "blue" is Blue, Dark Blue and Light Blue.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from bowerbird.data.arrays import BoolArray, IntArray
from bowerbird.data.items import Catalogue, Item
from bowerbird.text.audiences import AUDIENCE, audiences_of
from bowerbird.text.departments import collect_departments
from bowerbird.text.facets import FACETS, facet_values, split_values
from bowerbird.text.meanings import Meaning, collect_phrases
from bowerbird.text.words import correct_typo, stem, stem_phrase, tokenize, word_set

_MEANINGLESS_VALUES = word_set("unknown other undefined none na n a misc item thing no yes true false")
_MAX_SOFT_VALUES = 400


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
        phrases, hints = collect_phrases(positions, departments, to_english or _as_it_is, heads_first)
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

    def starts_with_type(self, text: str) -> bool:
        """Whether a text begins with the name of a type."""
        words = [key[0] for key in map(stem_phrase, tokenize(text)[: self.max_phrase_words]) if key]
        return any(
            meaning.facet == "type"
            for size in range(1, len(words) + 1)
            for meaning in self.phrases.get(tuple(words[:size]), ())
        )

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

"""Facts of items and the words that a catalogue uses, to check items against edits in words.

The words are read from a sample of the catalogue: enough to know which words it uses and how they divide its
items. Facts of items outside of the sample are read on demand.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from itertools import islice, pairwise

import numpy as np
import pyarrow as pa

from bowerbird.data.arrays import IntArray
from bowerbird.data.items import Catalogue, Item
from bowerbird.text.facets import facet_values
from bowerbird.text.vocabulary import Vocabulary
from bowerbird.text.words import normalize_text, stem, stem_phrase, tokenize

Phrase = tuple[str, ...]  # stems
SAMPLE_SIZE = 30_000
"""Items; more would change little and take longer."""
TYPE_FACET = "type"
"""The facet that holds the type of an item."""
MAX_TEXT_CHARACTERS = 1500  # characters
MIN_USES = 3
"""Items that must use a word before it counts as a word of the catalogue."""
MIN_USES_OF_TYPO_TARGET = 10


@dataclass(frozen=True)
class ItemFacts:
    """Facts of one item: its values by facet, and its texts as stems between spaces."""

    values: Mapping[str, frozenset[Phrase]]
    text: str

    @cached_property
    def item_type(self) -> str:
        """The type of the item; empty if it states none."""
        return " / ".join(sorted(" ".join(key) for key in self.values.get(TYPE_FACET, ())))

    def mentions(self, phrases: Iterable[Phrase]) -> bool:
        return any(f" {' '.join(phrase)} " in self.text for phrase in phrases)


@dataclass(frozen=True)
class CatalogueWords:
    """Facts of a sample of a catalogue, and its words. S items."""

    rows: IntArray  # (S,) positions in the catalogue, ascending
    vocabulary: Vocabulary
    facts: list[ItemFacts] = field(repr=False)
    _is_used: dict[Phrase, bool] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, catalogue: Catalogue, rows: IntArray | None = None) -> CatalogueWords:
        """From a catalogue's items, or from those at `rows`, ascending positions."""
        rows = np.arange(len(catalogue)) if rows is None else rows
        if len(rows) > SAMPLE_SIZE:
            rows = np.sort(np.random.default_rng(0).permutation(rows)[:SAMPLE_SIZE])
        sample = Catalogue(catalogue.table.take(pa.array(rows))) if len(rows) < len(catalogue) else catalogue
        return cls(rows, Vocabulary.of(sample), [extract_facts(item) for item in sample.items()])

    @cached_property
    def item_counts(self) -> Counter[str]:
        """Number of items of the sample that use each stem."""
        return Counter(word for item_facts in self.facts for word in set(item_facts.text.split()))

    @cached_property
    def stems(self) -> frozenset[str]:
        """Stems that at least `MIN_USES` items use."""
        return frozenset(word for word, items in self.item_counts.items() if items >= MIN_USES)

    @cached_property
    def typo_targets(self) -> dict[str, list[str]]:
        """Frequent stems by first letter, as targets of typo correction."""
        by_letter: dict[str, list[str]] = {}
        for word in sorted(self.stems | self.vocabulary.known_stems):
            if self.item_counts[word] >= MIN_USES_OF_TYPO_TARGET:
                by_letter.setdefault(word[0], []).append(word)
        return by_letter

    def is_used(self, phrase: Phrase) -> bool:
        """Whether at least `MIN_USES` items use a word or a phrase."""
        if len(phrase) == 1:
            return phrase[0] in self.stems
        if any(self._pair_counts[pair] < MIN_USES for pair in pairwise(phrase)):
            return False
        if phrase not in self._is_used:
            items = (item_facts for item_facts in self.facts if item_facts.mentions((phrase,)))
            self._is_used[phrase] = len(phrase) == 2 or sum(1 for _ in islice(items, MIN_USES)) == MIN_USES
        return self._is_used[phrase]

    @cached_property
    def _pair_counts(self) -> Counter[Phrase]:
        return Counter(pair for item_facts in self.facts for pair in set(pairwise(item_facts.text.split())))


def extract_facts(item: Item) -> ItemFacts:
    """Extract an item's values and words."""
    values: dict[str, set[Phrase]] = {}
    for facet, value in facet_values(item):
        values.setdefault(facet, set()).add(stem_phrase(value))
    texts = [item.title, item.brand, *item.category, *item.attributes.values(), item.description]
    text = " . ".join(_stem_text(part) for part in texts if part)
    return ItemFacts({name: frozenset(phrases) for name, phrases in values.items()}, f" {text} ")


@lru_cache(50_000)  # colour variants share a description, and values repeat
def _stem_text(text: str) -> str:
    return " ".join(stem(word) for word in tokenize(normalize_text(text, MAX_TEXT_CHARACTERS)))

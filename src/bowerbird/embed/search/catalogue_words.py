"""What a shop's own texts say, so that a wish in words can be held against an item.

Read from a sample of the catalogue: enough to know which words the shop uses and how its items divide by
them. Any single item is read when it is asked about.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from itertools import islice, pairwise

import numpy as np
import pyarrow as pa

from bowerbird.data.items import Catalogue, Item
from bowerbird.text.vocabulary import Vocabulary, facet_values
from bowerbird.text.words import cleaned, key_of, stem, tokens

Phrase = tuple[str, ...]  # stems
SAMPLE = 30_000
"""Items; more would teach little and take longer."""
KIND = "type"
"""The facet that says what sort of thing an item is."""
LONGEST_TEXT = 1500  # characters
USED = 3
"""Items that must use a word before it is one of the shop's."""
COMMON = 10


@dataclass(frozen=True)
class Facts:
    """What one item says of itself: its values by facet, and its words in order as stems between spaces."""

    values: Mapping[str, frozenset[Phrase]]
    text: str

    @cached_property
    def kind(self) -> str:
        """What sort of thing it is; empty where it does not say."""
        return " / ".join(sorted(" ".join(key) for key in self.values.get(KIND, ())))

    def says(self, phrases: Iterable[Phrase]) -> bool:
        return any(f" {' '.join(phrase)} " in self.text for phrase in phrases)


@dataclass(frozen=True)
class ShopWords:
    """A sample of a catalogue, read. S items."""

    rows: np.ndarray  # (S,) positions in the catalogue, rising
    vocabulary: Vocabulary
    facts: list[Facts] = field(repr=False)
    _found: dict[Phrase, bool] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, catalogue: Catalogue, rows: np.ndarray | None = None) -> ShopWords:
        """From a catalogue's items, or from those at some positions, rising."""
        rows = np.arange(len(catalogue)) if rows is None else rows
        if len(rows) > SAMPLE:
            rows = np.sort(np.random.default_rng(0).permutation(rows)[:SAMPLE])
        sample = Catalogue(catalogue.table.take(pa.array(rows))) if len(rows) < len(catalogue) else catalogue
        return cls(rows, Vocabulary.of(sample), [facts_of(item) for item in sample.items()])

    @cached_property
    def counts(self) -> Counter[str]:
        """Items of the sample that use each stem."""
        return Counter(word for one in self.facts for word in set(one.text.split()))

    @cached_property
    def stems(self) -> frozenset[str]:
        """Stems that several items use."""
        return frozenset(word for word, items in self.counts.items() if items >= USED)

    @cached_property
    def common(self) -> dict[str, list[str]]:
        """Stems by first letter that a mistyped word may mean."""
        by_letter: dict[str, list[str]] = {}
        for word in sorted(self.stems | self.vocabulary.known_stems):
            if self.counts[word] >= COMMON:
                by_letter.setdefault(word[0], []).append(word)
        return by_letter

    def used(self, phrase: Phrase) -> bool:
        """Whether several items use a word or a phrase."""
        if len(phrase) == 1:
            return phrase[0] in self.stems
        if any(self._pairs[pair] < USED for pair in pairwise(phrase)):
            return False
        if phrase not in self._found:
            items = (one for one in self.facts if one.says((phrase,)))
            self._found[phrase] = len(phrase) == 2 or sum(1 for _ in islice(items, USED)) == USED
        return self._found[phrase]

    @cached_property
    def _pairs(self) -> Counter[Phrase]:
        return Counter(pair for one in self.facts for pair in set(pairwise(one.text.split())))


def facts_of(item: Item) -> Facts:
    """An item's values and words."""
    values: dict[str, set[Phrase]] = {}
    for facet, value in facet_values(item):
        values.setdefault(facet, set()).add(key_of(value))
    said = [item.title, item.brand, *item.category, *item.attributes.values(), item.description]
    text = " . ".join(_stemmed(part) for part in said if part)
    return Facts({name: frozenset(keys) for name, keys in values.items()}, f" {text} ")


@lru_cache(50_000)  # colours of one thing share a description, and values repeat
def _stemmed(text: str) -> str:
    return " ".join(stem(word) for word in tokens(cleaned(text, LONGEST_TEXT)))

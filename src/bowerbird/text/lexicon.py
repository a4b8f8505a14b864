"""Which items mention which words: exact words as a complement to semantic search, and a guard against false
typo corrections."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from bowerbird.data.arrays import FloatArray, IntArray
from bowerbird.data.items import Catalogue
from bowerbird.text.words import normalize_text, stem, tokenize, word_set

EMPTY_WORDS = word_set(
    """
    a an the of in on at to for with by from and or but i me my you your we our it its is are be am do
    does can could would will please some any something anything show find give want need looking look
    like get have has that this these those one ones other very really nice good great under over below
    above than more less not no so too also just maybe item items thing things hi hello hey im i'm i'd
    what which who about around make made instead as if up another else see buy prefer new colour price
    """
)


@dataclass(frozen=True)
class Lexicon:
    """`items_by_stem[stem]`: sorted positions of the items whose texts contain the word."""

    n_items: int
    items_by_stem: dict[str, IntArray] = field(repr=False)

    @classmethod
    def of(cls, catalogue: Catalogue, to_english: Callable[[str], str] | None = None) -> Lexicon:
        """Read the items' texts; `to_english` adds what a word of another language is in English."""
        items_by_stem: dict[str, list[int]] = defaultdict(list)
        stems: dict[str, tuple[str, ...]] = {}
        for position in range(len(catalogue)):
            for word in set(tokenize(normalize_text(catalogue.text(position), 1500))):
                if word not in stems:
                    english = tokenize(to_english(word)) if to_english else []
                    stems[word] = tuple(dict.fromkeys(stem(form) for form in (word, *english)))
                for form in stems[word]:
                    item_positions = items_by_stem[form]
                    if not item_positions or item_positions[-1] != position:
                        item_positions.append(position)
        return cls(len(catalogue), {word: np.array(items, np.int64) for word, items in items_by_stem.items()})

    def content_stems(self, text: str) -> list[str]:
        """List the distinct stems of a text, without stop words."""
        words = (word for word in tokenize(text) if word[0].isalpha() and word not in EMPTY_WORDS)
        return list(dict.fromkeys(stem(word) for word in words))

    def scores(self, text: str) -> FloatArray:
        """Score items by the IDF-weighted share of a text's words that they mention: (items,) float32,
        0..1."""
        scores = np.zeros(self.n_items, dtype=np.float32)
        total = 0.0
        for word in self.content_stems(text)[:100]:
            items = self.items_by_stem.get(word)
            if items is not None:
                weight = float(np.log1p(self.n_items / len(items)))
                scores[items] += weight
                total += weight
        return scores / total if total else scores

"""Which items mention which words: exact words beside search by meaning, and a guard against false typos."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

import numpy as np

from bowerbird.data.items import Catalogue
from bowerbird.text.words import cleaned, stem, tokens, word_set

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
    """`rows[stem]` are the positions of the items whose texts hold the word, sorted."""

    n_items: int
    rows: dict[str, np.ndarray] = field(repr=False)

    @classmethod
    def of(cls, catalogue: Catalogue) -> Lexicon:
        rows: dict[str, list[int]] = defaultdict(list)
        stems: dict[str, str] = {}
        for position in range(len(catalogue)):
            for word in set(tokens(cleaned(catalogue.text(position), 1500))):
                if word not in stems:
                    stems[word] = stem(word)
                held = rows[stems[word]]
                if not held or held[-1] != position:
                    held.append(position)
        return cls(len(catalogue), {word: np.array(items, np.int64) for word, items in rows.items()})

    def content(self, text: str) -> list[str]:
        """The stems of a text that carry meaning, each once."""
        words = (word for word in tokens(text) if word[0].isalpha() and word not in EMPTY_WORDS)
        return list(dict.fromkeys(stem(word) for word in words))

    def scores(self, text: str) -> np.ndarray:
        """Share of a text's words that each item mentions, rare words weigh more: (items,) float32, 0..1."""
        scores = np.zeros(self.n_items, dtype=np.float32)
        total = 0.0
        for word in self.content(text)[:100]:
            items = self.rows.get(word)
            if items is not None:
                weight = float(np.log1p(self.n_items / len(items)))
                scores[items] += weight
                total += weight
        return scores / total if total else scores

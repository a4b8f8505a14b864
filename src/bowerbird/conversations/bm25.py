"""BM25 over the items' texts (Robertson & Zaragoza, 2009), by the library bm25s: a baseline."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from bowerbird.data.arrays import FloatArray
from bowerbird.progress import print_progress
from bowerbird.text.lexicon import EMPTY_WORDS
from bowerbird.text.words import normalize_text, stem, tokenize

ScoreTexts = Callable[[Sequence[str]], FloatArray]
"""B texts -> scores of all items, (B, items) float32."""
MAX_CHARACTERS = 20_000  # of one text


def open_bm25(item_texts: Sequence[str]) -> ScoreTexts | None:
    """Index the items' texts; None, and a line that says so, where bm25s is not installed."""
    try:
        import bm25s
    except ImportError:
        print_progress("BM25 is left out: run `pip install 'bowerbird[evaluate]'`")
        return None
    index = bm25s.BM25()
    index.index([_words(text) for text in item_texts], show_progress=False)

    def score(texts: Sequence[str]) -> FloatArray:
        scores = np.zeros((len(texts), len(item_texts)), np.float32)
        for row, text in enumerate(texts):
            words = [word for word in _words(text) if word in index.vocab_dict]
            if words:
                scores[row] = index.get_scores(words)
        return scores

    return score


def _words(text: str) -> list[str]:
    """Stems of the words that carry meaning."""
    words = tokenize(normalize_text(text, MAX_CHARACTERS))
    return [stem(word) for word in words if word[0].isalnum() and word not in EMPTY_WORDS]

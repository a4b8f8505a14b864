"""Words of conversations and items as numbers: one vocabulary for the two, and TF-IDF rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import sparse

from bowerbird.conversations.titles import title_words
from bowerbird.data.files.records import read_record, write_record

WORDS_FILE = "words.json"

MAX_TEXT = 2000  # characters of a text that are read


def split_words(text: str) -> list[str]:
    """Normalised words of the beginning of a text."""
    return title_words(text[:MAX_TEXT])


@dataclass(frozen=True)
class _SavedWords:
    words: list[str]
    document_share: list[float]


class WordIndex:
    """Numbers for the words that enough texts hold, the most frequent first."""

    def __init__(self, words: Sequence[str], document_share: Sequence[float]) -> None:
        """`document_share` of each word: share of the texts that hold it."""
        self.words = list(words)
        self.document_share = list(document_share)
        self._number = {word: number for number, word in enumerate(self.words)}
        self._idf = -np.log(np.maximum(np.array(self.document_share, np.float32), 1e-9))

    def __len__(self) -> int:
        return len(self.words)

    @classmethod
    def of(cls, texts: Iterable[str], min_texts: int = 3, max_words: int = 20_000) -> WordIndex:
        """Index the words of some texts."""
        counts: Counter[str] = Counter()
        n_texts = 0
        for text in texts:
            counts.update(set(split_words(text)))
            n_texts += 1
        common = [(word, n) for word, n in counts.most_common(max_words) if n >= min_texts]
        return cls([word for word, _ in common], [n / n_texts for _, n in common])

    def save(self, folder: Path) -> None:
        """Write the words and their shares into a folder."""
        write_record(folder / WORDS_FILE, _SavedWords(self.words, self.document_share))

    @classmethod
    def load(cls, folder: Path) -> WordIndex:
        """Read what `save` wrote. Raises `StoreError` where it is missing or broken."""
        saved = read_record(folder / WORDS_FILE, _SavedWords)
        return cls(saved.words, saved.document_share)

    def numbers(self, text: str) -> list[int]:
        """Numbers of the known words of a text, in order."""
        return [self._number[word] for word in split_words(text) if word in self._number]

    def tf_idf(self, texts: Sequence[str]) -> sparse.csr_matrix:
        """Rows of length 1, (texts, words); a text without known words is a row of zeros."""
        rows, columns, values = [], [], []
        for row, text in enumerate(texts):
            for number, count in Counter(self.numbers(text)).items():
                rows.append(row)
                columns.append(number)
                values.append((1 + np.log(count)) * self._idf[number])
        matrix = sparse.csr_matrix(
            (np.array(values, np.float32), (rows, columns)), (len(texts), len(self.words))
        )
        norms = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=1)).ravel())
        return sparse.diags(1 / np.maximum(norms, 1e-9)).astype(np.float32) @ matrix

"""Reductions of features to few dimensions: LSA of words, whitening of embeddings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sparse

from bowerbird.data.arrays import FloatArray
from bowerbird.embed.config import DEFAULTS, ModalityConfig
from bowerbird.embed.index.rows import normalize_rows


@dataclass(frozen=True)
class LsaEncoder:
    """TF-IDF of a catalogue's words and their latent components (LSA; Deerwester et al., 1990). V words."""

    column_of: dict[str, int]
    idf: FloatArray  # (V,), log(items / items with the word)
    components: FloatArray  # (V, F)

    @classmethod
    def of(cls, item_words: Sequence[set[str]], config: ModalityConfig = DEFAULTS.modalities) -> LsaEncoder:
        """Fit on the words of each item. F is `facts_width`, or less with few items or words."""
        item_counts = Counter(word for words in item_words for word in words)
        frequent = [
            word
            for word, items in item_counts.most_common(config.max_words)
            if items >= config.min_items_per_word
        ]
        column_of = {word: column for column, word in enumerate(sorted(frequent))}
        idf = np.array([np.log(len(item_words) / item_counts[word]) for word in column_of], np.float32)
        unfitted = cls(column_of, idf, np.zeros((len(column_of), 0), np.float32))
        sample = np.random.default_rng(0).permutation(len(item_words))[: config.sample_size]
        tf_idf = unfitted.tf_idf([item_words[row] for row in np.sort(sample)])
        return cls(column_of, idf, _singular_vectors(tf_idf, min(config.facts_width, min(tf_idf.shape) - 1)))

    def tf_idf(self, item_words: Sequence[Iterable[str]]) -> Any:
        """Weight N sets of words by TF-IDF: sparse (N, V) float32, rows of length 1."""
        rows = [[self.column_of[word] for word in words if word in self.column_of] for words in item_words]
        columns = np.array([column for row in rows for column in sorted(row)], np.int64)
        ends = np.concatenate([[0], np.cumsum([len(row) for row in rows])]).astype(np.int64)
        matrix = sparse.csr_matrix(
            (self.idf[columns], columns, ends), shape=(len(rows), len(self.column_of)), dtype=np.float32
        )
        lengths = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=1)).ravel())
        return (sparse.diags(1 / np.maximum(lengths, 1e-9)) @ matrix).astype(np.float32).tocsr()

    def transform(self, item_words: Sequence[Iterable[str]]) -> FloatArray:
        """Project N sets of words: (N, F) float32, rows of length 1, zeros where no word is known."""
        return normalize_rows(np.asarray(self.tf_idf(item_words) @ self.components))


@dataclass(frozen=True)
class Whitening:
    """Projects features of E dimensions onto the W whitened principal components of the catalogue's items."""

    mean: FloatArray  # (E,)
    components: FloatArray  # (E, W)

    @classmethod
    def of(
        cls, rows: FloatArray, width: int, power: float, config: ModalityConfig = DEFAULTS.modalities
    ) -> Whitening:
        """Fit on the features (N, E) of the items; a row of zeros is an item without this modality.

        Eigenvectors of the covariance, each divided by λ^(power / 2) for its variance λ (power 1: PCA
        whitening; Kessy, Lewin & Strimmer, The American Statistician 2018).
        """
        with_modality = np.flatnonzero((rows != 0).any(axis=1))
        if len(with_modality) > config.sample_size:
            with_modality = np.sort(np.random.default_rng(0).permutation(with_modality)[: config.sample_size])
        sample = rows[with_modality].astype(np.float64)
        mean = sample.mean(axis=0) if len(sample) else np.zeros(rows.shape[1])
        centred = sample - mean
        variance, axes = np.linalg.eigh(centred.T @ centred / max(1, len(sample)))
        # With fewer items per component its variance is noise, which whitening would amplify.
        width = min(width, max(1, len(sample) // config.items_per_component))
        best = np.argsort(-variance, kind="stable")[:width]
        # A small ridge, so that components without variance are not amplified.
        scale = (variance[best] + 1e-4 * max(float(variance.max()), 1e-12)) ** (-power / 2)
        return cls(mean.astype(np.float32), (axes[:, best] * scale).astype(np.float32))

    def transform(self, rows: FloatArray) -> FloatArray:
        """Project rows (N, E) -> (N, W) of length 1; zeros for rows without this modality."""
        whitened = normalize_rows((rows - self.mean) @ self.components)
        whitened[~(rows != 0).any(axis=1)] = 0.0
        return whitened


def _singular_vectors(tf_idf: Any, width: int) -> FloatArray:
    """Compute the right singular vectors of a sparse matrix (N, V), strongest first: (V, width)."""
    from scipy.sparse.linalg import svds

    if width < 1 or not tf_idf.count_nonzero():
        return np.zeros((tf_idf.shape[1], 0), np.float32)
    start = np.random.default_rng(0).normal(size=min(tf_idf.shape))
    _, _, right = svds(tf_idf.astype(np.float64), k=width, v0=start)
    # A singular vector's sign is arbitrary: the largest entry is made positive, so that runs agree.
    strongest_first = right[::-1]
    signs = np.sign(strongest_first[np.arange(width), np.abs(strongest_first).argmax(axis=1)])
    oriented: FloatArray = (strongest_first * signs[:, None]).T.astype(np.float32)
    return oriented

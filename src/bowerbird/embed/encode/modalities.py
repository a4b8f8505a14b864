"""An item's content by modality: facts, text and picture, each reduced to a space of few dimensions.

Frozen backbones spend most of their dimensions on what all items of a catalogue share. Whitening the
principal components on the catalogue's own items makes their differences count. The plain words of an item
(title, brand, category, attributes, description) are encoded as well, by latent semantic analysis (Deerwester
et al., 1990): a catalogue's own words for cut, section or director mean little to a general text encoder and
much to its users.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sparse

from bowerbird.data.items import Item
from bowerbird.embed.encode.features import ItemFeatures
from bowerbird.embed.index.rows import normalize_rows

FACTS_WIDTH, TEXT_WIDTH, IMAGE_WIDTH = 256, 128, 128
TEXT_WHITENING_POWER, IMAGE_WHITENING_POWER = 1.0, 0.5
"""How far a modality is whitened: 1 gives every component the same variance, 0 leaves it unchanged."""
MIN_ITEMS_PER_WORD = 3
"""Items that must share a word before it is used."""
MAX_WORDS = 50_000
MIN_NUMBER_DIGITS = 4  # a year is informative, a counter or a size is not
ITEMS_PER_COMPONENT = 4
"""Items needed per component: with fewer, its variance is noise, which whitening would amplify."""
SAMPLE_SIZE = 50_000
"""Items that the components are fitted on; more would change them little."""


@dataclass(frozen=True)
class LsaEncoder:
    """TF-IDF of a catalogue's words and their latent components (LSA; Deerwester et al., 1990). V words."""

    column_of: dict[str, int]
    idf: np.ndarray  # (V,) float32, log(items / items with the word)
    components: np.ndarray  # (V, F) float32

    @classmethod
    def of(cls, item_words: Sequence[set[str]], width: int = FACTS_WIDTH) -> LsaEncoder:
        """Fit on the words of each item. F is `width`, or less in a catalogue of few items or words."""
        item_counts = Counter(word for words in item_words for word in words)
        frequent = [word for word, items in item_counts.most_common(MAX_WORDS) if items >= MIN_ITEMS_PER_WORD]
        column_of = {word: column for column, word in enumerate(sorted(frequent))}
        idf = np.array([np.log(len(item_words) / item_counts[word]) for word in column_of], np.float32)
        unfitted = cls(column_of, idf, np.zeros((len(column_of), 0), np.float32))
        sample = np.random.default_rng(0).permutation(len(item_words))[:SAMPLE_SIZE]
        tf_idf = unfitted.tf_idf([item_words[row] for row in np.sort(sample)])
        return cls(column_of, idf, _singular_vectors(tf_idf, min(width, min(tf_idf.shape) - 1)))

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

    def transform(self, item_words: Sequence[Iterable[str]]) -> np.ndarray:
        """Project N sets of words: (N, F) float32, rows of length 1, zeros where no word is known."""
        return normalize_rows(np.asarray(self.tf_idf(item_words) @ self.components))


@dataclass(frozen=True)
class Whitening:
    """Projects features of E dimensions onto the W whitened principal components of the catalogue's items."""

    mean: np.ndarray  # (E,) float32
    components: np.ndarray  # (E, W) float32

    @classmethod
    def of(cls, rows: np.ndarray, width: int, power: float) -> Whitening:
        """Fit on the features (N, E) of the items; a row of zeros is an item without this modality."""
        with_modality = np.flatnonzero((rows != 0).any(axis=1))
        if len(with_modality) > SAMPLE_SIZE:
            with_modality = np.sort(np.random.default_rng(0).permutation(with_modality)[:SAMPLE_SIZE])
        sample = rows[with_modality].astype(np.float64)
        mean = sample.mean(axis=0) if len(sample) else np.zeros(rows.shape[1])
        centred = sample - mean
        variance, axes = np.linalg.eigh(centred.T @ centred / max(1, len(sample)))
        best = np.argsort(-variance, kind="stable")[: min(width, max(1, len(sample) // ITEMS_PER_COMPONENT))]
        # A small ridge, so that components without variance are not amplified.
        scale = (variance[best] + 1e-4 * max(float(variance.max()), 1e-12)) ** (-power / 2)
        return cls(mean.astype(np.float32), (axes[:, best] * scale).astype(np.float32))

    def transform(self, rows: np.ndarray) -> np.ndarray:
        """Project rows (N, E) -> (N, W) float32 of length 1; zeros for rows without this modality."""
        has_modality = (rows != 0).any(axis=1)
        whitened: np.ndarray = normalize_rows((rows - self.mean) @ self.components) * has_modality[
            :, None
        ].astype(np.float32)
        return whitened


@dataclass(frozen=True)
class ModalityEncoders:
    """Encoders of facts, text and picture, fitted on one catalogue."""

    lsa: LsaEncoder
    text: Whitening
    image: Whitening

    @classmethod
    def of(cls, item_words: Sequence[set[str]], features: ItemFeatures) -> ModalityEncoders:
        """Fit on the words of a catalogue's items (see `extract_item_words`) and their frozen features."""
        return cls(
            LsaEncoder.of(item_words),
            Whitening.of(features.text, TEXT_WIDTH, TEXT_WHITENING_POWER),
            Whitening.of(features.image, IMAGE_WIDTH, IMAGE_WHITENING_POWER),
        )

    @property
    def widths(self) -> tuple[int, int, int]:
        """Dimensions of facts, text and picture."""
        facts, text, image = (encoder.components.shape[1] for encoder in (self.lsa, self.text, self.image))
        return facts, text, image

    def encode_texts(self, words: Sequence[Iterable[str]], features: np.ndarray) -> np.ndarray:
        """Encode words and text features (N, Et) to facts and text, concatenated: (N, F + Wt) float32."""
        return np.concatenate([self.lsa.transform(words), self.text.transform(features)], axis=1)

    def encode_images(self, features: np.ndarray) -> np.ndarray:
        """Encode picture features (N, Ei) -> (N, Wi) float32."""
        return self.image.transform(features)

    def save(self, path: Path) -> None:
        np.savez(
            path,
            words=np.frombuffer(json.dumps(list(self.lsa.column_of)).encode(), np.uint8),
            rarity=self.lsa.idf,
            facts=self.lsa.components.astype(np.float16),
            text_mean=self.text.mean,
            text=self.text.components,
            image_mean=self.image.mean,
            image=self.image.components,
        )

    @classmethod
    def load(cls, path: Path) -> ModalityEncoders:
        """Read saved encoders. Raises `OSError`, `ValueError` or `KeyError` if the file is broken."""
        with np.load(path) as arrays:
            column_of = {word: column for column, word in enumerate(json.loads(arrays["words"].tobytes()))}
            return cls(
                LsaEncoder(column_of, arrays["rarity"], arrays["facts"].astype(np.float32)),
                Whitening(arrays["text_mean"], arrays["text"]),
                Whitening(arrays["image_mean"], arrays["image"]),
            )


def extract_item_words(item: Item) -> set[str]:
    """Collect the words of an item's texts, and its facts as one word each (`brand=x`)."""
    facts = [
        *item.attributes.items(),
        *((f"category {depth}", level) for depth, level in enumerate(item.category)),
    ]
    facts += [("brand", item.brand), ("title", item.title)]
    # "genre: Crime, Thriller" are two facts.
    facts_as_words = {
        f"{name}={part.strip().lower()}" for name, value in facts for part in value.split(",") if part.strip()
    }
    text = " ".join([item.title, item.brand, *item.category, *item.attributes.values(), item.description])
    return facts_as_words | extract_words(text)


def extract_words(text: str) -> set[str]:
    """Split a text into distinct words without short numbers, which are mostly counts and sizes.

    >>> sorted(extract_words("A red dress of 1968, size 38!"))
    ['1968', 'a', 'dress', 'of', 'red', 'size']
    """
    words = re.findall(r"\w+", text.lower())
    return {word for word in words if not (word.isdigit() and len(word) < MIN_NUMBER_DIGITS)}


def _singular_vectors(tf_idf: Any, width: int) -> np.ndarray:
    """Compute the right singular vectors of a sparse matrix (N, V), strongest first: (V, width)."""
    from scipy.sparse.linalg import svds

    if width < 1 or not tf_idf.count_nonzero():
        return np.zeros((tf_idf.shape[1], 0), np.float32)
    start = np.random.default_rng(0).normal(size=min(tf_idf.shape))
    _, _, right = svds(tf_idf.astype(np.float64), k=width, v0=start)
    # A singular vector's sign is arbitrary: the largest entry is made positive, so that runs agree.
    strongest_first = right[::-1]
    signs = np.sign(strongest_first[np.arange(width), np.abs(strongest_first).argmax(axis=1)])
    oriented: np.ndarray = (strongest_first * signs[:, None]).T.astype(np.float32)
    return oriented

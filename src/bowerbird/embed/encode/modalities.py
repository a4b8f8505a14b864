"""An item's content by side: its facts, its text and its picture, each brought to a space of few dimensions.

Frozen backbones fill most of their dimensions with what all things of a shop share. Whitening the principal
components on the shop's own items makes what tells them apart count. Beside the backbone that reads for
meaning stand the plain words of an item (title, brand, category, attributes, description), as latent semantic
analysis reads them (Deerwester et al., 1990): a shop's own words for cut, section or director mean little to
a general text encoder and much to its customers.
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
from bowerbird.embed.index.rows import unit

FACTS_WIDTH, TEXT_WIDTH, IMAGE_WIDTH = 256, 128, 128
TEXT_POWER, IMAGE_POWER = 1.0, 0.5
"""How far a side is whitened: 1 gives every component the same variance, 0 leaves it."""
LEAST_ITEMS = 3
"""Items that must share a word before it counts."""
MOST_WORDS = 50_000
SHORTEST_NUMBER = 4  # digits: a year says something, a counter or a size does not
ITEMS_A_DIRECTION = 4
"""Items that one direction of a side asks for: of fewer its variance is noise, which whitening blows up."""
SAMPLE = 50_000
"""Items that the components are computed on; more would change them little."""


@dataclass(frozen=True)
class Words:
    """A shop's words, their rarity and their latent directions. V words."""

    place: dict[str, int]
    rarity: np.ndarray  # (V,) float32, log of items over items that hold the word
    directions: np.ndarray  # (V, F) float32

    @classmethod
    def of(cls, said: Sequence[set[str]], width: int = FACTS_WIDTH) -> Words:
        """From the words of each item. F is `width`, or less in a catalogue of few items or words."""
        count = Counter(word for words in said for word in words)
        kept = [word for word, items in count.most_common(MOST_WORDS) if items >= LEAST_ITEMS]
        place = {word: row for row, word in enumerate(sorted(kept))}
        rarity = np.array([np.log(len(said) / count[word]) for word in place], np.float32)
        words = cls(place, rarity, np.zeros((len(place), 0), np.float32))
        rows = np.random.default_rng(0).permutation(len(said))[:SAMPLE]
        weighted = words.weighted([said[row] for row in np.sort(rows)])
        return cls(place, rarity, _directions(weighted, min(width, min(weighted.shape) - 1)))

    def weighted(self, said: Sequence[Iterable[str]]) -> Any:
        """TF-IDF of N sets of words, sparse (N, V) float32, rows of length 1."""
        rows = [[self.place[word] for word in words if word in self.place] for words in said]
        columns = np.array([column for row in rows for column in sorted(row)], np.int64)
        ends = np.concatenate([[0], np.cumsum([len(row) for row in rows])]).astype(np.int64)
        matrix = sparse.csr_matrix(
            (self.rarity[columns], columns, ends), shape=(len(rows), len(self.place)), dtype=np.float32
        )
        lengths = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=1)).ravel())
        return (sparse.diags(1 / np.maximum(lengths, 1e-9)) @ matrix).astype(np.float32).tocsr()

    def vectors(self, said: Sequence[Iterable[str]]) -> np.ndarray:
        """(N, F) float32, rows of length 1, or 0 where no word is known."""
        return unit(np.asarray(self.weighted(said) @ self.directions))


@dataclass(frozen=True)
class Whitening:
    """Rows of E numbers to the W directions in which the shop's items differ most."""

    mean: np.ndarray  # (E,) float32
    directions: np.ndarray  # (E, W) float32

    @classmethod
    def of(cls, rows: np.ndarray, width: int, power: float) -> Whitening:
        """From the features (N, E) of the items; a row of zeros is an item without this side."""
        chosen = np.flatnonzero((rows != 0).any(axis=1))
        if len(chosen) > SAMPLE:
            chosen = np.sort(np.random.default_rng(0).permutation(chosen)[:SAMPLE])
        some = rows[chosen].astype(np.float64)
        mean = some.mean(axis=0) if len(some) else np.zeros(rows.shape[1])
        centred = some - mean
        variance, axes = np.linalg.eigh(centred.T @ centred / max(1, len(some)))
        best = np.argsort(-variance, kind="stable")[: min(width, max(1, len(some) // ITEMS_A_DIRECTION))]
        # A little is added, so that directions without variance are not blown up.
        scale = (variance[best] + 1e-4 * max(float(variance.max()), 1e-12)) ** (-power / 2)
        return cls(mean.astype(np.float32), (axes[:, best] * scale).astype(np.float32))

    def vectors(self, rows: np.ndarray) -> np.ndarray:
        """(N, E) -> (N, W) float32, rows of length 1; zeros for things without this side."""
        has = (rows != 0).any(axis=1)
        found: np.ndarray = unit((rows - self.mean) @ self.directions) * has[:, None].astype(np.float32)
        return found


@dataclass(frozen=True)
class Sides:
    """The maps from backbones' features and words to the sides of one shop."""

    words: Words
    text: Whitening
    image: Whitening

    @classmethod
    def of(cls, said: Sequence[set[str]], features: ItemFeatures) -> Sides:
        """Learnt from the words of a catalogue's items (see `words_of`) and their frozen features."""
        return cls(
            Words.of(said),
            Whitening.of(features.text, TEXT_WIDTH, TEXT_POWER),
            Whitening.of(features.image, IMAGE_WIDTH, IMAGE_POWER),
        )

    @property
    def widths(self) -> tuple[int, int, int]:
        """Numbers of facts, text and picture."""
        facts, text, image = (part.directions.shape[1] for part in (self.words, self.text, self.image))
        return facts, text, image

    def told(self, words: Sequence[Iterable[str]], features: np.ndarray) -> np.ndarray:
        """What words tell: facts and text beside each other, from (N, Et) features: (N, F + Wt) float32."""
        return np.concatenate([self.words.vectors(words), self.text.vectors(features)], axis=1)

    def shown(self, features: np.ndarray) -> np.ndarray:
        """What pictures show, (N, Ei) -> (N, Wi) float32."""
        return self.image.vectors(features)

    def save(self, path: Path) -> None:
        np.savez(
            path,
            words=np.frombuffer(json.dumps(list(self.words.place)).encode(), np.uint8),
            rarity=self.words.rarity,
            facts=self.words.directions.astype(np.float16),
            text_mean=self.text.mean,
            text=self.text.directions,
            image_mean=self.image.mean,
            image=self.image.directions,
        )

    @classmethod
    def load(cls, path: Path) -> Sides:
        """Raises `OSError`, `ValueError` or `KeyError` where the file is broken."""
        with np.load(path) as kept:
            place = {word: row for row, word in enumerate(json.loads(kept["words"].tobytes()))}
            return cls(
                Words(place, kept["rarity"], kept["facts"].astype(np.float32)),
                Whitening(kept["text_mean"], kept["text"]),
                Whitening(kept["image_mean"], kept["image"]),
            )


def words_of(item: Item) -> set[str]:
    """Words and whole facts that an item's own texts name."""
    facts = [
        *item.attributes.items(),
        *((f"category {depth}", one) for depth, one in enumerate(item.category)),
    ]
    facts += [("brand", item.brand), ("title", item.title)]
    # "genre: Crime, Thriller" are two facts.
    whole = {
        f"{name}={part.strip().lower()}" for name, value in facts for part in value.split(",") if part.strip()
    }
    text = " ".join([item.title, item.brand, *item.category, *item.attributes.values(), item.description])
    return whole | words_in(text)


def words_in(text: str) -> set[str]:
    """The words of a text, as a query has them too; no short numbers, which count things of one kind.

    >>> sorted(words_in("A red dress of 1968, size 38!"))
    ['1968', 'a', 'dress', 'of', 'red', 'size']
    """
    words = re.findall(r"\w+", text.lower())
    return {word for word in words if not (word.isdigit() and len(word) < SHORTEST_NUMBER)}


def _directions(weighted: Any, width: int) -> np.ndarray:
    """Right singular vectors of a sparse matrix (N, V), strongest first: (V, width)."""
    from scipy.sparse.linalg import svds

    if width < 1 or not weighted.count_nonzero():
        return np.zeros((weighted.shape[1], 0), np.float32)
    start = np.random.default_rng(0).normal(size=min(weighted.shape))
    _, _, right = svds(weighted.astype(np.float64), k=width, v0=start)
    # A singular vector's sign is arbitrary: the largest entry is made positive, so that runs agree.
    ordered = right[::-1]
    signs = np.sign(ordered[np.arange(width), np.abs(ordered).argmax(axis=1)])
    found: np.ndarray = (ordered * signs[:, None]).T.astype(np.float32)
    return found

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
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bowerbird.data.arrays import FloatArray
from bowerbird.data.items import Item
from bowerbird.embed.config import DEFAULTS, ModalityConfig
from bowerbird.embed.encode.features import ItemFeatures
from bowerbird.embed.encode.reductions import LsaEncoder, Whitening
from bowerbird.models.backbones import MULTILINGUAL_TEXT
from bowerbird.text.facets import split_values

MULTILINGUAL_WHITENING = 0.25
"""A query in another language than the items differs from them in the weak components most, which whitening
amplifies: with 1, a fifth to a third of the hits of such queries are lost (see benchmarks/README.md)."""
MIN_NUMBER_DIGITS = 4  # a year is informative, a counter or a size is not


@dataclass(frozen=True)
class ModalityEncoders:
    """Encoders of facts, text and picture, fitted on one catalogue."""

    lsa: LsaEncoder
    text: Whitening
    image: Whitening

    @classmethod
    def of(
        cls,
        item_words: Sequence[set[str]],
        features: ItemFeatures,
        config: ModalityConfig = DEFAULTS.modalities,
        lsa: LsaEncoder | None = None,
    ) -> ModalityEncoders:
        """Fit on the words of a catalogue's items (see `extract_item_words`) and their frozen features.

        `lsa`: fitted on the same words already.
        """
        power = config.text_whitening
        if power is None:
            is_multilingual = features.backbones[1].startswith(MULTILINGUAL_TEXT)  # adapted or not
            power = MULTILINGUAL_WHITENING if is_multilingual else 1.0
        return cls(
            lsa or LsaEncoder.of(item_words, config),
            Whitening.of(features.text, config.text_width, power, config),
            Whitening.of(features.image, config.image_width, config.image_whitening, config),
        )

    @property
    def widths(self) -> tuple[int, int, int]:
        """Dimensions of facts, text and picture."""
        facts, text, image = (encoder.components.shape[1] for encoder in (self.lsa, self.text, self.image))
        return facts, text, image

    def encode_texts(self, words: Sequence[Iterable[str]], features: FloatArray) -> FloatArray:
        """Encode words and text features (N, Et) to facts and text, concatenated: (N, F + Wt) float32."""
        return np.concatenate([self.lsa.transform(words), self.text.transform(features)], axis=1)

    def encode_images(self, features: FloatArray) -> FloatArray:
        """Encode picture features (N, Ei) -> (N, Wi) float32."""
        return self.image.transform(features)

    def save(self, path: Path) -> None:
        """Write the encoders to an `.npz` file."""
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
    facts_as_words = {f"{name}={part.lower()}" for name, value in facts for part in split_values(value)}
    text = " ".join([item.title, item.brand, *item.category, *item.attributes.values(), item.description])
    return facts_as_words | extract_words(text)


def extract_words(text: str) -> set[str]:
    """Split a text into distinct words without short numbers, which are mostly counts and sizes.

    >>> sorted(extract_words("A red dress of 1968, size 38!"))
    ['1968', 'a', 'dress', 'of', 'red', 'size']
    """
    words = re.findall(r"\w+", text.lower())
    return {word for word in words if not (word.isdigit() and len(word) < MIN_NUMBER_DIGITS)}

"""Queries through the tower that the items went through: a text, a picture, or both."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from safetensors.torch import load_file

from bowerbird.data.store import Store
from bowerbird.embed.adapted import EncoderSource
from bowerbird.embed.sides import Sides, words_in
from bowerbird.embed.tower import Tower, Views, tower_of
from bowerbird.embed.vectors import SIDES_MAPS_FILE, TOWER_FILE
from bowerbird.errors import InputError, StoreError
from bowerbird.models.image import ImageEncoder, load_image_encoder, pixels_of_many
from bowerbird.models.text import TextEncoder, load_text_encoder

BATCH = 64


class QueryEncoder:
    """Vectors of queries, in the space of one version of the item vectors. D dimensions."""

    def __init__(
        self,
        tower: Tower,
        sides: Sides,
        image_backbone: str,
        text_backbone: str,
        sources: tuple[EncoderSource, EncoderSource] | None = None,
    ) -> None:
        """`sources`: what the two are loaded from; where a store adapted none, their names say it."""
        self._tower = tower
        self._sides = sides
        self._backbones = image_backbone, text_backbone
        named = EncoderSource(image_backbone, None), EncoderSource(text_backbone, None)
        self._image_source, self._text_source = sources or named

    @classmethod
    def open(cls, store: Store) -> QueryEncoder:
        """The encoder of the vectors in force. Raises `StoreError` where there are none."""
        version = store.current("vectors")
        if version is None:
            raise StoreError(f"{store.path} has no item vectors yet: run `bowerbird embed {store.path}`")
        try:
            tower = tower_of(load_file(version.path / TOWER_FILE))
            sides = Sides.load(version.path / SIDES_MAPS_FILE)
        except (OSError, KeyError, ValueError, RuntimeError) as error:
            raise StoreError(
                f"the tower of the vectors {version.name} can't be read ({error}): run `bowerbird embed "
                f"{store.path}` again"
            ) from None
        names = version.meta["backbones"]
        image, text = names["image"], names["text"]
        sources = EncoderSource.of(store, image), EncoderSource.of(store, text)
        return cls(tower, sides, image, text, sources)

    def texts(self, texts: Sequence[str]) -> np.ndarray:
        """(B, D) float32 of length 1. Raises `InputError` for a text without a letter."""
        return self._encode(texts, [None] * len(texts))

    def images(self, images: Sequence[bytes]) -> np.ndarray:
        """(B, D) float32 of length 1. Raises `InputError` for bytes that are no picture."""
        return self._encode([None] * len(images), images)

    def composed(self, text: str | None, image: bytes | None) -> np.ndarray:
        """One query of a text, a picture, or both: (D,) float32 of length 1."""
        vector: np.ndarray = self._encode([text], [image])[0]
        return vector

    def many(self, texts: Sequence[str | None], images: Sequence[bytes | None]) -> np.ndarray:
        """Queries of a text, a picture or both each: (B, D) float32 of length 1."""
        return self._encode(texts, images)

    @property
    def backbones(self) -> tuple[str, str]:
        """Names of the image and the text encoder."""
        return self._backbones

    def image_features(self, features: np.ndarray) -> np.ndarray:
        """Vectors of pictures by their backbone's features, (N, Di) -> (N, D); zeros for rows of zeros."""
        shown = self._sides.shown(features)
        return self._tower.encode(Views.of(shown, np.zeros((len(features), self._told_width), np.float32)))

    @property
    def _told_width(self) -> int:
        facts, text, _ = self._sides.widths
        return facts + text

    def _encode(self, texts: Sequence[str | None], images: Sequence[bytes | None]) -> np.ndarray:
        for row, (text, image) in enumerate(zip(texts, images, strict=True)):
            if image is None and (text is None or not text.strip()):
                raise InputError(f"query {row + 1} is empty: give a text with a letter in it, or a picture")
        # What is blank beside a picture says nothing.
        said = [text if text is not None and text.strip() else None for text in texts]
        return self._tower.encode(Views.of(self._shown(images), self._told(said)))

    def _told(self, texts: Sequence[str | None]) -> np.ndarray:
        rows = [row for row, text in enumerate(texts) if text is not None]
        out = np.zeros((len(texts), self._told_width), np.float32)
        for start in range(0, len(rows), BATCH):
            block = rows[start : start + BATCH]
            said = [texts[row] or "" for row in block]
            features = self._text_encoder.encode(said)
            out[block] = self._sides.told([words_in(text) for text in said], features)
        return out

    def _shown(self, images: Sequence[bytes | None]) -> np.ndarray:
        rows = [row for row, image in enumerate(images) if image is not None]
        out = np.zeros((len(images), self._sides.widths[2]), np.float32)
        for start in range(0, len(rows), BATCH):
            block = rows[start : start + BATCH]
            side = self._image_encoder.sight.side
            pixels, good = pixels_of_many([images[row] or b"" for row in block], side)
            if not good.all():
                bad = block[int(np.argmin(good))] + 1
                raise InputError(
                    f"the picture of query {bad} can't be read: give a whole JPEG, PNG or WebP file"
                )
            out[block] = self._sides.shown(self._image_encoder.encode(pixels))
        return out

    @cached_property
    def _text_encoder(self) -> TextEncoder:
        return load_text_encoder(self._text_source.base, self._text_source.weights)

    @cached_property
    def _image_encoder(self) -> ImageEncoder:
        return load_image_encoder(self._image_source.base, self._image_source.weights)

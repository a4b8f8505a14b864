"""Queries through the tower that the items went through: a text, a picture, or both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from PIL import Image
from safetensors.torch import load_file

from bowerbird.data.images import SUPPORTED
from bowerbird.data.snapshot import StoreSnapshot
from bowerbird.embed.encode.adapted_backbones import EncoderSource
from bowerbird.embed.encode.modalities import Sides, words_in
from bowerbird.embed.index.rows import unit
from bowerbird.embed.index.vectors import SIDES_MAPS_FILE, TOWER_FILE
from bowerbird.embed.train.tower import Tower, Views, tower_of
from bowerbird.errors import InputError, StoreError
from bowerbird.models.image import ImageEncoder, decode_images, load_image_encoder
from bowerbird.models.text import TextEncoder, load_text_encoder

BATCH = 64
MIDDLE = 0.8
"""Of a picture's width and height."""


@dataclass(frozen=True)
class Asked:
    """One query, its sides apart. D dimensions of item space, Di of the image backbone."""

    text: str | None
    said: np.ndarray  # (D,) what the text says; zeros without one
    picture: np.ndarray | None  # (Di,) what the backbone sees
    shown: np.ndarray  # (D,) what the picture shows; zeros without one


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
    def open(cls, snapshot: StoreSnapshot) -> QueryEncoder:
        """The encoder of a snapshot's vectors, opened once. Raises `StoreError` where there are none."""
        return snapshot.open_once("query encoder", lambda: cls._opened(snapshot), of=("vectors",))

    @classmethod
    def _opened(cls, snapshot: StoreSnapshot) -> QueryEncoder:
        version, store = snapshot.version("vectors"), snapshot.store
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
        return self.many(texts, [None] * len(texts))

    def images(self, images: Sequence[bytes]) -> np.ndarray:
        """(B, D) float32 of length 1. Raises `InputError` for bytes that are no picture."""
        return self.many([None] * len(images), images)

    def composed(self, text: str | None, image: bytes | None) -> np.ndarray:
        """One query of a text, a picture, or both: (D,) float32 of length 1."""
        vector: np.ndarray = self.many([text], [image])[0]
        return vector

    def many(self, texts: Sequence[str | None], images: Sequence[bytes | None]) -> np.ndarray:
        """Queries of a text, a picture or both each, which count alike: (B, D) float32 of length 1."""
        _check(texts, images)
        return self.of(texts, self.pictures(images))

    def asked(self, texts: Sequence[str | None], images: Sequence[bytes | None]) -> list[Asked]:
        """Queries of a text, a picture or both each, either side by itself.

        Raises `InputError` for a query without either, and for bytes that are no picture.
        """
        _check(texts, images)
        pictures = self.pictures(images)
        nothing = [None] * len(texts)
        said, shown = self.of(texts, np.zeros_like(pictures)), self.of(nothing, pictures)
        return [
            Asked(text if text and text.strip() else None, vector, pixels if image else None, seen)
            for text, vector, image, pixels, seen in zip(texts, said, images, pictures, shown, strict=True)
        ]

    def pictures(self, images: Sequence[bytes | None]) -> np.ndarray:
        """The backbone's features of pictures, (B, Di) float32 of length 1; zeros where there is none.

        Each is looked at three times: whole, mirrored, and its middle, since people's photos show more than
        the thing. Raises `InputError` for bytes that are no picture.
        """
        rows = [row for row, image in enumerate(images) if image is not None]
        out = np.zeros((len(images), self.picture_width), np.float32)
        for start in range(0, len(rows), BATCH):
            block = rows[start : start + BATCH]
            pixels, good = decode_images(
                [images[row] or b"" for row in block], self._image_encoder.image_spec.side
            )
            if not good.all():
                bad = block[int(np.argmin(good))] + 1
                raise InputError(f"the picture of query {bad} can't be read: give {SUPPORTED}")
            looks = (pixels, pixels[:, :, ::-1], _middles(pixels))
            seen = [self._image_encoder.encode(np.ascontiguousarray(look)) for look in looks]
            out[block] = unit(np.sum(seen, axis=0))
        return out

    def of(self, texts: Sequence[str | None], pictures: np.ndarray) -> np.ndarray:
        """Queries of a text, of what `pictures` said of a picture, or of both: (B, D) float32 of length 1."""
        # What is blank beside a picture says nothing.
        said = [text if text is not None and text.strip() else None for text in texts]
        return self._tower.encode(Views.of(self._sides.shown(pictures), self._told(said)))

    @property
    def picture_width(self) -> int:
        """Numbers that the image backbone says of a picture."""
        return len(self._sides.image.mean)

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

    def _told(self, texts: Sequence[str | None]) -> np.ndarray:
        rows = [row for row, text in enumerate(texts) if text is not None]
        out = np.zeros((len(texts), self._told_width), np.float32)
        for start in range(0, len(rows), BATCH):
            block = rows[start : start + BATCH]
            said = [texts[row] or "" for row in block]
            features = self._text_encoder.encode(said)
            out[block] = self._sides.told([words_in(text) for text in said], features)
        return out

    @cached_property
    def _text_encoder(self) -> TextEncoder:
        return _text_encoder(self._text_source)

    @cached_property
    def _image_encoder(self) -> ImageEncoder:
        return _image_encoder(self._image_source)


# Loaded once for all versions of the vectors: a server that goes over to new ones needs no second copy.


@lru_cache(maxsize=2)
def _text_encoder(source: EncoderSource) -> TextEncoder:
    return load_text_encoder(source.base, source.weights)


@lru_cache(maxsize=2)
def _image_encoder(source: EncoderSource) -> ImageEncoder:
    return load_image_encoder(source.base, source.weights)


def _check(texts: Sequence[str | None], images: Sequence[bytes | None]) -> None:
    for row, (text, image) in enumerate(zip(texts, images, strict=True)):
        if image is None and (text is None or not text.strip()):
            raise InputError(f"query {row + 1} is empty: give a text with a letter in it, or a picture")


def _middles(pixels: np.ndarray) -> np.ndarray:
    """The middle of each picture at the same size, (B, S, S, 3) uint8."""
    side = pixels.shape[1]
    edge = round(side * (1 - MIDDLE) / 2)
    middles = [
        Image.fromarray(one).resize(
            (side, side), Image.Resampling.BICUBIC, (edge, edge, side - edge, side - edge)
        )
        for one in pixels
    ]
    return np.stack([np.asarray(one) for one in middles])

"""Encodes queries (a text, a picture, or both) by the tower that encoded the items."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from PIL import Image
from safetensors.torch import load_file

from bowerbird.data.arrays import FloatArray, PixelArray
from bowerbird.data.files.images import SUPPORTED
from bowerbird.data.snapshot import StoreSnapshot
from bowerbird.embed.encode.adapted_backbones import EncoderSource
from bowerbird.embed.encode.modalities import ModalityEncoders, extract_words
from bowerbird.embed.index.rows import normalize_rows
from bowerbird.embed.index.vectors import MODALITY_ENCODERS_FILE, TOWER_FILE
from bowerbird.embed.meta import VectorsMeta
from bowerbird.embed.train.tower import ModalityFeatures, Tower, load_tower
from bowerbird.errors import InputError, StoreError
from bowerbird.models.pictures.image import ImageEncoder, decode_images, load_image_encoder
from bowerbird.models.text import TextEncoder, load_text_encoder

BATCH = 64
MAX_CACHED = 4096
"""Single texts whose vectors are held, two kilobytes each: many people search for the same."""
CENTRE_CROP = 0.8
"""Share of a picture's width and height."""


@dataclass(frozen=True)
class EncodedQuery:
    """One query with a vector per modality. D dimensions of item space, Di of the image backbone."""

    text: str | None
    text_vector: FloatArray  # (D,) zeros without a text
    image_features: FloatArray | None  # (Di,) from the image backbone
    image_vector: FloatArray  # (D,) zeros without a picture


class QueryEncoder:
    """Encodes queries into the space of one version of the item vectors. D dimensions."""

    def __init__(
        self,
        tower: Tower,
        encoders: ModalityEncoders,
        image_backbone: str,
        text_backbone: str,
        sources: tuple[EncoderSource, EncoderSource] | None = None,
    ) -> None:
        """`sources`: what the backbones are loaded from; needed only for adapted ones."""
        self._tower = tower
        self._encoders = encoders
        self._backbones = image_backbone, text_backbone
        unadapted = EncoderSource(image_backbone, None), EncoderSource(text_backbone, None)
        self._image_source, self._text_source = sources or unadapted
        self._encode_single_text = lru_cache(MAX_CACHED)(self._encode_text)

    @classmethod
    def open(cls, snapshot: StoreSnapshot) -> QueryEncoder:
        """Open the encoder of a snapshot's vectors, once. Raises `StoreError` if there are none."""
        return snapshot.open_once("query encoder", lambda: cls._open_encoder(snapshot), of=("vectors",))

    @classmethod
    def _open_encoder(cls, snapshot: StoreSnapshot) -> QueryEncoder:
        version, store = snapshot.version("vectors"), snapshot.store
        if version is None:
            raise StoreError(f"{store.path} has no item vectors yet: run `bowerbird embed {store.path}`")
        try:
            tower = load_tower(load_file(version.path / TOWER_FILE))
            encoders = ModalityEncoders.load(version.path / MODALITY_ENCODERS_FILE)
        except (OSError, KeyError, ValueError, RuntimeError) as error:
            raise StoreError(
                f"the tower of the vectors {version.name} can't be read ({error}): run `bowerbird embed "
                f"{store.path}` again"
            ) from None
        names = version.read_meta(VectorsMeta).backbones
        if names is None:
            raise StoreError(
                f"the vectors {version.name} name no encoders: run `bowerbird embed {store.path}`"
            )
        image, text = names["image"], names["text"]
        sources = EncoderSource.of(store, image), EncoderSource.of(store, text)
        return cls(tower, encoders, image, text, sources)

    def encode_texts(self, texts: Sequence[str]) -> FloatArray:
        """Encode texts: (B, D) float32 of length 1. Raises `InputError` for a blank text."""
        return self.encode(texts, [None] * len(texts))

    def encode_sentences(self, texts: Sequence[str]) -> FloatArray:
        """Encode texts by the text backbone alone: (B, Dt) float32 of length 1."""
        return self._text_encoder.encode(texts)

    def encode_images(self, images: Sequence[bytes]) -> FloatArray:
        """Encode pictures: (B, D) float32 of length 1. Raises `InputError` for broken ones."""
        return self.encode([None] * len(images), images)

    def encode_query(self, text: str | None, image: bytes | None) -> FloatArray:
        """Encode one query of a text, a picture, or both: (D,) float32 of length 1."""
        vector: FloatArray = self.encode([text], [image])[0]
        return vector

    def encode(self, texts: Sequence[str | None], images: Sequence[bytes | None]) -> FloatArray:
        """Encode queries of a text, a picture or both, with equal weights: (B, D) float32 of length 1."""
        _check_queries(texts, images)
        return self.encode_features(texts, self.encode_pictures(images))

    def encode_separately(
        self, texts: Sequence[str | None], images: Sequence[bytes | None]
    ) -> list[EncodedQuery]:
        """Encode queries of a text, a picture or both, with one vector per modality.

        Raises `InputError` for a query without either, and for bytes that are not a picture.
        """
        _check_queries(texts, images)
        image_features = self.encode_pictures(images)
        text_vectors = self.encode_features(texts, np.zeros_like(image_features))
        image_vectors = self.encode_features([None] * len(texts), image_features)
        return [
            EncodedQuery(
                text if text and text.strip() else None,
                text_vectors[row],
                image_features[row] if images[row] else None,
                image_vectors[row],
            )
            for row, text in enumerate(texts)
        ]

    def encode_pictures(self, images: Sequence[bytes | None]) -> FloatArray:
        """Compute the backbone's features of pictures, (B, Di) float32 of length 1; zeros where there is
        none.

        The sum over the whole picture, its mirror image and its centre, since users' photos show more than
        the item. Raises `InputError` for bytes that are not a picture.
        """
        rows = [row for row, image in enumerate(images) if image is not None]
        features = np.zeros((len(images), self.image_feature_width), np.float32)
        for start in range(0, len(rows), BATCH):
            block = rows[start : start + BATCH]
            pixels, is_readable = decode_images(
                [images[row] or b"" for row in block], self._image_encoder.image_spec.side
            )
            if not is_readable.all():
                query_number = block[int(np.argmin(is_readable))] + 1
                raise InputError(f"the picture of query {query_number} can't be read: give {SUPPORTED}")
            crops = (pixels, pixels[:, :, ::-1], _crop_centres(pixels))
            crop_features = [self._image_encoder.encode(np.ascontiguousarray(crop)) for crop in crops]
            features[block] = normalize_rows(np.sum(crop_features, axis=0))
        return features

    def encode_features(self, texts: Sequence[str | None], image_features: FloatArray) -> FloatArray:
        """Encode queries of a text, of features of a picture, or of both: (B, D) float32 of length 1."""
        # A blank text next to a picture counts as missing.
        nonblank = [text if text is not None and text.strip() else None for text in texts]
        image = self._encoders.encode_images(image_features)
        return self._tower.encode(ModalityFeatures.of(image, self._encode_text_modalities(nonblank)))

    @property
    def image_feature_width(self) -> int:
        """Dimensions of the image backbone's features."""
        return len(self._encoders.image.mean)

    @property
    def backbones(self) -> tuple[str, str]:
        """Names of the image and the text encoder."""
        return self._backbones

    def encode_image_features(self, features: FloatArray) -> FloatArray:
        """Encode pictures by their backbone's features, (N, Di) -> (N, D); zeros for rows of zeros."""
        image = self._encoders.encode_images(features)
        no_text = np.zeros((len(features), self._text_width), np.float32)
        return self._tower.encode(ModalityFeatures.of(image, no_text))

    @property
    def _text_width(self) -> int:
        facts, text, _ = self._encoders.widths
        return facts + text

    def _encode_text_modalities(self, texts: Sequence[str | None]) -> FloatArray:
        rows = [row for row, text in enumerate(texts) if text is not None]
        encoded = np.zeros((len(texts), self._text_width), np.float32)
        if len(rows) == 1:
            encoded[rows] = self._encode_single_text(texts[rows[0]] or "")
            return encoded
        for start in range(0, len(rows), BATCH):
            block = rows[start : start + BATCH]
            encoded[block] = self._encode_block([texts[row] or "" for row in block])
        return encoded

    def _encode_text(self, text: str) -> FloatArray:
        vector: FloatArray = self._encode_block([text])[0]
        return vector

    def _encode_block(self, texts: Sequence[str]) -> FloatArray:
        text_features = self._text_encoder.encode_queries(texts)
        return self._encoders.encode_texts([extract_words(text) for text in texts], text_features)

    @cached_property
    def _text_encoder(self) -> TextEncoder:
        return _text_encoder(self._text_source)

    @cached_property
    def _image_encoder(self) -> ImageEncoder:
        return _image_encoder(self._image_source)


# Loaded once for all versions of the vectors: a server that switches versions needs no second copy.


@lru_cache(maxsize=2)
def _text_encoder(source: EncoderSource) -> TextEncoder:
    return load_text_encoder(source.base, source.weights)


@lru_cache(maxsize=2)
def _image_encoder(source: EncoderSource) -> ImageEncoder:
    return load_image_encoder(source.base, source.weights)


def _check_queries(texts: Sequence[str | None], images: Sequence[bytes | None]) -> None:
    for row, (text, image) in enumerate(zip(texts, images, strict=True)):
        if image is None and (text is None or not text.strip()):
            raise InputError(f"query {row + 1} is empty: give a text with a letter in it, or a picture")


def _crop_centres(pixels: PixelArray) -> PixelArray:
    """Crop the centre of each picture and scale it to the same size, (B, S, S, 3) uint8."""
    size = pixels.shape[1]
    margin = round(size * (1 - CENTRE_CROP) / 2)
    crops = [
        Image.fromarray(picture).resize(
            (size, size), Image.Resampling.BICUBIC, (margin, margin, size - margin, size - margin)
        )
        for picture in pixels
    ]
    return np.stack([np.asarray(picture) for picture in crops])

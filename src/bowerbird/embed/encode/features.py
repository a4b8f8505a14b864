"""Features of items from frozen backbones, computed once and cached by content hash.

The cache folder is named after the encoder; the key is a hash of the picture's or the text's bytes. So only
new and changed items are encoded, and a killed run resumes after its last shard. Contents stream through in
batches: apart from keys and the returned rows, memory does not grow with the catalogue.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bowerbird.data.arrays import BoolArray, FloatArray, IntArray, KeyArray
from bowerbird.data.items import Catalogue
from bowerbird.data.store import Store
from bowerbird.embed.encode.adapted_backbones import EncoderSource
from bowerbird.embed.encode.batches import Batch, EncodeFunction, split_into_batches
from bowerbird.embed.encode.feature_cache import KEY_BYTES, NO_KEY, FeatureCache, content_key
from bowerbird.embed.encode.precompute import LOCAL, Precompute
from bowerbird.progress import track

SHARD_SIZE = 2048
"""Items per shard, the most that a killed run loses; a multiple of the batch sizes."""
IMAGE_BATCH, TEXT_BATCH = 16, 64


@dataclass(frozen=True)
class ItemFeatures:
    """Frozen features of a catalogue's items, in its order; zeros where an item lacks the modality."""

    image: FloatArray  # (items, Di) float32, rows of length 1
    has_image: BoolArray  # (items,) bool
    text: FloatArray  # (items, Dt) float32, rows of length 1
    has_text: BoolArray  # (items,) bool
    backbones: tuple[str, str]  # image encoder, text encoder

    def concatenate(self) -> FloatArray:
        """Concatenate both modalities, each of length 1: the untrained baseline, (items, Di + Dt)."""
        return np.concatenate([self.image, self.text], axis=1)


def compute_item_features(
    store: Store,
    catalogue: Catalogue,
    image_backbone: str = "efficientnet-lite0",
    text_backbone: str = "minilm-l6",
    precompute: Precompute = LOCAL,
) -> ItemFeatures:
    """Compute the features of every item of a catalogue; cached ones are read from the store.

    A backbone is a base or one that the store adapted (see `adapted_backbones`). Raises `BackboneError` if a
    backbone or the engine is not available, `StoreError` if features can't be written or read.
    """
    with precompute.start():
        image = _compute_image_rows(store, catalogue, image_backbone, precompute)
        text, has_text = _compute_text_rows(store, catalogue, text_backbone, precompute)
    has_image = np.asarray(image.any(axis=1))  # a picture that could not be decoded is a row of zeros
    return ItemFeatures(image, has_image, text, has_text, (image_backbone, text_backbone))


def read_cached_image_features(store: Store, catalogue: Catalogue, backbone: str) -> FloatArray | None:
    """Read cached picture features, (items, Di) float32; zeros if missing. None for an empty cache."""
    cache = FeatureCache(store.features / _cache_folder_name("image", backbone))
    return cache.rows(_image_keys(catalogue)) if len(cache) else None


def load_image_encode_function(source: EncoderSource) -> EncodeFunction:
    """Load an image encoder as a function of picture files; zeros for broken pictures."""
    from bowerbird.models.pictures.image import decode_images, load_image_encoder

    encoder = load_image_encoder(source.base, source.weights)

    def encode(pictures: Batch) -> NDArray[np.float16]:
        pixels, is_readable = decode_images(pictures, encoder.image_spec.side)
        rows = np.zeros((len(pictures), encoder.width), np.float16)
        rows[is_readable] = encoder.encode(pixels[is_readable])
        return rows

    return encode


def load_text_encode_function(source: EncoderSource) -> EncodeFunction:
    """Load a text encoder as a function of UTF-8 texts."""
    from bowerbird.models.text import load_text_encoder

    encoder = load_text_encoder(source.base, source.weights)
    return lambda texts: encoder.encode([text.decode() for text in texts]).astype(np.float16)


def _compute_image_rows(
    store: Store, catalogue: Catalogue, backbone: str, precompute: Precompute
) -> FloatArray:
    folder = store.features / _cache_folder_name("image", backbone)
    keys = _image_keys(catalogue)
    to_encode = _positions_to_encode(FeatureCache(folder), keys)
    pictures = (catalogue.image(int(position)) or b"" for position in to_encode)
    load = partial(load_image_encode_function, EncoderSource.of(store, backbone))
    _encode_and_cache(folder, keys[to_encode], pictures, load, IMAGE_BATCH, "encoding pictures", precompute)
    return FeatureCache(folder).rows(keys)


def _compute_text_rows(
    store: Store, catalogue: Catalogue, backbone: str, precompute: Precompute
) -> tuple[FloatArray, BoolArray]:
    folder = store.features / _cache_folder_name("text", backbone)
    keys, lengths = _text_keys(catalogue)
    to_encode = _positions_to_encode(FeatureCache(folder), keys)
    # Texts of one length share a batch, to pad little; ties by key, whatever the catalogue's order.
    to_encode = to_encode[np.argsort(keys[to_encode])]
    to_encode = to_encode[np.argsort(lengths[to_encode], kind="stable")]
    texts = (text.encode() for text in catalogue.texts(to_encode))
    load = partial(load_text_encode_function, EncoderSource.of(store, backbone))
    _encode_and_cache(folder, keys[to_encode], texts, load, TEXT_BATCH, "encoding texts", precompute)
    return FeatureCache(folder).rows(keys), keys != NO_KEY


def _encode_and_cache(
    folder: Path,
    keys: KeyArray,
    contents: Iterable[bytes],
    load: Callable[[], EncodeFunction],
    batch_size: int,
    label: str,
    precompute: Precompute,
) -> None:
    """Encode contents in batches and write their rows to the cache, a shard at a time."""
    if not len(keys):
        return
    cache = FeatureCache(folder)
    encoded_batches = precompute.encode_batches(
        load, split_into_batches(contents, batch_size), scratch=folder.parent
    )
    unsaved: list[NDArray[np.float16]] = []
    n_saved = 0
    for rows in track(encoded_batches, label, total=-(-len(keys) // batch_size)):
        unsaved.append(rows)
        n_unsaved = sum(map(len, unsaved))
        if n_unsaved >= SHARD_SIZE or n_saved + n_unsaved == len(keys):
            cache.add(keys[n_saved : n_saved + n_unsaved], np.concatenate(unsaved))
            n_saved, unsaved = n_saved + n_unsaved, []


def _positions_to_encode(cache: FeatureCache, keys: KeyArray) -> IntArray:
    """Positions of the contents that are not cached, each content once, in the catalogue's order."""
    positions = np.flatnonzero((keys != NO_KEY) & ~cache.has(keys))
    _, first_occurrence = np.unique(keys[positions], return_index=True)
    to_encode: IntArray = np.sort(positions[first_occurrence])
    return to_encode


def _image_keys(catalogue: Catalogue) -> KeyArray:
    pictures = (catalogue.image(position) for position in range(len(catalogue)))
    return _key_array((content_key(picture) if picture else NO_KEY for picture in pictures), len(catalogue))


def _text_keys(catalogue: Catalogue) -> tuple[KeyArray, IntArray]:
    """Keys of the items' texts, and the length of each text in characters."""
    lengths = np.zeros(len(catalogue), np.int64)

    def keys() -> Iterator[bytes]:
        for position, text in enumerate(catalogue.texts(np.arange(len(catalogue)))):
            lengths[position] = len(text)
            yield content_key(text.encode()) if text else NO_KEY

    return _key_array(keys(), len(catalogue)), lengths


def _key_array(keys: Iterable[bytes], count: int) -> KeyArray:
    return np.fromiter(keys, f"S{KEY_BYTES}", count)


def _cache_folder_name(modality: str, backbone: str) -> str:
    return modality + "-" + "".join(char if char.isalnum() or char in "-." else "_" for char in backbone)

"""Frozen backbones' features of items, computed once and kept by content hash.

A feature's folder is its encoder; its key is a hash of the picture's or the text's bytes. So an unchanged
item is never encoded twice, a changed one is, and a killed run goes on where its last shard ended. Contents
stream through in batches: what is held in memory does not grow with the catalogue, but for keys and the rows
that are asked for in the end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from bowerbird.data.items import Catalogue
from bowerbird.data.store import Store
from bowerbird.embed.encode.adapted_backbones import EncoderSource
from bowerbird.embed.encode.batches import Batch, Encode, in_batches
from bowerbird.embed.encode.feature_cache import KEY_BYTES, NO_KEY, FeatureCache, key_of
from bowerbird.embed.encode.precompute import LOCAL, Precompute
from bowerbird.progress import track

SHARD = 2048
"""Items; a killed run loses this much work at most. Whole batches, so that the rest is batched as before."""
IMAGE_BATCH, TEXT_BATCH = 16, 64


@dataclass(frozen=True)
class ItemFeatures:
    """Frozen features of a catalogue's items, in its order; zeros where an item has no such side."""

    image: np.ndarray  # (items, Di) float32, rows of length 1
    has_image: np.ndarray  # (items,) bool
    text: np.ndarray  # (items, Dt) float32, rows of length 1
    has_text: np.ndarray  # (items,) bool
    backbones: tuple[str, str]  # image encoder, text encoder

    def joined(self) -> np.ndarray:
        """Both sides beside each other, each of length 1: the untrained join, (items, Di + Dt)."""
        return np.concatenate([self.image, self.text], axis=1)


def item_features(
    store: Store,
    catalogue: Catalogue,
    image_backbone: str = "efficientnet-lite0",
    text_backbone: str = "minilm-l6",
    precompute: Precompute = LOCAL,
) -> ItemFeatures:
    """Features of every item of a catalogue, from the store's cache where they are there already.

    A backbone is named as it came, or as one that the store adapted (see `adapted`). Raises `BackboneError`
    where a backbone or the engine can't be had, `StoreError` where features can't be kept or read.
    """
    with precompute.ready():
        image = _image_rows(store, catalogue, image_backbone, precompute)
        text, has_text = _text_rows(store, catalogue, text_backbone, precompute)
    has_image = np.asarray(image.any(axis=1))  # a picture that could not be decoded is a row of zeros
    return ItemFeatures(image, has_image, text, has_text, (image_backbone, text_backbone))


def cached_image_features(store: Store, catalogue: Catalogue, backbone: str) -> np.ndarray | None:
    """Picture features that were computed before, (items, Di) float32; zeros for items without. Encodes
    nothing; None where the cache is empty."""
    cache = FeatureCache(store.features / _folder_name("image", backbone))
    return cache.rows(_picture_keys(catalogue)) if len(cache) else None


def picture_encode(source: EncoderSource) -> Encode:
    """Encoded pictures to features; zeros for broken ones."""
    from bowerbird.models.image import decode_images, load_image_encoder

    encoder = load_image_encoder(source.base, source.weights)

    def encode(pictures: Batch) -> np.ndarray:
        pixels, good = decode_images(pictures, encoder.image_spec.side)
        rows = np.zeros((len(pictures), encoder.width), np.float16)
        rows[good] = encoder.encode(pixels[good])
        return rows

    return encode


def text_encode(source: EncoderSource) -> Encode:
    """Texts in UTF-8 to features."""
    from bowerbird.models.text import load_text_encoder

    encoder = load_text_encoder(source.base, source.weights)
    return lambda texts: encoder.encode([text.decode() for text in texts]).astype(np.float16)


def _image_rows(store: Store, catalogue: Catalogue, backbone: str, precompute: Precompute) -> np.ndarray:
    folder = store.features / _folder_name("image", backbone)
    keys = _picture_keys(catalogue)
    todo = _unknown(FeatureCache(folder), keys)
    pictures = (catalogue.image(int(position)) or b"" for position in todo)
    load = partial(picture_encode, EncoderSource.of(store, backbone))
    _encode(folder, keys[todo], pictures, load, IMAGE_BATCH, "encoding pictures", precompute)
    return FeatureCache(folder).rows(keys)


def _text_rows(
    store: Store, catalogue: Catalogue, backbone: str, precompute: Precompute
) -> tuple[np.ndarray, np.ndarray]:
    folder = store.features / _folder_name("text", backbone)
    keys, lengths = _text_keys(catalogue)
    todo = _unknown(FeatureCache(folder), keys)
    # Texts of one length share a batch and are padded little; by key, whatever the catalogue's order.
    todo = todo[np.argsort(keys[todo])]
    todo = todo[np.argsort(lengths[todo], kind="stable")]
    texts = (text.encode() for text in catalogue.texts(todo))
    load = partial(text_encode, EncoderSource.of(store, backbone))
    _encode(folder, keys[todo], texts, load, TEXT_BATCH, "encoding texts", precompute)
    return FeatureCache(folder).rows(keys), keys != NO_KEY


def _encode(
    folder: Path,
    keys: np.ndarray,
    contents: Iterable[bytes],
    load: Callable[[], Encode],
    size: int,
    label: str,
    precompute: Precompute,
) -> None:
    """Encode contents in batches of `size` and keep their rows as they come, a shard at a time."""
    if not len(keys):
        return
    cache = FeatureCache(folder)
    coming = precompute.encoded(load, in_batches(contents, size), scratch=folder.parent)
    waiting: list[np.ndarray] = []
    done = 0
    for rows in track(coming, label, total=-(-len(keys) // size)):
        waiting.append(rows)
        count = sum(map(len, waiting))
        if count >= SHARD or done + count == len(keys):
            cache.add(keys[done : done + count], np.concatenate(waiting))
            done, waiting = done + count, []


def _unknown(cache: FeatureCache, keys: np.ndarray) -> np.ndarray:
    """Positions of what is to be encoded, each content once, in the catalogue's order."""
    positions = np.flatnonzero((keys != NO_KEY) & ~cache.has(keys))
    _, first = np.unique(keys[positions], return_index=True)
    unknown: np.ndarray = np.sort(positions[first])
    return unknown


def _picture_keys(catalogue: Catalogue) -> np.ndarray:
    pictures = (catalogue.image(position) for position in range(len(catalogue)))
    return _keys_of((key_of(one) if one else NO_KEY for one in pictures), len(catalogue))


def _text_keys(catalogue: Catalogue) -> tuple[np.ndarray, np.ndarray]:
    """Keys of the items' texts, and how many characters each has."""
    lengths = np.zeros(len(catalogue), np.int64)

    def keys() -> Iterator[bytes]:
        for position, text in enumerate(catalogue.texts(np.arange(len(catalogue)))):
            lengths[position] = len(text)
            yield key_of(text.encode()) if text else NO_KEY

    return _keys_of(keys(), len(catalogue)), lengths


def _keys_of(keys: Iterable[bytes], count: int) -> np.ndarray:
    return np.fromiter(keys, f"S{KEY_BYTES}", count)


def _folder_name(kind: str, backbone: str) -> str:
    return kind + "-" + "".join(c if c.isalnum() or c in "-." else "_" for c in backbone)

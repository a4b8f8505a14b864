"""Frozen backbones' features of items, computed once and kept by content hash.

A feature's folder is its encoder; its key is a hash of the picture's or the text's bytes. So an unchanged
item is never encoded twice, a changed one is, and a killed run goes on where its last shard ended.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bowerbird.data.items import Catalogue
from bowerbird.data.store import Store
from bowerbird.errors import StoreError
from bowerbird.progress import track

SHARD = 2048  # items; a killed run loses at most this much work
IMAGE_BATCH, TEXT_BATCH = 64, 64


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
) -> ItemFeatures:
    """Features of every item of a catalogue, from the store's cache where they are there already."""
    from bowerbird.models.text import load_text_encoder

    images = [catalogue.image(row) for row in range(len(catalogue))]
    texts = [catalogue.text(row) for row in range(len(catalogue))]
    image_rows, has_image = _image_features(store, images, image_backbone)

    def encode_texts(indices: Sequence[int]) -> Iterator[np.ndarray]:
        encoder = load_text_encoder(text_backbone)
        for batch in _batches(indices, TEXT_BATCH):
            yield encoder.encode([texts[i] for i in batch])

    keys = [_key(text.encode()) if text else None for text in texts]
    cache = FeatureCache(store.features / _folder_name("text", text_backbone))
    lengths = {key: len(text) for key, text in zip(keys, texts, strict=True) if key}
    text_rows, has_text = cache.fill(keys, encode_texts, "encoding texts", TEXT_BATCH, order=lengths)
    return ItemFeatures(image_rows, has_image, text_rows, has_text, (image_backbone, text_backbone))


def cached_image_features(store: Store, catalogue: Catalogue, backbone: str) -> np.ndarray | None:
    """Picture features that were computed before, (items, Di) float32; zeros for items without. Encodes
    nothing; None where the cache is empty."""
    known = FeatureCache(store.features / _folder_name("image", backbone)).load()
    if not known:
        return None
    rows = np.zeros((len(catalogue), len(next(iter(known.values())))), np.float32)
    for position in range(len(catalogue)):
        image = catalogue.image(position)
        if image and (row := known.get(_key(image))) is not None:
            rows[position] = row
    return rows


def _image_features(
    store: Store, images: Sequence[bytes | None], backbone: str
) -> tuple[np.ndarray, np.ndarray]:
    from bowerbird.models.image import load_image_encoder, pixels_of_many

    def encode(indices: Sequence[int]) -> Iterator[np.ndarray]:
        encoder = load_image_encoder(backbone)
        batches = [[images[i] or b"" for i in batch] for batch in _batches(indices, IMAGE_BATCH)]
        with ThreadPoolExecutor(1) as pool:  # one batch is decoded while the one before is encoded
            coming = pool.submit(pixels_of_many, batches[0])
            for following in [*batches[1:], []]:
                pixels, good = coming.result()
                coming = pool.submit(pixels_of_many, following)
                yield encoder.encode(pixels) * good[:, None]

    keys = [_key(image) if image else None for image in images]
    cache = FeatureCache(store.features / _folder_name("image", backbone))
    rows, has = cache.fill(keys, encode, "encoding pictures", IMAGE_BATCH)
    return rows, has & rows.any(axis=1)  # a picture that could not be decoded is a row of zeros


class FeatureCache:
    """Feature rows by key, in shards of `.npz` files that are only ever added."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def fill(
        self,
        keys: Sequence[bytes | None],
        encode: Callable[[Sequence[int]], Iterator[np.ndarray]],
        label: str,
        batch: int,
        order: dict[bytes, int] | None = None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Rows for all keys, (n, D) float32, and which have a key, (n,) bool.

        `encode` is given the indices of unknown keys and yields their rows in batches. `order` sorts them by
        size first, so that texts of one length share a batch.
        """
        known = self.load()
        missing: dict[bytes, int] = {}
        for index, key in enumerate(keys):
            if key is not None and key not in known:
                missing.setdefault(key, index)
        todo = sorted(missing, key=lambda key: order[key]) if order else list(missing)
        if todo:
            self._encode_all(todo, [missing[key] for key in todo], encode, label, batch)
            known = self.load()
        width = len(next(iter(known.values()))) if known else 1
        rows = np.zeros((len(keys), width), np.float32)
        for index, key in enumerate(keys):
            if key is not None:
                rows[index] = known[key]
        return rows, np.array([key is not None for key in keys], dtype=bool)

    def _encode_all(
        self,
        keys: list[bytes],
        indices: list[int],
        encode: Callable[[Sequence[int]], Iterator[np.ndarray]],
        label: str,
        batch: int,
    ) -> None:
        waiting: list[np.ndarray] = []
        done = 0
        for rows in track(encode(indices), label, total=-(-len(indices) // batch)):
            waiting.append(rows.astype(np.float16))
            count = sum(map(len, waiting))
            if count >= SHARD or done + count == len(keys):
                self._add_shard(keys[done : done + count], np.concatenate(waiting))
                done, waiting = done + count, []

    def _add_shard(self, keys: list[bytes], rows: np.ndarray) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        name = hashlib.blake2b(b"".join(keys), digest_size=8).hexdigest()
        beside = self.folder / f".{name}.npz"
        try:
            np.savez(beside, keys=np.frombuffer(b"".join(keys), np.uint8).reshape(-1, 16), rows=rows)
            beside.replace(self.folder / f"{name}.npz")
        except OSError as error:
            raise StoreError(
                f"features can't be kept in {self.folder} ({error}): free some space there and run the "
                "command again; what is encoded already is not encoded twice"
            ) from error
        finally:
            beside.unlink(missing_ok=True)

    def load(self) -> dict[bytes, np.ndarray]:
        """Every row that is kept, by its key."""
        known: dict[bytes, np.ndarray] = {}
        for path in sorted(self.folder.glob("[!.]*.npz")):
            with np.load(path) as shard:
                known.update(zip(map(bytes, shard["keys"]), shard["rows"].astype(np.float32), strict=True))
        return known


def _batches(indices: Sequence[int], size: int) -> Iterator[Sequence[int]]:
    return (indices[start : start + size] for start in range(0, len(indices), size))


def _key(content: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=16).digest()


def _folder_name(kind: str, backbone: str) -> str:
    return kind + "-" + "".join(c if c.isalnum() or c in "-." else "_" for c in backbone)

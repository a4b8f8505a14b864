"""Cache of feature rows by the hash of the encoded content, in files that are only ever added.

A shard is an Arrow file of keys and rows. It is memory-mapped, not read: a look-up costs the memory of the
keys (16 bytes each) and of the requested rows, however many rows the cache holds.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from bowerbird.data.arrays import BoolArray, FloatArray, KeyArray
from bowerbird.errors import StoreError

KEY_BYTES = 16
NO_KEY = b""
"""Key of an item that has nothing to encode."""


def content_key(content: bytes) -> bytes:
    """Hash the bytes of a picture or a text to its cache key."""
    return hashlib.blake2b(content, digest_size=KEY_BYTES).digest()


class FeatureCache:
    """Cached feature rows of one encoder. Keys are (n,) arrays of numpy's `S16`."""

    def __init__(self, folder: Path) -> None:
        """Open the shards of a folder; a folder that does not exist yet is an empty cache.

        Raises `StoreError` if a shard can't be read.
        """
        self.folder = folder
        self._shards: list[NDArray[np.float16]] = []  # (rows, D) float16 each, mapped
        keys: list[KeyArray] = []
        for path in sorted(folder.glob("[!.]*.arrow")):
            shard_keys, shard_rows = _open_shard(path)
            keys.append(shard_keys)
            self._shards.append(shard_rows)
        self._starts = np.cumsum([0, *map(len, keys)])
        all_keys = np.concatenate(keys) if keys else np.zeros(0, f"S{KEY_BYTES}")
        self._order = np.argsort(all_keys, kind="stable")
        self._keys = all_keys[self._order]

    def __len__(self) -> int:
        return len(self._keys)

    @property
    def width(self) -> int:
        """Width of a row; 1 for an empty cache."""
        return self._shards[0].shape[1] if self._shards else 1

    def has(self, keys: KeyArray) -> BoolArray:
        """Whether each key is cached, (n,) bool."""
        if not len(self):
            return np.zeros(len(keys), bool)
        nearest_rows = np.searchsorted(self._keys, keys).clip(max=len(self) - 1)
        is_cached: BoolArray = self._keys[nearest_rows] == keys
        return is_cached

    def rows(self, keys: KeyArray) -> FloatArray:
        """Read the rows of keys, (n, D) float32; zeros for keys that are not cached."""
        rows = np.zeros((len(keys), self.width), np.float32)
        cached = np.flatnonzero(self.has(keys))
        row_numbers = self._order[np.searchsorted(self._keys, keys[cached])]
        shard_of_row = np.searchsorted(self._starts, row_numbers, side="right") - 1
        for number in np.unique(shard_of_row):
            in_shard = shard_of_row == number
            rows[cached[in_shard]] = self._shards[number][row_numbers[in_shard] - self._starts[number]]
        return rows

    def add(self, keys: KeyArray, rows: NDArray[np.float16]) -> None:
        """Write the rows (n, D) float16 of keys to a new shard, atomically.

        The next `FeatureCache` that opens the folder finds them. Raises `StoreError` if they can't be
        written.
        """
        key_bytes = keys.tobytes()
        table = pa.table(
            {
                "key": pa.FixedSizeBinaryArray.from_buffers(
                    pa.binary(KEY_BYTES), len(keys), [None, pa.py_buffer(key_bytes)]
                ),
                "row": pa.FixedSizeListArray.from_arrays(pa.array(rows.reshape(-1)), rows.shape[1]),
            }
        )
        name = hashlib.blake2b(key_bytes, digest_size=8).hexdigest()
        temporary = self.folder / f".{name}.arrow"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with temporary.open("wb") as file:
                with pa.ipc.new_file(file, table.schema) as writer:
                    writer.write_table(table)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(self.folder / f"{name}.arrow")
        except OSError as error:
            raise StoreError(
                f"features can't be written to {self.folder} ({error}): free some space there and run the "
                "command again; nothing is encoded twice"
            ) from error
        finally:
            temporary.unlink(missing_ok=True)


def _open_shard(path: Path) -> tuple[KeyArray, NDArray[np.float16]]:
    """Map a shard: its keys and rows as views of the file."""
    try:
        with pa.memory_map(str(path)) as file:
            batch = pa.ipc.open_file(file).get_batch(0)
        keys = np.frombuffer(batch["key"].buffers()[1], f"S{KEY_BYTES}", len(batch))
        rows = batch["row"].flatten().to_numpy().reshape(len(batch), -1)
    except (OSError, pa.ArrowException, KeyError, ValueError) as error:
        raise StoreError(
            f"the features in {path} can't be read ({error}): remove that file and run `bowerbird embed` "
            "again, which recomputes them"
        ) from error
    return keys, rows

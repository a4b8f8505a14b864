"""Feature rows by the hash of what they were made of, in files that are only ever added.

A shard is an Arrow file of keys and rows. It is mapped, not read: a look-up costs the keys' memory (16 bytes
a row) and the rows that are asked for, however many are kept.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import numpy as np
import pyarrow as pa

from bowerbird.errors import StoreError

KEY_BYTES = 16
NO_KEY = b""
"""Stands for an item that has nothing to encode."""


def key_of(content: bytes) -> bytes:
    """The key of a picture or a text, by its bytes."""
    return hashlib.blake2b(content, digest_size=KEY_BYTES).digest()


class FeatureCache:
    """What one encoder said of everything it has seen. Keys travel as (n,) arrays of numpy's `S16`."""

    def __init__(self, folder: Path) -> None:
        """Open the folder's shards; a folder that is not there yet holds nothing.

        Raises `StoreError` where a shard can't be read.
        """
        self.folder = folder
        self._shards: list[np.ndarray] = []  # (rows, D) float16 each, mapped
        keys: list[np.ndarray] = []
        for path in sorted(folder.glob("[!.]*.arrow")):
            shard_keys, rows = _opened(path)
            keys.append(shard_keys)
            self._shards.append(rows)
        self._starts = np.cumsum([0, *map(len, keys)])
        together = np.concatenate(keys) if keys else np.zeros(0, f"S{KEY_BYTES}")
        self._order = np.argsort(together, kind="stable")
        self._keys = together[self._order]

    def __len__(self) -> int:
        return len(self._keys)

    @property
    def width(self) -> int:
        """Width of a row; 1 where there is none."""
        return self._shards[0].shape[1] if self._shards else 1

    def has(self, keys: np.ndarray) -> np.ndarray:
        """Which keys are kept, (n,) bool."""
        if not len(self):
            return np.zeros(len(keys), bool)
        place = np.searchsorted(self._keys, keys).clip(max=len(self) - 1)
        found: np.ndarray = self._keys[place] == keys
        return found

    def rows(self, keys: np.ndarray) -> np.ndarray:
        """Rows of keys, (n, D) float32; zeros for keys that are not kept."""
        rows = np.zeros((len(keys), self.width), np.float32)
        known = np.flatnonzero(self.has(keys))
        place = self._order[np.searchsorted(self._keys, keys[known])]
        shard = np.searchsorted(self._starts, place, side="right") - 1
        for number in np.unique(shard):
            here = shard == number
            rows[known[here]] = self._shards[number][place[here] - self._starts[number]]
        return rows

    def add(self, keys: np.ndarray, rows: np.ndarray) -> None:
        """Keep rows (n, D) float16 of keys: all of them, or none if the process dies meanwhile.

        They are found by the next `FeatureCache` that opens the folder. Raises `StoreError` where they can't
        be written.
        """
        packed = keys.tobytes()
        table = pa.table(
            {
                "key": pa.FixedSizeBinaryArray.from_buffers(
                    pa.binary(KEY_BYTES), len(keys), [None, pa.py_buffer(packed)]
                ),
                "row": pa.FixedSizeListArray.from_arrays(pa.array(rows.reshape(-1)), rows.shape[1]),
            }
        )
        name = hashlib.blake2b(packed, digest_size=8).hexdigest()
        beside = self.folder / f".{name}.arrow"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with beside.open("wb") as file:
                with pa.ipc.new_file(file, table.schema) as writer:
                    writer.write_table(table)
                file.flush()
                os.fsync(file.fileno())
            beside.replace(self.folder / f"{name}.arrow")
        except OSError as error:
            raise StoreError(
                f"features can't be kept in {self.folder} ({error}): free some space there and run the "
                "command again; what is encoded already is not encoded twice"
            ) from error
        finally:
            beside.unlink(missing_ok=True)


def _opened(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """A shard's keys and rows, as views of the mapped file."""
    try:
        with pa.memory_map(str(path)) as file:
            batch = pa.ipc.open_file(file).get_batch(0)
        keys = np.frombuffer(batch["key"].buffers()[1], f"S{KEY_BYTES}", len(batch))
        rows = batch["row"].flatten().to_numpy().reshape(len(batch), -1)
    except (OSError, pa.ArrowException, KeyError, ValueError) as error:
        raise StoreError(
            f"the features in {path} can't be read ({error}): remove that file and run `bowerbird embed` "
            "again, which makes them anew"
        ) from error
    return keys, rows

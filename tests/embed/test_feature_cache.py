"""Cached features are found again, and nothing else is."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bowerbird.embed.encode.feature_cache import FeatureCache
from bowerbird.errors import StoreError

KEYS = st.binary(min_size=16, max_size=16) | st.sampled_from([b"\0" * 15 + b"a", b"a" + b"\0" * 15])


@settings(max_examples=40)
@given(
    shards=st.lists(st.lists(KEYS, min_size=1, max_size=5, unique=True), max_size=4),
    other_keys=st.lists(KEYS),
)
def test_a_cache_finds_what_a_dictionary_finds(shards: list[list[bytes]], other_keys: list[bytes]) -> None:
    rng = np.random.default_rng(0)
    row_of_key: dict[bytes, np.ndarray] = {}
    with TemporaryDirectory() as folder:
        for keys in shards:
            new_keys = [key for key in keys if key not in row_of_key and any(key)]
            if new_keys:
                rows = rng.normal(size=(len(new_keys), 3)).astype(np.float16)
                FeatureCache(Path(folder)).add(np.array(new_keys, "S16"), rows)
                row_of_key.update(zip(new_keys, rows, strict=True))
        cache = FeatureCache(Path(folder))
        requested = [*other_keys, *row_of_key]
        zeros = np.zeros(cache.width, np.float32)
        expected = [row_of_key.get(key, zeros) for key in requested]
        assert cache.rows(np.array(requested, "S16")).tolist() == [list(map(float, row)) for row in expected]
        assert cache.has(np.array(requested, "S16")).tolist() == [key in row_of_key for key in requested]
        assert len(cache) == len(row_of_key)


def test_a_broken_shard_is_named(tmp_path: Path) -> None:
    FeatureCache(tmp_path).add(np.array([b"k" * 16], "S16"), np.ones((1, 2), np.float16))
    shard = next(tmp_path.glob("*.arrow"))
    shard.write_bytes(shard.read_bytes()[:40])
    with pytest.raises(StoreError, match=f"{shard.name}.*remove that file"):
        FeatureCache(tmp_path)

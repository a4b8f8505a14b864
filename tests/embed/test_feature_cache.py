"""Features that are kept are found again, and nothing else is."""

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


@settings(max_examples=40, deadline=None)
@given(shards=st.lists(st.lists(KEYS, min_size=1, max_size=5, unique=True), max_size=4), asked=st.lists(KEYS))
def test_a_cache_finds_what_a_dictionary_finds(shards: list[list[bytes]], asked: list[bytes]) -> None:
    rng = np.random.default_rng(0)
    known: dict[bytes, np.ndarray] = {}
    with TemporaryDirectory() as folder:
        for keys in shards:
            fresh = [key for key in keys if key not in known and any(key)]
            if fresh:
                rows = rng.normal(size=(len(fresh), 3)).astype(np.float16)
                FeatureCache(Path(folder)).add(np.array(fresh, "S16"), rows)
                known.update(zip(fresh, rows, strict=True))
        cache = FeatureCache(Path(folder))
        wanted = [*asked, *known]
        zeros = np.zeros(cache.width, np.float32)
        expected = [known.get(key, zeros) for key in wanted]
        assert cache.rows(np.array(wanted, "S16")).tolist() == [list(map(float, row)) for row in expected]
        assert cache.has(np.array(wanted, "S16")).tolist() == [key in known for key in wanted]
        assert len(cache) == len(known)


def test_a_broken_shard_is_named(tmp_path: Path) -> None:
    FeatureCache(tmp_path).add(np.array([b"k" * 16], "S16"), np.ones((1, 2), np.float16))
    shard = next(tmp_path.glob("*.arrow"))
    shard.write_bytes(shard.read_bytes()[:40])
    with pytest.raises(StoreError, match=f"{shard.name}.*remove that file"):
        FeatureCache(tmp_path)

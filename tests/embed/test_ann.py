"""The approximate index, against a search over every vector."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bowerbird.embed.index.ann import AnnIndex
from bowerbird.embed.index.rows import normalize_rows
from bowerbird.errors import StoreError


def clustered(count: int, seed: int, dim: int = 32) -> np.ndarray:
    """Vectors in a hundred tight clusters: a graph search that gets stuck in one of them has a low recall."""
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(99).normal(size=(100, dim))
    return normalize_rows(centres[rng.integers(100, size=count)] + 0.5 * rng.normal(size=(count, dim)))


@settings(max_examples=25)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 30)), max_size=60), st.integers(0, 2**32 - 1))
def test_holds_what_was_added_and_not_deleted_since(steps: list[tuple[bool, int]], seed: int) -> None:
    rng, index, stored = np.random.default_rng(seed), AnnIndex(16), {}
    for is_addition, key in steps:
        if is_addition and key not in stored:
            stored[key] = normalize_rows(rng.normal(size=(1, 16)))[0]
            index.add(np.array([key]), stored[key][None])
        elif not is_addition:
            index.remove(np.array([key]))
            stored.pop(key, None)
    assert len(index) == len(stored)
    assert {key for key in range(31) if key in index} == set(stored)
    # With as many as there are, the result is complete, and the vector itself comes first.
    for key, vector in stored.items():
        keys = index.search(vector, 31).tolist()
        assert sorted(keys) == sorted(stored)
        assert keys[0] == key


def measure_recall(index: AnnIndex, vectors: np.ndarray, alive: np.ndarray, queries: np.ndarray) -> float:
    """Share of the 10 nearest that are among 30 candidates."""
    hits = 0
    for query in queries:
        nearest = alive[np.argsort(-(vectors[alive] @ query))[:10]]
        hits += len(np.intersect1d(nearest, index.search(query, 30)))
    return hits / (10 * len(queries))


def test_finds_the_nearest_in_clusters_before_and_after_deletes() -> None:
    vectors, queries = clustered(6000, seed=0), clustered(50, seed=1)
    index = AnnIndex(32)
    index.add(np.arange(4000), vectors[:4000])
    assert measure_recall(index, vectors, np.arange(4000), queries) >= 0.97
    index.remove(np.arange(0, 4000, 2))
    assert measure_recall(index, vectors, np.arange(1, 4000, 2), queries) >= 0.97
    index.add(np.arange(4000, 6000), vectors[4000:])
    alive = np.concatenate([np.arange(1, 4000, 2), np.arange(4000, 6000)])
    assert measure_recall(index, vectors, alive, queries) >= 0.97


def test_saved_opened_and_changed(tmp_path: Path) -> None:
    vectors = clustered(300, seed=0)
    index = AnnIndex(32)
    index.add(np.arange(300), vectors)
    index.save(tmp_path / "i")
    mapped = AnnIndex.open(tmp_path / "i")
    assert [mapped.search(v, 5).tolist() for v in vectors] == [index.search(v, 5).tolist() for v in vectors]
    with pytest.raises(StoreError, match="writable"):
        mapped.remove(np.array([1]))
    with pytest.raises(StoreError, match="writable"):
        mapped.add(np.array([300]), vectors[:1])
    writable = AnnIndex.open(tmp_path / "i", writable=True)
    writable.remove(np.array([1]))
    writable.add(np.array([300]), vectors[1][None])
    assert writable.search(vectors[1], 1).tolist() == [300]


@pytest.mark.parametrize("content", [b"", b"x" * 500])
def test_a_broken_file_is_reported(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "i").write_bytes(content)
    with pytest.raises(StoreError, match="built again"):
        AnnIndex.open(tmp_path / "i")


def test_one_thread_builds_the_same_graph_every_time(tmp_path: Path) -> None:
    vectors = clustered(500, seed=3)
    for name in ("a", "b"):
        index = AnnIndex(32)
        index.add(np.arange(500), vectors)
        index.save(tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_an_empty_index_finds_nothing() -> None:
    assert AnnIndex(8).search(np.ones(8, np.float32), 5).tolist() == []

"""The approximate index, against looking at every vector."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bowerbird.embed.index.ann import AnnIndex
from bowerbird.embed.index.rows import unit
from bowerbird.errors import StoreError


def clustered(count: int, seed: int, dim: int = 32) -> np.ndarray:
    """Vectors in a hundred tight clusters: what a graph that gets stuck in one of them finds badly."""
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(99).normal(size=(100, dim))
    return unit(centres[rng.integers(100, size=count)] + 0.5 * rng.normal(size=(count, dim)))


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 30)), max_size=60), st.integers(0, 2**32 - 1))
def test_holds_what_was_added_and_not_deleted_since(steps: list[tuple[bool, int]], seed: int) -> None:
    rng, index, held = np.random.default_rng(seed), AnnIndex(16), {}
    for adds, key in steps:
        if adds and key not in held:
            held[key] = unit(rng.normal(size=(1, 16)))[0]
            index.add(np.array([key]), held[key][None])
        elif not adds:
            index.remove(np.array([key]))
            held.pop(key, None)
    assert len(index) == len(held)
    assert {key for key in range(31) if key in index} == set(held)
    # As many as there are: then the answer is complete, and the first is the vector itself.
    for key, vector in held.items():
        found = index.search(vector, 31).tolist()
        assert sorted(found) == sorted(held)
        assert found[0] == key


def recall_of(index: AnnIndex, vectors: np.ndarray, alive: np.ndarray, queries: np.ndarray) -> float:
    """Share of the 10 nearest that 30 candidates hold."""
    hits = 0
    for query in queries:
        truth = alive[np.argsort(-(vectors[alive] @ query))[:10]]
        hits += len(np.intersect1d(truth, index.search(query, 30)))
    return hits / (10 * len(queries))


def test_finds_the_nearest_in_clusters_before_and_after_deletes() -> None:
    vectors, queries = clustered(6000, seed=0), clustered(50, seed=1)
    index = AnnIndex(32)
    index.add(np.arange(4000), vectors[:4000])
    assert recall_of(index, vectors, np.arange(4000), queries) >= 0.97
    index.remove(np.arange(0, 4000, 2))
    assert recall_of(index, vectors, np.arange(1, 4000, 2), queries) >= 0.97
    index.add(np.arange(4000, 6000), vectors[4000:])
    alive = np.concatenate([np.arange(1, 4000, 2), np.arange(4000, 6000)])
    assert recall_of(index, vectors, alive, queries) >= 0.97


def test_saved_opened_and_changed(tmp_path: Path) -> None:
    vectors = clustered(300, seed=0)
    index = AnnIndex(32)
    index.add(np.arange(300), vectors)
    index.save(tmp_path / "i")
    mapped = AnnIndex.opened(tmp_path / "i")
    assert [mapped.search(v, 5).tolist() for v in vectors] == [index.search(v, 5).tolist() for v in vectors]
    with pytest.raises(StoreError, match="writable"):
        mapped.remove(np.array([1]))
    with pytest.raises(StoreError, match="writable"):
        mapped.add(np.array([300]), vectors[:1])
    own = AnnIndex.opened(tmp_path / "i", writable=True)
    own.remove(np.array([1]))
    own.add(np.array([300]), vectors[1][None])
    assert own.search(vectors[1], 1).tolist() == [300]


@pytest.mark.parametrize("content", [b"", b"x" * 500])
def test_a_broken_file_is_said_to_be_broken(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "i").write_bytes(content)
    with pytest.raises(StoreError, match="built anew"):
        AnnIndex.opened(tmp_path / "i")


def test_one_thread_builds_the_same_graph_every_time(tmp_path: Path) -> None:
    vectors = clustered(500, seed=3)
    for name in ("a", "b"):
        index = AnnIndex(32)
        index.add(np.arange(500), vectors)
        index.save(tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_an_empty_index_finds_nothing() -> None:
    assert AnnIndex(8).search(np.ones(8, np.float32), 5).tolist() == []

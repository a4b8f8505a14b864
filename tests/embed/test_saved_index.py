"""The index of a version's vectors: built, opened, and updated by the next version."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from bowerbird.data.items import Catalogue, Item
from bowerbird.data.store import Store
from bowerbird.embed.index import saved_index
from bowerbird.embed.index.item_index import nearest
from bowerbird.embed.index.rows import VectorRows, normalize_rows
from bowerbird.embed.index.saved_index import INDEX_FILE, item_index
from bowerbird.embed.search.searcher import Searcher
from factories import publish_vectors

VECTORS = normalize_rows(np.random.default_rng(0).normal(size=(400, 16)))


@pytest.fixture(autouse=True)
def many_means_fifty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(saved_index, "EXACT_UP_TO", 50)
    monkeypatch.setattr(
        "bowerbird.embed.index.item_index.EXACT_SCORES_PER_CANDIDATE", 1
    )  # so few items would all be scored


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store.create(tmp_path / "store")
    publish(store, range(300), VECTORS[:300])
    return store


def publish(store: Store, numbers: Sequence[int], vectors: np.ndarray) -> None:
    store.publish_catalogue(Catalogue.of(Item(f"i{number}", "an item") for number in numbers))
    publish_vectors(store, vectors)


def assert_index_finds_nearest(
    store: Store, catalogue: Catalogue, rows: VectorRows, min_recall: float = 0.95
) -> None:
    """The store's index finds most of what an exact search finds, with exact scores."""
    queries = normalize_rows(np.random.default_rng(1).normal(size=(30, 16)))
    positions, scores = item_index(store.snapshot()).nearest(queries, 10)
    expected, _ = nearest(rows.dense(), queries, 10)
    hits = [len(np.intersect1d(a, b)) for a, b in zip(positions, expected, strict=True)]
    # Two threads build a different graph each time: sometimes one misses a query's nearest item.
    assert np.mean(hits) / 10 >= min_recall
    assert np.allclose(scores, np.einsum("bnd,bd->bn", rows.dense()[positions], queries), atol=1e-3)


def index_path(store: Store) -> Path:
    version = store.current("vectors")
    assert version is not None
    return version.path / INDEX_FILE


def test_built_once_and_opened_by_memory_map(store: Store) -> None:
    catalogue = store.catalogue()
    assert_index_finds_nearest(store, catalogue, VectorRows(VECTORS[:300]))
    modified = index_path(store).stat().st_mtime_ns
    assert_index_finds_nearest(store, catalogue, VectorRows(VECTORS[:300]))
    assert index_path(store).stat().st_mtime_ns == modified


def test_a_catalogue_that_changed_since_moves_no_item(store: Store) -> None:
    current = [5, 999, *range(299, 99, -1)]  # most in another order, one new, some gone
    store.publish_catalogue(Catalogue.of(Item(f"i{number}", "an item") for number in current))
    snapshot = store.snapshot()
    assert snapshot.catalogue.ids == [f"i{number}" for number in range(300)]
    assert snapshot.catalogue.withdrawn.nonzero()[0].tolist() == [k for k in range(100) if k != 5]
    assert_index_finds_nearest(store, snapshot.catalogue, VectorRows(VECTORS[:300]))


def test_the_next_version_updates_the_index(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    assert_index_finds_nearest(store, store.catalogue(), VectorRows(VECTORS[:300]))
    # The first forty are gone, a hundred are new, ten have moved, and the order is another.
    numbers = np.random.default_rng(2).permutation(np.arange(40, 400))
    vectors = VECTORS[numbers].copy()
    vectors[:10] = normalize_rows(vectors[:10] + 1.0)
    publish(store, numbers.tolist(), vectors)
    monkeypatch.setattr(saved_index, "_build_new", lambda folder: pytest.fail("it was built from scratch"))
    assert_index_finds_nearest(store, store.catalogue(), VectorRows(vectors))
    assert len(np.load(index_path(store).with_name("keys.npy"))) == 360


def test_other_vectors_get_a_new_index(store: Store) -> None:
    assert_index_finds_nearest(store, store.catalogue(), VectorRows(VECTORS[:300]))
    other = normalize_rows(np.random.default_rng(5).normal(size=(300, 16)))
    publish(store, range(300), other)
    assert_index_finds_nearest(store, store.catalogue(), VectorRows(other))


def test_search_for_an_item_leaves_itself_out(store: Store) -> None:
    positions = Searcher.open(store.snapshot()).search(item="i7", n=5)
    assert index_path(store).exists()
    expected, _ = nearest(VECTORS[:300], VECTORS[7][None], 6)
    assert [hit.position for hit in positions] == expected[0, 1:].tolist()

"""The index beside a version's vectors: built, opened, and taken over by the next version."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from bowerbird.data.items import Catalogue, Item
from bowerbird.data.store import Store
from bowerbird.embed.index import saved_index
from bowerbird.embed.index.item_index import nearest
from bowerbird.embed.index.rows import Rows, unit
from bowerbird.embed.index.saved_index import INDEX_FILE, item_index
from bowerbird.embed.index.vectors import IDS_FILE, VECTORS_FILE
from bowerbird.embed.search.searcher import Searcher

VECTORS = unit(np.random.default_rng(0).normal(size=(400, 16)))


@pytest.fixture(autouse=True)
def many_means_fifty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(saved_index, "EXACT_UP_TO", 50)
    monkeypatch.setattr("bowerbird.embed.index.item_index.LOOKS", 1)  # so few items would all be looked at


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store.create(tmp_path / "store")
    publish(store, range(300), VECTORS[:300])
    return store


def publish(store: Store, numbers: Sequence[int], vectors: np.ndarray) -> None:
    store.publish_catalogue(Catalogue.of(Item(f"i{number}", "a thing") for number in numbers))
    with store.publishing("vectors", {}) as folder:
        np.save(folder / VECTORS_FILE, vectors.astype(np.float16))
        (folder / IDS_FILE).write_text(json.dumps([f"i{number}" for number in numbers]))


def check(store: Store, catalogue: Catalogue, rows: Rows, least: float = 0.95) -> None:
    """The store's index finds most of what looking at every row finds, and says exact scores of it."""
    queries = unit(np.random.default_rng(1).normal(size=(30, 16)))
    found, scores = item_index(store.snapshot()).nearest(queries, 10)
    expected, _ = nearest(rows.dense(), queries, 10)
    same = [len(np.intersect1d(a, b)) for a, b in zip(found, expected, strict=True)]
    # Two threads build another graph each time: now and then one misses a query's very nearest item.
    assert np.mean(same) / 10 >= least
    assert np.allclose(scores, np.einsum("bnd,bd->bn", rows.dense()[found], queries), atol=1e-3)


def file_of(store: Store) -> Path:
    version = store.current("vectors")
    assert version is not None
    return version.path / INDEX_FILE


def test_built_once_and_opened_by_memory_map(store: Store) -> None:
    catalogue = store.catalogue()
    check(store, catalogue, Rows(VECTORS[:300]))
    written = file_of(store).stat().st_mtime_ns
    check(store, catalogue, Rows(VECTORS[:300]))
    assert file_of(store).stat().st_mtime_ns == written


def test_a_catalogue_that_changed_since_moves_no_item(store: Store) -> None:
    today = [5, 999, *range(299, 99, -1)]  # most in another order, one new, some gone
    store.publish_catalogue(Catalogue.of(Item(f"i{number}", "a thing") for number in today))
    snapshot = store.snapshot()
    assert snapshot.catalogue.ids == [f"i{number}" for number in range(300)]
    assert snapshot.catalogue.withdrawn.nonzero()[0].tolist() == [k for k in range(100) if k != 5]
    check(store, snapshot.catalogue, Rows(VECTORS[:300]))


def test_the_next_version_takes_the_index_over(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    check(store, store.catalogue(), Rows(VECTORS[:300]))
    # The first forty are gone, a hundred are new, ten have moved, and the order is another.
    numbers = np.random.default_rng(2).permutation(np.arange(40, 400))
    vectors = VECTORS[numbers].copy()
    vectors[:10] = unit(vectors[:10] + 1.0)
    publish(store, numbers.tolist(), vectors)
    monkeypatch.setattr(saved_index, "_fresh", lambda folder: pytest.fail("it was built anew"))
    check(store, store.catalogue(), Rows(vectors))
    assert len(np.load(file_of(store).with_name("keys.npy"))) == 360


def test_other_vectors_get_an_index_of_their_own(store: Store) -> None:
    check(store, store.catalogue(), Rows(VECTORS[:300]))
    other = unit(np.random.default_rng(5).normal(size=(300, 16)))
    publish(store, range(300), other)
    check(store, store.catalogue(), Rows(other))


def test_search_for_an_item_leaves_itself_out(store: Store) -> None:
    found = Searcher.open(store.snapshot()).search(item="i7", n=5)
    assert file_of(store).exists()
    expected, _ = nearest(VECTORS[:300], VECTORS[7][None], 6)
    assert [one.position for one in found] == expected[0, 1:].tolist()

"""Published vectors, read in the order of the current catalogue."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bowerbird.data.items import Catalogue, Item
from bowerbird.data.store import Store
from bowerbird.embed.index.rows import normalize_rows, quantize_int8
from bowerbird.embed.index.vectors import MODALITIES_FILE, VECTORS_FILE, load_vectors
from bowerbird.embed.meta import VectorsMeta
from bowerbird.errors import StoreError
from factories import publish_vectors


def publish(store: Store, ids: list[str], matrix: np.ndarray) -> None:
    publish_vectors(store, matrix, generic=matrix, ids=ids, dim=matrix.shape[1])


def test_rows_follow_the_current_catalogue(tmp_path: Path) -> None:
    store = Store.create(tmp_path / "store")
    publish(store, ["a", "b", "gone"], np.array([[3.0, 4.0], [0.0, 1.0], [1.0, 0.0]]))
    current = Catalogue.of([Item("new", "new"), Item("b", "b"), Item("a", "a")])
    vectors = load_vectors(store.snapshot())
    assert np.allclose(vectors.aligned(current), [[0, 0], [0, 1], [0.6, 0.8]], atol=1e-3)
    assert np.allclose(vectors.generic(current), [[0, 0], [0, 1], [0.6, 0.8]], atol=1e-3)
    assert np.allclose(np.linalg.norm(vectors.matrix, axis=1), 1.0)


def test_each_modality_keeps_its_length_in_the_current_order(tmp_path: Path) -> None:
    store = Store.create(tmp_path / "store")
    publish(store, ["a", "b"], np.eye(2))
    version = store.current("vectors")
    assert version is not None
    facts, text, picture = np.eye(2), np.array([[0.6, 0.8], [1.0, 0.0]]), np.array([[1.0], [0.0]])
    np.save(version.path / MODALITIES_FILE, np.concatenate([facts, text, picture], axis=1).astype(np.float16))
    vectors = replace(load_vectors(store.snapshot()), meta=VectorsMeta(modality_widths=(2, 2, 1)))
    for ids, places in ((["a", "b"], [0, 1]), (["b", "new", "a"], [1, -1, 0])):
        catalogue = Catalogue.of(Item(item_id, item_id) for item_id in ids)
        for modality, rows in zip(vectors.modalities(catalogue), (facts, text, picture), strict=True):
            expected = np.array([rows[place] if place >= 0 else 0 * rows[0] for place in places])
            np.testing.assert_allclose(modality[np.arange(len(ids))], expected, atol=1e-3)


def test_a_store_without_vectors_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="bowerbird embed"):
        load_vectors(Store.create(tmp_path / "store").snapshot())


def test_broken_vectors_say_what_to_run(tmp_path: Path) -> None:
    store = Store.create(tmp_path / "store")
    publish(store, ["a"], np.ones((1, 2)))
    version = store.current("vectors")
    assert version is not None
    (version.path / VECTORS_FILE).write_bytes(b"half a fi")
    with pytest.raises(StoreError, match="bowerbird embed"):
        load_vectors(store.snapshot())


def test_int8_vectors_are_read_as_float16_ones(tmp_path: Path) -> None:
    matrix = normalize_rows(np.random.default_rng(0).normal(size=(20, 64)))
    store = Store.create(tmp_path / "store")
    publish_vectors(store, quantize_int8(matrix), ids=[f"i{k}" for k in range(20)])
    catalogue = Catalogue.of(Item(f"i{k}", "an item") for k in range(20))
    aligned = load_vectors(store.snapshot()).aligned(catalogue)
    assert (aligned * matrix).sum(axis=1).min() > 0.9998

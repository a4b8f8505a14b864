"""Frozen features are computed once, by any engine, and again only for changed items."""

from __future__ import annotations

import io
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bowerbird.choices import Engine
from bowerbird.data.items import Catalogue, Item
from bowerbird.data.store import Store
from bowerbird.embed.encode.batches import BATCHES_AHEAD, Batch, encode_in_threads, split_into_batches
from bowerbird.embed.encode.feature_cache import FeatureCache
from bowerbird.embed.encode.features import compute_item_features
from bowerbird.embed.encode.precompute import Precompute
from bowerbird.errors import BackboneError, InputError
from waiting import wait_until

ITEMS = [Item("a", "a red chair"), Item("b", "a blue lamp"), Item("c", "a green rug")]


def count_cached_rows(store: Store) -> int:
    return sum(len(FeatureCache(folder)) for folder in store.features.iterdir())


def picture(seed: int) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (6, 5, 3), np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).resize((50, 60)).save(file, "JPEG")
    return file.getvalue()


def items_with_pictures(count: int) -> list[Item]:
    return [Item(str(number), image=picture(number)) for number in range(count)]


def test_only_what_changed_is_encoded_again(toy_store: Callable[..., Store]) -> None:
    store = toy_store(items=ITEMS, events=[])
    first = compute_item_features(store, store.catalogue())
    assert count_cached_rows(store) == 3
    again = compute_item_features(store, store.catalogue())
    assert count_cached_rows(store) == 3
    assert np.array_equal(first.text, again.text)
    changed = Catalogue.of([ITEMS[2], replace(ITEMS[0], title="a red sofa"), ITEMS[1]])
    moved = compute_item_features(store, changed)
    assert count_cached_rows(store) == 4
    assert np.array_equal(moved.text[[0, 2]], first.text[[2, 1]])
    assert not np.array_equal(moved.text[1], first.text[0])


def test_broken_pictures_and_equal_ones_stop_nothing(toy_store: Callable[..., Store]) -> None:
    picture_bytes = picture(1)
    items = [
        Item("a", image=picture_bytes),
        Item("b", "a", image=picture_bytes[:200]),
        Item("c", "c"),
        Item("d", image=picture_bytes),
    ]
    store = toy_store(items=items, events=[])
    features = compute_item_features(store, store.catalogue())
    assert features.has_image.tolist() == [True, False, False, True]
    assert features.has_text.tolist() == [False, True, True, False]
    assert np.array_equal(features.image[0], features.image[3])
    assert count_cached_rows(store) == 2 + 2  # that a picture is broken is cached


@pytest.mark.slow
def test_workers_change_no_bit(toy_store: Callable[..., Store], tmp_path: Path) -> None:
    words = ["red", "blue", "lamp", "chair", "of", "oak", "with", "a", "soft", "seat", "feet", "brass"]
    items = [Item(str(k), " ".join(words[: 1 + k % 12]) + f" {k}", image=picture(k)) for k in range(70)]
    catalogue = Catalogue.of(items)
    by_one, by_three = (
        compute_item_features(
            Store.create(tmp_path / str(n_workers)), catalogue, precompute=Precompute(workers=n_workers)
        )
        for n_workers in (1, 3)
    )
    assert np.array_equal(by_one.image, by_three.image) and np.array_equal(by_one.text, by_three.text)
    assert np.linalg.matrix_rank(by_one.image) > 20, "all rows are alike: nothing was compared"


@pytest.mark.slow
def test_ray_changes_no_bit(tmp_path: Path) -> None:
    pytest.importorskip("ray", reason="Ray is not installed: pip install 'bowerbird[ray]'")
    catalogue = Catalogue.of(items_with_pictures(40))
    local = compute_item_features(Store.create(tmp_path / "here"), catalogue)
    ray = compute_item_features(
        Store.create(tmp_path / "ray"), catalogue, precompute=Precompute(Engine.RAY, workers=2)
    )
    assert np.array_equal(local.image, ray.image) and local.has_image.all()


def test_without_ray_the_error_says_what_to_install(
    toy_store: Callable[..., Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    store = toy_store(items=ITEMS, events=[])
    with pytest.raises(BackboneError, match=r"bowerbird\[ray\]"):
        compute_item_features(store, store.catalogue(), precompute=Precompute(Engine.RAY))


def test_no_workers_are_rejected() -> None:
    with pytest.raises(InputError):
        Precompute(workers=0)


def test_contents_stream_through(tmp_path: Path) -> None:
    n_read = 0

    def contents() -> Iterator[bytes]:
        nonlocal n_read
        for n_read in range(1, 1001):
            yield bytes([n_read % 256])

    def encode(batch: Batch) -> np.ndarray:
        return np.array([[content[0]] for content in batch], np.float16)

    n_encoded = 0
    for rows in encode_in_threads(encode, split_into_batches(contents(), 7), workers=2):
        assert rows[:, 0].tolist() == [(n_encoded + k + 1) % 256 for k in range(len(rows))]
        n_encoded += len(rows)
        assert n_read - n_encoded <= 7 * BATCHES_AHEAD * 2
    assert n_encoded == 1000


KILLED = """
import sys
from bowerbird.data.store import Store
from bowerbird.embed.encode import features
features.SHARD_SIZE = 16
store = Store.open(sys.argv[1])
features.compute_item_features(store, store.catalogue())
"""


@pytest.mark.slow
def test_a_killed_run_resumes_after_its_last_shard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bowerbird.embed.encode.features.SHARD_SIZE", 16)
    catalogue = Catalogue.of(items_with_pictures(400))
    store = Store.create(tmp_path / "killed")
    store.publish_catalogue(catalogue)
    process = subprocess.Popen([sys.executable, "-c", KILLED, str(store.path)])
    folder = store.features / "image-efficientnet-lite0"
    wait_until(lambda: process.poll() is not None or len(list(folder.glob("[!.]*.arrow"))) >= 3, "shards")
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL, "it was not killed in the middle"
    shard_times = {path: path.stat().st_mtime_ns for path in folder.glob("[!.]*.arrow")}
    assert 3 * 16 <= len(FeatureCache(folder)) < 400

    resumed = compute_item_features(store, catalogue)
    assert {path: path.stat().st_mtime_ns for path in shard_times} == shard_times  # nothing was written twice
    assert len(FeatureCache(folder)) == 400
    uninterrupted = compute_item_features(Store.create(tmp_path / "whole"), catalogue)
    assert np.array_equal(resumed.image, uninterrupted.image) and uninterrupted.has_image.all()


def test_older_features_are_left_alone(toy_store: Callable[..., Store]) -> None:
    store = toy_store(items=ITEMS, events=[])
    old = store.features / "text-minilm-l6" / "0123.npz"
    old.parent.mkdir()
    old.write_bytes(b"features of another version")
    assert compute_item_features(store, store.catalogue()).has_text.all()
    assert old.exists()

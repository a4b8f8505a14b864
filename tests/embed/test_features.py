"""Frozen features are made once, by whoever, and made again only of what changed."""

from __future__ import annotations

import io
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bowerbird.data.items import Catalogue, Item
from bowerbird.data.store import Store
from bowerbird.embed.encode.batches import AHEAD, Batch, by_threads, in_batches
from bowerbird.embed.encode.feature_cache import FeatureCache
from bowerbird.embed.encode.features import item_features
from bowerbird.embed.encode.precompute import Precompute
from bowerbird.errors import BackboneError, InputError

ITEMS = [Item("a", "a red chair"), Item("b", "a blue lamp"), Item("c", "a green rug")]


def rows_kept(store: Store) -> int:
    return sum(len(FeatureCache(folder)) for folder in store.features.iterdir())


def picture(seed: int) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (6, 5, 3), np.uint8)
    out = io.BytesIO()
    Image.fromarray(pixels).resize((50, 60)).save(out, "JPEG")
    return out.getvalue()


def pictured(count: int) -> list[Item]:
    return [Item(str(k), image=picture(k)) for k in range(count)]


def test_only_what_changed_is_encoded_again(toy_store: Callable[..., Store]) -> None:
    store = toy_store(items=ITEMS, events=[])
    first = item_features(store, store.catalogue())
    assert rows_kept(store) == 3
    again = item_features(store, store.catalogue())
    assert rows_kept(store) == 3
    assert np.array_equal(first.text, again.text)
    changed = Catalogue.of([ITEMS[2], replace(ITEMS[0], title="a red sofa"), ITEMS[1]])
    moved = item_features(store, changed)
    assert rows_kept(store) == 4
    assert np.array_equal(moved.text[[0, 2]], first.text[[2, 1]])
    assert not np.array_equal(moved.text[1], first.text[0])


def test_broken_pictures_and_equal_ones_stop_nothing(toy_store: Callable[..., Store]) -> None:
    good = picture(1)
    items = [Item("a", image=good), Item("b", "a", image=good[:200]), Item("c", "c"), Item("d", image=good)]
    store = toy_store(items=items, events=[])
    features = item_features(store, store.catalogue())
    assert features.has_image.tolist() == [True, False, False, True]
    assert features.has_text.tolist() == [False, True, True, False]
    assert np.array_equal(features.image[0], features.image[3])
    assert rows_kept(store) == 2 + 2  # a broken picture is remembered as broken


def test_workers_change_no_bit(toy_store: Callable[..., Store], tmp_path: Path) -> None:
    words = ["red", "blue", "lamp", "chair", "of", "oak", "with", "a", "soft", "seat", "feet", "brass"]
    items = [Item(str(k), " ".join(words[: 1 + k % 12]) + f" {k}", image=picture(k)) for k in range(70)]
    catalogue = Catalogue.of(items)
    one, three = (
        item_features(Store.create(tmp_path / str(n)), catalogue, precompute=Precompute(workers=n))
        for n in (1, 3)
    )
    assert np.array_equal(one.image, three.image) and np.array_equal(one.text, three.text)
    assert np.linalg.matrix_rank(one.image) > 20, "all rows are alike: nothing was compared"


def test_ray_changes_no_bit(tmp_path: Path) -> None:
    pytest.importorskip("ray", reason="Ray is not installed: pip install 'bowerbird[ray]'")
    catalogue = Catalogue.of(pictured(40))
    here = item_features(Store.create(tmp_path / "here"), catalogue)
    ray = item_features(Store.create(tmp_path / "ray"), catalogue, precompute=Precompute("ray", workers=2))
    assert np.array_equal(here.image, ray.image) and here.has_image.all()


def test_without_ray_the_engine_says_what_to_install(
    toy_store: Callable[..., Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    store = toy_store(items=ITEMS, events=[])
    with pytest.raises(BackboneError, match=r"bowerbird\[ray\]"):
        item_features(store, store.catalogue(), precompute=Precompute("ray"))


@pytest.mark.parametrize("wrong", [{"engine": "spark"}, {"workers": 0}])
def test_engines_that_are_none_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(InputError):
        Precompute(**wrong)  # type: ignore[arg-type]


def test_contents_stream_through(tmp_path: Path) -> None:
    taken = 0

    def contents() -> Iterator[bytes]:
        nonlocal taken
        for taken in range(1, 1001):
            yield bytes([taken % 256])

    def encode(batch: Batch) -> np.ndarray:
        return np.array([[one[0]] for one in batch], np.float16)

    done = 0
    for rows in by_threads(encode, in_batches(contents(), 7), workers=2):
        assert rows[:, 0].tolist() == [(done + k + 1) % 256 for k in range(len(rows))]
        done += len(rows)
        assert taken - done <= 7 * AHEAD * 2
    assert done == 1000


KILLED = """
import sys
from bowerbird.data.store import Store
from bowerbird.embed.encode import features
features.SHARD = 16
store = Store.open(sys.argv[1])
features.item_features(store, store.catalogue())
"""


def test_a_killed_run_goes_on_after_its_last_shard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bowerbird.embed.encode.features.SHARD", 16)
    catalogue = Catalogue.of(pictured(400))
    store = Store.create(tmp_path / "killed")
    store.publish_catalogue(catalogue)
    run = subprocess.Popen([sys.executable, "-c", KILLED, str(store.path)])
    folder = store.features / "image-efficientnet-lite0"
    while run.poll() is None and len(list(folder.glob("[!.]*.arrow"))) < 3:
        time.sleep(0.005)
    run.send_signal(signal.SIGKILL)
    assert run.wait() == -signal.SIGKILL, "it was not killed in the middle"
    kept = {path: path.stat().st_mtime_ns for path in folder.glob("[!.]*.arrow")}
    assert 3 * 16 <= len(FeatureCache(folder)) < 400

    resumed = item_features(store, catalogue)
    assert {path: path.stat().st_mtime_ns for path in kept} == kept  # nothing was written twice
    assert len(FeatureCache(folder)) == 400
    whole = item_features(Store.create(tmp_path / "whole"), catalogue)
    assert np.array_equal(resumed.image, whole.image) and whole.has_image.all()


def test_older_features_are_left_alone(toy_store: Callable[..., Store]) -> None:
    store = toy_store(items=ITEMS, events=[])
    old = store.features / "text-minilm-l6" / "0123.npz"
    old.parent.mkdir()
    old.write_bytes(b"features of another version")
    assert item_features(store, store.catalogue()).has_text.all()
    assert old.exists()

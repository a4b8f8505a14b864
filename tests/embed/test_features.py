"""Frozen features are made once, and made again only of what changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bowerbird.data.items import Catalogue, Item
from bowerbird.data.store import Store
from bowerbird.embed.features import FeatureCache, item_features

ITEMS = [Item("a", "a red chair"), Item("b", "a blue lamp"), Item("c", "a green rug")]


def rows_kept(store: Store) -> int:
    return sum(len(np.load(path)["keys"]) for path in store.features.rglob("*.npz"))


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


def test_a_killed_run_goes_on_after_its_last_shard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bowerbird.embed.features.SHARD", 4)
    keys: list[bytes | None] = [bytes([k]) * 16 for k in range(10)]
    asked: list[int] = []

    def encode(indices: Sequence[int], dies_at: int = 99) -> Iterator[np.ndarray]:
        for start in range(0, len(indices), 2):
            batch = indices[start : start + 2]
            if dies_at in batch:
                raise KeyboardInterrupt
            asked.extend(batch)
            yield np.array([[k, k] for k in batch], np.float32)

    with pytest.raises(KeyboardInterrupt):
        FeatureCache(tmp_path).fill(keys, lambda indices: encode(indices, dies_at=6), "", 2)
    asked.clear()
    rows, has = FeatureCache(tmp_path).fill(keys, encode, "", 2)
    assert asked == [4, 5, 6, 7, 8, 9]
    assert rows[:, 0].tolist() == list(range(10))
    assert has.all()

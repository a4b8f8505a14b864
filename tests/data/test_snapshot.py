"""Snapshots: versions that belong together, pinned at one instant, each opened once."""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import factories
from bowerbird.data.collections import Collection
from bowerbird.data.ingest.imports import import_layout
from bowerbird.data.items import Catalogue, Item
from bowerbird.data.snapshot import TEXTS
from bowerbird.data.store import Store
from bowerbird.data.versions.leases import leased_versions
from bowerbird.data.versions.publishing import SupersededError
from bowerbird.data.versions.version import KINDS
from bowerbird.errors import StoreError

FORK = multiprocessing.get_context("fork")


def items(count: int, price: float = 1.0) -> Catalogue:
    return Catalogue.of(Item(f"i{k}", f"thing {k}", price=price, image=bytes([k]) * 9) for k in range(count))


def publish_vectors(store: Store, ids: Sequence[str]) -> str:
    return factories.publish_vectors(store, np.eye(len(ids), 4), ids=ids)


def publish_round(store: Store, number: int) -> None:
    """Publish one version of every kind, marked with a number."""
    store.publish_catalogue(items(3, price=number))
    store.publish_collections([Collection(f"c{number}", ("i0",))])
    for kind in ("vectors", "interests", "ranker", "completion", "graft"):
        with store.publishing(kind, {"number": number}) as folder:
            (folder / "ids.json").write_text('["i0", "i1", "i2"]')


def count_versions(store: Store) -> dict[str, int]:
    return {kind: sum(path.is_dir() for path in (store.path / kind).glob("[!.]*")) for kind in KINDS}


# -- pinning ------------------------------------------------------------------------------------------------


def test_later_versions_do_not_change_a_snapshot(store: Store) -> None:
    publish_round(store, 0)
    snapshot = store.snapshot()
    for number in range(1, 20):
        publish_round(store, number)
    assert snapshot.catalogue.item(0).price == 0 and snapshot.catalogue.image(2) == bytes([2]) * 9
    assert [collection.collection_id for collection in snapshot.collections] == ["c0"]
    assert {snapshot.version(kind).meta["number"] for kind in ("vectors", "ranker")} == {0}  # type: ignore[union-attr]
    assert store.snapshot().catalogue.item(0).price == 19


def test_versions_stay_while_a_snapshot_reads_them_and_are_removed_afterwards(store: Store) -> None:
    publish_round(store, 0)
    snapshot = store.snapshot()
    ranker = snapshot.version("ranker")
    assert ranker is not None
    for number in range(1, 20):
        publish_round(store, number)
    assert (ranker.path / "ids.json").exists() and max(count_versions(store).values()) <= 5 + 5 + 2
    counts_before = count_versions(store)
    del snapshot, ranker
    gc.collect()
    publish_round(store, 20)
    assert all(
        count < counts_before[kind] or kind == "catalogue"
        for kind, count in count_versions(store).items()
        if counts_before[kind]
    )
    assert not leased_versions(store.path)


def hold(path: Path, pinned: Any) -> None:
    snapshot = Store.open(path).snapshot()
    pinned.set()
    signal.pause()
    del snapshot


def test_a_reader_in_another_process_protects_versions_until_it_dies(store: Store) -> None:
    publish_round(store, 0)
    ranker, pinned = store.current("ranker"), FORK.Event()
    assert ranker is not None
    reader = FORK.Process(target=hold, args=(store.path, pinned))
    reader.start()
    try:
        assert pinned.wait(30)
        for number in range(1, 12):
            publish_round(store, number)
        assert ranker.path.exists()
    finally:
        assert reader.pid is not None
        os.kill(reader.pid, signal.SIGKILL)  # it can't release its lease
        reader.join(30)
    publish_round(store, 12)
    assert not ranker.path.exists()


def test_an_older_set_can_be_read(store: Store) -> None:
    for number in range(3):
        publish_round(store, number)
    number = store.history().previous.number
    assert store.snapshot(number=number).names != store.snapshot().names
    with pytest.raises(StoreError, match="no set 99 of versions"):
        store.snapshot(number=99)


def test_a_read_only_store_can_be_read(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    publish_round(store, 0)

    def fail(*_: Any, **__: Any) -> None:
        raise PermissionError(13, "read-only")

    monkeypatch.setattr(Path, "mkdir", fail)
    assert len(store.snapshot().catalogue) == 3


# -- opening ------------------------------------------------------------------------------------------------


def test_each_object_is_opened_once_for_all_threads(store: Store) -> None:
    publish_round(store, 0)
    snapshot, opened, values = store.snapshot(), [], []
    together = threading.Barrier(8)

    def opener() -> object:
        opened.append(1)
        return object()

    def ask() -> None:
        together.wait(30)
        values.append(snapshot.open_once("thing", opener))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(opened) == 1 and len(values) == 8 and len(set(map(id, values))) == 1


def test_after_a_failed_opening_the_next_caller_tries_again(store: Store) -> None:
    publish_round(store, 0)
    snapshot, results = store.snapshot(), iter([StoreError("broken"), None])

    def opener() -> str:
        if error := next(results):
            raise error
        return "open"

    with pytest.raises(StoreError, match="broken"):
        snapshot.open_once("thing", opener)
    assert snapshot.open_once("thing", opener) == "open"


def test_unchanged_objects_are_shared_with_the_next_snapshot(store: Store) -> None:
    publish_round(store, 0)
    first = store.snapshot()
    by_kinds: dict[str, tuple[str, ...]] = {
        "prices": ("catalogue",),
        "matrix": ("vectors",),
        "ranker": ("vectors", "ranker"),
        "words": ("vectors", TEXTS),
    }

    def opened(snapshot: Any) -> dict[str, object]:
        return {key: snapshot.open_once(key, object, of=of) for key, of in by_kinds.items()}

    def shared(later: Any) -> set[str]:
        opened_later = opened(later)
        return {key for key in by_kinds if opened_later[key] is before[key]}

    before = opened(first)
    assert shared(store.snapshot(first)) == set(by_kinds)
    store.publish_catalogue(items(3, price=77.0))
    second = store.snapshot(first)
    assert shared(second) == {"matrix", "ranker", "words"}
    store.publish_catalogue(Catalogue.of(Item(f"i{k}", f"other {k}") for k in range(3)))
    assert shared(store.snapshot(second)) == {"matrix", "ranker"}
    with store.publishing("ranker", {}):
        pass
    assert shared(store.snapshot(second)) == {"matrix"}


def test_adopted_versions_belong_to_the_snapshot(store: Store) -> None:
    store.publish_catalogue(items(3))
    publish_vectors(store, ["i0", "i1", "i2"])
    snapshot = store.snapshot()
    opened = snapshot.open_once("ranker", object, of=("vectors", "ranker"))
    version = store.publish("ranker", {}, lambda folder: None)
    snapshot.adopt(version)
    assert snapshot.names == store.snapshot().names
    assert store.snapshot(snapshot).open_once("ranker", object, of=("vectors", "ranker")) is opened


def test_models_of_one_set_with_the_facts_of_another(store: Store) -> None:
    publish_round(store, 0)
    served = store.snapshot()
    publish_vectors(store, ["i0", "i1", "i2", "i3"])
    store.publish_catalogue(items(4, price=5.0))
    assert not store.snapshot(served).complete
    mixed = served.with_facts_of(store.snapshot(served))
    assert mixed.complete and mixed.names["vectors"] == served.names["vectors"]
    assert mixed.catalogue.ids == ["i0", "i1", "i2"] and mixed.catalogue.prices.tolist() == [5.0] * 3


# -- positions ----------------------------------------------------------------------------------------------


def test_positions_are_the_rows_of_the_vectors(store: Store) -> None:
    store.publish_catalogue(items(4))
    publish_vectors(store, ["i0", "i1", "i2", "i3"])
    changed = [Item("new", "too new"), Item("i3", "thing 3", price=9.0), Item("i0", "thing 0", image=b"x")]
    store.publish_catalogue(Catalogue.of(changed))
    snapshot = store.snapshot()
    assert snapshot.catalogue.ids == ["i0", "i1", "i2", "i3"]
    assert snapshot.catalogue.item(3).price == 9.0 and snapshot.catalogue.image(0) == b"x"
    assert snapshot.catalogue.withdrawn.tolist() == [False, True, True, False]
    assert snapshot.catalogue.available.tolist() == [True, False, False, True]
    assert snapshot.imported.ids == ["new", "i3", "i0"]
    publish_vectors(store, store.item_ids())
    assert store.snapshot().catalogue.ids == ["new", "i3", "i0"]


def test_an_import_moves_no_item(store: Store, feed: Callable[..., Path]) -> None:
    rows = [("a", "Lamp", "1", ""), ("b", "Mug", "2", ""), ("c", "Rug", "3", "")]
    import_layout(store, "google-feed", [feed(rows)])
    import_layout(store, "google-feed", [feed([("d", "Sofa", "4", ""), ("b", "Mug", "2.50", "")])])
    catalogue = store.catalogue()
    assert catalogue.ids == ["a", "b", "c", "d"] and catalogue.prices.tolist() == [1, 2.5, 3, 4]


TEXT = st.sampled_from(["", "x", "y"])
ITEM = st.builds(
    Item,
    item_id=st.sampled_from("abcdefgh"),
    title=TEXT,
    image=st.none() | st.sampled_from([b"1", b"2"]),
    price=st.none() | st.sampled_from([1.0, 2.0]),
    attributes=st.dictionaries(TEXT, TEXT, max_size=2),
)
CATALOGUE = st.lists(ITEM, max_size=8, unique_by=lambda item: item.item_id)


def with_images(catalogue: Catalogue) -> list[Item]:
    return [replace(item, image=catalogue.image(row)) for row, item in enumerate(catalogue.items())]


@given(CATALOGUE, CATALOGUE)
def test_updating_matches_a_dictionary(before: list[Item], fresh: list[Item]) -> None:
    expected = {item.item_id: item for item in before} | {item.item_id: item for item in fresh}
    assert with_images(Catalogue.of(before).updated(Catalogue.of(fresh))) == list(expected.values())


@given(CATALOGUE, st.lists(st.sampled_from("abcdefgh"), unique=True))
def test_by_ids_matches_a_dictionary(items_before: list[Item], ids: list[str]) -> None:
    by_id = {item.item_id: item for item in items_before}
    expected = [by_id.get(item_id, Item(item_id, availability="withdrawn")) for item_id in ids]
    assert with_images(Catalogue.of(items_before).by_ids(ids)) == expected


def test_unchanged_pictures_are_not_written_again(store: Store) -> None:
    store.publish_catalogue(items(5))
    before, first = store.catalogue(), store.current("catalogue")
    assert first is not None
    snapshot = store.snapshot()  # protects its version
    for fresh, is_shared in ((items(2, price=9.0), True), (Catalogue.of([Item("i1", image=b"new")]), False)):
        after = store.publish_catalogue(before.updated(fresh), before)
        assert (after.path / "pictures.arrow").samefile(first.path / "pictures.arrow") == is_shared
        assert store.catalogue().image(3) == bytes([3]) * 9
        store.publish_catalogue(before, before)
    assert snapshot.catalogue.image(1) == bytes([1]) * 9


def test_a_long_training_does_not_block_imports(store: Store, feed: Callable[..., Path]) -> None:
    with store.exclusive("ranker"):
        import_layout(store, "google-feed", [feed([("a", "Lamp", "1", "")])])
    assert store.item_ids() == ["a"]


# -- switching ----------------------------------------------------------------------------------------------


def test_kinds_that_are_published_together_are_never_seen_apart(store: Store) -> None:
    seen, stop = set(), threading.Event()

    def look() -> None:
        while not stop.is_set():
            snapshot = store.snapshot()
            if snapshot.version("catalogue") is not None:
                seen.add((snapshot.catalogue.item(0).price, snapshot.collections[0].collection_id))

    reader = threading.Thread(target=look)
    reader.start()
    for number in range(40):
        with store.lock("import"), store.publishing_together():
            store.publish_catalogue(items(1, price=number))
            store.publish_collections([Collection(f"c{number}", ("i0",))])
    stop.set()
    reader.join(30)
    assert seen and all(name == f"c{price:.0f}" for price, name in seen)


def test_an_error_leaves_all_versions_in_force(store: Store) -> None:
    publish_round(store, 0)
    before = store.snapshot().names
    with pytest.raises(ValueError, match="a bug"), store.publishing_together():
        store.publish_catalogue(items(9))
        raise ValueError("a bug")
    assert store.snapshot().names == before
    store.publish_catalogue(items(4))
    assert len(store.catalogue()) == 4 and count_versions(store)["catalogue"] == 2, (
        "the unused version is removed"
    )


def test_versions_made_of_other_vectors_never_come_into_force(store: Store) -> None:
    store.publish_catalogue(items(3))
    old = publish_vectors(store, ["i0", "i1", "i2"])
    new = publish_vectors(store, ["i0", "i1", "i2"])
    with pytest.raises(SupersededError):
        store.publish("ranker", {}, lambda folder: None, made_of={"vectors": old})
    assert "ranker" not in store.snapshot().names and count_versions(store)["ranker"] == 0
    store.publish("ranker", {}, lambda folder: None, made_of={"vectors": new})
    assert "ranker" in store.snapshot().names


def die_while_switching(path: Path) -> None:
    import bowerbird.data.versions.publishing as module

    def die(*_: Any) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    module.write_record = die  # type: ignore[assignment]
    Store.open(path).publish_catalogue(items(9))


def test_a_crash_before_the_switch_leaves_the_old_set(store: Store) -> None:
    publish_round(store, 0)
    before = store.snapshot().names
    writer = FORK.Process(target=die_while_switching, args=(store.path,))
    writer.start()
    writer.join(30)
    assert writer.exitcode == -signal.SIGKILL
    assert count_versions(store)["catalogue"] == 2 and store.snapshot().names == before
    store.publish_catalogue(items(4))
    assert len(store.snapshot().imported) == 4 and count_versions(store)["catalogue"] == 2, (
        "the orphan is gone"
    )


def publish_many(path: Path, kind: str, go: Any) -> None:
    go.wait(30)
    for number in range(25):
        Store.open(path).publish(kind, {"number": number}, lambda folder: None)


def test_concurrent_publishers_lose_nothing(store: Store) -> None:
    publish_round(store, 0)
    go, kinds, first = FORK.Event(), ("ranker", "graft", "collections"), store.snapshot().number
    writers = [FORK.Process(target=publish_many, args=(store.path, kind, go)) for kind in kinds]
    for writer in writers:
        writer.start()
    go.set()
    for writer in writers:
        writer.join(60)
    assert [writer.exitcode for writer in writers] == [0, 0, 0]
    snapshot = store.snapshot()
    assert [snapshot.version(kind).meta["number"] for kind in kinds] == [24] * 3  # type: ignore[union-attr]
    assert snapshot.number == first + 3 * 25


def test_a_store_of_an_older_version_opens_and_continues(store: Store) -> None:
    publish_round(store, 0)
    names = store.snapshot().names
    (store.path / "versions.json").unlink()
    for kind, name in names.items():
        (store.path / kind / "CURRENT").write_text(name)
    older = Store.open(store.path)
    assert older.snapshot().names == names and older.snapshot().complete
    with pytest.raises(StoreError, match="no earlier set"):
        older.roll_back()
    older.publish_catalogue(items(3, price=5.0))
    assert not list(store.path.glob("*/CURRENT"))
    older.roll_back()
    assert older.snapshot().names == names


def test_a_broken_list_of_sets_is_named(store: Store) -> None:
    publish_round(store, 0)
    (store.path / "versions.json").write_text('{"sets": 3}')
    with pytest.raises(StoreError, match=r"versions\.json can't be read"):
        store.snapshot()

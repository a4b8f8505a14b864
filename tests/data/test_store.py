"""The store's guarantees: versions are complete or absent, and writers exclude each other."""

import multiprocessing
import os
import secrets
import signal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bowerbird.data.files.durable import write_atomically
from bowerbird.data.items import Catalogue, Item
from bowerbird.data.settings import SETTINGS_FILE
from bowerbird.data.store import Store
from bowerbird.errors import StoreError
from commands import run_command

FORK = multiprocessing.get_context("fork")


def hidden_files(store: Store) -> list[Path]:
    return [path for path in store.path.rglob("*") if path.name.startswith(".")]


def publish(store: Store, content: str) -> None:
    with store.publishing("vectors", {"content": content}) as folder:
        (folder / "data").write_text(content)


def test_catalogue_comes_back_as_published(store: Store) -> None:
    item = Item("a", "Lamp", price=3.5, category=("home", "lamp"), attributes={"colour": "red"}, image=b"x")
    store.publish_catalogue(Catalogue.of([item]))
    read = Store.open(store.path).catalogue()
    assert (read.ids, read.image(0)) == (["a"], b"x")
    assert read.item(0) == Item(
        "a", "Lamp", price=3.5, category=("home", "lamp"), attributes={"colour": "red"}
    )


@pytest.mark.parametrize("error", [ValueError("a bug"), KeyboardInterrupt(), OSError(28, "No space left")])
def test_an_error_inside_the_block_leaves_the_old_version(store: Store, error: BaseException) -> None:
    publish(store, "old")
    expected = StoreError if isinstance(error, OSError) else type(error)
    with pytest.raises(expected), store.publishing("vectors", {}) as folder:
        (folder / "data").write_text("half")
        raise error
    current = store.current("vectors")
    assert current is not None and (current.path / "data").read_text() == "old"
    assert hidden_files(store) == []


def test_meta_may_grow_inside_the_block(store: Store) -> None:
    meta: dict[str, object] = {}
    with store.publishing("graft", meta):
        meta["loss"] = 1.5
    current = store.current("graft")
    assert current is not None and current.meta == {"loss": 1.5}


def test_full_disk_leaves_the_old_version(store: Store, feed, bowerbird_on_a_full_disk) -> None:
    store.publish_catalogue(Catalogue.of([Item("old", "Old lamp")]))
    rows = [(f"new-{n}", secrets.token_hex(1000), "1", "") for n in range(100)]
    arguments = ("import", "google-feed", feed(rows), "--store", store.path)
    process = bowerbird_on_a_full_disk(*arguments, largest_file=20_000)
    assert process.returncode == 2, process.stderr
    assert "stays in force" in process.stderr and "Traceback" not in process.stderr
    assert Store.open(store.path).catalogue().ids == ["old"]
    assert hidden_files(store) == []
    process = run_command(*arguments)
    assert process.returncode == 0 and len(store.catalogue()) == 101


def test_newer_layout_is_an_error(store: Store) -> None:
    text = (store.path / SETTINGS_FILE).read_text().replace("layout_version = 1", "layout_version = 99")
    (store.path / SETTINGS_FILE).write_text(text)
    with pytest.raises(StoreError, match=r"layout version 99.*reads version 1"):
        Store.open(store.path)
    process = run_command("search", store.path, "lamp")
    assert process.returncode == 2 and "layout version 99" in process.stderr


def test_a_folder_with_other_files_is_not_a_store(tmp_path: Path) -> None:
    (tmp_path / "thesis.doc").write_text("years of work")
    with pytest.raises(StoreError, match="is not empty and is not a bowerbird store"):
        Store.create(tmp_path)
    with pytest.raises(StoreError, match="is not a bowerbird store"):
        Store.create(tmp_path / "thesis.doc")
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.doc"]
    with pytest.raises(StoreError, match="no store at"):
        Store.open(tmp_path / "nowhere")


def test_broken_settings_and_no_items(store: Store) -> None:
    with pytest.raises(StoreError, match="no items yet"):
        store.catalogue()
    (store.path / SETTINGS_FILE).write_text("layout_version = = 1")
    with pytest.raises(StoreError, match="can't be read"):
        Store.open(store.path)


def hold(path: Path, locked, go_on) -> None:
    with Store.open(path).lock("bowerbird embed"):
        locked.set()
        go_on.wait(30)


def test_lock_names_its_holder_and_ends(store: Store) -> None:
    locked, go_on = FORK.Event(), FORK.Event()
    writer = FORK.Process(target=hold, args=(store.path, locked, go_on))
    writer.start()
    try:
        assert locked.wait(30)
        with pytest.raises(StoreError, match=rf"`bowerbird embed`, process {writer.pid}\b"), store.lock("me"):
            pass
    finally:
        go_on.set()
        writer.join(30)
    with store.lock("me"):
        pass


def publish_forever(path: Path, started) -> None:
    store = Store.open(path)
    with store.lock("bowerbird embed"), store.publishing("vectors", {}) as folder:
        (folder / "data").write_text("half")
        started.set()
        signal.pause()


def test_killed_publisher_leaves_old_version_and_no_lock(store: Store) -> None:
    publish(store, "old")
    started = FORK.Event()
    writer = FORK.Process(target=publish_forever, args=(store.path, started))
    writer.start()
    assert started.wait(30)
    assert writer.pid is not None
    os.kill(writer.pid, signal.SIGKILL)
    writer.join(30)
    current = store.current("vectors")
    assert current is not None and (current.path / "data").read_text() == "old"
    with store.lock("me"):
        publish(store, "new")
    current = store.current("vectors")
    assert current is not None and (current.path / "data").read_text() == "new"


def test_write_atomically_keeps_the_old_file_on_error(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_atomically(path, b"old")
    with pytest.raises(TypeError):
        write_atomically(path, "no bytes")  # type: ignore[arg-type]
    assert path.read_bytes() == b"old" and len(list(tmp_path.iterdir())) == 1


def test_pictures_are_mapped_and_older_stores_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bowerbird.data.versions.catalogue_files.PICTURES_CHUNK", 3)
    catalogue = Catalogue.of(
        [Item(str(k), title=f"item {k}", image=None if k % 4 == 0 else bytes([k]) * k) for k in range(10)]
    )
    store = Store.create(tmp_path / "s")
    store.publish_catalogue(catalogue)
    assert store.catalogue().table.equals(catalogue.table)

    large = Catalogue.of([Item(str(k), image=bytes([k]) * 1_000_000) for k in range(20)])
    folder = store.publish_catalogue(large).path
    before = pa.total_allocated_bytes()
    read = store.catalogue()
    assert pa.total_allocated_bytes() - before < 1_000_000
    assert read.image(7) == large.image(7)

    # As it was written before: one table.
    (folder / "pictures.arrow").unlink()
    pq.write_table(catalogue.table, folder / "items.parquet")
    assert store.catalogue().table.equals(catalogue.table)

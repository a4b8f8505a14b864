"""Erasing an unknown user changes no file; a user who is named somewhere is named nowhere afterwards."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from bowerbird.data.collections import Collection
from bowerbird.data.events import EVENT_SCHEMA, Event
from bowerbird.data.store import Store
from bowerbird.errors import StoreError
from bowerbird.taste.control.erasure_queue import ErasureQueue
from bowerbird.taste.control.forgetting import erase_queued, forget, is_named
from bowerbird.taste.control.overrides import Overrides
from bowerbird.taste.graph import TasteGraph
from commands import run_command

NAME = "zebulon-the-visitor"
UNKNOWN = "never-seen"
MakeEvent = Callable[..., Event]


def content(folder: Path) -> dict[str, tuple[str, int]]:
    """Hash and time of change of every file."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {
        str(path): (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns) for path in files
    }


def files_with(folder: Path, name: str) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and name.encode() in path.read_bytes()]


def board(name: str, user: str = "") -> Collection:
    return Collection(name, ("1", "2"), name=f"board {name}", user_id=user)


@pytest.fixture
def used(ada: TasteGraph, store: Store, did: MakeEvent) -> Store:
    """Imports, live events, boards in two versions, a snapshot, overrides, rejected rows and a ranker; none
    of them names `NAME`."""
    rows = [did("ada", k, day=k).as_row() for k in range(5)]
    store.log.add_segment(pa.Table.from_pylist(rows, schema=EVENT_SCHEMA))
    ada.refresh()
    ada.mute("ada", "1")
    for version in ("first", "second"):
        store.publish_collections([board(version, "ada"), board("room")])
    (store.reports / "refused-segment-0.jsonl").write_text('{"reason": "unknown action", "row": {}}\n')
    with store.publishing("ranker", {}) as folder:
        (folder / "ranker.npz").write_bytes(b"who likes what")
    assert ada.save()
    store.log.close()
    return store


# -- an unknown user ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("with_snapshot", [True, False])
def test_forgetting_an_unknown_user_changes_no_file(used: Store, with_snapshot: bool) -> None:
    if not with_snapshot:
        (used.taste / "user_states.json").unlink()
    before, generation = content(used.path), used.log.generation
    assert not is_named(used, UNKNOWN) and forget(used, UNKNOWN) == 0
    result = run_command("taste", "forget", used.path, "--user", UNKNOWN)
    assert result.returncode == 2 and "nothing was erased" in " ".join(result.stderr.split())
    used.log.close()
    assert content(used.path) == before and used.log.generation == generation
    assert used.current("ranker") is not None


def test_forgetting_an_unknown_user_leaves_the_files_of_a_killed_server(used: Store, did: MakeEvent) -> None:
    """SQLite would move its write-ahead file into the database when the last reader closes."""
    code = (
        "import os, sys; from datetime import UTC, datetime; "
        "from bowerbird.data.events import Action, Event; "
        "from bowerbird.data.store import Store; event = Event('bo', '7', Action.SAVE, datetime.now(UTC)); "
        "Store.open(sys.argv[1]).log.append([event]); os._exit(0)"
    )
    subprocess.run([sys.executable, "-c", code, str(used.path)], check=True)
    assert (used.path / "events" / "live.db-wal").stat().st_size
    before = content(used.path)
    command = [sys.executable, "-m", "bowerbird", "taste", "forget", str(used.path), "--user", UNKNOWN]
    assert subprocess.run(command, capture_output=True).returncode == 2
    index_of_readers = str(used.path / "events" / "live.db-shm")
    after = content(used.path)
    assert after | {index_of_readers: before[index_of_readers]} == before
    assert used.log.has_events_of("bo") and len(used.log) == 19


def test_a_graph_that_forgets_an_unknown_user_changes_no_file(used: Store) -> None:
    graph = TasteGraph.open(used.snapshot())
    before, users = content(used.path), graph.users()
    assert graph.forget(UNKNOWN) == 0 and content(used.path) == before and graph.users() == users


# -- a user who is named in one place ------------------------------------------------------------------------


def by_override(store: Store, did: MakeEvent) -> None:
    Overrides(store).exclude_item(NAME, "1")


def by_current_board(store: Store, did: MakeEvent) -> None:
    store.publish_collections([*store.collections(), board("mine", NAME)])


def by_earlier_board(store: Store, did: MakeEvent) -> None:
    others = store.collections()
    store.publish_collections([*others, board("mine", NAME)])
    store.publish_collections(others)


def by_board_of_two_versions(store: Store, did: MakeEvent) -> None:
    others = store.collections()
    for name in ("mine", "mine too"):
        store.publish_collections([*others, board(name, NAME)])


def by_rejected_row(store: Store, did: MakeEvent) -> None:
    with (store.reports / "refused-segment-0.jsonl").open("a") as file:
        file.write(json.dumps({"reason": "no time", "row": {"userId": NAME}}) + "\n")


def by_stale_snapshot(store: Store, did: MakeEvent) -> None:
    """As after a kill between the removal of their events and that of the snapshot."""
    store.log.append([did(NAME, 3)])
    assert TasteGraph.open(store.snapshot()).save()
    store.log.forget(NAME)


def by_live_event(store: Store, did: MakeEvent) -> None:
    store.log.append([did(NAME, 3)])


def by_event_of_an_item_that_is_gone(store: Store, did: MakeEvent) -> None:
    store.log.append([did(NAME, "sold out long ago")])


PLACES = [
    by_override, by_current_board, by_earlier_board, by_board_of_two_versions, by_rejected_row,
    by_stale_snapshot, by_live_event, by_event_of_an_item_that_is_gone,
]  # fmt: skip


@pytest.mark.parametrize("mention", PLACES)
@pytest.mark.parametrize("by", ["graph", "store"])
def test_a_user_who_is_named_somewhere_is_named_nowhere_afterwards(
    used: Store, did: MakeEvent, mention: Callable[[Store, MakeEvent], None], by: str
) -> None:
    mention(used, did)
    assert is_named(used, NAME) and files_with(used.path, NAME)
    generation, events = used.log.generation, mention in PLACES[-2:]
    removed = TasteGraph.open(used.snapshot()).forget(NAME) if by == "graph" else forget(used, NAME)
    assert removed == int(events)
    assert not is_named(used, NAME) and files_with(used.path, NAME) == []
    assert (used.log.generation > generation) == events, "other servers need not read the log again"
    may_contain_likes = events or "board" in mention.__name__
    assert (used.current("ranker") is None) == may_contain_likes, "it is not trained again for nothing"
    assert [collection.collection_id for collection in used.collections()] == ["second", "room"]
    assert TasteGraph.open(used.snapshot()).users() == ["ada", "bo"] and Overrides(used).of_user("ada")
    before = content(used.path)
    assert forget(used, NAME) == 0 and content(used.path) == before


def test_every_stored_version_of_collections_stays_usable(used: Store) -> None:
    for version in ("third", "fourth"):
        used.publish_collections([board(version, NAME), board("room")])
    versions = {path.name for path in (used.path / "collections").iterdir() if path.is_dir()}
    forget(used, NAME)
    remaining = {path.name for path in (used.path / "collections").iterdir() if path.is_dir()}
    assert remaining & versions, "versions before the current one are rewritten, not removed"
    assert len(used.history().sets) > 1, "a rollback must not bring them back"
    for version_set in used.history().sets:
        snapshot = used.snapshot(number=version_set.number)
        version = snapshot.version("collections")
        assert version is not None and version.meta["collections"] == len(snapshot.collections)
        assert board("room") in snapshot.collections
        assert NAME not in {collection.user_id for collection in snapshot.collections}


@pytest.mark.parametrize("when", ["before the log", "after the log"])
def test_an_erasure_that_fails_in_the_middle_is_repeated(
    used: Store, did: MakeEvent, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    """It stays in the queue, and the next one drops the ranker too, which may contain their likes."""
    for mention in PLACES:
        mention(used, did)

    def fail(*_: object) -> int:
        raise StoreError("the disk is full")

    failing = ("forget_all" if when == "before the log" else "drop", fail)
    with monkeypatch.context() as patch, pytest.raises(StoreError):
        patch.setattr(used.log if when == "before the log" else Store, *failing)
        forget(used, NAME)
    assert ErasureQueue(used).read().requests and used.current("ranker") is not None
    assert NAME not in TasteGraph.open(used.snapshot()), "acknowledged is acknowledged"
    assert erase_queued(used) == (2 if when == "before the log" else 0)
    assert used.current("ranker") is None and files_with(used.path, NAME) == []
    assert erase_queued(used) is None

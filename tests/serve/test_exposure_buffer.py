"""Exposures that wait to be written: those of erased users never reach a file, whenever the erasure comes."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bowerbird.data.events import Action, Alias, Event
from bowerbird.data.logs.exposures import ExposureLog
from bowerbird.data.store import Store
from bowerbird.serve import exposure_buffer
from bowerbird.serve.exposure_buffer import ExposureBuffer
from bowerbird.taste.control.erasure_queue import ErasureQueue
from bowerbird.taste.control.forgetting import erase_queued, forget, request_erasures

AT = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def store(tmp_path: Path, make_small_store: Callable[[Path], Store]) -> Store:
    store = make_small_store(tmp_path / "store")
    store.log.append([Event(user, "i1", Action.SAVE, AT, f"save-{user}") for user in ("ann", "bob")])
    return store


def new_buffer(store: Store) -> ExposureBuffer:
    return ExposureBuffer(ExposureLog(store.path), ErasureQueue(store))


def row(user: str | None) -> dict[str, Any]:
    return {
        "recommendation_id": "r1", "at": AT, "surface": "home", "user_id": user, "item_id": "i1",
        "position": 1, "propensity": 0.5, "score": 1.0, "source": "walk", "version_set": 3,
    }  # fmt: skip


def written_users(store: Store) -> set[str | None]:
    return set(ExposureLog(store.path).read()["user_id"].to_pylist())


def test_exposures_are_written_once(store: Store) -> None:
    buffer = new_buffer(store)
    buffer.add([row("ann"), row(None)])
    assert ExposureLog(store.path).read().num_rows == 0
    for _ in range(2):
        buffer.flush()
        assert ExposureLog(store.path).read()["user_id"].to_pylist() == ["ann", None]


def test_an_erased_user_is_not_written_whether_noted_before_or_during_the_erasure(store: Store) -> None:
    buffer = new_buffer(store)
    buffer.add([row("ann"), row("bob")])
    request_erasures(store, ["ann"])
    buffer.add([row("ann"), row("bob")])
    erase_queued(store)
    buffer.flush()
    assert ExposureLog(store.path).read()["user_id"].to_pylist() == ["bob", "bob"]
    buffer.add([row("ann")])  # a new user with the same id
    buffer.flush()
    assert written_users(store) == {"ann", "bob"}


@pytest.mark.parametrize("is_other_looked_at", [True, False])
def test_an_erasure_between_two_looks_costs_what_was_noted_before_it(
    store: Store, is_other_looked_at: bool
) -> None:
    """Another process began and finished it, so nobody knows any more whose erasure it was."""
    buffer = new_buffer(store)
    buffer.add([row("ann"), row(None)])
    forget(store, "ann")
    if is_other_looked_at:
        buffer.add([row("bob")])
    buffer.flush()
    assert written_users(store) == ({"bob"} if is_other_looked_at else set())


def test_every_id_of_an_erased_user_is_left_out(store: Store) -> None:
    store.log.append([Event("visitor-1", "i2", Action.CLICK, AT, "click-visitor")])
    store.log.join([Alias("visitor-1", "ann")])
    buffer = new_buffer(store)
    buffer.add([row("ann"), row("visitor-1"), row("bob")])
    request_erasures(store, ["visitor-1"])
    buffer.flush()
    erase_queued(store)
    assert written_users(store) == {"bob"}


def test_a_finished_erasure_of_long_ago_costs_nothing(store: Store) -> None:
    forget(store, "bob")
    buffer = new_buffer(store)
    buffer.add([row("ann")])
    buffer.flush()
    assert written_users(store) == {"ann"}


def test_dropped_users_are_on_their_way_to_no_file(store: Store) -> None:
    buffer = new_buffer(store)
    buffer.add([row("visitor-2"), row("ann")])
    buffer.drop({"visitor-2"})
    buffer.flush()
    assert written_users(store) == {"ann"}


def test_memory_is_bounded_where_the_disk_takes_nothing(
    store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(exposure_buffer, "MAX_PENDING", 5)
    buffer, folder = new_buffer(store), ExposureLog(store.path).folder
    folder.write_text("not a folder")
    for _ in range(4):
        buffer.add([row("ann"), row("bob")])
    buffer.flush()
    assert "exposures are lost" in caplog.text
    folder.unlink()
    buffer.flush()
    assert ExposureLog(store.path).read().num_rows == 5
    shutil.rmtree(folder)

"""Concurrent erasures on a server: immediate acknowledgement, nothing is left, and answers continue."""

from __future__ import annotations

import os
import shutil
import signal
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from bowerbird.data.collections import Collection
from bowerbird.data.events import Action, Event
from bowerbird.data.store import Store
from bowerbird.recommend.train import complete
from bowerbird.taste.control.erasure_queue import ErasureQueue
from bowerbird.taste.control.overrides import Overrides
from waiting import wait_until

pytestmark = pytest.mark.slow

Serve = Callable[..., AbstractContextManager[tuple[str, int]]]
TIMEOUT_S = 300  # for a training on a busy machine
ERASED = [f"zelda-{k:03d}" for k in range(100)]
ONLY_ERASED_LIKED = "i59"  # an item without other likers


@pytest.fixture(scope="module")
def complete_store(
    make_small_store: Callable[[Path], Store], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A complete store that has the users of `GONE` in all its parts."""
    store, start = make_small_store(tmp_path_factory.mktemp("visited") / "store"), datetime.now(UTC)
    store.log.append(
        [
            Event(user, item, Action.SAVE, start - timedelta(seconds=k), f"{user}-{item}")
            for k, user in enumerate(ERASED)
            for item in (ONLY_ERASED_LIKED, f"i{k % 50}")
        ]
    )
    store.publish_collections(
        [Collection(f"board-{k}", ("i1", "i3"), user_id=user) for k, user in enumerate(ERASED[:5])]
    )
    (store.reports / "refused-segment-0.jsonl").write_text(f'{{"row": {{"userId": "{ERASED[0]}"}}}}\n')
    Overrides(store).exclude_item(ERASED[1], ONLY_ERASED_LIKED)
    complete(store)
    store.log.close()
    return store.path


@pytest.fixture
def store(complete_store: Path, tmp_path: Path) -> Store:
    return Store.open(shutil.copytree(complete_store, tmp_path / "store"))


def connect(address: str) -> httpx.Client:
    return httpx.Client(base_url=address, timeout=TIMEOUT_S, limits=httpx.Limits(max_connections=200))


def save_message(user: str, item: str) -> dict[str, Any]:
    return {
        "type": "track",
        "userId": user,
        "event": "Product Added to Wishlist",
        "properties": {"product_id": item},
        "timestamp": "2026-01-01T00:00:00Z",  # long before the user's earlier events
        "messageId": uuid.uuid4().hex,
    }


def get_item_ids(client: httpx.Client, path: str) -> list[str]:
    answer = client.get(path)
    assert answer.status_code == 200, answer.text
    return [item["item_id"] for item in answer.json()["items"]]


def get_recommended(client: httpx.Client, user: str) -> list[str]:
    return get_item_ids(client, f"/users/{user}/recommendations?n=60")


def erase(client: httpx.Client, user: str) -> None:
    answer = client.delete(f"/users/{user}")
    assert answer.status_code == 200, answer.text
    assert answer.json() == {"user": user, "events_erased": None, "status": "acknowledged"}


def served_ranker(client: httpx.Client) -> str:
    return str(client.get("/healthz").json()["versions"]["ranker"])


def wait_for(condition: Callable[[], bool], event: str) -> None:
    wait_until(condition, event, TIMEOUT_S)


def files_with(store: Store, name: str) -> list[Path]:
    paths = []
    for path in store.path.rglob("*"):
        try:
            if path.is_file() and name.encode() in path.read_bytes():
                paths.append(path)
        except FileNotFoundError:  # a version that was replaced just now
            continue
    return paths


def is_empty(store: Store) -> bool:
    return not ErasureQueue(store).read().requests


def check_forgotten(client: httpx.Client, user: str) -> None:
    """No answer depends on the user's events."""
    known_users = client.get("/users", params={"n": 200}).json()["users"]
    assert user not in known_users and "u1" in known_users
    assert client.get(f"/users/{user}/interests").json()["interests"] == []
    export = client.get(f"/users/{user}/taste/export").json()
    assert not (export["events"] or export["collections"] or export["overrides"] or export["state"]["events"])
    assert get_recommended(client, user) == get_recommended(client, "never-seen")


def test_erasures_take_effect_while_the_store_is_locked(store: Store, serve_process: Serve) -> None:
    with serve_process(store.path) as (address, _), connect(address) as client:
        before, new_user = served_ranker(client), ERASED[7]
        assert ONLY_ERASED_LIKED in get_item_ids(client, "/trending")
        assert ONLY_ERASED_LIKED not in get_recommended(client, new_user)
        # 50 at a time: an erasure must not wait for the lock or for others.
        with store.lock("an import"), ThreadPoolExecutor(50) as pool:
            list(pool.map(lambda user: erase(client, user), ERASED))
            queued = [request.user_id for request in ErasureQueue(store).read().requests]
            assert sorted(queued) == ERASED
            for user in ERASED[::20]:
                check_forgotten(client, user)
            assert ONLY_ERASED_LIKED not in get_item_ids(client, "/trending")
            answer = client.post("/v1/track", json=save_message(new_user, "i4"))
            assert answer.status_code == 200 and answer.json()["accepted"] == 1
            recommended = get_recommended(client, new_user)
            assert "i4" not in recommended and ONLY_ERASED_LIKED in recommended
            assert client.put("/users/u1/taste/muted/1").status_code == 200
            assert store.log.has_events_of(ERASED[0]) and len(files_with(store, ERASED[0])) > 1, (
                "not yet erased"
            )
        wait_for(lambda: is_empty(store), "the erasure")
        wait_for(lambda: served_ranker(client) not in (before, "None"), "the new ranker")
        assert not any(files_with(store, user) for user in ERASED if user != new_user)
        remaining = store.log.read().to_pylist()
        assert [row["item_id"] for row in remaining if row["user_id"] in ERASED] == ["i4"]
        assert client.get(f"/users/{new_user}/interests").json()["interests"]
        recommended = get_recommended(client, new_user)
        assert "i4" not in recommended and ONLY_ERASED_LIKED in recommended
        check_forgotten(client, ERASED[0])
        version = store.current("ranker")
        assert version is not None and version.name == served_ranker(client)
        assert version.meta["inputs"]["log_generation"] == store.log.generation


def test_every_erasure_has_the_ranker_trained_again(store: Store, serve_process: Serve) -> None:
    with serve_process(store.path) as (address, _), connect(address) as client:
        rankers = [served_ranker(client)]
        for user in ERASED[:3]:
            erase(client, user)
            wait_for(lambda: served_ranker(client) not in (*rankers, "None"), "the new ranker")
            rankers.append(served_ranker(client))
            assert is_empty(store) and files_with(store, user) == []
            version = store.current("ranker")
            assert version is not None and version.name == rankers[-1]
            assert version.meta["inputs"]["log_generation"] == store.log.generation
        assert client.delete(f"/users/{ERASED[0]}").json() == {
            "user": ERASED[0], "events_erased": 0, "status": "nothing to erase",
        }  # fmt: skip


def kill(process: int) -> None:
    """Kill a process and its child processes."""
    for task in Path(f"/proc/{process}/task").iterdir():
        for child in (task / "children").read_text().split():
            os.kill(int(child), signal.SIGKILL)
    os.kill(process, signal.SIGKILL)


def test_erasures_of_a_killed_server_are_done_by_the_next_one(store: Store, serve_process: Serve) -> None:
    user = ERASED[0]
    with store.lock("an import"), serve_process(store.path) as (address, process):
        with connect(address) as client:
            erase(client, user)
        kill(process)
    assert not is_empty(store) and store.log.has_events_of(user)
    with serve_process(store.path) as (address, _), connect(address) as client:
        check_forgotten(client, user)
        wait_for(lambda: is_empty(store), "the erasure")
        assert files_with(store, user) == []
        check_forgotten(client, user)


def test_another_server_of_the_store_forgets_them_too(store: Store, serve_process: Serve) -> None:
    with (
        serve_process(store.path) as (first, _),
        serve_process(store.path, "--workers", "2") as (second, _),
        connect(first) as client,
    ):
        before = served_ranker(client)
        with store.lock("an import"):
            erase(client, ERASED[0])
            for _ in range(8):
                with connect(second) as other:  # a new connection: any of its processes
                    check_forgotten(other, ERASED[0])
        with connect(second) as other:
            wait_for(lambda: served_ranker(client) not in (before, "None"), "the new ranker")
            wait_for(lambda: served_ranker(client) == served_ranker(other), "the ranker of the other server")
            check_forgotten(other, ERASED[0])
        assert is_empty(store) and files_with(store, ERASED[0]) == []

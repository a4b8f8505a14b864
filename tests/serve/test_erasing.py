"""A server that is asked to erase many users at once: nobody waits, nobody is remembered, answers go on."""

from __future__ import annotations

import os
import shutil
import signal
import time
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

Serve = Callable[..., AbstractContextManager[tuple[str, int]]]
MOST_S = 300  # for a training on a busy machine
GONE = [f"zelda-{k:03d}" for k in range(100)]
THEIRS = "i59"  # an item that nobody else liked


@pytest.fixture(scope="module")
def prepared(make_small_store: Callable[[Path], Store], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store that is ready to serve, and that names the users of `GONE` in all its parts."""
    store, start = make_small_store(tmp_path_factory.mktemp("visited") / "store"), datetime.now(UTC)
    store.log.append(
        [
            Event(user, item, Action.SAVE, start - timedelta(seconds=k), f"{user}-{item}")
            for k, user in enumerate(GONE)
            for item in (THEIRS, f"i{k % 50}")
        ]
    )
    store.publish_collections(
        [Collection(f"board-{k}", ("i1", "i3"), user_id=user) for k, user in enumerate(GONE[:5])]
    )
    (store.reports / "refused-segment-0.jsonl").write_text(f'{{"row": {{"userId": "{GONE[0]}"}}}}\n')
    Overrides(store).exclude_item(GONE[1], THEIRS)
    complete(store)
    store.log.close()
    return store.path


@pytest.fixture
def visited(prepared: Path, tmp_path: Path) -> Store:
    return Store.open(shutil.copytree(prepared, tmp_path / "store"))


def client_of(address: str) -> httpx.Client:
    return httpx.Client(base_url=address, timeout=MOST_S, limits=httpx.Limits(max_connections=200))


def saved(user: str, item: str) -> dict[str, Any]:
    return {
        "type": "track",
        "userId": user,
        "event": "Product Added to Wishlist",
        "properties": {"product_id": item},
        "timestamp": "2026-01-01T00:00:00Z",  # long before what the user did before
        "messageId": uuid.uuid4().hex,
    }


def items(client: httpx.Client, path: str) -> list[str]:
    answer = client.get(path)
    assert answer.status_code == 200, answer.text
    return [one["item_id"] for one in answer.json()["items"]]


def recommended(client: httpx.Client, user: str) -> list[str]:
    return items(client, f"/users/{user}/recommendations?n=60")


def erase(client: httpx.Client, user: str) -> None:
    answer = client.delete(f"/users/{user}")
    assert answer.status_code == 200, answer.text
    assert answer.json() == {"user": user, "events_erased": None, "status": "acknowledged"}


def served_ranker(client: httpx.Client) -> str:
    return str(client.get("/healthz").json()["versions"]["ranker"])


def wait_for(condition: Callable[[], bool], what: str) -> None:
    until = time.monotonic() + MOST_S
    while not condition():
        assert time.monotonic() < until, f"{what} did not come"
        time.sleep(0.1)


def files_with(store: Store, name: str) -> list[Path]:
    found = []
    for path in store.path.rglob("*"):
        try:
            if path.is_file() and name.encode() in path.read_bytes():
                found.append(path)
        except FileNotFoundError:  # a version that was replaced just now
            continue
    return found


def is_empty(store: Store) -> bool:
    return not ErasureQueue(store).read().requests


def forgets(client: httpx.Client, user: str) -> None:
    """Nothing that is answered comes from what the user did."""
    known = client.get("/users", params={"n": 200}).json()["users"]
    assert user not in known and "u1" in known
    assert client.get(f"/users/{user}/interests").json()["interests"] == []
    told = client.get(f"/users/{user}/taste/export").json()
    assert not (told["events"] or told["collections"] or told["overrides"] or told["state"]["events"])
    assert recommended(client, user) == recommended(client, "never-seen")


def test_all_are_acknowledged_and_unknown_while_nobody_can_erase(visited: Store, serve: Serve) -> None:
    with serve(visited.path) as (address, _), client_of(address) as client:
        before, new_user = served_ranker(client), GONE[7]
        assert THEIRS in items(client, "/trending") and THEIRS not in recommended(client, new_user)
        with visited.lock("an import"), ThreadPoolExecutor(50) as pool:  # or any that waited would wait on
            list(pool.map(lambda user: erase(client, user), GONE))
            queued = [request.user_id for request in ErasureQueue(visited).read().requests]
            assert sorted(queued) == GONE
            for user in GONE[::20]:
                forgets(client, user)
            assert THEIRS not in items(client, "/trending")
            answer = client.post("/v1/track", json=saved(new_user, "i4"))
            assert answer.status_code == 200 and answer.json()["accepted"] == 1
            assert "i4" not in recommended(client, new_user) and THEIRS in recommended(client, new_user)
            assert client.post("/users/u1/taste/mute", json={"interest": "1"}).status_code == 200
            assert visited.log.names(GONE[0]) and len(files_with(visited, GONE[0])) > 1, "not yet erased"
        wait_for(lambda: is_empty(visited), "the erasure")
        wait_for(lambda: served_ranker(client) not in (before, "None"), "the new ranker")
        assert not any(files_with(visited, user) for user in GONE if user != new_user)
        left = visited.log.read().to_pylist()
        assert [row["item_id"] for row in left if row["user_id"] in GONE] == ["i4"]
        assert client.get(f"/users/{new_user}/interests").json()["interests"]
        assert "i4" not in recommended(client, new_user) and THEIRS in recommended(client, new_user)
        forgets(client, GONE[0])
        version = visited.current("ranker")
        assert version is not None and version.name == served_ranker(client)
        assert version.meta["inputs"]["log_generation"] == visited.log.generation


def test_every_erasure_has_the_ranker_trained_again(visited: Store, serve: Serve) -> None:
    with serve(visited.path) as (address, _), client_of(address) as client:
        rankers = [served_ranker(client)]
        for user in GONE[:3]:
            erase(client, user)
            wait_for(lambda: served_ranker(client) not in (*rankers, "None"), "the new ranker")
            rankers.append(served_ranker(client))
            assert is_empty(visited) and files_with(visited, user) == []
            version = visited.current("ranker")
            assert version is not None and version.name == rankers[-1]
            assert version.meta["inputs"]["log_generation"] == visited.log.generation
        assert client.delete(f"/users/{GONE[0]}").json() == {
            "user": GONE[0], "events_erased": 0, "status": "nothing to erase",
        }  # fmt: skip


def kill(process: int) -> None:
    """Kill a process and those that it started."""
    for task in Path(f"/proc/{process}/task").iterdir():
        for child in (task / "children").read_text().split():
            os.kill(int(child), signal.SIGKILL)
    os.kill(process, signal.SIGKILL)


def test_what_a_killed_server_acknowledged_the_next_one_erases(visited: Store, serve: Serve) -> None:
    user = GONE[0]
    with visited.lock("an import"), serve(visited.path) as (address, process):
        with client_of(address) as client:
            erase(client, user)
        kill(process)
    assert not is_empty(visited) and visited.log.names(user)
    with serve(visited.path) as (address, _), client_of(address) as client:
        forgets(client, user)
        wait_for(lambda: is_empty(visited), "the erasure")
        assert files_with(visited, user) == []
        forgets(client, user)


def test_another_server_of_the_store_knows_them_no_more(visited: Store, serve: Serve) -> None:
    with (
        serve(visited.path) as (first, _),
        serve(visited.path, "--workers", "2") as (second, _),
        client_of(first) as client,
    ):
        before = served_ranker(client)
        with visited.lock("an import"):
            erase(client, GONE[0])
            for _ in range(8):
                with client_of(second) as other:  # a new connection: any of its processes
                    forgets(other, GONE[0])
        with client_of(second) as other:
            wait_for(lambda: served_ranker(client) not in (before, "None"), "the new ranker")
            wait_for(lambda: served_ranker(client) == served_ranker(other), "the ranker of the other server")
            forgets(other, GONE[0])
        assert is_empty(visited) and files_with(visited, GONE[0]) == []

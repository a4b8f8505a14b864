"""HTTP promises what the other sources do: who posts until answered loses nothing, and is counted once."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any

import httpx
import numpy as np
import pytest
from starlette.testclient import TestClient

from bowerbird.data.readers.messages import Layout
from bowerbird.data.store import Store
from bowerbird.serve.app import create_app
from bowerbird.sources.address import Address
from bowerbird.sources.consuming import Consumer
from bowerbird.sources.opening import open_source


@pytest.fixture
def shop(store: Store) -> Store:
    """A store that can be served: its three items have vectors."""
    with store.publishing("vectors", {"holdout": {"until": None, "user_share": 0.0}}) as folder:
        np.save(folder / "vectors.npy", np.eye(3, 6).astype(np.float16))
        (folder / "ids.json").write_text(json.dumps(store.catalogue().ids))
    return store


def tracked(body: bytes) -> dict[str, Any]:
    """A native message as Segment would say it."""
    row = json.loads(body)
    said = {"type": "track", "event": "Product Clicked", "messageId": row["event_id"], "timestamp": row["at"]}
    return {**said, "userId": row["user_id"], "properties": {"product_id": row["item_id"]}}


def test_kill_9_neither_loses_nor_doubles(
    shop: Store, body, logged, held, start_server: Callable[..., Any], wait_for: Callable[..., None]
) -> None:
    port, server = start_server(shop)
    total, done = 0, threading.Event()

    def post() -> None:
        nonlocal total
        while not done.is_set():
            messages = [tracked(body(n)) for n in range(total, total + 10)]
            try:
                answer = httpx.post(f"http://127.0.0.1:{port}/v1/batch", json={"batch": messages}, timeout=10)
            except httpx.TransportError:
                done.wait(0.05)
                continue  # the same again
            assert answer.status_code == 200
            total += 10

    client = threading.Thread(target=post)
    client.start()
    try:
        wait_for(lambda: held(shop) > 50)
        server.kill()
        server.join()
        _, server = start_server(shop, port)
        before = held(shop)
        wait_for(lambda: held(shop) > before)
    finally:
        done.set()
        client.join()
    assert logged(shop) == [f"e-{n}" for n in range(total)]


def test_what_a_broker_brings_changes_the_next_answer(shop: Store, body, tmp_path) -> None:
    with TestClient(create_app(shop.path)) as client:
        assert client.get("/users/u1/interests").json()["interests"] == []
        (tmp_path / "events.jsonl").write_bytes(body(1) + b"\n")
        source = open_source(Address.parse(f"file://{tmp_path}/events.jsonl"), shop, print)
        Consumer(shop, source, Layout.NATIVE, print).run(threading.Event(), 0.0, lambda _: None)
        assert client.get("/users/u1/interests").json()["interests"] != []

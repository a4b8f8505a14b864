"""HTTP has the other sources' guarantees: a client that retries until answered loses and duplicates
nothing."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any

import httpx
import numpy as np
import pytest
from starlette.testclient import TestClient

from bowerbird.data.readers.layouts import MessageLayout
from bowerbird.data.store import Store
from bowerbird.serve.app import create_app
from bowerbird.sources.address import Address
from bowerbird.sources.consuming import Consumer
from bowerbird.sources.opening import open_source
from factories import publish_vectors


@pytest.fixture
def shop(store: Store) -> Store:
    """A store that can be served: its three items have vectors."""
    publish_vectors(store, np.eye(3, 6))
    return store


def to_segment(body: bytes) -> dict[str, Any]:
    """A native message in Segment's format."""
    row = json.loads(body)
    message = {
        "type": "track",
        "event": "Product Clicked",
        "messageId": row["event_id"],
        "timestamp": row["at"],
    }
    return {**message, "userId": row["user_id"], "properties": {"product_id": row["item_id"]}}


@pytest.mark.slow
def test_kill_9_neither_loses_nor_duplicates(
    shop: Store,
    body,
    read_event_ids,
    count_events,
    start_server: Callable[..., Any],
    wait_for: Callable[..., None],
) -> None:
    port, server = start_server(shop)
    total, finished = 0, threading.Event()

    def post() -> None:
        nonlocal total
        while not finished.is_set():
            messages = [to_segment(body(n)) for n in range(total, total + 10)]
            try:
                response = httpx.post(
                    f"http://127.0.0.1:{port}/v1/batch", json={"batch": messages}, timeout=10
                )
            except httpx.TransportError:
                finished.wait(0.05)
                continue  # retry
            assert response.status_code == 200
            total += 10

    client = threading.Thread(target=post)
    client.start()
    try:
        wait_for(lambda: count_events(shop) > 50)
        server.kill()
        server.join()
        _, server = start_server(shop, port)
        n_before = count_events(shop)
        wait_for(lambda: count_events(shop) > n_before)
    finally:
        finished.set()
        client.join()
    assert read_event_ids(shop) == [f"e-{n}" for n in range(total)]


def test_a_consumed_event_changes_the_next_answer(shop: Store, body, tmp_path) -> None:
    with TestClient(create_app(shop.path)) as client:
        assert client.get("/users/u1/interests").json()["interests"] == []
        (tmp_path / "events.jsonl").write_bytes(body(1) + b"\n")
        source = open_source(Address.parse(f"file://{tmp_path}/events.jsonl"), shop, print)
        Consumer(shop, source, MessageLayout.NATIVE, print).run(threading.Event(), 0.0, lambda _: None)
        assert client.get("/users/u1/interests").json()["interests"] != []

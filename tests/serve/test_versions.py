"""A server that goes on while the store is renewed, and one of several processes."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Any

import httpx

from bowerbird.data.store import Store

Publish = Callable[[Store, int], None]
Serve = Callable[..., AbstractContextManager[tuple[str, int]]]


def saved(user: str, item: str) -> dict[str, Any]:
    said = {"type": "track", "userId": user, "event": "Product Added to Wishlist"}
    return {
        **said,
        "properties": {"product_id": item},
        "timestamp": datetime.now(UTC).isoformat(),
        "messageId": uuid.uuid4().hex,
    }


def shown(client: httpx.Client, user: str, n: int = 20) -> list[str]:
    answer = client.get(f"/users/{user}/recommendations", params={"n": n})
    assert answer.status_code == 200, answer.text
    return [one["item_id"] for one in answer.json()["items"]]


def test_new_items_take_part_without_a_restart(
    small_store: Store, serve: Serve, publish: tuple[Publish, Publish]
) -> None:
    publish_catalogue, publish_vectors = publish
    with serve(small_store.path) as (address, _), httpx.Client(base_url=address, timeout=60) as client:
        before = client.get("/healthz").json()
        assert before["items"] == 60 and client.get("/items/i61").status_code == 404
        refused = client.post("/v1/track", json=saved("new", "i61")).json()["refused"]
        assert refused == ["unknown item"]
        publish_catalogue(small_store, 64)
        assert client.post("/v1/track", json=saved("new", "i61")).json()["accepted"] == 1, "known at once"
        time.sleep(3)
        assert client.get("/healthz").json()["versions"] == before["versions"], "they have no vectors yet"
        publish_vectors(small_store, 64)
        until, asked = time.monotonic() + 600, 0
        while client.get("/healthz").json()["items"] == 60 and time.monotonic() < until:
            assert set(shown(client, "u1", 60)) <= {f"i{k}" for k in range(60)}, "one catalogue in an answer"
            asked += 1
            time.sleep(0.3)
        after = client.get("/healthz").json()
        assert asked and after["items"] == 64 and after["versions"] != before["versions"]
        assert client.get("/items/i61").status_code == 200
        assert {"i60", "i62"} <= set(shown(client, "u1", 64)), "through their vectors: nobody has liked them"
        assert "i61" not in shown(client, "new", 64), "what was saved meanwhile was learnt"
        assert {"i61", "i63"} & set(shown(client, "u1", 64))


def test_a_store_that_can_not_be_opened_changes_nothing(small_store: Store, serve: Serve) -> None:
    with serve(small_store.path) as (address, _), httpx.Client(base_url=address, timeout=60) as client:
        with small_store.publishing("vectors", {"holdout": {"until": None, "user_share": 0.0}}) as folder:
            (folder / "vectors.npy").write_bytes(b"broken")
        time.sleep(3)
        assert len(shown(client, "u1")) == 20
        assert client.post("/v1/track", json=saved("u1", "i7")).json()["accepted"] == 1
        assert "i7" not in shown(client, "u1", 60)


def test_every_process_knows_what_any_was_told(small_store: Store, serve: Serve) -> None:
    with serve(small_store.path, "--workers", "2") as (address, _):
        for turn in range(24):
            user, item = f"w{turn}", f"i{turn}"
            with httpx.Client(base_url=address, timeout=60) as client:  # a new connection: any of them
                assert client.post("/v1/track", json=saved(user, item)).json()["accepted"] == 1
            with httpx.Client(base_url=address, timeout=60) as client:
                assert item not in shown(client, user, 60)
        assert len(small_store.log) == 40 * 8 + 24

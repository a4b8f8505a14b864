"""A server answers chats while its models load, and as well as ever once they have."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from pydantic import TypeAdapter
from starlette.testclient import TestClient

from bowerbird.assist.parts import Parts
from bowerbird.data.items import Catalogue, Item
from bowerbird.data.store import Store
from bowerbird.serve.app import create_app


def chat(client: httpx.Client, text: str) -> dict[str, object]:
    body = {"messages": [{"role": "user", "content": text}]}
    answer = client.post("/v1/chat/completions", json=body)
    answer.raise_for_status()
    extension: dict[str, object] = answer.json()["bowerbird"]
    return extension


@pytest.mark.slow
def test_the_answers_of_a_warm_server_are_those_of_a_cold_one(
    shop_store: Path, address: str, serve_process: Callable[..., AbstractContextManager[tuple[str, int]]]
) -> None:
    with serve_process(shop_store, "--warm-up") as (warm_address, _):
        client = httpx.Client(base_url=warm_address, timeout=120)
        early = chat(client, "a lamp under 500")
        assert early["items"] and early["writer"] == "template"
        while client.get("/healthz").json()["warming_up"]:
            pass
        warm = chat(client, "something soft under 500")
    cold = chat(httpx.Client(base_url=address, timeout=120), "something soft under 500")
    assert warm | {"cost": None} == cold | {"cost": None}


def test_the_first_chat_builds_no_route(small_store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """FastAPI builds routes when they are first looked for: half a second that nobody should wait."""
    built: list[object] = []
    build = TypeAdapter.__init__

    def count(adapter: TypeAdapter[Any], *arguments: Any, **options: Any) -> None:
        built.append(adapter)
        build(adapter, *arguments, **options)

    monkeypatch.setattr("bowerbird.assist.parts.Parts._open_slow_parts", lambda parts: None)
    with TestClient(create_app(small_store.path, warm_up=True), base_url="http://127.0.0.1") as client:
        monkeypatch.setattr(TypeAdapter, "__init__", count)
        assert client.post("/v1/chat/completions", json={"messages": []}).status_code == 400
        assert client.get("/readyz").status_code == 200
    assert not built


def test_a_slow_part_is_missing_until_it_is_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store.create(tmp_path / "store")
    catalogue = Catalogue.of([Item("i1", "Oak lamp")])
    store.publish_catalogue(catalogue)
    may_open, encoder = threading.Event(), object()

    def open_slowly(_: object) -> object:
        may_open.wait(30)
        return encoder

    monkeypatch.setattr("bowerbird.assist.parts.opening.open_encoder", open_slowly)
    parts = Parts(store.snapshot(), catalogue, np.ones((1, 4), np.float32))
    thread = parts.warm_up_in_background()
    assert parts.is_warming_up and parts.encoder is None
    may_open.set()
    thread.join(30)
    assert not parts.is_warming_up and parts.encoder is encoder

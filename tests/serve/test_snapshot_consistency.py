"""No answer mixes two sets of versions, even if another set comes into force during a request.

The two complete sets of a store differ in everything: the order of the items, their number, their texts and
prices, their vectors. The set in force is switched at each step of a request in turn.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from bowerbird.data.items import Catalogue, Item
from bowerbird.data.snapshot import StoreSnapshot
from bowerbird.data.store import Store
from bowerbird.recommend.train import complete
from bowerbird.serve.app import create_app
from bowerbird.serve.app_state import AppState
from bowerbird.serve.served_snapshot import ServedSnapshot
from bowerbird.taste.graph import TasteGraph
from factories import publish_vectors
from waiting import wait_until

pytestmark = pytest.mark.slow

TITLE = re.compile(r"thing (\d+) of (\w+)")
PRICES = {"first": 10.0, "second": 500.0}


def publish_set(store: Store, order: list[int], name: str) -> None:
    """Publish items in some order, with texts and prices of their set; even ones are alike, and odd ones
    are."""
    base = PRICES[name]
    items = [Item(f"i{k}", f"thing {k} of {name}", price=base + k, currency="EUR") for k in order]
    store.publish_catalogue(Catalogue.of(items))
    noise = np.random.default_rng(len(order)).normal(0, 0.05, (len(order), 8))
    rows = np.eye(2, 8)[np.array(order) % 2] + noise
    publish_vectors(store, rows)
    complete(store)


@pytest.fixture(scope="module")
def two_sets(tmp_path_factory: pytest.TempPathFactory, make_small_store: Callable[[Path], Store]) -> Path:
    """A store with two complete sets, of which the first is in force."""
    store = make_small_store(tmp_path_factory.mktemp("two") / "store")
    publish_set(store, list(range(60)), "first")
    first = store.snapshot().number
    publish_set(store, list(reversed(range(64))), "second")
    store.roll_back(first)
    return store.path


@pytest.fixture
def app(two_sets: Path, tmp_path: Path) -> FastAPI:
    shutil.copytree(two_sets, tmp_path / "store")
    return create_app(tmp_path / "store")


class Switch:
    """Puts the other set in force at step number `at`, and lets the server follow."""

    def __init__(self, app_state: AppState, at: int) -> None:
        self._app_state, self._steps_left = app_state, at
        self.switched = False

    def step(self) -> None:
        self._steps_left -= 1
        if self._steps_left == -1:
            self.switched = True
            self._app_state.store.roll_back()
            self._app_state.follow()


@pytest.fixture
def switch_at(app: FastAPI, monkeypatch: pytest.MonkeyPatch) -> Callable[[int], Switch]:
    """`switch_at(k)`: switch at the k-th opening, refresh, or rendering of an item from now on."""
    current: list[Switch] = []

    def count_steps(function: Any) -> Any:
        def counted(*arguments: Any, **keywords: Any) -> Any:
            if current:
                current[0].step()
            return function(*arguments, **keywords)

        return counted

    for owner, name in ((StoreSnapshot, "open_once"), (TasteGraph, "refresh"), (ServedSnapshot, "item")):
        monkeypatch.setattr(owner, name, count_steps(getattr(owner, name)))

    def switch(at: int) -> Switch:
        current[:] = [Switch(app.state.app_state, at)]
        return current[0]

    return switch


def items_in(answer: Any) -> Iterator[dict[str, Any]]:
    """All JSON objects in an answer that have an id and a title."""
    if isinstance(answer, dict):
        if "item_id" in answer and "title" in answer:
            yield answer
        for value in answer.values():
            yield from items_in(value)
    elif isinstance(answer, list):
        for value in answer:
            yield from items_in(value)


def ids_of(answer: dict[str, Any]) -> set[str]:
    return {item["item_id"] for item in items_in(answer)}


def check_one_set(answer: dict[str, Any]) -> set[str]:
    """Check that all items are described by one set; returns the set's name."""
    names = set()
    for item in items_in(answer):
        match = TITLE.fullmatch(item["title"])
        assert match and f"i{match[1]}" == item["item_id"], item
        names.add(match[2])
        if item.get("price") is not None:
            assert item["price"] == PRICES[match[2]] + int(match[1]), item
    names |= {name for _, name in TITLE.findall(json.dumps(answer))}
    assert len(names) == 1, names
    return names


def chat(client: TestClient, user: str, text: str) -> dict[str, Any]:
    body = {"messages": [{"role": "user", "content": text}], "user": user}
    answer = client.post("/v1/chat/completions", json=body)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def get_json(client: TestClient, path: str, **params: Any) -> dict[str, Any]:
    answer = client.get(path, params=params)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def search_similar(client: TestClient) -> dict[str, Any]:
    answer = get_json(client, "/search", item="i7", n=20)
    shown = [int(item["item_id"][1:]) for item in answer["items"]]
    assert len(shown) == 20 and all(number % 2 for number in shown), f"{shown} are not similar to an odd one"
    return answer


def recommend_to_odd_user(client: TestClient) -> dict[str, Any]:
    answer = get_json(client, "/users/u1/recommendations", n=8, diversity=0)
    shown = [int(item["item_id"][1:]) for item in answer["items"]]
    assert sum(number % 2 for number in shown) >= 6, f"{shown} are not for a user who likes odd ones"
    return answer


REQUESTS: dict[str, Callable[[TestClient], dict[str, Any]]] = {
    "search": search_similar,
    "recommendations": recommend_to_odd_user,
    "chat": lambda client: chat(client, "u1", "a thing for me"),
    "item": lambda client: get_json(client, "/items/i38"),
    "trending": lambda client: get_json(client, "/trending", half_life_days=3650),
    "taste": lambda client: get_json(client, "/users/u1/taste"),
    "explain": lambda client: get_json(client, "/users/u1/taste/explain", item="i9"),
}


@pytest.mark.parametrize("request_name", REQUESTS)
def test_no_answer_mixes_two_sets(
    request_name: str, app: FastAPI, switch_at: Callable[[int], Switch]
) -> None:
    client, names, step = TestClient(app), set(), 0
    while True:
        switch = switch_at(step)
        names |= check_one_set(REQUESTS[request_name](client))
        if not switch.switched:
            break
        step += 1
    assert step and names == set(PRICES), "it was switched at every step, and both sets were served"


def test_new_items_between_opening_and_the_first_search_and_chat(app: FastAPI, tmp_path: Path) -> None:
    """Regression: a search for i38 returned i33, and the first chat failed."""
    client, store = TestClient(app), Store.open(tmp_path / "store")
    publish_set(store, list(reversed(range(64))), "second")
    assert check_one_set(search_similar(client)) == {"first"}
    assert check_one_set(chat(client, "u1", "a thing for me")) == {"first"}
    app.state.app_state.follow()
    assert (
        check_one_set(search_similar(client))
        == check_one_set(chat(client, "u1", "a thing for me"))
        == {"second"}
    )


def test_what_is_withdrawn_leaves_while_other_versions_are_being_opened(app: FastAPI, tmp_path: Path) -> None:
    """The thread that opens versions may be busy for seconds, as where its lock is held."""
    client, app_state, store = TestClient(app), app.state.app_state, Store.open(tmp_path / "store")
    gone = search_similar(client)["items"][0]["item_id"]
    with app_state._following:
        app_state.watch()
        try:
            store.publish_catalogue(store.catalogue().without([gone]))
            wait_until(lambda: gone not in ids_of(search_similar(client)), f"{gone} is withdrawn")
        finally:
            app_state._closed.set()
    assert client.get(f"/items/{gone}").status_code == 404


def test_the_matrix_is_in_memory_once(app: FastAPI) -> None:
    client = TestClient(app)
    search_similar(client), chat(client, "u1", "a thing for me")
    served = app.state.app_state.served
    matrix = served.assistant.parts.matrix
    assert served.searcher.index._dense is matrix
    assert np.shares_memory(served.recommender.ranker.items.vectors, matrix)

"""No answer mixes two sets of versions, whenever others come into force while it is made.

Two complete sets of a store differ in everything: the order of the items, their number, their words and
prices, their vectors. The one that is in force changes at each step of a request in turn.
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
from bowerbird.serve.app_state import Shop
from bowerbird.serve.served_snapshot import Stages
from bowerbird.taste.graph import TasteGraph

TITLE = re.compile(r"thing (\d+) of (\w+)")
PRICES = {"first": 10.0, "second": 500.0}


def publish(store: Store, order: list[int], name: str) -> None:
    """Items in some order, whose words and prices say which set they are of; even ones are alike, odd ones
    are."""
    base = PRICES[name]
    items = [Item(f"i{k}", f"thing {k} of {name}", price=base + k, currency="EUR") for k in order]
    store.publish_catalogue(Catalogue.of(items))
    noise = np.random.default_rng(len(order)).normal(0, 0.05, (len(order), 8))
    rows = np.eye(2, 8)[np.array(order) % 2] + noise
    with store.publishing("vectors", {"holdout": {"until": None, "user_share": 0.0}}) as folder:
        np.save(folder / "vectors.npy", rows.astype(np.float16))
        (folder / "ids.json").write_text(json.dumps([f"i{k}" for k in order]))
    complete(store)


@pytest.fixture(scope="module")
def two_sets(tmp_path_factory: pytest.TempPathFactory, make_small_store: Callable[[Path], Store]) -> Path:
    """A store with two complete sets, of which the first is in force."""
    store = make_small_store(tmp_path_factory.mktemp("two") / "store")
    publish(store, list(range(60)), "first")
    first = store.snapshot().number
    publish(store, list(reversed(range(64))), "second")
    store.roll_back(first)
    return store.path


@pytest.fixture
def app(two_sets: Path, tmp_path: Path) -> FastAPI:
    shutil.copytree(two_sets, tmp_path / "store")
    return create_app(tmp_path / "store")


class Switch:
    """Puts the other set in force at one step of those that it is told of, and lets the server follow."""

    def __init__(self, shop: Shop, at: int) -> None:
        self._shop, self._left = shop, at
        self.switched = False

    def step(self) -> None:
        self._left -= 1
        if self._left == -1:
            self.switched = True
            self._shop.store.roll_back()
            self._shop.follow()


@pytest.fixture
def switch_at(app: FastAPI, monkeypatch: pytest.MonkeyPatch) -> Callable[[int], Switch]:
    """`switch_at(k)`: the k-th opening, look at the log, or rendering of an item from now on is a step."""
    current: list[Switch] = []

    def stepping(function: Any) -> Any:
        def stepped(*arguments: Any, **named: Any) -> Any:
            if current:
                current[0].step()
            return function(*arguments, **named)

        return stepped

    for owner, name in ((StoreSnapshot, "open_once"), (TasteGraph, "refresh"), (Stages, "item")):
        monkeypatch.setattr(owner, name, stepping(getattr(owner, name)))

    def switch(at: int) -> Switch:
        current[:] = [Switch(app.state.shop, at)]
        return current[0]

    return switch


def facts_in(answer: Any) -> Iterator[dict[str, Any]]:
    """Everything in an answer that has an id and a title."""
    if isinstance(answer, dict):
        if "item_id" in answer and "title" in answer:
            yield answer
        for value in answer.values():
            yield from facts_in(value)
    elif isinstance(answer, list):
        for value in answer:
            yield from facts_in(value)


def check(answer: dict[str, Any]) -> set[str]:
    """All items are described by one set; gives the set's name."""
    names = set()
    for facts in facts_in(answer):
        match = TITLE.fullmatch(facts["title"])
        assert match and f"i{match[1]}" == facts["item_id"], facts
        names.add(match[2])
        if facts.get("price") is not None:
            assert facts["price"] == PRICES[match[2]] + int(match[1]), facts
    names |= {name for _, name in TITLE.findall(json.dumps(answer))}
    assert len(names) == 1, names
    return names


def chat(client: TestClient, user: str, text: str) -> dict[str, Any]:
    body = {"messages": [{"role": "user", "content": text}], "user": user}
    answer = client.post("/v1/chat/completions", json=body)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def got(client: TestClient, path: str, **params: Any) -> dict[str, Any]:
    answer = client.get(path, params=params)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def alike(client: TestClient) -> dict[str, Any]:
    answer = got(client, "/search", item="i7", n=20)
    shown = [int(facts["item_id"][1:]) for facts in answer["items"]]
    assert len(shown) == 20 and all(number % 2 for number in shown), f"{shown} are not like an odd one"
    return answer


def liked_by_odd_people(client: TestClient) -> dict[str, Any]:
    answer = got(client, "/users/u1/recommendations", n=8, diversity=0)
    shown = [int(facts["item_id"][1:]) for facts in answer["items"]]
    assert sum(number % 2 for number in shown) >= 6, f"{shown} are not for who likes odd ones"
    return answer


REQUESTS: dict[str, Callable[[TestClient], dict[str, Any]]] = {
    "search": alike,
    "recommendations": liked_by_odd_people,
    "chat": lambda client: chat(client, "u1", "a thing for me"),
    "item": lambda client: got(client, "/items/i38"),
    "trending": lambda client: got(client, "/trending", half_life_days=3650),
    "taste": lambda client: got(client, "/users/u1/taste"),
    "explain": lambda client: got(client, "/users/u1/taste/explain", item="i9"),
}


@pytest.mark.parametrize("request_name", REQUESTS)
def test_no_answer_mixes_two_sets(
    request_name: str, app: FastAPI, switch_at: Callable[[int], Switch]
) -> None:
    client, names, step = TestClient(app), set(), 0
    while True:
        switch = switch_at(step)
        names |= check(REQUESTS[request_name](client))
        if not switch.switched:
            break
        step += 1
    assert step and names == set(PRICES), "it was switched at every step, and both sets answered"


def test_new_items_between_opening_and_the_first_search_and_chat(app: FastAPI, tmp_path: Path) -> None:
    """As it went wrong: i38 was searched for and i33 found, and the first chat broke."""
    client, store = TestClient(app), Store.open(tmp_path / "store")
    publish(store, list(reversed(range(64))), "second")
    assert check(alike(client)) == {"first"}
    assert check(chat(client, "u1", "a thing for me")) == {"first"}
    app.state.shop.follow()
    assert check(alike(client)) == check(chat(client, "u1", "a thing for me")) == {"second"}


def test_the_matrix_is_in_memory_once(app: FastAPI) -> None:
    client = TestClient(app)
    alike(client), chat(client, "u1", "a thing for me")
    now = app.state.shop.now
    matrix = now.assistant.matrix
    assert now.searcher.index._dense is matrix
    assert np.shares_memory(now.recommender.ranker.items.vectors, matrix)

"""Lists over HTTP: filters, exclusions and pages of all of them; sessions, conversations, given lists."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import httpx
import pytest

import factories
from bowerbird.data.collections import Collection
from bowerbird.data.events import Action, Event
from bowerbird.data.logs.exposures import ExposureLog
from bowerbird.data.store import Store
from bowerbird.evaluate.exposures import rates_by_surface
from bowerbird.serve.bodies.items import RelatedItems, ScoredItems
from bowerbird.serve.bodies.recommendations import Recommendations
from waiting import wait_until

Serve = Callable[..., AbstractContextManager[str]]
N_ITEMS = 48


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Lamps and rugs in four colours, people who like even or odd ones, two carts, and boards of lamps."""
    path: Path = tmp_path_factory.mktemp("lists") / "store"
    items = factories.lamps_and_rugs(N_ITEMS)
    carts = [
        Event(user, item_id, Action.ADD_TO_CART, factories.START)
        for user in ("ann", "bob")
        for item_id in ("i10", "i20")
    ]
    store = factories.toy_store(path, items, [*factories.toy_events(40, N_ITEMS), *carts])
    lamps = [item.item_id for item in items if item.category == ("Lamp",)]
    store.publish_collections(
        [Collection(f"board-{k}", tuple(lamps[k % 6 :: 6]), name="lamps", kind="board") for k in range(12)]
    )
    return store


@pytest.fixture(scope="module")
def client(store: Store, serve: Serve) -> Iterator[httpx.Client]:
    with serve(store.path) as address, httpx.Client(base_url=address, timeout=300) as client:
        yield client


def ids(answer: httpx.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [item["item_id"] for item in answer.json()["items"]]


LISTS = [
    "/users/u1/recommendations",
    "/users/nobody/recommendations",
    "/items/i1/similar",
    "/search?item=i2",
    "/popular",
]


@pytest.mark.parametrize("path", LISTS)
def test_a_list_of_nothing_says_so(client: httpx.Client, path: str) -> None:
    query = dict(httpx.QueryParams(path.partition("?")[2]))
    empty = client.get(path.partition("?")[0], params=query | {"filter": '{"category": ["NoSuch"]}'})
    assert ids(empty) == [] and empty.json()["empty_reason"] == "no item has category 'NoSuch'"
    assert client.get(path).json()["empty_reason"] is None


@pytest.mark.parametrize("path", LISTS)
def test_pages_are_disjoint_stable_and_reach_everything(client: httpx.Client, path: str) -> None:
    params: dict[str, Any] = dict(httpx.QueryParams(path.partition("?")[2]))
    path = path.partition("?")[0]
    shown: list[str] = []
    cursor, sizes = None, [7, 11, 20, 200]
    for n in sizes:
        query = params | {"n": n, "exploration": 0.3} if "users" in path else params | {"n": n}
        answer = client.get(path, params=query | ({"cursor": cursor} if cursor else {}))
        if cursor:
            again = client.get(path, params=query | {"cursor": cursor})
            assert ids(again) == ids(answer), "the same cursor, the same page"
        positions = [item["position"] for item in answer.json()["items"]]
        assert positions == list(range(len(shown) + 1, len(shown) + len(positions) + 1))
        shown += ids(answer)
        cursor = answer.json()["next_cursor"]
        if cursor is None:
            break
    assert len(set(shown)) == len(shown) and cursor is None
    whole = ids(client.get(path, params=params | {"n": 200}))
    assert sorted(shown) == sorted(whole)


def test_a_like_between_two_pages_counts_and_nothing_comes_twice(client: httpx.Client) -> None:
    user = f"new-{uuid.uuid4().hex}"
    first = client.get(f"/users/{user}/recommendations", params={"n": 10})
    event = {"userId": user, "event": "Product Added to Wishlist", "properties": {"product_id": "i1"}}
    client.post("/v1/track", json=event).raise_for_status()
    cursor = first.json()["next_cursor"]
    second = client.get(f"/users/{user}/recommendations", params={"n": 10, "cursor": cursor})
    assert not {*ids(first), "i1"} & {*ids(second)}


@pytest.mark.parametrize("path", [*LISTS, "/items/i1/bought-together", "/trending", "/new"])
def test_every_list_takes_the_filter_and_exclusions(client: httpx.Client, path: str) -> None:
    condition = {"attributes": {"color": ["red", "blue"]}, "none_of": [{"category": ["rug"]}]}
    base = {"n": 200} | dict(httpx.QueryParams(path.partition("?")[2]))
    path = path.partition("?")[0]
    items = client.get(path, params=base | {"filter": json.dumps(condition)}).json()["items"]
    assert all(item["attributes"]["color"] in ("red", "blue") for item in items)
    assert all(item["category"] == ["Lamp"] for item in items)
    if path not in ("/items/i1/bought-together", "/trending", "/new"):
        assert items
        left = [item["item_id"] for item in items[::2]]
        rest = client.get(path, params=base | {"filter": json.dumps(condition), "exclude": left})
        assert {*ids(rest)} == {item["item_id"] for item in items} - {*left}


def test_500_items_are_excluded_and_501_are_an_error(client: httpx.Client) -> None:
    excluded = [f"i{number}" for number in range(N_ITEMS - 3)] + [f"other-{number}" for number in range(455)]
    body = {"exclude": excluded, "n": 50}
    assert {*ids(client.post("/recommendations", json=body))} == {"i45", "i46", "i47"}
    answer = client.post("/recommendations", json={"exclude": [*excluded, "x"]})
    assert answer.status_code == 422 and answer.json()["error"]["param"] == "exclude"


@pytest.mark.parametrize(
    ("params", "param"),
    [
        ({"filter": "{"}, "filter"),
        ({"filter": '{"prize": 1}'}, "prize"),
        ({"cursor": "nonsense"}, "cursor"),
        ({"colour": "red"}, "colour"),
        ({"n": 0}, "n"),
        ({"price_min": 9, "price_max": 1}, "above the highest"),
    ],
)
def test_a_wrong_parameter_is_named(client: httpx.Client, params: dict[str, Any], param: str) -> None:
    answer = client.get("/users/u1/recommendations", params=params)
    assert answer.status_code in (400, 404, 422) and param in answer.json()["error"]["message"]


def test_a_cursor_of_another_list_is_rejected(client: httpx.Client) -> None:
    cursor = client.get("/popular?n=3").json()["next_cursor"]
    assert client.get("/popular", params={"n": 3, "cursor": cursor}).status_code == 200
    for path in ("/trending", "/users/u1/recommendations"):
        assert client.get(path, params={"cursor": cursor}).status_code == 404
    changed = client.get("/popular", params={"cursor": cursor, "exclude": ["i1"]})
    assert "another request" in changed.json()["error"]["message"]


def test_a_session_that_is_not_logged(client: httpx.Client) -> None:
    events = [{"item_id": f"i{number}"} for number in (1, 3, 5)] + [{"item_id": "gone"}]
    body = {"events": events, "n": 8, "diversity": 0.0, "filter": {"price": {"min": 12}}}
    answer = client.post("/recommendations", json=body)
    numbers = [int(item_id[1:]) for item_id in ids(answer)]
    assert sum(number % 2 for number in numbers) >= 7 and not {1, 3, 5} & {*numbers}
    assert answer.json()["unknown"] == ["gone"] and answer.json()["user"] is None
    users = client.get("/users").json()["users"]
    assert len(users) == client.get("/healthz").json()["users"], "nobody was added"


def test_a_given_list_is_ordered(client: httpx.Client) -> None:
    given_ids = ["i0", "i1", "i2", "i3", "i4", "i5", "nothing"]
    answer = client.post("/rerank", json={"user": "u1", "item_ids": given_ids, "diversity": 0.0})
    assert sorted(ids(answer)) == given_ids[:6] and answer.json()["unknown"] == ["nothing"]
    assert {int(item_id[1:]) % 2 for item_id in ids(answer)[:3]} == {1}
    assert client.post("/rerank", json={"item_ids": ["nothing"]}).status_code == 404


def test_a_conversation_gets_what_its_last_message_says(client: httpx.Client) -> None:
    messages = [{"role": "user", "content": "a red lamp"}]
    body = {"messages": messages, "filter": {"price": {"max": 40}}}
    items = client.post("/recommendations", json=body).json()["items"]
    assert items and all(item["price"] <= 40 for item in items)
    assert {(item["category"][0], item["attributes"]["color"]) for item in items} == {("Lamp", "red")}
    wrong = client.post("/recommendations", json=body | {"events": [{"item_id": "i1"}]})
    assert wrong.status_code == 400


def test_bought_together_and_what_completes_a_set(client: httpx.Client) -> None:
    answer = client.get("/items/i10/bought-together")
    assert ids(answer) == ["i20"] and answer.json()["items"][0]["reason"] == "bought together by 2 users"
    german = client.get("/items/i10/bought-together?language=de")
    assert german.json()["items"][0]["reason"] == "von 2 Personen zusammen gekauft"
    RelatedItems.model_validate(answer.json())
    for answer in (
        client.get("/items/i0/goes-well-with?n=3"),
        client.post("/complete", json={"item_ids": ["i0", "i1", "unknown"], "n": 3}),
    ):
        assert len(ids(answer)) == 3 and not {"i0", "i1"} & {*ids(answer)[:1]}
    assert client.post("/complete", json={"item_ids": ["unknown"]}).status_code == 404


@pytest.mark.parametrize("name", ["goes-well-with", "complements", "complete"])
def test_what_goes_with_an_item_has_filters_and_pages(client: httpx.Client, name: str) -> None:
    def ask(**options: Any) -> httpx.Response:
        if name == "complete":
            return client.post("/complete", json={"item_ids": ["i0"], "n": 2, **options})
        if "filter" in options:
            options["filter"] = json.dumps(options["filter"])
        return client.get(f"/items/i0/{name}", params={"n": 2, **options})

    first = ask()
    RelatedItems.model_validate(first.json())
    assert [item["position"] for item in first.json()["items"]] == [1, 2]
    second = ask(cursor=first.json()["next_cursor"]) if first.json()["next_cursor"] else None
    assert second is None or not {*ids(first)} & {*ids(second)}
    assert ids(first)[0] not in ids(ask(exclude=[ids(first)[0]]))
    red = ask(filter={"attributes": {"color": ["red"]}}).json()["items"]
    assert red and {item["attributes"]["color"] for item in red} == {"red"}
    assert ask(filter={"colour": ["red"]}).status_code in (400, 422)


def test_answers_follow_their_schemas(client: httpx.Client) -> None:
    for path in ("/popular", "/items/i1/similar"):
        ScoredItems.model_validate(client.get(path).json())
    Recommendations.model_validate(client.get("/users/u1/recommendations").json())
    for path, body in (("/recommendations", {}), ("/rerank", {"item_ids": ["i1"]})):
        Recommendations.model_validate(client.post(path, json=body).json())


def test_exposures_are_logged_and_events_name_their_list(client: httpx.Client, store: Store) -> None:
    user = f"seen-{uuid.uuid4().hex}"
    body = {"user": user, "n": 3, "surface": "home", "exploration": 0.5, "seed": 7}
    answer = client.post("/recommendations", json=body).json()
    clicked = {"product_id": answer["items"][1]["item_id"], "recommendation_id": answer["recommendation_id"]}
    event = {"userId": user, "event": "Product Clicked", "properties": clicked}
    assert client.post("/v1/track", json=event).json()["accepted"] == 1
    log = ExposureLog(store.path)
    wait_until(lambda: log.names(user), "the exposures are written")
    rows = log.of_user([user]).to_pylist()
    assert [row["item_id"] for row in rows] == [item["item_id"] for item in answer["items"]]
    assert [row["propensity"] for row in rows] == [item["propensity"] for item in answer["items"]]
    assert {row["surface"] for row in rows} == {"home"} and [row["position"] for row in rows] == [1, 2, 3]
    rates = {each.surface: each for each in rates_by_surface(log.read(), store.log.read())}
    assert rates["home"].click_by_position[1] > 0
    exported = client.get(f"/users/{user}/taste/export").json()
    assert len(exported["exposures"]) == 3 and exported["events"][0]["recommendation_id"]
    assert client.delete(f"/users/{user}").json()["status"] == "acknowledged"
    wait_until(lambda: not log.names(user), "the exposures are erased", 300)

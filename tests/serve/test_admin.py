"""What operators see and change over HTTP."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import httpx
import pytest

from bowerbird.data.items import Catalogue, Item
from bowerbird.data.pictures.ledger import Ledger
from bowerbird.data.store import Store
from factories import group_vectors, publish_vectors, toy_catalogue, toy_events

Serve = Callable[..., AbstractContextManager[tuple[str, int]]]
BROKEN = [
    Item("untitled", "", image=b"x", price=1.0),
    Item("unpriced", "a lamp", image=b"x"),
    Item("unread", "a rug", price=2.0, image_link="https://shop.example/rug.jpg"),
    Item("sold-out", "a sofa", image=b"x", price=3.0, availability="out_of_stock"),
    Item("withdrawn", "a vase", image=b"x", price=3.0, availability="withdrawn"),
]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """60 plain items with vectors and 40 users, then five items with faults and no vectors."""
    store = Store.create(tmp_path_factory.mktemp("admin") / "store")
    store.publish_catalogue(toy_catalogue(60))
    publish_vectors(store, group_vectors(60))
    store.log.append(toy_events(40, 60))
    store.publish_catalogue(toy_catalogue(60).updated(Catalogue.of(BROKEN)))
    ledger = Ledger(store.path)
    ledger.add_fault("https://shop.example/rug.jpg", "status 404")
    ledger.close()
    return store


@pytest.fixture(scope="module")
def client(store: Store, serve: Serve) -> Iterator[httpx.Client]:
    with serve(store.path) as (address, _), httpx.Client(base_url=address, timeout=120) as client:
        yield client


def get(client: httpx.Client, path: str, **parameters: Any) -> Any:
    answer = client.get(path, params=parameters)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_trace_is_the_users_list_with_all_that_is_behind_it(client: httpx.Client) -> None:
    shown = get(client, "/users/u3/recommendations", n=10)["items"]
    trace = get(client, "/users/u3/recommendations/trace", n=10)
    assert [item["item_id"] for item in trace["items"]] == [item["item_id"] for item in shown]
    assert trace["is_known"] and trace["n_candidates"] >= 10
    for item in trace["items"]:
        assert item["source"] in [proposal["source"] for proposal in item["proposals"]]
        assert [each["rank"] for each in item["proposals"]] == sorted(
            each["rank"] for each in item["proposals"]
        )
        assert 1 <= item["rank_by_score"] <= trace["n_candidates"]
        assert {"age_days", "price_ratio"} < {feature["name"] for feature in item["features"]}


def test_the_catalogue_says_what_is_wrong_with_an_item(client: httpx.Client) -> None:
    whole = get(client, "/catalogue", n=5)
    assert (whole["imported"], whole["total"], len(whole["items"])) == (65, 65, 5)
    assert whole["faults"] | {"no_vector": 5, "sold_out": 1, "withdrawn": 1} == whole["faults"]
    by_fault = {
        fault: [item["item_id"] for item in get(client, "/catalogue", fault=fault)["items"]]
        for fault in ("no_title", "no_price", "picture_unread", "sold_out", "withdrawn")
    }
    assert by_fault == {
        "no_title": ["untitled"],
        "no_price": ["unpriced"],
        "picture_unread": ["unread"],
        "sold_out": ["sold-out"],
        "withdrawn": ["withdrawn"],
    }
    assert get(client, "/catalogue", fault="picture_unread")["items"][0]["picture_fault"] == "status 404"
    assert [item["item_id"] for item in get(client, "/catalogue", q="RUG")["items"]] == ["unread"]
    pages = [get(client, "/catalogue", start=start, n=40)["items"] for start in (0, 40)]
    assert len({item["item_id"] for page in pages for item in page}) == 65

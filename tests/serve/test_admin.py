"""What operators see and change over HTTP."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from bowerbird.data.items import Catalogue, Item
from bowerbird.data.pictures.ledger import Ledger
from bowerbird.data.store import Store
from bowerbird.recommend.train import complete
from bowerbird.serve.protection.keys import KeyRing
from factories import group_vectors, publish_vectors, toy_catalogue, toy_events
from waiting import wait_until

Serve = Callable[..., AbstractContextManager[str]]
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
    with serve(store.path) as address, httpx.Client(base_url=address, timeout=120) as client:
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


def listed(client: httpx.Client, user: str) -> list[str]:
    return [item["item_id"] for item in get(client, f"/users/{user}/recommendations", n=10)["items"]]


def test_rules_are_tried_published_and_logged(client: httpx.Client, store: Store) -> None:
    user, in_force = "u4", get(client, "/rules")
    before = listed(client, user)
    rules = {
        "places": 5,
        "boost": [{"factor": 50, "item_ids": [before[7]]}],
        "pin": [{"item_id": before[9], "place": 2}],
        "hide": [{"item_id": [before[0]]}],
    }
    preview = client.post("/rules/preview", json={"rules": rules, "user": user, "n": 10}).json()
    assert [item["item_id"] for item in preview["example"]["before"]] == before
    tried = [item["item_id"] for item in preview["example"]["after"]]
    assert preview["changed"] >= 1 and preview["moved"]
    assert listed(client, user) == before, "a preview changes nothing"
    answer = client.put("/rules", json={"rules": rules, "version": in_force["version"]})
    assert answer.status_code == 200
    assert listed(client, user) == tried
    assert tried[1] == before[9] and before[0] not in tried and before[7] in tried[:4]
    trace = get(client, f"/users/{user}/recommendations/trace", n=10)["items"]
    assert trace[1]["rules"] == ["pinned to place 2"]
    for path in ("/items/i0/similar", "/items/i1/similar", "/popular", "/items/i0/complements"):
        everything = [item["item_id"] for item in get(client, path, n=100)["items"]]
        assert everything and before[0] not in everything, f"{path} lists what the shop hides"
    assert get(client, f"/items/{before[0]}")["item_id"] == before[0]
    stale = client.put("/rules", json={"rules": rules, "version": in_force["version"]})
    assert stale.status_code == 409 and "meanwhile" in stale.json()["error"]["message"]
    for faulty in ({"boost": [{"factor": 0.5, "brand": "x"}]}, {"hide": [{"in_stock": 1}]}, {"hide": [{}]}):
        assert client.post("/rules/preview", json={"rules": faulty}).status_code in (400, 422)
    client.put("/rules", json={"rules": {}, "version": answer.json()["version"]})
    assert listed(client, user) == before
    entries = get(client, "/audit", action="publish rules")["entries"]
    assert [entry["details"]["pin"] for entry in entries] == ["0", "1"]


def test_a_rollback_is_served_when_it_is_answered(client: httpx.Client, store: Store) -> None:
    vectors = group_vectors(60, seed=5)
    before = get(client, "/versions")
    assert before["sets"][0]["in_force"] and before["served"] == before["sets"][0]["number"]
    publish_vectors(store, vectors, ids=[f"i{number}" for number in range(60)])
    complete(store)
    wait_until(lambda: get(client, "/versions")["served"] > before["served"], "the new set is served")
    sets = get(client, "/versions")["sets"]
    numbers = {"before": before["served"], "after": sets[0]["number"]}
    difference = get(client, "/versions/difference", **numbers)
    assert {"vectors", "ranker"} <= difference["versions"].keys()
    result = client.post("/versions/rollback", json={"number": before["served"]}).json()
    assert result["now"] == result["served"] == before["served"]
    assert client.post("/versions/rollback", json={"number": before["served"]}).status_code == 404
    assert client.post("/versions/rollback", json={"number": 999}).status_code == 404
    assert client.get("/versions/difference?before=1&after=999").status_code == 404
    entry = get(client, "/audit", action="roll back versions")["entries"][0]
    assert entry["details"]["now"] == str(before["served"])


def test_what_came_of_a_list(client: httpx.Client, store: Store) -> None:
    answer = get(client, "/users/u6/recommendations", n=5, surface="home")
    event = {
        "type": "track", "userId": "u6", "event": "Product Added to Wishlist", "messageId": "m1",
        "timestamp": datetime.now(UTC).isoformat(),
        "properties": {
            "product_id": answer["items"][2]["item_id"], "recommendation_id": answer["recommendation_id"]
        },
    }  # fmt: skip
    assert client.post("/v1/track", json=event).json()["accepted"] == 1
    wait_until(lambda: get(client, "/exposures", user="u6")["lists"], "the list is logged")
    shown = get(client, "/exposures", user="u6")["lists"][0]
    assert (shown["surface"], shown["items"], shown["outcomes"]["save"]) == ("home", 5, 1)
    detail = get(client, f"/exposures/{shown['recommendation_id']}")
    assert [item["item_id"] for item in detail["items"]] == [item["item_id"] for item in answer["items"]]
    assert [item["outcomes"] for item in detail["items"]] == [[], [], ["save"], [], []]
    history = get(client, "/outcomes", days=7)
    home = next(series for series in history["series"] if series["name"] == "home")
    assert len(history["days"]) == 7 and home["shown"] == [0] * 6 + [5]
    assert home["outcomes"]["save"] == [0] * 6 + [1]
    assert client.get("/exposures/none").status_code == 404


def test_keys_are_made_ended_rotated_and_revoked(client: httpx.Client, store: Store) -> None:
    key = client.post("/keys", json={"roles": ["read"], "note": "shop"}).json()
    ring = KeyRing(store.path)
    assert ring.find(key["key"])
    ended = client.put(f"/keys/{key['id']}/expiry", json={"days": 3}).json()
    assert ended["state"] == "valid" and ended["expires"]
    successor = client.post(f"/keys/{key['id']}/rotation", json={"grace_hours": 0}).json()
    assert successor["roles"] == ["read"] and ring.find(successor["key"]) and not ring.find(key["key"])
    assert client.delete(f"/keys/{successor['id']}").json()["state"] == "revoked"
    assert client.post(f"/keys/{successor['id']}/rotation", json={}).status_code == 409
    assert not ring.find(successor["key"])
    keys = get(client, "/keys")
    assert [each["state"] for each in keys["keys"]] == ["revoked", "expired"] and not keys["required"]
    assert key["key"].split("_")[2] not in client.get("/keys").text
    assert client.delete("/keys/unknown").status_code == 404
    assert client.post("/keys", json={"roles": ["profile"]}).status_code == 422


def test_the_audit_log_names_no_user(client: httpx.Client) -> None:
    assert client.delete("/users/u8").json()["status"] == "acknowledged"
    audit = get(client, "/audit", n=3)
    assert audit["entries"][0]["action"] == "erase a user"
    assert "u8" not in str(audit)

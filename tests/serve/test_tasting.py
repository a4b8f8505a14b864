"""A person's taste over HTTP: seen, explained, changed and taken away; what they say holds at once."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest


@pytest.fixture(scope="module")
def client(address: str) -> Any:
    with httpx.Client(base_url=address, timeout=120) as client:
        yield client


@pytest.fixture
def user(client: httpx.Client) -> str:
    """Somebody new who saved three things of one kind and two of another."""
    name = f"taster-{uuid.uuid4().hex[:8]}"
    ids: dict[str, list[str]] = {}
    for item in client.get("/users/shopper-00001/recommendations?n=200").json()["items"]:
        ids.setdefault(item["category"][-1], []).append(item["item_id"])
    first, second = sorted(ids.values(), key=len, reverse=True)[:2]
    for item_id in (*first[:3], *second[:2]):
        message = {"type": "track", "userId": name, "event": "Product Added to Wishlist"}
        message |= {"properties": {"product_id": item_id}, "timestamp": datetime.now(UTC).isoformat()}
        message["messageId"] = uuid.uuid4().hex
        assert client.post("/v1/track", json=message).json()["accepted"] == 1
    return name


def get(client: httpx.Client, path: str) -> Any:
    answer = client.get(path)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_the_whole_taste(client: httpx.Client, user: str) -> None:
    told = get(client, f"/users/{user}/taste")
    assert told["user"] == user and len(told["recent"]) == 5
    assert sum(one["share"] for one in told["interests"]) == pytest.approx(1.0)
    assert set(told["scales"]) == {"session", "week", "season"}
    season = get(client, f"/users/{user}/taste/interests?scale=season")["interests"]
    assert [one["name"] for one in season] == [one["name"] for one in told["scales"]["season"]]
    assert client.get(f"/users/{user}/taste/interests?scale=century").status_code == 422


def test_what_is_said_holds_for_the_next_request(client: httpx.Client, user: str) -> None:
    first = get(client, f"/users/{user}/taste")["interests"][0]["name"]
    assert client.post(f"/users/{user}/taste/mute", json={"interest": first}).json()["muted"] is True
    shown = get(client, f"/users/{user}/recommendations?n=200")["items"]
    assert get(client, f"/users/{user}/taste")["interests"][0]["muted"] is True
    assert client.post(f"/users/{user}/taste/mute", json={"interest": first}).json()["muted"] is False
    assert len(get(client, f"/users/{user}/recommendations?n=200")["items"]) > len(shown)
    gone = client.put(f"/users/{user}/taste/weight", json={"interest": first, "weight": 0}).json()
    assert gone["weight"] == 0 and gone["corrected"] is True
    after = get(client, f"/users/{user}/taste")
    assert first not in [one["name"] for one in after["interests"]] and after["not_me"] == [first]
    back = client.put(f"/users/{user}/taste/weight", json={"interest": first}).json()
    assert back["corrected"] is False and back["weight"] > 0


def test_a_gift(client: httpx.Client, user: str) -> None:
    item = get(client, f"/users/{user}/taste")["recent"][0]["item_id"]
    assert client.put(f"/users/{user}/taste/exclude-item", json={"item_id": item}).json()["excluded"] is True
    assert item not in [one["item_id"] for one in get(client, f"/users/{user}/taste")["recent"]]


def test_who_disowns_everything_is_met_as_a_stranger(client: httpx.Client, user: str) -> None:
    mine = [one["item_id"] for one in get(client, f"/users/{user}/taste")["recent"]]
    for item in mine:
        client.put(f"/users/{user}/taste/exclude-item", json={"item_id": item})
    shown = [one["item_id"] for one in get(client, f"/users/{user}/recommendations?n=200")["items"]]
    strangers = get(client, f"/users/nobody-{user}/recommendations?n=200")["items"]
    assert not set(shown) & set(mine), "what was dealt with is not shown again"
    assert set(shown) == {one["item_id"] for one in strangers} - set(mine)
    assert {one["source"] for one in get(client, f"/users/{user}/recommendations?n=9")["items"]} == {
        one["source"] for one in strangers[:9]
    }


def test_why_an_item(client: httpx.Client, user: str) -> None:
    item = get(client, f"/users/{user}/recommendations?n=1")["items"][0]["item_id"]
    assert get(client, f"/users/{user}/taste/explain?item={item}")["explanation"]
    assert client.get(f"/users/{user}/taste/explain?item=nothing").status_code == 400


def test_the_crowd_names_nobody(client: httpx.Client) -> None:
    told = client.get("/users/shopper-00001/taste/similar-users").text
    assert "shopper-000" not in told.replace("shopper-00001", "")


def test_export_and_forget(client: httpx.Client, user: str) -> None:
    assert len(get(client, f"/users/{user}/taste/export")["events"]) == 5
    assert client.delete(f"/users/{user}").json()["status"] == "acknowledged"
    assert get(client, f"/users/{user}/taste/export")["events"] == []


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("taste/weight", {"interest": "1", "weight": -1}, 422),
        ("taste/weight", {"weight": 1}, 422),
        ("taste/weight", {"interest": "no such thing", "weight": 1}, 400),
        ("taste/exclude-item", {"item_id": "no such thing"}, 400),
    ],
)
def test_what_cannot_be_said(client: httpx.Client, user: str, path: str, body: Any, status: int) -> None:
    answer = client.put(f"/users/{user}/{path}", json=body)
    assert answer.status_code == status and answer.json()["error"]["message"]

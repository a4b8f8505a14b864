"""A user's taste over HTTP: shown, explained, corrected and exported; corrections apply immediately."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import httpx
import pytest


@pytest.fixture(scope="module")
def client(address: str) -> Any:
    with httpx.Client(base_url=address, timeout=120) as client:
        yield client


@pytest.fixture
def user(client: httpx.Client) -> str:
    """A new user who saved three items of one kind and two of another."""
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
    profile = get(client, f"/users/{user}/taste")
    assert profile["user"] == user and len(profile["recent"]) == 5
    assert sum(entry["share"] for entry in profile["interests"]) == pytest.approx(1.0)
    assert set(profile["scales"]) == {"session", "week", "season"}
    season = get(client, f"/users/{user}/taste/interests?scale=season")["interests"]
    assert [entry["name"] for entry in season] == [entry["name"] for entry in profile["scales"]["season"]]
    assert client.get(f"/users/{user}/taste/interests?scale=century").status_code == 422


def test_the_taste_of_an_unknown_user_is_honestly_empty(client: httpx.Client) -> None:
    profile = get(client, "/users/nobody/taste")
    assert profile["at"] is None and profile["interests"] == profile["recent"] == []
    assert profile["changed"]["words"] == "This user has no events yet."
    assert get(client, "/users/nobody/taste/export")["taste"] == profile


def test_corrections_apply_to_the_next_request(client: httpx.Client, user: str) -> None:
    first = get(client, f"/users/{user}/taste")["interests"][0]["name"]
    muted = f"/users/{user}/taste/muted/{quote(first, safe='')}"
    for _ in range(2):  # a retry changes nothing
        assert client.put(muted).json()["muted"] is True
    shown = get(client, f"/users/{user}/recommendations?n=200")["items"]
    assert get(client, f"/users/{user}/taste")["interests"][0]["muted"] is True
    for _ in range(2):
        assert client.delete(muted).json()["muted"] is False
    assert len(get(client, f"/users/{user}/recommendations?n=200")["items"]) > len(shown)
    rejected = client.put(f"/users/{user}/taste/weight", json={"interest": first, "weight": 0}).json()
    assert rejected["weight"] == 0 and rejected["corrected"] is True
    after = get(client, f"/users/{user}/taste")
    assert first not in [entry["name"] for entry in after["interests"]] and after["rejected"] == [first]
    restored = client.put(f"/users/{user}/taste/weight", json={"interest": first}).json()
    assert restored["corrected"] is False and restored["weight"] > 0


def test_a_gift(client: httpx.Client, user: str) -> None:
    item = get(client, f"/users/{user}/taste")["recent"][0]["item_id"]
    excluded = f"/users/{user}/taste/excluded-items/{item}"
    for _ in range(2):
        assert client.put(excluded).json() == {"item_id": item, "excluded": True}
    assert item not in [entry["item_id"] for entry in get(client, f"/users/{user}/taste")["recent"]]
    for _ in range(2):
        assert client.delete(excluded).json() == {"item_id": item, "excluded": False}
    assert item in [entry["item_id"] for entry in get(client, f"/users/{user}/taste")["recent"]]


def test_a_user_who_excludes_everything_is_treated_as_unknown(client: httpx.Client, user: str) -> None:
    seen = [entry["item_id"] for entry in get(client, f"/users/{user}/taste")["recent"]]
    for item in seen:
        client.put(f"/users/{user}/taste/excluded-items/{item}")
    shown = [entry["item_id"] for entry in get(client, f"/users/{user}/recommendations?n=200")["items"]]
    unknown_items = get(client, f"/users/nobody-{user}/recommendations?n=200")["items"]
    assert not set(shown) & set(seen), "seen items are not shown again"
    assert set(shown) == {entry["item_id"] for entry in unknown_items} - set(seen)
    assert {entry["source"] for entry in get(client, f"/users/{user}/recommendations?n=9")["items"]} == {
        entry["source"] for entry in unknown_items[:9]
    }


def test_why_an_item(client: httpx.Client, user: str) -> None:
    item = get(client, f"/users/{user}/recommendations?n=1")["items"][0]["item_id"]
    assert get(client, f"/users/{user}/taste/explain?item={item}")["explanation"]
    assert client.get(f"/users/{user}/taste/explain?item=nothing").status_code == 404


def test_similar_users_are_anonymous(client: httpx.Client) -> None:
    text = client.get("/users/shopper-00001/taste/similar-users").text
    assert "shopper-000" not in text.replace("shopper-00001", "")


def test_export_and_forget(client: httpx.Client, user: str) -> None:
    assert len(get(client, f"/users/{user}/taste/export")["events"]) == 5
    assert client.delete(f"/users/{user}").json()["status"] == "acknowledged"
    assert get(client, f"/users/{user}/taste/export")["events"] == []


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("taste/weight", {"interest": "1", "weight": -1}, 422),
        ("taste/weight", {"weight": 1}, 422),
        ("taste/weight", {"interest": "no such thing", "weight": 1}, 404),
        ("taste/excluded-items/nothing", None, 404),
        ("taste/muted/nothing", None, 404),
        ("taste/muted/%C2%B3", None, 404),
    ],
)
def test_invalid_corrections_are_errors(
    client: httpx.Client, user: str, path: str, body: Any, status: int
) -> None:
    answer = client.put(f"/users/{user}/{path}", json=body)
    assert answer.status_code == status and answer.json()["error"]["message"]

"""The server as its clients meet it: a real process, over loopback."""

from __future__ import annotations

import resource
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from bowerbird.cli.main import app
from bowerbird.data.store import Store
from bowerbird.taste.graph import TasteGraph


@pytest.fixture(scope="module")
def client(address: str) -> Any:
    with httpx.Client(base_url=address, timeout=120) as client:
        yield client


def message(user: str, item: str, event: str = "Product Added to Wishlist", **more: Any) -> dict[str, Any]:
    said = {"type": "track", "userId": user, "event": event, "properties": {"product_id": item}}
    return {**said, "timestamp": datetime.now(UTC).isoformat(), "messageId": uuid.uuid4().hex, **more}


def test_health_tells_what_is_served(client: httpx.Client) -> None:
    health = client.get("/healthz").json()
    assert health["status"] == "ok"
    assert health["items"] == 72
    assert health["synthetic"] is True
    assert health["versions"]["vectors"]


def test_an_event_changes_the_next_answer(client: httpx.Client) -> None:
    user = f"new-{uuid.uuid4().hex}"
    before = client.get(f"/users/{user}/recommendations?n=5").json()["items"]
    liked = before[0]["item_id"]
    told = client.post("/v1/track", json=message(user, liked)).json()
    assert told == {"success": True, "accepted": 1, "duplicates": 0, "refused": []}
    after = client.get(f"/users/{user}/recommendations?n=5").json()["items"]
    assert liked not in [item["item_id"] for item in after], "what was saved is not shown again"
    assert [item["item_id"] for item in after] != [item["item_id"] for item in before]
    assert client.get(f"/users/{user}/interests").json()["interests"]


def test_what_is_liked_just_now_is_trending(client: httpx.Client) -> None:
    before = {one["item_id"]: one["score"] for one in client.get("/trending?n=200").json()["items"]}
    item = client.get("/users/nobody/recommendations?n=1").json()["items"][0]["item_id"]
    run = uuid.uuid4().hex
    for user in ("one", "another", "one"):  # who likes it twice counts once
        client.post("/v1/track", json=message(f"{user}-{run}", item))
    after = client.get("/trending?n=200").json()["items"]
    scores = {one["item_id"]: one["score"] for one in after}
    assert scores[item] - before.get(item, 0.0) == pytest.approx(2.0, abs=0.05)
    assert [one["score"] for one in after] == sorted(scores.values(), reverse=True)
    assert client.get("/trending?half_life_days=0").status_code == 422


def recommended(client: httpx.Client, user: str, **more: Any) -> list[dict[str, Any]]:
    answer = client.get(f"/users/{user}/recommendations", params={"n": 200, **more})
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


def test_filters_leave_out_what_they_say(client: httpx.Client) -> None:
    plain = recommended(client, "shopper-00001")
    assert plain and all(one["availability"] == "in_stock" for one in plain)
    low, high = sorted(one["price"] for one in plain)[10], sorted(one["price"] for one in plain)[30]
    bounded = recommended(client, "shopper-00001", price_min=low, price_max=high)
    ids = {one["item_id"] for one in plain if low <= one["price"] <= high}
    assert {one["item_id"] for one in bounded} == ids and len(ids) < len(plain)
    category = plain[0]["category"][0]
    within = recommended(client, "shopper-00001", category=category.upper())
    assert {one["item_id"] for one in within} == {
        one["item_id"] for one in plain if category in one["category"]
    }
    assert client.get("/users/u/recommendations?price_min=9&price_max=1").status_code == 400


def test_what_is_muted_does_not_come(client: httpx.Client, shop_store: Path) -> None:
    user = "shopper-00002"
    taste = TasteGraph.open(Store.open(shop_store).snapshot())
    group = taste.interests_of_items.group
    mine = taste.interests(taste.state(user))[0]

    def of_it() -> list[str]:
        shown = [taste.catalogue.position[one["item_id"]] for one in recommended(client, user)]
        return [taste.catalogue.ids[row] for row in shown if group[row] == mine.number]

    assert of_it()
    command = ["taste", "mute", str(shop_store), "--user", user, "--interest", mine.name]
    assert CliRunner().invoke(app, command).exit_code == 0
    try:
        assert not of_it()
    finally:
        CliRunner().invoke(app, command)


def test_chances_are_told_with_their_meaning(client: httpx.Client) -> None:
    answer = client.get("/users/shopper-00001/recommendations?n=5").json()
    told = {*answer["items"][0]["probability"], *answer["outcomes"]["absent"]}
    assert told == {"click", "save", "purchase"}
    assert (
        answer["outcomes"]["conditioning"] in ("shown", "session") and answer["outcomes"]["within_days"] > 0
    )
    assert all(0 <= chance <= 1 for one in answer["items"] for chance in one["probability"].values())
    refused = client.get("/users/u/recommendations?outcome=hide")
    assert refused.status_code == 400 and "click" in refused.json()["error"]["message"]


def test_a_repeat_counts_once_and_bad_messages_are_named(client: httpx.Client) -> None:
    once = message("repeater", "BB-000001")
    future = message("repeater", "BB-000002", timestamp="2087-01-01T00:00:00Z")
    batch = [once, once, message("repeater", "no-such-item"), future, {"type": "identify"}, 7]
    told = client.post("/v1/batch", json={"batch": batch}).json()
    assert (told["accepted"], told["duplicates"]) == (1, 1)
    assert sorted(told["refused"]) == ["no JSON object", "time in the future", "unknown item"]


def test_a_full_disk_is_told_and_nothing_is_lost(client: httpx.Client, server: tuple[str, int]) -> None:
    body = message("careful", "BB-000003")
    assert client.post("/v1/track", json=body).json()["accepted"] == 1
    later, (_, most) = message("careful", "BB-000004"), resource.getrlimit(resource.RLIMIT_FSIZE)
    before = resource.prlimit(server[1], resource.RLIMIT_FSIZE, (1, most))  # no file may grow
    try:
        refused = client.post("/v1/batch", json={"batch": [body, later]})
    finally:
        resource.prlimit(server[1], resource.RLIMIT_FSIZE, before)
    assert refused.status_code == 503 and "send the events again" in refused.json()["error"]["message"]
    told = client.post("/v1/batch", json={"batch": [body, later]}).json()
    assert (told["accepted"], told["duplicates"]) == (1, 1)


@pytest.mark.parametrize(
    ("path", "content", "status"),
    [("/v1/track", b"{", 400), ("/v1/batch", b"[]", 400), ("/v1/track", b"x" * 600_000, 413)],
)
def test_bodies_that_can_not_be_used(client: httpx.Client, path: str, content: bytes, status: int) -> None:
    answer = client.post(path, content=content)
    assert answer.status_code == status
    assert answer.json()["error"]["message"]


def test_search_by_text_item_and_picture(client: httpx.Client) -> None:
    lamps = client.get("/search", params={"q": "a lamp", "n": 5}).json()["items"]
    assert lamps[0]["attributes"]["type"].lower() == "lamp"
    picture = client.get(lamps[0]["image"])
    assert picture.headers["content-type"] == "image/jpeg"
    seen = client.post("/search", params={"n": 3}, content=picture.content).json()["items"]
    assert lamps[0]["item_id"] in [item["item_id"] for item in seen]
    similar = client.get(f"/items/{lamps[0]['item_id']}/similar", params={"n": 3}).json()["items"]
    assert lamps[0]["item_id"] not in [item["item_id"] for item in similar]


def test_a_text_beside_an_item_or_a_picture_says_what_shall_be_different(client: httpx.Client) -> None:
    lamps = client.get("/search", params={"q": "a lamp", "n": 4}).json()["items"]
    lamp, other = next(
        (a, b) for a in lamps for b in lamps if a["attributes"]["colour"] != b["attributes"]["colour"]
    )
    change = {"q": f"but in {other['attributes']['colour']}", "n": 3}
    for answer in (
        client.get("/search", params={**change, "item": lamp["item_id"]}),
        client.post("/search", params=change, content=client.get(lamp["image"]).content),
    ):
        found = answer.json()["items"]
        assert other["item_id"] in [item["item_id"] for item in found]
        assert found[0]["attributes"]["colour"] == other["attributes"]["colour"]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/items/nothing", 404),
        ("/search", 400),
        ("/search?item=nothing", 404),
        ("/users/u/recommendations?n=0", 422),
    ],
)
def test_what_can_not_be_answered_says_why(client: httpx.Client, path: str, status: int) -> None:
    answer = client.get(path)
    assert answer.status_code == status
    assert answer.json()["error"]["message"]


def test_a_broken_picture_and_a_huge_query(client: httpx.Client) -> None:
    assert client.post("/search", content=b"no picture").status_code == 400
    long = client.post(
        "/v1/chat/completions", json={"messages": [{"role": "user", "content": "lamp " * 20_000}]}
    )
    assert long.status_code == 200


def test_forgetting_leaves_nothing(client: httpx.Client) -> None:
    client.post("/v1/track", json=message("gone", "BB-000003"))
    assert client.request("DELETE", "/users/gone").json()["status"] == "acknowledged"
    assert client.get("/users/gone/interests").json()["interests"] == []


def test_forgetting_nobody_changes_no_file(client: httpx.Client, shop_store: Path) -> None:
    def content() -> dict[Path, tuple[int, bytes]]:
        # Not SQLite's index of readers, nor which process reads which versions: both come and go.
        files = [path for path in shop_store.rglob("*") if path.is_file()]
        files = [path for path in files if path.name != "live.db-shm" and path.parent.name != "readers"]
        return {
            path: (path.stat().st_mtime_ns, path.read_bytes()) for path in files
        }  # shm: SQLite's, of readers

    before = content()
    answer = client.request("DELETE", "/users/nobody-at-all")
    assert answer.status_code == 200 and answer.json()["status"] == "nothing to erase"
    assert content() == before


def test_metrics_count_by_route(client: httpx.Client) -> None:
    client.get("/items/BB-000004")
    told = client.get("/metrics").text
    assert 'bowerbird_requests_total{route="/items/{item_id:path}",status="200"}' in told
    assert "BB-000004" not in told

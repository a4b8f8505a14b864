"""The HTTP API of a real server process, over loopback."""

from __future__ import annotations

import gzip
import json
import resource
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from typer.testing import CliRunner

from bowerbird.cli.main import app
from bowerbird.data.store import Store
from bowerbird.taste.graph import TasteGraph


@pytest.fixture(scope="module")
def client(address: str) -> Any:
    with httpx.Client(base_url=address, timeout=120) as client:
        yield client


def message(
    user: str, item: str, event: str = "Product Added to Wishlist", **overrides: Any
) -> dict[str, Any]:
    fields = {"type": "track", "userId": user, "event": event, "properties": {"product_id": item}}
    return {**fields, "timestamp": datetime.now(UTC).isoformat(), "messageId": uuid.uuid4().hex, **overrides}


def test_health_describes_the_served_store(client: httpx.Client) -> None:
    health = client.get("/healthz").json()
    assert health["status"] == "ok"
    assert health["items"] == 72
    assert health["synthetic"] is True
    assert health["versions"]["vectors"]
    assert (health["address"], health["lag"]["sets"]) == ("", 0)


def test_an_event_changes_the_next_answer(client: httpx.Client) -> None:
    user = f"new-{uuid.uuid4().hex}"
    before = client.get(f"/users/{user}/recommendations?n=5").json()["items"]
    liked = before[0]["item_id"]
    result = client.post("/v1/track", json=message(user, liked)).json()
    lists: dict[str, Any] = {"rejected": [], "rejections": [], "warnings": []}
    assert result == {"success": True, "accepted": 1, "duplicates": 0, **lists}
    after = client.get(f"/users/{user}/recommendations?n=5").json()["items"]
    assert liked not in [item["item_id"] for item in after], "saved items are not shown again"
    assert [item["item_id"] for item in after] != [item["item_id"] for item in before]
    assert client.get(f"/users/{user}/interests").json()["interests"]


def test_the_words_of_a_search_are_read_as_filters(client: httpx.Client) -> None:
    reading = client.get("/search/reading", params={"q": "a striped rug under 60"}).json()
    assert (reading["kind"], reading["price_max"], reading["words"]) == ("Rug", 60.0, "a striped rug")
    assert reading["unknown"] == ""
    for words in ("xylophone", "asdfghjkl qwerty"):
        assert client.get("/search/reading", params={"q": words}).json()["unknown"] == words
    item_id = client.get("/trending?n=1").json()["items"][0]["item_id"]
    reading = client.get("/search/reading", params={"q": item_id}).json()
    assert reading == {
        "words": item_id, "unknown": "", "kind": None, "colour": None,
        "price_min": None, "price_max": None, "order": "best",
    }  # fmt: skip
    assert client.get("/search/reading", params={"q": "…"}).json()["words"] == "…"


def test_recently_liked_items_are_trending(client: httpx.Client) -> None:
    before = {item["item_id"]: item["score"] for item in client.get("/trending?n=200").json()["items"]}
    item = client.get("/users/nobody/recommendations?n=1").json()["items"][0]["item_id"]
    run = uuid.uuid4().hex
    for user in ("one", "another", "one"):  # a user who likes it twice counts once
        client.post("/v1/track", json=message(f"{user}-{run}", item))
    after = client.get("/trending?n=200").json()["items"]
    scores = {item["item_id"]: item["score"] for item in after}
    assert scores[item] - before.get(item, 0.0) == pytest.approx(2.0, abs=0.05)
    assert [item["score"] for item in after] == sorted(scores.values(), reverse=True)
    assert client.get("/trending?half_life_days=0").status_code == 422


def get_recommended(client: httpx.Client, user: str, **params: Any) -> list[dict[str, Any]]:
    answer = client.get(f"/users/{user}/recommendations", params={"n": 200, **params})
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


def test_filters_apply(client: httpx.Client) -> None:
    all_items = get_recommended(client, "shopper-00001")
    assert all_items and all(item["availability"] == "in_stock" for item in all_items)
    low, high = (
        sorted(item["price"] for item in all_items)[10],
        sorted(item["price"] for item in all_items)[30],
    )
    bounded = get_recommended(client, "shopper-00001", price_min=low, price_max=high)
    ids = {item["item_id"] for item in all_items if low <= item["price"] <= high}
    assert {item["item_id"] for item in bounded} == ids and len(ids) < len(all_items)
    category = all_items[0]["category"][0]
    within = get_recommended(client, "shopper-00001", category=category.upper())
    assert {item["item_id"] for item in within} == {
        item["item_id"] for item in all_items if category in item["category"]
    }
    assert client.get("/users/u/recommendations?price_min=9&price_max=1").status_code == 400


def test_muted_interests_are_not_recommended(client: httpx.Client, shop_store: Path) -> None:
    user = "shopper-00002"
    taste = TasteGraph.open(Store.open(shop_store).snapshot())
    group = taste.interests_of_items.group
    interest = taste.interests(taste.state(user))[0]

    def recommended_of_interest() -> list[str]:
        shown = [taste.catalogue.position[item["item_id"]] for item in get_recommended(client, user)]
        return [taste.catalogue.ids[row] for row in shown if group[row] == interest.number]

    assert recommended_of_interest()
    command = ["taste", "mute", str(shop_store), "--user", user, "--interest", interest.name]
    assert CliRunner().invoke(app, command).exit_code == 0
    try:
        assert not recommended_of_interest()
    finally:
        CliRunner().invoke(app, command)


def test_probabilities_come_with_their_meaning(client: httpx.Client) -> None:
    answer = client.get("/users/shopper-00001/recommendations?n=5").json()
    outcomes = {*answer["items"][0]["probability"], *answer["outcomes"]["absent"]}
    assert outcomes == {"click", "save", "purchase"}
    assert (
        answer["outcomes"]["conditioning"] in ("shown", "session") and answer["outcomes"]["within_days"] > 0
    )
    probabilities = [value for item in answer["items"] for value in item["probability"].values()]
    assert all(0 <= probability <= 1 for probability in probabilities)
    answer = client.get("/users/u/recommendations?outcome=hide")
    assert answer.status_code == 422 and "click" in answer.json()["error"]["message"]


def test_a_repeat_counts_once_and_invalid_messages_are_listed(client: httpx.Client) -> None:
    once = message("repeater", "BB-000001")
    future = message("repeater", "BB-000002", timestamp="2087-01-01T00:00:00Z")
    batch = [once, once, message("repeater", "no-such-item"), future, {"type": "identify"}, 7]
    result = client.post("/v1/batch", json={"batch": batch}).json()
    assert (result["accepted"], result["duplicates"]) == (1, 1)
    reasons = sorted(each["reason"] for each in result["rejections"])
    assert reasons == ["not a JSON object", "time in the future", "unknown item"]
    priced, lost = message("repeater", "BB-000003"), message("repeater", "no-such-item")
    for each in (priced, lost):
        each["properties"]["price"] = "cheap"
    result = client.post("/v1/batch", json={"batch": [priced, lost]}).json()
    assert result["accepted"] == 1, "an event counts without its price, and that is said"
    (warning,) = result["warnings"]
    assert warning["messageId"] == priced["messageId"] and warning["reason"].startswith(
        "kept, without its price: "
    )
    assert 'bowerbird_events_total{outcome="incomplete"} 1.0' in client.get("/metrics").text


def test_a_full_disk_is_an_error_and_nothing_is_lost(client: httpx.Client, server: tuple[str, int]) -> None:
    body = message("careful", "BB-000003")
    assert client.post("/v1/track", json=body).json()["accepted"] == 1
    later, (_, hard_limit) = message("careful", "BB-000004"), resource.getrlimit(resource.RLIMIT_FSIZE)
    before = resource.prlimit(server[1], resource.RLIMIT_FSIZE, (1, hard_limit))  # no file may grow
    try:
        answer = client.post("/v1/batch", json={"batch": [body, later]})
    finally:
        resource.prlimit(server[1], resource.RLIMIT_FSIZE, before)
    assert answer.status_code == 503 and "send the events again" in answer.json()["error"]["message"]
    result = client.post("/v1/batch", json={"batch": [body, later]}).json()
    assert (result["accepted"], result["duplicates"]) == (1, 1)


@pytest.mark.parametrize(
    ("path", "content", "status"),
    [("/v1/track", b"{", 400), ("/v1/batch", b"[]", 400), ("/v1/track", b"x" * 600_000, 413)],
)
def test_invalid_bodies_are_errors(client: httpx.Client, path: str, content: bytes, status: int) -> None:
    answer = client.post(path, content=content)
    assert answer.status_code == status
    assert answer.json()["error"]["message"]


def test_search_by_text_item_and_picture(client: httpx.Client) -> None:
    lamps = client.get("/search", params={"q": "a lamp", "n": 5}).json()["items"]
    assert lamps[0]["attributes"]["type"].lower() == "lamp"
    picture = client.get(lamps[0]["image"])
    assert picture.headers["content-type"] == "image/jpeg"
    similar_to_picture = client.post("/search", params={"n": 3}, content=picture.content).json()["items"]
    assert lamps[0]["item_id"] in [item["item_id"] for item in similar_to_picture]
    similar = client.get(f"/items/{lamps[0]['item_id']}/similar", params={"n": 3}).json()["items"]
    assert lamps[0]["item_id"] not in [item["item_id"] for item in similar]
    by_id = client.get("/search", params={"q": lamps[0]["item_id"], "n": 4}).json()["items"]
    assert [item["item_id"] for item in by_id] == [item["item_id"] for item in (lamps[0], *similar)]


def test_a_text_with_an_item_or_a_picture_describes_a_change(client: httpx.Client) -> None:
    lamps = client.get("/search", params={"q": "a lamp", "n": 4}).json()["items"]
    lamp, other = next(
        (a, b) for a in lamps for b in lamps if a["attributes"]["colour"] != b["attributes"]["colour"]
    )
    change = {"q": f"but in {other['attributes']['colour']}", "n": 3}
    for answer in (
        client.get("/search", params={**change, "item": lamp["item_id"]}),
        client.post("/search", params=change, content=client.get(lamp["image"]).content),
    ):
        result_items = answer.json()["items"]
        assert other["item_id"] in [item["item_id"] for item in result_items]
        assert result_items[0]["attributes"]["colour"] == other["attributes"]["colour"]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/items/nothing", 404),
        ("/search?item=nothing", 404),
        ("/users/u/recommendations?n=0", 422),
    ],
)
def test_invalid_requests_are_explained(client: httpx.Client, path: str, status: int) -> None:
    answer = client.get(path)
    assert answer.status_code == status
    assert answer.json()["error"]["message"]


def test_a_search_for_nothing_lists_what_passes_the_filter(client: httpx.Client) -> None:
    query = {"filter": '{"price": {"max": 60}}', "n": 200}
    items = client.get("/search", params=query).json()["items"]
    assert items and max(item["price"] for item in items) <= 60
    assert [item["score"] for item in items] == sorted((item["score"] for item in items), reverse=True)


def test_a_browser_at_an_unknown_address_gets_the_page(client: httpx.Client) -> None:
    answer = client.get("/nothing/here", headers={"Accept": "text/html,*/*"})
    assert answer.status_code == 404 and answer.headers["content-type"].startswith("text/html")
    program = client.get("/nothing/here", headers={"Accept": "*/*"})
    assert program.status_code == 404 and program.json()["error"]["message"] == "Not Found"


def test_a_broken_picture_and_a_huge_query(client: httpx.Client) -> None:
    assert client.post("/search", content=b"no picture").status_code == 400
    long_chat = client.post(
        "/v1/chat/completions", json={"messages": [{"role": "user", "content": "lamp " * 20_000}]}
    )
    assert long_chat.status_code == 200


def test_forgetting_leaves_nothing(client: httpx.Client) -> None:
    client.post("/v1/track", json=message("gone", "BB-000003"))
    assert client.request("DELETE", "/users/gone").json()["status"] == "acknowledged"
    assert client.get("/users/gone/interests").json()["interests"] == []


def test_forgetting_nobody_changes_no_file(client: httpx.Client, shop_store: Path) -> None:
    def content() -> dict[Path, tuple[int, bytes]]:
        # Without SQLite's shared-memory index and the leases of versions: both are temporary.
        # The exposures of earlier answers are written some seconds later.
        files = [path for path in shop_store.rglob("*") if path.is_file() and path.name != "live.db-shm"]
        files = [path for path in files if path.parent.name not in ("readers", "exposures")]
        return {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in files}

    before = content()
    answer = client.request("DELETE", "/users/nobody-at-all")
    assert answer.status_code == 200 and answer.json()["status"] == "nothing to erase"
    assert content() == before


def test_metrics_count_by_route(client: httpx.Client) -> None:
    """Prometheus' own parser reads them."""
    client.get("/items/BB-000004")
    result = client.get("/metrics").text
    families = {family.name: family for family in text_string_to_metric_families(result)}
    labels = {"route": "/items/{item_id:item}", "status": "200"}
    requests = families["bowerbird_requests"].samples
    (count,) = [each.value for each in requests if each.name.endswith("_total") and each.labels == labels]
    assert count >= 1
    assert families["bowerbird_request_seconds"].type == "histogram"
    assert "BB-000004" not in result


def test_a_login_brings_what_was_saved_before_it(client: httpx.Client) -> None:
    """`identify` and `alias` join histories in the running server; gzip bodies are read."""
    run = uuid.uuid4().hex
    user, browser, old = f"ann-{run}", f"browser-{run}", f"old-{run}"
    first, second = (item["item_id"] for item in get_recommended(client, "nobody")[:2])
    saves = [message(browser, first, userId=None, anonymousId=browser), message(old, second)]
    body = gzip.compress(json.dumps({"batch": saves}).encode())
    headers = {"content-encoding": "gzip", "content-type": "application/json"}
    assert client.post("/v1/batch", content=body, headers=headers).json()["accepted"] == 2
    assert {first, second} <= {item["item_id"] for item in get_recommended(client, user)}
    client.post("/v1/identify", json={"userId": user, "anonymousId": browser}).raise_for_status()
    client.post("/v1/alias", json={"userId": user, "previousId": old}).raise_for_status()
    assert not {first, second} & {item["item_id"] for item in get_recommended(client, user)}
    response = client.post("/v1/identify", json={"userId": "someone", "anonymousId": browser}).json()
    assert response["rejected"] == [f"{browser}: this id already belongs to another user"]


def test_a_refusal_names_its_message(client: httpx.Client) -> None:
    call = {"type": "track", "userId": "ann", "event": "Product Viewed", "messageId": "m-17"}
    unknown = {**call, "messageId": "m-18", "properties": {"product_id": "no such item"}}
    answer = client.post("/v1/batch", json={"batch": [call, unknown]}).json()
    assert answer["rejected"] == ["no product_id (messageId m-17)", "unknown item (messageId m-18)"]
    bomb = gzip.compress(b" " * 50_000_000)
    headers = {"content-encoding": "gzip"}
    assert client.post("/v1/track", content=bomb, headers=headers).status_code == 413
    assert client.post("/v1/track", content=b"no gzip", headers=headers).status_code == 400

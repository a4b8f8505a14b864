"""Gorse's own client against a real server that asks for keys."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from gorse import Gorse, GorseException

from bowerbird.data.store import Store
from bowerbird.serve.protection.keys import KeyRing, Role
from bowerbird.serve.protection.user_tokens import sign_user_token

Serve = Callable[..., AbstractContextManager[str]]
AT = "2026-01-05T10:00:00Z"


@dataclass(frozen=True)
class Shop:
    """A running server, its keys, and a client of each."""

    address: str
    path: Path
    keys: dict[str, str]

    def client(self, role: str) -> Gorse:
        return Gorse(self.address, self.keys[role], timeout=60)

    def get(self, role: str, path: str, **params: Any) -> httpx.Response:
        headers = {"X-API-Key": self.keys[role]}
        return httpx.get(f"{self.address}{path}", headers=headers, params=params, timeout=60)


@pytest.fixture(scope="module")
def shop(
    tmp_path_factory: pytest.TempPathFactory, make_small_store: Callable[[Path], Store], serve: Serve
) -> Iterator[Shop]:
    store = make_small_store(tmp_path_factory.mktemp("gorse") / "store")
    ring = KeyRing(store.path)
    roles = (Role.EVENTS_WRITE, Role.READ, Role.ADMIN)
    keys = {role.value: ring.create([role])[1] for role in roles}
    keys["token"] = sign_user_token(ring.token_secret(), "ann", 1)
    with serve(store.path, require_keys=True, requests_per_second=1000) as address:
        yield Shop(address, store.path, keys)


@pytest.fixture(scope="module")
def gorse(shop: Shop) -> Gorse:
    return shop.client("admin")


def refusal(call: Callable[[], Any]) -> tuple[int, str]:
    """Status and text of a call that is rejected."""
    with pytest.raises(GorseException) as caught:
        call()
    return caught.value.status_code, caught.value.message


# -- feedback -----------------------------------------------------------------------------------------------


def test_feedback_comes_back_as_it_was_sent(gorse: Gorse, shop: Shop) -> None:
    writer = shop.client("events:write")
    assert writer.insert_feedback("like", "bob", "i1", AT, 2.5) == {"RowAffected": 1}
    assert writer.insert_feedback("like", "bob", "i1", AT, 2.5) == {"RowAffected": 1}, "a retry"
    reads = [{"FeedbackType": "read", "UserId": "bob", "ItemId": f"i{k}", "Timestamp": AT} for k in (1, 2)]
    assert writer.insert_feedbacks(reads) == {"RowAffected": 2}
    (like,) = gorse.list_feedbacks("like", "bob")
    assert (like["FeedbackType"], like["UserId"], like["ItemId"]) == ("like", "bob", "i1")
    assert (like["Timestamp"], like["Value"]) == (AT, 2.5)
    listed = shop.get("admin", "/api/user/bob/feedback").json()
    assert [(each["ItemId"], each["FeedbackType"]) for each in listed] == [
        ("i1", "save"), ("i1", "view"), ("i2", "view"),
    ]  # fmt: skip
    assert shop.get("admin", "/api/feedback/star/bob/i1").json()["FeedbackType"] == "star"
    assert shop.get("admin", "/api/feedback/buy/bob/i1").json() == {}
    assert len(shop.get("admin", "/api/feedback/bob/i1").json()) == 2
    assert "bob" in {each["UserId"] for each in shop.get("admin", "/api/item/i2/feedback/").json()}
    assert [each["UserId"] for each in shop.get("admin", "/api/item/i2/feedback/read").json()] == ["bob"]
    later = "2026-01-06T10:00:00.25Z"
    writing = {"X-API-Key": shop.keys["events:write"]}
    body = [{"FeedbackType": "like", "UserId": "bob", "ItemId": "i1", "Timestamp": later}]
    httpx.put(f"{shop.address}/api/feedback", json=body, headers=writing, timeout=60).raise_for_status()
    assert [each["Timestamp"] for each in gorse.list_feedbacks("like", "bob")] == [
        "2026-01-06T10:00:00.250000Z"
    ]


def test_all_feedback_comes_in_pages(gorse: Gorse) -> None:
    everything, cursor = gorse.get_feedbacks(10_000)
    assert cursor == "" and len(everything) >= 320
    pages, cursor = gorse.get_feedbacks(100)
    while cursor:
        page, cursor = gorse.get_feedbacks(100, cursor)
        pages += page
    assert pages == everything
    assert refusal(lambda: gorse.get_feedbacks(100, "bm9uZQ=="))[0] == 404


def test_deleted_feedback_is_taken_back_and_can_be_sent_again(gorse: Gorse) -> None:
    user = "fickle"
    gorse.insert_feedback("like", user, "i4", AT)
    gorse.insert_feedback("read", user, "i4", AT)
    assert gorse.delete_feedback(user, "i4") == {"RowAffected": 1}
    assert gorse.list_feedbacks("like", user) == []
    status, text = refusal(lambda: gorse.delete_feedback(user, "i4"))
    assert status == 409 and "taken back" in text, "the view has happened"
    assert gorse.delete_feedback(user, "i5") == {"RowAffected": 0}
    again = (datetime.now(UTC) + timedelta(seconds=5)).isoformat()
    gorse.insert_feedback("like", user, "i4", again)
    assert [each["ItemId"] for each in gorse.list_feedbacks("like", user)] == ["i4"]


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"FeedbackType": "sneeze"}, "unknown: send one of"),
        ({"ItemId": "nothing"}, "unknown item"),
        ({"UserId": ""}, "the user id is empty"),
        ({"Timestamp": "05/06/2026"}, "day/month"),
        ({"Timestamp": "2199-01-01T00:00:00Z"}, "future"),
        ({"Comment": "great"}, "not stored"),
        ({"Value": "x"}, "Value"),
    ],
)
def test_rejected_feedback_says_why(gorse: Gorse, fields: dict[str, str], reason: str) -> None:
    valid = {"FeedbackType": "click", "UserId": "cy", "ItemId": "i1", "Timestamp": ""}
    status, text = refusal(lambda: gorse.insert_feedbacks([valid | fields]))
    assert reason in text and not text.startswith("{"), "plain text, as Gorse's"
    assert status == (400 if "Value" in fields else 409), "what it means is rejected by what is there"
    if "Value" not in fields:
        assert gorse.insert_feedbacks([valid | fields, valid]) == {"RowAffected": 1}, "the others count"


# -- lists --------------------------------------------------------------------------------------------------


def test_recommendations_follow_feedback_and_pages_are_disjoint(gorse: Gorse, shop: Shop) -> None:
    for number in range(0, 12, 2):
        gorse.insert_feedback("like", "even", f"i{number}", AT)
    first, second = gorse.get_recommend("even", n=5), gorse.get_recommend("even", n=5, offset=5)
    ids = [score.id for score in (*first, *second)]
    assert len(set(ids)) == 10 and not {f"i{number}" for number in range(0, 12, 2)} & set(ids)
    assert sum(int(item_id[1:]) % 2 == 0 for item_id in ids) >= 7, "liked even items"
    assert [score.score for score in first] == sorted((score.score for score in first), reverse=True)
    assert shop.get("read", "/api/recommend/even", n=5).json() == [score.id for score in first], "only ids"
    native = shop.get("read", "/users/even/recommendations", n=10).json()["items"]
    assert [item["item_id"] for item in native] == ids, "the same service"


def test_what_is_written_back_is_not_shown_again(gorse: Gorse, shop: Shop) -> None:
    shown = {score.id for score in gorse.get_recommend("reader", n=5, write_back_type="read")}
    assert not shown & {score.id for score in gorse.get_recommend("reader", n=10)}
    assert {each["ItemId"] for each in gorse.list_feedbacks("read", "reader")} == shown
    rejected = refusal(lambda: shop.client("read").get_recommend("reader", write_back_type="read"))
    assert rejected[0] == 403, "a key that reads writes no events"
    status, text = refusal(
        lambda: gorse.get_recommend("reader", write_back_type="read", write_back_delay="10m")
    )
    assert status == 400 and "write-back-delay" in text
    gorse.get_recommend("reader", n=1, write_back_type="read", write_back_delay="0h0m0s")


def test_a_session_is_not_logged(gorse: Gorse, shop: Shop) -> None:
    session = [
        {"FeedbackType": "like", "UserId": "ghost", "ItemId": f"i{k}", "Timestamp": AT} for k in (1, 3, 5)
    ]
    items = gorse.session_recommend(session, n=5)
    assert len(items) == 5 and set(items[0]) == {"Id", "Score"}
    long = [session[0] | {"ItemId": "x" * 9000}]
    assert refusal(lambda: gorse.session_recommend(long))[0] == 400
    assert not {"i1", "i3", "i5"} & {item["Id"] for item in items}
    assert sum(int(item["Id"][1:]) % 2 for item in items) >= 4
    assert shop.get("admin", "/api/user/ghost/feedback").json() == []


def test_neighbours_and_charts(gorse: Gorse, shop: Shop) -> None:
    neighbours = gorse.get_neighbors("i1", n=5)
    assert len(neighbours) == 5 and all(int(each["Id"][1:]) % 2 for each in neighbours)
    assert gorse.get_neighbors("i1", n=5, offset=5)[0] not in neighbours
    assert refusal(lambda: gorse.get_neighbors("nothing"))[0] == 404
    gorse.insert_feedback("like", "picky", neighbours[0]["Id"], AT)
    unseen = shop.get("read", "/api/item/i1/neighbors", n=5, **{"user-id": "picky"}).json()
    assert [each["Id"] for each in unseen][:4] == [each["Id"] for each in neighbours][1:]
    popular = shop.get("read", "/api/popular", n=3).json()
    assert len(popular) == 3 and popular == shop.get("read", "/api/non-personalized/popular", n=3).json()
    assert shop.get("read", "/api/latest").json() == [], "no item has a launch"
    assert shop.get("read", "/api/popular", category=["Lamp", "Rug"]).json() == []
    for path in ("/api/popular", "/api/recommend/ann"):
        long = shop.get("read", f"{path}/{'x' * 9000}")
        assert long.status_code == 400 and "at most" in long.text
    unknown = shop.get("read", "/api/non-personalized/best")
    assert unknown.status_code == 404 and "trending" in unknown.text
    similar_users = shop.get("admin", "/api/user/ann/neighbors")
    assert similar_users.status_code == 404 and "not named" in similar_users.text


# -- items --------------------------------------------------------------------------------------------------

LAMP = {
    "ItemId": "i20",
    "IsHidden": False,
    "Categories": ["Lamps", "Oak"],
    "Timestamp": "2026-01-02T00:00:00Z",
    "Labels": {"price": 39.5, "currency": "EUR", "brand": "Lumo", "color": "red, blue"},
    "Comment": "Oak lamp",
}


def test_an_item_comes_back_as_it_was_sent(gorse: Gorse, shop: Shop) -> None:
    assert gorse.insert_item(LAMP) == {"RowAffected": 1}
    assert gorse.get_item("i20") == LAMP
    native = shop.get("read", "/items/i20").json()
    assert (native["title"], native["price"], native["brand"]) == ("Oak lamp", 39.5, "Lumo")
    assert (native["category"], native["attributes"]) == (["Lamps", "Oak"], {"color": "red, blue"})
    assert [each["Id"] for each in shop.get("read", "/api/latest").json()] == ["i20"]
    described = LAMP | {"Labels": {"title": "Lamp", "price": 1.0}, "Comment": "Of oak", "ItemId": "a/b ?"}
    bare = LAMP | {"Labels": ["warm", "wood"], "ItemId": "bare", "Categories": [], "IsHidden": True}
    headers = {"X-API-Key": shop.keys["admin"]}
    httpx.post(
        f"{shop.address}/api/items", json=[described, bare], headers=headers, timeout=60
    ).raise_for_status()
    assert gorse.get_item(quote("a/b ?", safe="")) == described and gorse.get_item("bare") == bare


def test_an_item_is_changed_hidden_and_deleted(gorse: Gorse, shop: Shop) -> None:
    gorse.insert_item(LAMP | {"ItemId": "i21"})
    gorse.update_item("i21", comment="Ash lamp")
    assert gorse.get_item("i21") == LAMP | {"ItemId": "i21", "Comment": "Ash lamp"}, "the rest stays"
    gorse.update_item("i21", is_hidden=True, labels={"price": 5.0, "currency": "EUR"})
    assert gorse.get_item("i21")["IsHidden"] is True
    assert "i21" not in [each["Id"] for each in shop.get("read", "/api/latest").json()]
    gorse.update_item("i21", is_hidden=False)
    assert "i21" in [each["Id"] for each in shop.get("read", "/api/latest/Lamps").json()]
    headers, path = {"X-API-Key": shop.keys["admin"]}, f"{shop.address}/api/item/i21/category/on%2Foffer"
    httpx.put(path, headers=headers, timeout=60).raise_for_status()
    assert gorse.get_item("i21")["Categories"] == ["Lamps", "Oak", "on/offer"]
    httpx.delete(path, headers=headers, timeout=60).raise_for_status()
    assert gorse.get_item("i21")["Categories"] == ["Lamps", "Oak"]
    assert gorse.delete_item("i21") == {"RowAffected": 1}
    for call in (lambda: gorse.get_item("i21"), lambda: gorse.update_item("i21", comment="x"),
                 lambda: gorse.delete_item("no")):  # fmt: skip
        assert refusal(call)[0] == 404


def test_items_come_in_pages(gorse: Gorse) -> None:
    everything, cursor = gorse.get_items(1000)
    assert cursor == "" and len(everything) >= 59
    pages, cursor = gorse.get_items(25)
    while cursor:
        page, cursor = gorse.get_items(25, cursor)
        pages += page
    assert pages == everything


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"Labels": {"vector": [0.1, 0.2]}}, "embed"),
        ({"Labels": {"a": {"b": "c"}}}, "nested"),
        ({"Labels": {"price": "cheap"}}, "price"),
        ({"Labels": {"title": {}}}, "title"),
    ],
)
def test_a_rejected_item_says_why(gorse: Gorse, fields: dict[str, Any], reason: str) -> None:
    status, text = refusal(lambda: gorse.insert_item(LAMP | {"ItemId": "i22"} | fields))
    assert status == 400 and reason in text and gorse.get_item("i22")["Comment"] == "thing 22"
    timed = LAMP | {"ItemId": "i22", "Timestamp": "01/02/2026"}
    status, text = refusal(lambda: gorse.insert_item(timed))
    assert status == 409 and "day/month" in text
    gorse.insert_item(LAMP | {"ItemId": "nameless", "Comment": ""})
    assert gorse.get_item("nameless")["Comment"] == "nameless", "as in Gorse, an item needs no text"


# -- users --------------------------------------------------------------------------------------------------


def test_users_are_those_with_feedback(gorse: Gorse, shop: Shop) -> None:
    assert gorse.insert_user({"UserId": "eve", "Labels": [], "Comment": ""}) == {"RowAffected": 1}
    assert gorse.insert_users([{"UserId": "eve"}, {"UserId": "kim"}]) == {"RowAffected": 2}
    assert refusal(lambda: gorse.get_user("eve"))[0] == 404, "no events yet"
    status, text = refusal(lambda: gorse.insert_user({"UserId": "eve", "Labels": ["vip"]}))
    assert status == 400 and "not stored" in text
    gorse.insert_feedback("like", "eve", "i1", AT)
    assert gorse.get_user("eve") == {"UserId": "eve", "Labels": None, "Comment": ""}
    all_users, cursor = gorse.get_users(1000)
    pages, cursor = gorse.get_users(15)
    while cursor:
        page, cursor = gorse.get_users(15, cursor)
        pages += page
    assert pages == all_users and {"UserId": "eve", "Labels": None, "Comment": ""} in pages
    assert gorse.delete_user("eve") == {"RowAffected": 1}
    assert refusal(lambda: gorse.get_user("eve"))[0] == 404
    assert shop.get("admin", "/api/item/i1/feedback").text.count("eve") == 0
    assert gorse.delete_user("nobody") == {"RowAffected": 0}


# -- who may ------------------------------------------------------------------------------------------------


def test_keys_and_tokens_are_those_of_all_routes(shop: Shop) -> None:
    """The role of each documented route is tested in `test_access`; here those with a slash at the end."""
    assert httpx.get(f"{shop.address}/api/health/ready").json()["Ready"] is True
    for path in ("/api/recommend/ann/", "/api/item/i1/neighbors/", "/api/item/i1/feedback/"):
        answer = httpx.get(shop.address + path)
        assert answer.status_code == 401 and "API key" in answer.text and not answer.text.startswith("{")
    own = shop.client("token")
    assert own.insert_feedback("click", "ann", "i7", "") == {"RowAffected": 1}
    assert [each["ItemId"] for each in own.list_feedbacks("click", "ann")] == ["i7"]
    for call in (lambda: own.insert_feedback("click", "bob", "i7", ""), lambda: own.get_recommend("bob"),
                 lambda: own.list_feedbacks("like", "bob"), lambda: own.get_feedbacks(1)):  # fmt: skip
        assert refusal(call)[0] == 403
    assert shop.get("token", "/api/item/i1/neighbors", **{"user-id": "bob"}).status_code == 403


def test_ids_have_any_characters(gorse: Gorse) -> None:
    user = "team/Anna Ö. ?#%2F"
    gorse.insert_feedback("like", user, "i1", AT)
    sent = quote(user, safe="")
    assert [each["UserId"] for each in gorse.list_feedbacks("like", sent)] == [user]
    assert len(gorse.get_recommend(sent, n=3)) == 3
    assert gorse.delete_feedback(sent, "i1") == {"RowAffected": 1}


def test_metrics_name_routes_and_no_users(gorse: Gorse) -> None:
    metrics = httpx.get(f"{gorse.entry_point}/metrics", headers={"X-API-Key": gorse.api_key}).text
    assert 'route="/api/recommend/{user:id}/"' in metrics and "ann" not in metrics


def test_the_documented_calls_work(gorse: Gorse) -> None:
    page = (Path(__file__).parents[2] / "docs" / "how-to" / "gorse.md").read_text()
    (code,) = re.findall(r"^```python\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    exec(code.replace("http://127.0.0.1:8080", gorse.entry_point).replace("bb_…", gorse.api_key))
    assert [each["ItemId"] for each in gorse.list_feedbacks("like", "ann")] == ["LAMP-9"]

"""Boards over HTTP, what completes them, and the stream of changes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import httpx
import pytest

from bowerbird.data.items import Catalogue
from bowerbird.data.store import Store
from bowerbird.serve.app_state import AppState
from bowerbird.serve.routes.page.boards import MAX_PICTURES
from bowerbird.taste.control.boards import MAX_ITEMS, Boards
from bowerbird.taste.control.forgetting import forget


@pytest.fixture(scope="module")
def client(address: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=address, timeout=120) as client:
        yield client


def make(client: httpx.Client, user: str, name: str, item_ids: list[str]) -> dict[str, Any]:
    board: dict[str, Any] = client.post(
        f"/users/{user}/boards", json={"name": name, "item_ids": item_ids}
    ).json()
    return board


def items_of(client: httpx.Client, n: int = 4) -> list[str]:
    return [item["item_id"] for item in client.get("/search", params={"q": "lamp", "n": n}).json()["items"]]


def test_a_board_keeps_its_name_and_order(client: httpx.Client) -> None:
    items = items_of(client)
    board = make(client, "anna", "  Reading   corner ", [*items, items[0]])
    assert (board["name"], board["item_ids"]) == ("Reading corner", items)
    path = f"/users/anna/boards/{board['id']}"
    client.put(path, json={"name": "Corner", "item_ids": items[::-1]})
    shown = client.get(path).json()
    assert [item["item_id"] for item in shown["items"]] == items[::-1] and shown["name"] == "Corner"
    assert client.delete(path).status_code == 200
    assert client.get(path).status_code == 404
    assert client.get("/users/anna/boards").json()["own"] == []


def test_a_board_is_its_owners_until_it_is_shared(client: httpx.Client) -> None:
    board = make(client, "owner", "Mine", items_of(client, 2))
    path = f"/users/owner/boards/{board['id']}"
    assert client.get(path.replace("owner", "stranger")).status_code == 404
    assert client.put(path.replace("owner", "stranger"), json={"name": "x"}).status_code == 404
    assert client.get(f"/shared-boards/{board['id']}").status_code == 404
    token = client.put(f"{path}/share").json()["token"]
    shared = client.get(f"/shared-boards/{token}")
    assert shared.json()["name"] == "Mine" and "owner" not in shared.text
    assert client.put(f"{path}/share").json()["token"] == token
    client.delete(f"{path}/share")
    assert client.get(f"/shared-boards/{token}").status_code == 404


@pytest.mark.parametrize("body", [{}, {"name": ""}, {"name": " "}, {"name": "x" * 101}, {"name": 7}])
def test_a_board_needs_a_name(client: httpx.Client, body: dict[str, Any]) -> None:
    assert client.post("/users/anna/boards", json=body).status_code in (400, 422)
    too_many = {"name": "x", "item_ids": [f"i{k}" for k in range(MAX_ITEMS + 1)]}
    assert client.post("/users/anna/boards", json=too_many).status_code in (400, 422)


def test_what_was_saved_is_a_board(client: httpx.Client) -> None:
    items = items_of(client, 3)
    for number, item in enumerate(items):
        event = {"type": "track", "userId": "saver", "event": "Product Added to Wishlist"}
        event |= {"messageId": f"save {number}", "timestamp": f"2026-01-0{number + 1}T00:00:00Z"}
        client.post("/v1/track", json=event | {"properties": {"product_id": item}})
    assert client.get("/users/saver/boards").json()["saved"] == items[::-1]
    client.put(f"/users/saver/taste/excluded-items/{items[0]}")
    assert client.get("/users/saver/boards/saved").json()["item_ids"] == items[:0:-1]


def test_what_goes_with_an_item_is_of_other_kinds(client: httpx.Client) -> None:
    lamp = client.get("/search", params={"q": "lamp", "n": 1}).json()["items"][0]
    complements = client.get(f"/items/{lamp['item_id']}/complements").json()["items"]
    kinds = [item["category"][-1] for item in complements]
    assert len(complements) == 8 and lamp["category"][-1] not in kinds
    assert max(kinds.count(kind) for kind in kinds) <= 2
    assert all(item["reason"] for item in complements)
    board = make(client, "anna", "Lamp", [lamp["item_id"]])
    completions = client.get(f"/users/anna/boards/{board['id']}/completions").json()["items"]
    assert [item["item_id"] for item in completions] == [item["item_id"] for item in complements]


def test_a_change_is_announced(client: httpx.Client) -> None:
    item = items_of(client, 1)[0]
    with client.stream("GET", "/users/watched/changes") as stream:
        lines = (line for line in stream.iter_lines() if line.startswith("data: "))

        def next_change() -> str:
            change: str = json.loads(next(lines).removeprefix("data: "))["changed"]
            return change

        assert next_change() == "start"
        make(client, "watched", "Board", [item])
        assert next_change() == "boards"
        event = {"type": "track", "userId": "watched", "event": "Product Viewed", "messageId": "watched 1"}
        event |= {"timestamp": "2026-01-01T00:00:00Z", "properties": {"product_id": item}}
        client.post("/v1/track", json=event)
        assert next_change() == "taste"


def test_to_forget_a_user_is_to_forget_their_boards(small_store: Store) -> None:
    boards = Boards(small_store.path)
    own, others = boards.create("anna", "Mine", ["i1"]), boards.create("ben", "His", ["i2"])
    token = boards.share("anna", own.id, True)
    assert token and boards.shared(token.token) is not None
    forget(small_store, "anna")
    assert boards.of_user("anna") == [] and boards.shared(token.token) is None
    assert boards.of_user("ben") == [others]
    assert b"Mine" not in boards.path.read_bytes()


def test_a_list_of_boards_says_which_pictures_there_are(client: httpx.Client) -> None:
    items = client.get("/search", params={"q": "lamp", "n": 6}).json()["items"]
    board = make(client, "pia", "Lamps", ["gone", *(item["item_id"] for item in items)])
    assert board["pictures"] == [item["image"] for item in items[:MAX_PICTURES]]
    assert client.get("/users/pia/boards").json()["own"][0]["pictures"] == board["pictures"]
    assert client.get("/users/pia/boards").json()["saved_pictures"] == []


def test_an_item_without_a_picture_says_so(small_store: Store) -> None:
    first, *rest = small_store.catalogue().items()
    small_store.publish_catalogue(Catalogue.of([replace(first, image=b"\xff\xd8"), *rest]))
    served = AppState(small_store.path).served
    assert [served.item(position)["image"] for position in (0, 1)] == ["/items/i0/image", None]
    assert served.item_page(1)["image"] is None

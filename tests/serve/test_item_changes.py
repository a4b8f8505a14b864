"""A shop's system changes items over HTTP: prices and stock at once, new items, withdrawals; pictures."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import httpx
import pytest
from PIL import Image

from bowerbird.data.ingest.item_changes import ItemPatch, patched
from bowerbird.data.items import Catalogue, Item
from bowerbird.data.store import Store

Serve = Callable[..., AbstractContextManager[str]]


def picture(width: int, height: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (width, height), "teal").save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture(scope="module")
def client(
    tmp_path_factory: pytest.TempPathFactory, make_small_store: Callable[[Path], Store], serve: Serve
) -> Iterator[httpx.Client]:
    store = make_small_store(tmp_path_factory.mktemp("changes") / "store")
    with serve(store.path) as address, httpx.Client(base_url=address, timeout=300) as client:
        yield client


def test_what_belongs_to_an_item_is_not_the_item(client: httpx.Client) -> None:
    answer = client.patch("/items/i1/similar", json={"price": 4.5})
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")
    assert client.patch("/items/i1%2Fsimilar", json={"price": 4.5}).status_code == 404, "an id may end so"
    for body in ({"price": 4.5, "sale_ends": 0}, {"price": True, "currency": 1}):
        assert client.patch("/items/i1", json=body).status_code == 422


def test_a_price_and_stock_are_in_force_when_answered(client: httpx.Client) -> None:
    answer = client.patch("/items/i1", json={"price": 4.5, "availability": "out_of_stock"})
    assert (answer.json()["price"], answer.json()["availability"]) == (4.5, "out_of_stock")
    assert client.get("/items/i1").json() == answer.json()
    shown = client.get("/users/u1/recommendations?n=200").json()["items"]
    assert shown and "i1" not in [item["item_id"] for item in shown], "sold out"
    client.patch("/items/i1", json={"availability": "in_stock"}).raise_for_status()
    item = client.get("/items/i1").json()
    assert (item["price"], item["currency"]) == (4.5, "EUR"), "what was not sent stays"


def test_many_patches_are_made_together_or_not_at_all(client: httpx.Client) -> None:
    changes = [{"item_id": f"i{number}", "price": 1.0 + number} for number in (2, 3, 2)]
    assert client.patch("/items", json={"items": changes}).json() == {"changed": 2}
    assert client.get("/items/i3").json()["price"] == 4.0
    answer = client.patch("/items", json={"items": [{"item_id": "i4", "price": 9}, {"item_id": "no"}]})
    assert answer.status_code == 404 and client.get("/items/i4").json()["price"] == 9.0, "as it was"
    for wrong in ({"price": -1}, {"price": "cheap"}, {"title": "x"}, {"availability": "gone"}):
        assert client.patch("/items/i4", json=wrong).status_code == 422


def test_an_item_is_put_withdrawn_and_brought_back(client: httpx.Client) -> None:
    encoded = base64.b64encode(picture(1000, 500)).decode()
    lamp = {
        "item_id": "i5",
        "title": "Oak lamp",
        "price": 7,
        "attributes": {"color": "red"},
        "picture": encoded,
    }
    new = {"item_id": "brand/new", "title": "New chair"}
    assert client.put("/items", json={"items": [lamp, new]}).json() == {
        "accepted": 2, "new": 1, "pictures_broken": 0,
    }  # fmt: skip
    item = client.get("/items/i5").json()
    assert (item["title"], item["attributes"]) == ("Oak lamp", {"color": "red"})
    assert client.delete("/items/i5").json() == {"item_id": "i5", "withdrawn": True}
    assert client.delete("/items/i5").status_code == 200, "a retry is answered the same"
    assert client.get("/items/i5").status_code == client.get("/items/i5/similar").status_code == 404
    client.put("/items", json={"items": [lamp]}).raise_for_status()
    assert client.get("/items/i5").status_code == 200
    assert client.delete("/items/unknown").status_code == 404
    for wrong in ([], [{**lamp, "colour": "red"}], [{**lamp, "price": True}]):
        assert client.put("/items", json={"items": wrong}).status_code == 422
    for wrong in ([lamp, lamp], [{"item_id": "x"}], [{"item_id": "x", "picture": "none"}]):
        assert client.put("/items", json={"items": wrong}).status_code == 409


def test_a_picture_has_sizes_an_etag_and_a_head(client: httpx.Client) -> None:
    encoded = base64.b64encode(picture(600, 300)).decode()
    item = {"item_id": "i6", "title": "Wide", "picture": encoded}
    client.put("/items", json={"items": [item]}).raise_for_status()
    tags = set()
    for query, width in (("", 600), ("?size=224", 224), ("?size=448", 448), ("?size=896", 600)):
        answer = client.get(f"/items/i6/image{query}")
        assert Image.open(io.BytesIO(answer.content)).width == width
        tags.add(answer.headers["etag"])
        headers = {"If-None-Match": f'W/"other", {answer.headers["etag"]}'}
        unchanged = client.get(f"/items/i6/image{query}", headers=headers)
        assert (unchanged.status_code, unchanged.content) == (304, b"")
        head = client.head(f"/items/i6/image{query}")
        assert head.headers["etag"] == answer.headers["etag"] and head.content == b""
    assert len(tags) == 4 and "max-age" in answer.headers["cache-control"]
    changed = base64.b64encode(picture(600, 301)).decode()
    client.put("/items", json={"items": [item | {"picture": changed}]}).raise_for_status()
    assert client.get("/items/i6/image").headers["etag"] not in tags
    assert client.get("/items/i6/image?size=5000").status_code == 422
    assert client.head("/items/i7/image").status_code == 404
    assert client.head("/healthz").status_code == 200


def test_a_new_price_ends_a_sale_and_a_sale_price_begins_one() -> None:
    catalogue = Catalogue.of([Item("a", "a", price=8.0, list_price=10.0, sale_price=8.0), Item("b", "b")])
    ended = patched(catalogue, [ItemPatch("a", {"price": 9.0}), ItemPatch("b", {"price": 1.0})])
    assert ended.item(0).price == 9.0 and not ended.item(0).on_sale and ended.item(1).price == 1.0
    begun = patched(ended, [ItemPatch("a", {"list_price": 9.0, "sale_price": 5.0})])
    assert begun.item(0).price == 5.0 and begun.item(0).on_sale and begun.item(1).price == 1.0

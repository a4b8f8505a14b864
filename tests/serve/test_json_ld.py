"""Items in JSON-LD say what the catalogue says, the same each time, and are safe inside of a page."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import httpx

from bowerbird.data.ingest.imports import import_layout
from bowerbird.data.items import Catalogue, Item
from bowerbird.data.store import Store
from bowerbird.serve.services.json_ld import encode_json_ld

LAMP = Item(
    "L/1", title="Oak lamp", description="Warm & small.", price=59.0, currency="EUR", brand="Acme",
    category=("Home", "Lamps"), attributes={"colour": "oak", "shade": "linen", "type": "Lamps"},
    availability="preorder", link="https://shop.example/l1", image_link="https://shop.example/l1.jpg",
    additional_images=("https://shop.example/l1b.jpg",), rating=4.5, rating_count=12, gtin="4006381333931",
    mpn="M-1", group_id="G", condition="new",
)  # fmt: skip


def test_a_shop_that_imports_the_page_has_the_same_item(tmp_path: Path) -> None:
    bare = Item("bare", title="Only a title")
    expected = list(Catalogue.of([LAMP, bare]).items())
    path = tmp_path / "items.jsonl"
    path.write_bytes(b"\n".join(map(encode_json_ld, expected)))
    store = Store.create(tmp_path / "store")
    summary = import_layout(store, "schema-org", [path])
    assert list(store.catalogue().items()) == expected and not summary.items.repaired


def test_a_sale_states_both_prices() -> None:
    sold = replace(LAMP, price=49.0, list_price=59.0, sale_price=49.0)
    offer = json.loads(encode_json_ld(sold))["offers"]
    assert offer["price"] == 49.0 and offer["priceSpecification"]["price"] == 59.0
    assert offer["availability"] == "https://schema.org/PreOrder"
    assert "priceSpecification" not in json.loads(encode_json_ld(LAMP))["offers"]


def test_no_text_ends_the_script_that_holds_it() -> None:
    trap = replace(LAMP, title="</script><script>alert(1)</script>", attributes={"b": "1", "a": "2"})
    content = encode_json_ld(trap)
    assert b"<" not in content and json.loads(content)["name"] == trap.title
    assert content == encode_json_ld(replace(trap, attributes={"a": "2", "b": "1"}))


def test_the_route_answers_with_json_ld(address: str) -> None:
    item_id = httpx.get(f"{address}/popular", timeout=60).json()["items"][0]["item_id"]
    answer = httpx.get(f"{address}/items/{item_id}/json-ld", timeout=60)
    assert answer.headers["content-type"] == "application/ld+json"
    product = answer.json()
    assert product["@type"] == "Product" and product["sku"] == item_id and product["offers"]["price"] > 0
    assert httpx.get(f"{address}/items/none/json-ld", timeout=60).status_code == 404

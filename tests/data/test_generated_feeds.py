"""Generated feeds with every field that a layout has, present or missing, compared value by value."""

from __future__ import annotations

import csv
import io
import json
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple
from xml.sax.saxutils import escape

import pytest

from bowerbird.data.items import Item
from bowerbird.data.readers.layouts import FileLayout, read_files
from bowerbird.data.readers.recognition.layout import recognise
from bowerbird.data.readers.records import ItemBatch, ItemDraft

N_ITEMS = 60
NOW = datetime.now(UTC).replace(microsecond=0)
Row = dict[str, Any]


def generated_items() -> Iterator[Item]:
    """Items of which each optional field is there in half of them; every tenth has all, every tenth none."""
    random_numbers = random.Random(0)
    for number in range(N_ITEMS):

        def maybe(value: Any, number: int = number) -> Any:
            is_there = number % 10 == 0 or (number % 10 != 1 and random_numbers.random() < 0.5)
            return value if is_there else type(value)()

        category = maybe(("Home & Garden", f"Lamps {number % 3}"))
        kinds = {"colour": "Red / blue", "size": "M", "material": "Oak; linen"}
        attributes = {name: value for name, value in kinds.items() if maybe(value)}
        price = round(random_numbers.uniform(0.5, 2_000), 2)
        sale = round(price * 0.75, 2) if maybe(1) else None
        starts, ends = NOW - timedelta(days=2), NOW + timedelta(days=random_numbers.choice([-1, 3]))
        in_force = sale if sale is not None and ends > NOW else price
        yield Item(
            f"SKU-{number:03}",
            title=f'Lamp "no. {number}" – 3 < 4 & more, é',
            description=maybe("Warm light; for desks, shelves and 19\" racks."),
            price=in_force,
            currency="EUR",
            brand=maybe("Äke & Co"),
            category=category,
            attributes=attributes | ({"type": category[-1]} if category else {}),
            availability=random_numbers.choice(["in_stock", "out_of_stock", "preorder", "backorder"]),
            link=maybe(f"https://store.example/p/{number}?a=1&b=2"),
            image_link=maybe(f"https://store.example/w_1,h_2/{number}.jpg"),
            additional_images=maybe((f"https://store.example/{number}-2.jpg", "https://store.example/c,d.jpg")),
            list_price=None if sale is None else price,
            sale_price=sale,
            sale_starts=None if sale is None else starts,
            sale_ends=None if sale is None else ends,
            rating=random_numbers.choice([None, 4.5, 3.0]),
            rating_count=random_numbers.choice([None, 12, 1204]),
            gtin=maybe("4006381333931"),
            mpn=maybe(f"M-{number}"),
            group_id=maybe(f"G{number // 3}"),
            condition=maybe("refurbished"),
        )  # fmt: skip


def price_of(amount: float | None) -> str:
    return "" if amount is None else f"{amount:.2f} EUR"


def feed_row(item: Item) -> Row:
    """The row of the product feed; other layouts rename its fields."""
    dates = (
        f"{item.sale_starts:%Y-%m-%dT%H:%M:%SZ}/{item.sale_ends:%Y-%m-%dT%H:%M:%SZ}"
        if item.sale_price
        else ""
    )
    return {
        "id": item.item_id,
        "title": item.title,
        "description": item.description,
        "price": price_of(item.price if item.list_price is None else item.list_price),
        "sale_price": price_of(item.sale_price),
        "sale_price_effective_date": dates,
        "brand": item.brand,
        "product_type": " > ".join(item.category),
        "color": item.attributes.get("colour", ""),
        "size": item.attributes.get("size", ""),
        "material": item.attributes.get("material", ""),
        "availability": item.availability,
        "link": item.link,
        "image_link": item.image_link,
        "additional_image_link": ",".join(item.additional_images),
        "star_rating": "" if item.rating is None else str(item.rating),
        "review_count": "" if item.rating_count is None else str(item.rating_count),
        "gtin": item.gtin,
        "mpn": item.mpn,
        "item_group_id": item.group_id,
        "condition": item.condition,
    }


def table(rows: Sequence[Row], separator: str, quoting: int = csv.QUOTE_MINIMAL) -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]), delimiter=separator, lineterminator="\r\n", quoting=quoting)  # type: ignore[arg-type]
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def json_lines(rows: Sequence[Row]) -> str:
    return "".join(json.dumps({name: value for name, value in row.items() if value}) + "\n" for row in rows)


def google_xml(items: Sequence[Item], item_tag: str) -> str:
    fields = [
        "".join(f"<g:{name}>{escape(value)}</g:{name}>" for name, value in feed_row(item).items() if value)
        for item in items
    ]
    body = "".join(f"<{item_tag}>{each}</{item_tag}>" for each in fields)
    return f'<x xmlns:g="http://base.google.com/ns/1.0">{body}</x>'


def openai_row(item: Item) -> Row:
    names = {"id": "item_id", "link": "url", "image_link": "image_url", "item_group_id": "group_id"}
    names |= {"product_type": "product_category", "star_rating": "product_review_rating"}
    names |= {"review_count": "product_review_count", "additional_image_link": "additional_image_urls"}
    return {names.get(name, name): value for name, value in feed_row(item).items()}


def schema_org_row(item: Item) -> Row:
    states = {
        "in_stock": "InStock",
        "out_of_stock": "OutOfStock",
        "preorder": "PreOrder",
        "backorder": "BackOrder",
    }
    offer: Row = {"@type": "Offer", "price": item.price, "priceCurrency": "EUR"}
    offer["availability"] = f"https://schema.org/{states[item.availability]}"
    rating = {"ratingValue": item.rating, "reviewCount": item.rating_count}
    return {
        "@type": "Product",
        "sku": item.item_id,
        "name": item.title,
        "description": item.description,
        "url": item.link,
        "image": [each for each in (item.image_link, *item.additional_images) if each],
        "brand": {"@type": "Brand", "name": item.brand},
        "category": list(item.category),
        "color": item.attributes.get("colour"),
        "size": item.attributes.get("size"),
        "material": item.attributes.get("material"),
        "gtin13": item.gtin,
        "mpn": item.mpn,
        "itemCondition": "https://schema.org/RefurbishedCondition" if item.condition else "",
        "isVariantOf": {"@type": "ProductGroup", "productGroupID": item.group_id} if item.group_id else None,
        "aggregateRating": rating if item.rating is not None or item.rating_count is not None else None,
        "offers": offer,
    }


def shopify_row(item: Item) -> Row:
    options = {"Color": item.attributes.get("colour"), "Size": item.attributes.get("size")}
    options |= {"Material": item.attributes.get("material")}
    pairs = [(name, value) for name, value in options.items() if value] + [("", "")] * 3
    row = {
        f"Option{n} {part}": pairs[n - 1][part == "Value"] for n in (1, 2, 3) for part in ("Name", "Value")
    }
    return {
        "Handle": item.item_id.lower(),
        "Title": item.title,
        "Body (HTML)": f"<p>{escape(item.description)}</p>" if item.description else "",
        "Vendor": item.brand,
        "Type": " > ".join(item.category),
        "Published": "TRUE",
        **row,
        "Variant SKU": item.item_id,
        "Variant Inventory Tracker": "shopify",
        "Variant Inventory Qty": "0" if item.availability == "out_of_stock" else "7",
        "Variant Price": f"{item.price:.2f}",
        "Variant Barcode": item.gtin,
        "Image Src": item.image_link,
        "Status": "active",
    }


def woocommerce_row(item: Item, number: int) -> Row:
    names = {"Color": "colour", "Size": "size", "Material": "material"}
    attributes = [(name, item.attributes[own]) for name, own in names.items() if own in item.attributes]
    pairs = attributes + [("", "")] * 3
    stocks = {"in_stock": "1", "out_of_stock": "0", "preorder": "preorder", "backorder": "backorder"}
    numbered = {
        f"Attribute {n + 1} {part}": pairs[n][part != "name"]
        for n in range(3)
        for part in ("name", "value(s)")
    }
    images = [each for each in (item.image_link, *item.additional_images) if each]
    return {
        "ID": number + 1,
        "Type": "simple",
        "SKU": item.item_id,
        "Name": item.title,
        "Published": "1",
        "Description": escape(item.description),
        "Date sale price starts": f"{item.sale_starts:%Y-%m-%d %H:%M:%S}" if item.sale_starts else "",
        "Date sale price ends": f"{item.sale_ends:%Y-%m-%d %H:%M:%S}" if item.sale_ends else "",
        "In stock?": stocks[item.availability],
        "Sale price": item.sale_price or "",
        "Regular price": item.price if item.list_price is None else item.list_price,
        "Categories": " > ".join(item.category),
        "Images": ", ".join(images),
        "Brands": item.brand,
        "GTIN, UPC, EAN, or ISBN": item.gtin,
        **numbered,
    }


class Layout(NamedTuple):
    """How items are written in a layout, and what of an item it can't say."""

    layout: FileLayout
    write: Callable[[Sequence[Item]], str]
    missing: Mapping[str, Any] = MappingProxyType({})
    """Fields by what they are after reading."""


NO_SALE = {"list_price": None, "sale_price": None, "sale_starts": None, "sale_ends": None}
NO_REVIEWS = {"rating": None, "rating_count": None}
LAYOUTS = {
    "Google, TSV": Layout(
        FileLayout.GOOGLE_FEED, lambda items: table([feed_row(item) for item in items], "\t")
    ),
    "Google, RSS": Layout(FileLayout.GOOGLE_FEED, lambda items: google_xml(items, "item")),
    "Google, Atom": Layout(FileLayout.GOOGLE_FEED, lambda items: google_xml(items, "entry")),
    "Meta, CSV": Layout(
        FileLayout.META_CATALOGUE, lambda items: table([feed_row(item) for item in items], ",")
    ),
    "Meta, semicolons, all quoted": Layout(
        FileLayout.META_CATALOGUE, lambda items: table([feed_row(i) for i in items], ";", csv.QUOTE_ALL)
    ),
    "OpenAI, JSON lines": Layout(
        FileLayout.OPENAI_FEED, lambda items: json_lines([openai_row(i) for i in items])
    ),
    "OpenAI, CSV": Layout(FileLayout.OPENAI_FEED, lambda items: table([openai_row(i) for i in items], ",")),
    "schema.org": Layout(
        FileLayout.SCHEMA_ORG, lambda items: json_lines([schema_org_row(i) for i in items]), NO_SALE
    ),
    "Shopify": Layout(
        FileLayout.SHOPIFY,
        lambda items: table([shopify_row(item) for item in items], ","),
        NO_SALE
        | NO_REVIEWS
        | {"currency": "", "link": "", "additional_images": (), "mpn": "", "condition": ""},
    ),
    "WooCommerce": Layout(
        FileLayout.WOOCOMMERCE,
        lambda items: table([woocommerce_row(item, number) for number, item in enumerate(items)], ","),
        NO_REVIEWS | {"currency": "", "link": "", "mpn": "", "condition": "", "group_id": ""},
    ),
}


def expected_of(item: Item, name: str) -> Item:
    item = replace(item, **LAYOUTS[name].missing)
    if name == "Shopify":
        is_sold = item.availability != "out_of_stock"
        item = replace(
            item, availability="in_stock" if is_sold else "out_of_stock", group_id=item.item_id.lower()
        )
    if not item.image_link and name in ("schema.org", "WooCommerce"):  # the first picture is the picture
        first, others = item.additional_images[:1], item.additional_images[1:]
        item = replace(item, image_link="".join(first), additional_images=others)
    return item


@pytest.mark.parametrize("name", LAYOUTS)
def test_every_value_is_read_as_it_was_generated(tmp_path: Path, name: str) -> None:
    items, layout = list(generated_items()), LAYOUTS[name]
    path = tmp_path / "feed"
    path.write_bytes(layout.write(items).encode())
    assert recognise([path]) is layout.layout
    drafts: list[ItemDraft] = []
    for record in read_files(layout.layout, [path]):
        assert isinstance(record, ItemDraft | ItemBatch), record
        drafts += [record] if isinstance(record, ItemDraft) else record.drafts()
    assert [draft.repairs for draft in drafts if draft.repairs] == []
    for draft, item in zip(drafts, items, strict=True):
        assert draft.item == expected_of(item, name)

# ruff: noqa: E501  # rows of exports are as wide as they are
"""Product catalogues of shops and platforms: the items that they mean."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from bowerbird.data.items import Item
from bowerbird.data.readers.layouts import FileLayout, read_files
from bowerbird.data.readers.recognition.layout import recognise
from bowerbird.data.readers.records import EventBatch, EventDraft, IgnoredRow, ItemDraft, RejectedRow

SHOPIFY_OLD = """Handle,Title,Body (HTML),Vendor,Type,Published,Option1 Name,Option1 Value,Option2 Name,Option2 Value,\
Variant SKU,Variant Inventory Qty,Variant Inventory Policy,Variant Price,Variant Compare At Price,Image Src,Status
tee,Tee,<p>Soft</p>,Acme,Shirts,TRUE,Color,Red,Size,S,T-R-S,3,deny,19.99,25.00,https://x.example/1.jpg,active
tee,,,,,,,Blue,,M,T-B-M,0,deny,21.00,,https://x.example/2.jpg,
tee,,,,,,,,,,,,,,,https://x.example/3.jpg,
mug,Mug,,Acme,Cups,TRUE,Title,Default Title,,,,0,continue,7.00,,,active
old,Old,,Acme,Cups,TRUE,Title,Default Title,,,O,1,deny,7.00,,,archived
"""
SHOPIFY_NEW = """Title,URL handle,Description,Vendor,Type,Published on online store,Status,SKU,Option1 name,Option1 value,\
Price,Compare-at price,Inventory quantity,Continue selling when out of stock,Product image URL
Tee,tee,Soft,Acme,Shirts,TRUE,Active,T1,Size,S,19.99,,0,DENY,https://x.example/1.jpg
"""
SHOPIFY_JSON = {
    "products": [
        {
            "id": 9, "handle": "tee", "title": "Tee", "body_html": "Soft", "vendor": "Acme", "product_type": "Shirts",
            "options": [{"name": "Size"}], "images": [{"src": "https://x.example/1.jpg"}],
            "variants": [
                {"id": 91, "sku": "T1", "option1": "S", "price": "19.99", "compare_at_price": None, "available": False}
            ],
        }
    ]
}  # fmt: skip
WOOCOMMERCE = """ID,Type,SKU,Name,Published,Short description,Description,In stock?,Sale price,Regular price,Categories,\
Images,Parent,Attribute 1 name,Attribute 1 value(s)
1,simple,M1,Mug,1,,A mug,1,,7,"Home > Cups, Sale","https://x.example/1.jpg, https://x.example/2.jpg",,,
2,variable,T,Tee,1,Soft,,1,,,Shirts,https://x.example/t.jpg,,Size,"S, M"
3,variation,T-S,Tee - S,1,,,0,15,20,,,T,Size,S
4,simple,D,Draft,-1,,,1,,7,,,,,
"""
META = """# Required | A unique id,# Required,,
id,title,price,additional_image_link,image_link,availability,fb_product_category
1,Lamp,10.00 EUR,"https://x.example/2.jpg,https://x.example/3.jpg",https://x.example/1.jpg,in stock,Home > Lamps
"""
SCHEMA_ORG = [
    {
        "@context": "https://schema.org", "@type": "Product", "sku": "L1", "name": "Lamp", "description": "Brass.",
        "image": ["https://x.example/1.jpg"], "brand": {"@type": "Brand", "name": "Acme"}, "color": "red",
        "offers": {"@type": "Offer", "price": "19.90", "priceCurrency": "EUR", "availability": "https://schema.org/InStock"},
        "aggregateRating": {"ratingValue": 4.5, "reviewCount": 12}, "category": "Home > Lamps",
    },
    {
        "@type": "ProductGroup", "productGroupID": "T", "name": "Tee",
        "hasVariant": [{"@type": "Product", "sku": "T-S", "size": "S", "offers": {"price": 20, "priceCurrency": "EUR"}}],
    },
    {"@type": "BreadcrumbList"},
]  # fmt: skip
OPENAI = [
    {
        "item_id": "L1", "title": "Lamp", "description": "Brass.", "url": "https://x.example/l1", "brand": "Acme",
        "image_url": "https://x.example/1.jpg", "price": "19.90 EUR", "availability": "in_stock", "group_id": "G",
        "product_category": "Home > Lamps", "is_eligible_search": True, "is_eligible_checkout": False, "color": "red",
    },
]  # fmt: skip
ACP = [
    {
        "id": "P", "title": "Tee", "description": {"plain": "Soft"}, "media": [{"type": "image", "url": "https://x.example/1.jpg"}],
        "variants": [
            {
                "id": "P-S", "title": "Tee S", "price": {"amount": 1999, "currency": "USD"},
                "availability": {"available": False}, "variant_options": [{"name": "Size", "value": "S"}],
            }
        ],
    }
]  # fmt: skip
AMAZON_META = [
    {
        "main_category": "All Beauty", "title": "Soap", "average_rating": 4.8, "rating_number": 10, "price": 8.99,
        "features": ["Soft"], "description": ["A soap."], "images": [{"large": "https://x.example/1.jpg"}],
        "store": "Acme", "categories": [], "details": {"Color": "Red"}, "parent_asin": "B01",
    },
    {"title": "No price", "price": None, "parent_asin": "B02", "images": [], "details": {}},
]  # fmt: skip
AMAZON_REVIEWS = [
    {
        "rating": 5.0,
        "title": "Good",
        "asin": "B01x",
        "parent_asin": "B01",
        "user_id": "u",
        "timestamp": 1588687728923,
    },
    {"rating": 1.0, "title": "Bad", "parent_asin": "B02", "user_id": "u"},
]


def write_lines(path: Path, rows: list[Any]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def read_items(layout: FileLayout, path: Path) -> dict[str, Item]:
    """Items by their ids, in the recognised layout."""
    assert recognise([path]) is layout
    return {r.item.item_id: r.item for r in read_files(layout, [path]) if isinstance(r, ItemDraft)}


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_shopify_csv(tmp_path: Path) -> None:
    path = write(tmp_path / "products.csv", SHOPIFY_OLD)
    items = read_items(FileLayout.SHOPIFY, path)
    assert items.keys() == {"T-R-S", "T-B-M", "mug"}
    red, blue = items["T-R-S"], items["T-B-M"]
    assert (red.title, red.brand, red.price, red.category) == ("Tee", "Acme", 19.99, ("Shirts",))
    assert (red.attributes["colour"], red.attributes["size"]) == ("Red", "S")
    assert (blue.attributes["colour"], blue.attributes["size"], blue.price) == ("Blue", "M", 21.0)
    assert (red.availability, blue.availability, items["mug"].availability) == (
        "in_stock",
        "out_of_stock",
        "in_stock",
    )
    ignored = [record for record in read_files(FileLayout.SHOPIFY, [path]) if isinstance(record, IgnoredRow)]
    assert len(ignored) == 1


@pytest.mark.parametrize("form", ["csv of 2025", "json"])
def test_shopify_newer_columns_and_json_say_the_same(tmp_path: Path, form: str) -> None:
    is_json = form == "json"
    path = write(
        tmp_path / f"p.{'json' if is_json else 'csv'}", json.dumps(SHOPIFY_JSON) if is_json else SHOPIFY_NEW
    )
    (item,) = read_items(FileLayout.SHOPIFY, path).values()
    assert (item.item_id, item.title, item.description, item.price) == ("T1", "Tee", "Soft", 19.99)
    assert (item.attributes["size"], item.availability) == ("S", "out_of_stock")


def test_woocommerce(tmp_path: Path) -> None:
    items = read_items(FileLayout.WOOCOMMERCE, write(tmp_path / "wc.csv", WOOCOMMERCE))
    assert items.keys() == {"M1", "T-S"}
    mug, tee = items["M1"], items["T-S"]
    assert (mug.title, mug.description, mug.price, mug.category) == ("Mug", "A mug", 7.0, ("Home", "Cups"))
    assert (tee.price, tee.availability, tee.description) == (15.0, "out_of_stock", "Soft")
    assert tee.attributes["size"] == "S"


def test_meta_catalogue_with_its_comments(tmp_path: Path) -> None:
    (item,) = read_items(FileLayout.META_CATALOGUE, write(tmp_path / "meta.csv", META)).values()
    assert (item.title, item.price, item.currency, item.category) == ("Lamp", 10.0, "EUR", ("Home", "Lamps"))


def test_schema_org(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "products.jsonl", SCHEMA_ORG)
    items = read_items(FileLayout.SCHEMA_ORG, path)
    lamp, tee = items["L1"], items["T-S"]
    assert (lamp.title, lamp.description, lamp.brand) == ("Lamp", "Brass.", "Acme")
    assert (lamp.price, lamp.currency, lamp.category) == (19.9, "EUR", ("Home", "Lamps"))
    assert (tee.title, tee.price, tee.attributes["size"]) == ("Tee", 20.0, "S")


def test_openai_feed_and_acp(tmp_path: Path) -> None:
    (lamp,) = read_items(FileLayout.OPENAI_FEED, write_lines(tmp_path / "feed.jsonl", OPENAI)).values()
    assert (lamp.item_id, lamp.price, lamp.currency, lamp.brand) == ("L1", 19.9, "EUR", "Acme")
    assert (lamp.category, lamp.attributes["colour"]) == (("Home", "Lamps"), "red")
    (tee,) = read_items(FileLayout.OPENAI_FEED, write_lines(tmp_path / "products.jsonl", ACP)).values()
    assert (tee.item_id, tee.title, tee.description) == ("P-S", "Tee S", "Soft")
    assert (tee.price, tee.currency, tee.availability, tee.attributes["size"]) == (
        19.99,
        "USD",
        "out_of_stock",
        "S",
    )


def test_amazon_reviews_also_in_gzip(tmp_path: Path) -> None:
    write_lines(tmp_path / "All_Beauty.jsonl", AMAZON_REVIEWS)
    meta = "".join(json.dumps(row) + "\n" for row in AMAZON_META)
    (tmp_path / "meta_All_Beauty.jsonl.gz").write_bytes(gzip.compress(meta.encode()))
    assert recognise([tmp_path]) is FileLayout.AMAZON_REVIEWS
    soap, other, review, rejected = read_files(FileLayout.AMAZON_REVIEWS, [tmp_path])
    assert isinstance(soap, ItemDraft) and isinstance(other, ItemDraft) and isinstance(review, EventDraft)
    assert (soap.item.title, soap.item.price, soap.item.currency) == ("Soap", 8.99, "USD")
    assert (soap.item.brand, soap.item.category, soap.item.attributes["color"]) == (
        "Acme",
        ("All Beauty",),
        "Red",
    )
    assert (other.item.item_id, other.item.price) == ("B02", None)
    assert (review.event.item_id, review.event.action, review.event.value) == ("B01", "save", 5.0)
    assert isinstance(rejected, RejectedRow) and rejected.reason == "no timestamp that can be read"


@pytest.mark.parametrize("release", ["100k", "1m", "small"])
def test_movielens_of_every_release(tmp_path: Path, release: str) -> None:
    files = {
        "100k": {
            "u.item": f"1|Café (1995)|01-Jan-1995||url|{'|'.join('1' if n in (5, 8) else '0' for n in range(19))}\n",
            "u.data": "7\t1\t4\t881250949\n7\t1\tx\t881250949\nbroken\n",
        },
        "1m": {
            "movies.dat": "1::Café (1995)::Comedy|Drama\n",
            "ratings.dat": "7::1::4::881250949\n7::1::x::881250949\nbroken\n",
        },
        "small": {
            "movies.csv": "movieId,title,genres\n1,Café (1995),Comedy|Drama\n",
            "ratings.csv": "userId,movieId,rating,timestamp\n7,1,4,881250949\n7,1,x,881250949\nbroken\n",
        },
    }[release]
    for name, text in files.items():
        (tmp_path / name).write_bytes(text.encode("utf-8" if release == "small" else "latin-1"))
    assert recognise([tmp_path]) is FileLayout.MOVIELENS
    records = list(read_files(FileLayout.MOVIELENS, [tmp_path]))
    (film,) = (record.item for record in records if isinstance(record, ItemDraft))
    assert (film.title, film.attributes["genre"]) == ("Café (1995)", "Comedy, Drama")
    (batch,) = (record for record in records if isinstance(record, EventBatch))
    (event,) = batch.rows.to_pylist()
    assert (event["user_id"], event["action"], event["value"]) == ("7", "save", 4.0)
    reasons = {record.reason for record in records if isinstance(record, RejectedRow)}
    assert len(reasons) == 2 and "no rating that can be read" in reasons

"""Shopify's product exports: the admin's CSV (both generations of its columns), and JSON.

https://help.shopify.com/en/manual/products/import-export/using-csv describes the CSV: rows of one handle are
one product, each row with a price is a variant, and further rows hold pictures. The JSON is that of
`/products.json` and of the Admin API: products with their variants. A variant is an item, its id the SKU, and
the product its group.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from bowerbird.data.readers.catalogues.feed_items import item_of
from bowerbird.data.readers.catalogues.fields_of import FeedRow, feed_row, first_text
from bowerbird.data.readers.fields import parse_amount, parse_number, parse_text
from bowerbird.data.readers.inputs.forms import Form, form_of
from bowerbird.data.readers.inputs.json_objects import read_json_objects
from bowerbird.data.readers.inputs.records_of_text import ragged_reason
from bowerbird.data.readers.inputs.tables import read_rows
from bowerbird.data.readers.records import IgnoredRow, Records, RejectedRow

NAMES = {
    "handle": ("Handle", "URL handle"),
    "title": ("Title",),
    "description": ("Body (HTML)", "Body HTML", "Description"),
    "vendor": ("Vendor",),
    "category": ("Product Category", "Product category"),
    "type": ("Type",),
    "published": ("Published", "Published on online store"),
    "status": ("Status",),
    "sku": ("Variant SKU", "SKU"),
    "barcode": ("Variant Barcode", "Barcode"),
    "price": ("Variant Price", "Price"),
    "compare_at_price": ("Variant Compare At Price", "Compare-at price"),
    "tracker": ("Variant Inventory Tracker", "Inventory tracker"),
    "quantity": ("Variant Inventory Qty", "Inventory quantity"),
    "policy": ("Variant Inventory Policy", "Continue selling when out of stock"),
    "image": ("Image Src", "Product image URL"),
    "variant_image": ("Variant Image", "Variant image URL"),
}
"""The columns of the export before and since 2025."""
OPTIONS = tuple(
    ((f"Option{n} Name", f"Option{n} name"), (f"Option{n} Value", f"Option{n} value")) for n in (1, 2, 3)
)
OPTION_FIELDS = {"color": "color", "colour": "color", "size": "size", "material": "material"}
NO_OPTION = "Default Title"
"""The value of the option of a product without variants."""


def read(paths: Sequence[Path]) -> Records:
    """Read the variants of exported files."""
    for path in paths:
        yield from _of_json(path) if form_of(path) is Form.JSON else _of_table(path)


def _of_table(path: Path) -> Records:
    rows = read_rows(path)
    for _, group in groupby(rows, key=lambda located: _cell(located[1], "handle")):
        product = list(group)
        first = product[0][1]
        if not _cell(first, "handle"):
            yield from (RejectedRow("items", "no handle", location, row) for location, row in product)
            continue
        if not _is_on_sale(_cell(first, "status"), _cell(first, "published")):
            yield IgnoredRow("items", "product that is a draft, archived or not published")
            continue
        pictures = [link for _, row in product if (link := _cell(row, "image"))]
        for location, row in product:
            if reason := ragged_reason(row):
                yield RejectedRow("items", reason, location, row)
            elif _cell(row, "price") or _option_values(row):
                yield item_of(_variant_row(first, row, pictures), location, path.parent)
            elif not _cell(row, "image"):
                yield RejectedRow("items", "neither a price, an option nor a picture", location, row)


def _variant_row(first: dict[str, Any], row: dict[str, Any], pictures: list[str]) -> FeedRow:
    handle = _cell(first, "handle")
    names = [parse_text(_first(first, columns)) for columns, _ in OPTIONS]
    values = [parse_text(_first(row, columns)) for _, columns in OPTIONS]
    options = [
        (name, value) for name, value in zip(names, values, strict=True) if value not in ("", NO_OPTION)
    ]
    policy = _cell(row, "policy").lower()
    is_tracked = bool(_cell(row, "tracker")) or not any(name in row for name in NAMES["tracker"])
    continues = policy in ("continue", "true") or not is_tracked
    is_available = _is_available(_cell(row, "quantity"), continues)
    variant = _cell(row, "variant_image")
    fields = {
        "id": first_text(_cell(row, "sku"), "/".join([handle, *(value for _, value in options)])),
        "title": first_text(_cell(row, "title"), _cell(first, "title")),
        "description": _cell(first, "description"),
        "brand": _cell(first, "vendor"),
        "product_type": _category(_cell(first, "category"), _cell(first, "type")),
        "gtin": _cell(row, "barcode").lstrip("'"),
        "availability": "in_stock" if is_available else "out_of_stock",
        "item_group_id": handle,
        **_pictures([variant, *pictures] if variant else pictures),
        **_prices(_cell(row, "price"), _cell(row, "compare_at_price")),
    }
    return _with_options(fields, options)


def _with_options(fields: dict[str, Any], options: list[tuple[str, str]]) -> FeedRow:
    """A row with its options: those that the feed has a field for, and others as attributes."""
    known = {OPTION_FIELDS[name.lower()]: value for name, value in options if name.lower() in OPTION_FIELDS}
    details = [(name.lower(), value) for name, value in options if name.lower() not in OPTION_FIELDS]
    return feed_row(fields | known, details)


def _prices(price: Any, compare_at: Any) -> dict[str, Any]:
    """The price; where a higher one is named to compare with, that is the list price."""
    now, before = parse_amount(price), parse_amount(compare_at)
    if now is not None and before is not None and before > now:
        return {"price": compare_at, "sale_price": price}
    return {"price": price}


def _category(path: str, own_type: str) -> str:
    """Shopify's category, and the store's own type as its narrowest name."""
    is_named = own_type.lower() in (name.strip().lower() for name in path.split(">"))
    return path if is_named else " > ".join(filter(None, (path, own_type)))


def _pictures(links: list[str]) -> dict[str, Any]:
    links = list(dict.fromkeys(links))
    return {"image_link": links[:1], "additional_image_link": links[1:]}


def _is_available(quantity: str, continues: bool) -> bool:
    number = parse_number(quantity)
    return continues or number is None or number > 0


def _is_on_sale(status: str, published: str) -> bool:
    return status.lower() not in ("draft", "archived") and published.lower() != "false"


def _option_values(row: dict[str, Any]) -> str:
    return parse_text(_first(row, OPTIONS[0][1]))


def _cell(row: dict[str, Any], field: str) -> str:
    return parse_text(_first(row, NAMES[field]))


def _first(row: dict[str, Any], columns: Sequence[str]) -> Any:
    return next((row[name] for name in columns if row.get(name) not in (None, "")), None)


# -- JSON ---------------------------------------------------------------------------------------------------


def _of_json(path: Path) -> Records:
    for location, product in read_json_objects(path):
        variants = product.get("variants") if isinstance(product, dict) else None
        if not isinstance(product, dict) or not isinstance(variants, list):
            yield RejectedRow("items", "not a product with variants", location, product)
        elif not _is_on_sale(parse_text(product.get("status")), "true"):
            yield IgnoredRow("items", "product that is a draft, archived or not published")
        else:
            for row in _json_rows(product, [each for each in variants if isinstance(each, dict)]):
                yield item_of(row, location, path.parent)


def _json_rows(product: dict[str, Any], variants: list[dict[str, Any]]) -> Iterator[FeedRow]:
    options = product.get("options")
    names = [
        parse_text(option.get("name")) if isinstance(option, dict) else parse_text(option)
        for option in (options if isinstance(options, list) else [])
    ]
    images = [image for image in _dicts(product.get("images")) if parse_text(image.get("src"))]
    pictures = [parse_text(image.get("src")) for image in images]
    for variant in variants:
        values = [parse_text(variant.get(f"option{n}")) for n in (1, 2, 3)]
        pairs = [
            (name, value) for name, value in zip(names, values, strict=False) if value not in ("", NO_OPTION)
        ]
        is_available = variant.get("available")
        if is_available is None:
            is_tracked = bool(variant.get("inventory_management", True))
            continues = parse_text(variant.get("inventory_policy")) == "continue" or not is_tracked
            is_available = _is_available(parse_text(variant.get("inventory_quantity")), continues)
        featured = variant.get("featured_image")
        own = [parse_text(featured.get("src"))] if isinstance(featured, dict) else []
        own += [parse_text(image.get("src")) for image in images if _is_of_variant(image, variant)]
        fields = {
            "id": first_text(variant.get("sku"), variant.get("id"), product.get("handle")),
            "title": product.get("title"),
            "description": product.get("body_html"),
            "brand": product.get("vendor"),
            "product_type": product.get("product_type"),
            "gtin": variant.get("barcode"),
            "availability": "in_stock" if is_available else "out_of_stock",
            "item_group_id": first_text(product.get("handle"), product.get("id")),
            "created_at": product.get("created_at"),
            **_pictures([*own, *pictures]),
            **_prices(variant.get("price"), variant.get("compare_at_price")),
        }
        yield _with_options(fields, pairs)


def _is_of_variant(image: dict[str, Any], variant: dict[str, Any]) -> bool:
    shown_for = image.get("variant_ids")
    is_listed = isinstance(shown_for, list) and variant.get("id") in shown_for
    return is_listed or (image.get("id") is not None and image.get("id") == variant.get("image_id"))


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []

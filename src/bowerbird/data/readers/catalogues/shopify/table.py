"""Shopify's product export: the admin's CSV, both generations of its columns.

https://help.shopify.com/en/manual/products/import-export/using-csv describes it: rows of one handle are one
product, each row with a price is a variant, and further rows hold pictures. A variant is an item, its id the
SKU, and the product its group.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from bowerbird.data.readers.catalogues.feed_items import item_of
from bowerbird.data.readers.catalogues.fields_of import FeedRow, first_text
from bowerbird.data.readers.catalogues.shopify.values import (
    NO_OPTION,
    NOT_ON_SALE,
    category_path,
    is_available,
    is_on_sale,
    picture_fields,
    price_fields,
    with_options,
)
from bowerbird.data.readers.fields import parse_text
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
FEED_COLUMNS = {
    "mpn": "Google Shopping / MPN",
    "condition": "Google Shopping / Condition",
    "gender": "Google Shopping / Gender",
    "age_group": "Google Shopping / Age Group",
    **{f"custom_label_{n}": f"Google Shopping / Custom Label {n}" for n in range(5)},
}
"""Columns of the export before 2025, by the feed's fields."""
Located = tuple[str, dict[str, Any]]
"""A row and its location."""
OPTIONS = tuple(
    ((f"Option{n} Name", f"Option{n} name"), (f"Option{n} Value", f"Option{n} value")) for n in (1, 2, 3)
)


def read_table(path: Path) -> Records:
    """Read the variants of an exported table."""
    apart: dict[str, list[Located]] | None = None
    for handle, group in groupby(read_rows(path), key=lambda located: _cell(located[1], "handle")):
        product = list(group)
        if not handle:
            yield from (RejectedRow("items", "no handle", location, row) for location, row in product)
            continue
        first, links = product[0][1], _links_of(product)
        if not _cell(first, "title"):  # rows of one product that do not follow each other
            apart = _rows_apart(path) if apart is None else apart
            listed = apart.get(handle, product)
            first = next((row for _, row in listed if _cell(row, "title")), first)
            links = [*links, *_links_of(listed)]
        yield from _variants(product, first, links, path)


def _variants(product: list[Located], first: dict[str, Any], links: list[str], path: Path) -> Records:
    if not is_on_sale(_cell(first, "status"), _cell(first, "published")):
        yield IgnoredRow("items", NOT_ON_SALE)
        return
    for location, row in product:
        if reason := ragged_reason(row):
            yield RejectedRow("items", reason, location, row)
        elif _cell(row, "price") or _option_values(row):
            yield item_of(_variant_row(first, row, links), location, path.parent)
        elif not _cell(row, "image"):
            yield RejectedRow("items", "neither a price, an option nor a picture", location, row)


def _links_of(rows: list[Located]) -> list[str]:
    return [link for _, row in rows if (link := _cell(row, "image"))]


def _rows_apart(path: Path) -> dict[str, list[Located]]:
    """The rows of products that a sorted file tore apart, by their handles."""
    handles = (handle for handle, _ in groupby(read_rows(path), key=lambda each: _cell(each[1], "handle")))
    is_apart = {handle for handle, n in Counter(handles).items() if n > 1}
    rows: dict[str, list[Located]] = defaultdict(list)
    for location, row in read_rows(path):
        if (handle := _cell(row, "handle")) in is_apart:
            rows[handle].append((location, row))
    return rows


def _variant_row(first: dict[str, Any], row: dict[str, Any], links: list[str]) -> FeedRow:
    handle = _cell(first, "handle")
    names = [parse_text(_first(first, columns)) for columns, _ in OPTIONS]
    values = [parse_text(_first(row, columns)) for _, columns in OPTIONS]
    options = [
        (name, value) for name, value in zip(names, values, strict=True) if value not in ("", NO_OPTION)
    ]
    policy = _cell(row, "policy").lower()
    is_tracked = bool(_cell(row, "tracker")) or not any(name in row for name in NAMES["tracker"])
    continues = policy in ("continue", "true") or not is_tracked
    is_sold = is_available(_cell(row, "quantity"), continues)
    variant = _cell(row, "variant_image")
    fields = {
        "id": first_text(
            _without_mark(_cell(row, "sku")), "/".join([handle, *(value for _, value in options)])
        ),
        "title": first_text(_cell(row, "title"), _cell(first, "title")),
        "description": _cell(first, "description"),
        "brand": _cell(first, "vendor"),
        "product_type": category_path(_cell(first, "category"), _cell(first, "type")),
        "gtin": _without_mark(_cell(row, "barcode")),
        "availability": "in_stock" if is_sold else "out_of_stock",
        "item_group_id": handle,
        **picture_fields([variant, *links] if variant else links),
        **price_fields(_cell(row, "price"), _cell(row, "compare_at_price")),
    }
    further = {name: first_text(row.get(column), first.get(column)) for name, column in FEED_COLUMNS.items()}
    return with_options(further | fields, options)


def _without_mark(text: str) -> str:
    """Digits without the mark that makes a spreadsheet take them for a text."""
    return text[1:] if text[:1] == "'" and text[1:].isdecimal() else text


def _option_values(row: dict[str, Any]) -> str:
    return parse_text(_first(row, OPTIONS[0][1]))


def _cell(row: dict[str, Any], field: str) -> str:
    return parse_text(_first(row, NAMES[field]))


def _first(row: dict[str, Any], columns: Sequence[str]) -> Any:
    return next((row[name] for name in columns if row.get(name) not in (None, "")), None)

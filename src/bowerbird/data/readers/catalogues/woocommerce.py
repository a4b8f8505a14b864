"""WooCommerce's product export (CSV).

https://github.com/woocommerce/woocommerce/wiki/Product-CSV-Import-Schema describes the columns. A variation
is an item with what its parent says; a variable product without variations is one itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bowerbird.data.readers.catalogues.feed_items import item_of
from bowerbird.data.readers.catalogues.fields_of import FeedRow, feed_row, first_text
from bowerbird.data.readers.catalogues.shopify import OPTION_FIELDS
from bowerbird.data.readers.fields import parse_number, parse_text
from bowerbird.data.readers.inputs.records_of_text import ragged_reason
from bowerbird.data.readers.inputs.tables import read_rows
from bowerbird.data.readers.records import IgnoredRow, Records, RejectedRow

REQUIRED = ("ID", "Type", "SKU", "Name")
AVAILABILITY = {"1": "in_stock", "0": "out_of_stock", "backorder": "backorder"}
MAX_ATTRIBUTES = 50


def read(paths: Sequence[Path]) -> Records:
    """Read the simple products and the variations of exported files."""
    for path in paths:
        parents: dict[str, tuple[str, dict[str, Any]]] = {}
        with_variations: set[str] = set()
        for location, row in read_rows(path, REQUIRED):
            types = {name.strip() for name in parse_text(row["Type"]).lower().split(",")}
            identity = _identity(row)
            if reason := ragged_reason(row):
                yield RejectedRow("items", reason, location, row)
            elif parse_text(row.get("Published")) in ("0", "-1"):
                yield IgnoredRow("items", "product that is not published")
            elif "variable" in types:
                parents |= {f"id:{parse_text(row['ID'])}": (location, row), identity: (location, row)}
            elif "variation" in types:
                parent = parse_text(row.get("Parent"))
                with_variations.add(_identity(parents[parent][1]) if parent in parents else "")
                above = parents[parent][1] if parent in parents else {}
                yield item_of(_feed_row(row, above, parent), location, path.parent)
            else:
                yield item_of(_feed_row(row, {}, ""), location, path.parent)
        for key, (location, row) in parents.items():
            if key == _identity(row) and key not in with_variations:
                yield item_of(_feed_row(row, {}, ""), location, path.parent)


def _identity(row: dict[str, Any]) -> str:
    return first_text(row.get("SKU"), row.get("ID"))


def _feed_row(row: dict[str, Any], parent: dict[str, Any], group: str) -> FeedRow:
    def inherited(name: str) -> str:
        return first_text(row.get(name), parent.get(name))

    images = [link.strip() for link in inherited("Images").split(",") if link.strip()]
    attributes = _attributes(row) or _attributes(parent)
    known = {OPTION_FIELDS[name]: value for name, value in attributes if name in OPTION_FIELDS}
    regular, sale = parse_text(row.get("Regular price")), parse_text(row.get("Sale price"))
    fields = {
        "id": _identity(row),
        "title": first_text(row.get("Name"), parent.get("Name")),
        "description": first_text(row.get("Description"), row.get("Short description"),
                                  parent.get("Description"), parent.get("Short description")),
        "price": regular,
        "sale_price": sale if parse_number(sale) else "",
        "sale_price_effective_date": _sale_dates(row),
        "brand": inherited("Brands"),
        "product_type": inherited("Categories").split(",")[0],
        "availability": AVAILABILITY.get(parse_text(row.get("In stock?")).lower(), ""),
        "gtin": inherited("GTIN, UPC, EAN, or ISBN"),
        "image_link": images[:1],
        "additional_image_link": images[1:],
        "item_group_id": _identity(parent) if parent else group.removeprefix("id:"),
    }  # fmt: skip
    details = [(name, value) for name, value in attributes if name not in OPTION_FIELDS]
    return feed_row(fields | known, details)


def _sale_dates(row: dict[str, Any]) -> str:
    start, end = parse_text(row.get("Date sale price starts")), parse_text(row.get("Date sale price ends"))
    return f"{start}/{end}" if start and end else ""


def _attributes(row: dict[str, Any]) -> list[tuple[str, str]]:
    """Names, in lower case, and values of the attributes."""
    pairs = []
    for number in range(1, MAX_ATTRIBUTES + 1):
        if f"Attribute {number} name" not in row:
            break
        name = parse_text(row[f"Attribute {number} name"]).lower()
        value = parse_text(row.get(f"Attribute {number} value(s)"))
        if name and value:
            pairs.append((name, value))
    return pairs

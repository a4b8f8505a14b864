"""WooCommerce's product export (CSV).

https://github.com/woocommerce/woocommerce/wiki/Product-CSV-Import-Schema describes the columns. A variation
is an item with what its parent says; a variable product without variations is one itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from bowerbird.data.readers.catalogues.feed_items import item_of, split_links
from bowerbird.data.readers.catalogues.fields_of import FeedRow, feed_row, first_text
from bowerbird.data.readers.catalogues.localised_names import woocommerce_name
from bowerbird.data.readers.catalogues.shopify.values import OPTION_FIELDS
from bowerbird.data.readers.fields import parse_text
from bowerbird.data.readers.inputs.parquet import require_columns
from bowerbird.data.readers.inputs.records_of_text import ragged_reason
from bowerbird.data.readers.inputs.tables import read_rows
from bowerbird.data.readers.records import IgnoredRow, Records, RejectedRow

REQUIRED = ("ID", "Type", "SKU", "Name")
NOT_PUBLISHED = ("0", "-1")
MAX_ATTRIBUTES = 50
_FORMULAS = ("=", "+", "-", "@")
_COMMA = re.compile(r"(?<!\\),")


def read(paths: Sequence[Path]) -> Records:
    """Read the simple products and the variations of exported files."""
    for path in paths:
        parents = dict(_parents(path))
        with_variations = _parents_of_variations(path, parents)
        for location, row in _rows(path):
            types = _types(row)
            if reason := ragged_reason(row):
                yield RejectedRow("items", reason, location, row)
            elif not _is_published(row) or not _is_published(parents.get(parse_text(row.get("Parent")), row)):
                yield IgnoredRow("items", "product that is not published, or hidden")
            elif "variation" in types:
                parent = parse_text(row.get("Parent"))
                above = parents.get(parent, {})
                yield item_of(_feed_row(row, above, parent), location, path.parent)
            elif "variable" not in types or _identity(row) not in with_variations:
                yield item_of(_feed_row(row, {}, ""), location, path.parent)


def _rows(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """The rows under the names of the English export. Raises `InputError` for missing columns."""
    is_checked = False
    for location, row in read_rows(path):
        english = {woocommerce_name(name): unescaped(value) for name, value in reversed(row.items())}
        if not is_checked:
            require_columns(path, list(english), REQUIRED)
            is_checked = True
        yield location, english


def unescaped(value: Any) -> Any:
    """A cell as it was before the export: it marks what spreadsheets would take for a formula, and lines.

    >>> unescaped("'-50% lamp"), unescaped(r"one\\ntwo")
    ('-50% lamp', 'one\\ntwo')
    """
    if not isinstance(value, str):
        return value
    if value[:1] == "'" and value[1:2] in _FORMULAS:
        value = value[1:]
    return value.replace("\\n", "\n")


def _first_category(text: str) -> str:
    """The first path of a list; a comma within a name has a backslash before it.

    >>> _first_category(r"Home\\, garden > Pots, Sale")
    'Home, garden > Pots'
    """
    return _COMMA.split(text)[0].replace("\\,", ",")


def _parents(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Variable products, by what variations call them: these may come before them."""
    for _, row in _rows(path):
        if "variable" in _types(row) and not ragged_reason(row):
            yield f"id:{parse_text(row['ID'])}", row
            yield _identity(row), row


def _parents_of_variations(path: Path, parents: dict[str, dict[str, Any]]) -> set[str]:
    """Identities of the products that have variations."""
    rows = (row for _, row in _rows(path) if "variation" in _types(row))
    return {_identity(parents.get(parse_text(row.get("Parent")), {})) for row in rows}


def _is_published(row: dict[str, Any]) -> bool:
    """Whether people find a product: some are for those only who have the link."""
    visibility = parse_text(row.get("Visibility in catalog")).lower()
    return parse_text(row.get("Published")) not in NOT_PUBLISHED and visibility != "hidden"


def _types(row: dict[str, Any]) -> set[str]:
    return {name.strip() for name in parse_text(row["Type"]).lower().split(",")}


def _identity(row: dict[str, Any]) -> str:
    return first_text(row.get("SKU"), row.get("ID"))


def _feed_row(row: dict[str, Any], parent: dict[str, Any], group: str) -> FeedRow:
    def inherited(name: str) -> str:
        return first_text(row.get(name), parent.get(name))

    images = split_links(inherited("Images"))
    attributes = list((dict(_attributes(parent)) | dict(_attributes(row))).items())
    known = {OPTION_FIELDS[name]: value for name, value in attributes if name in OPTION_FIELDS}
    regular, sale = parse_text(row.get("Regular price")), parse_text(row.get("Sale price"))
    fields = {
        "id": _identity(row),
        "title": first_text(row.get("Name"), parent.get("Name")),
        "description": first_text(row.get("Description"), row.get("Short description"),
                                  parent.get("Description"), parent.get("Short description")),
        "price": regular,
        "sale_price": sale,
        "sale_price_effective_date": _sale_dates(row),
        "brand": inherited("Brands"),
        "product_type": _first_category(inherited("Categories")),
        "availability": parse_text(row.get("In stock?")),
        "gtin": inherited("GTIN, UPC, EAN, or ISBN"),
        "image_link": images[:1],
        "additional_image_link": images[1:],
        "item_group_id": _identity(parent) if parent else group.removeprefix("id:"),
    }  # fmt: skip
    details = [(name, value) for name, value in attributes if name not in OPTION_FIELDS]
    return feed_row(fields | known, details)


def _sale_dates(row: dict[str, Any]) -> str:
    start, end = parse_text(row.get("Date sale price starts")), parse_text(row.get("Date sale price ends"))
    return f"{start}/{end}" if start or end else ""


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

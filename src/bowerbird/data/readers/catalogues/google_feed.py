"""Google product feeds: TSV or CSV, or XML (RSS 2.0 or Atom, with or without the `g:` namespace)."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlparse

from bowerbird.data.items import Item
from bowerbird.data.readers.inputs.forms import Form, form_of
from bowerbird.data.readers.inputs.records_of_text import EXTRA_FIELDS, MISSING_FIELDS, ragged_reason
from bowerbird.data.readers.inputs.tables import read_rows
from bowerbird.data.readers.inputs.text_files import open_bytes
from bowerbird.data.readers.records import ItemDraft, Records, RejectedRow
from bowerbird.data.readers.values.item_fields import ItemFields, with_decimal_mark
from bowerbird.data.readers.values.outcomes import Repair
from bowerbird.data.readers.values.texts import parse_prose, parse_text
from bowerbird.errors import InputError

# The feed's field names -> the catalogue's attribute names.
ATTRIBUTES = {
    "color": "colour",
    "material": "material",
    "pattern": "pattern",
    "size": "size",
    "gender": "gender",
    "age_group": "age group",
    **{f"custom_label_{n}": f"label {n}" for n in range(5)},
}
ITEM_TAGS = ("item", "entry")
GOOGLE = "{http://base.google.com/ns/1.0}"
XHTML = "{http://www.w3.org/1999/xhtml}"

Row = dict[str, list[str]]
"""Values of each field; only a few fields have several."""


def read(paths: Sequence[Path]) -> Records:
    """Read the items of feed files. Raises `InputError` for a file that is not a feed."""
    for path in paths:
        rows = _xml_rows(path) if form_of(path) is Form.XML else _table_rows(path)
        rows, mark = with_decimal_mark(rows, "price")
        for location, row in rows:
            yield item_of(row, location, path.parent, mark)


def _table_rows(path: Path) -> Iterator[tuple[str, Row]]:
    is_checked = False
    for location, row in read_rows(path):
        if not is_checked:
            _require_id(path, list(row))
            is_checked = True
        fields = {_normalise_name(name): [text] for name, value in row.items() if (text := parse_text(value))}
        for name in ("product_detail", "additional_image_link"):
            if name in fields:
                fields[name] = fields[name][0].split(",")
        yield location, fields


def _require_id(path: Path, names: list[str]) -> None:
    if "id" not in map(_normalise_name, names):
        raise InputError(
            f"{path} has no column `id`; it has {', '.join(names)}. A product feed has id, title and price: "
            "rename the columns, or say what yours mean (layout parquet with --columns MAP.toml)"
        )


def _xml_rows(path: Path) -> Iterator[tuple[str, Row]]:
    number = 0
    try:
        with open_bytes(path) as file:
            open_elements: list[ElementTree.Element] = []
            for event, element in ElementTree.iterparse(file, ("start", "end")):
                if event == "start":
                    open_elements.append(element)
                    continue
                open_elements.pop()
                if _normalise_name(element.tag) in ITEM_TAGS:
                    number += 1
                    yield f"{path.name}: item {number}", _xml_row(element)
                    for above in open_elements:  # so that memory does not grow with the file
                        above.clear()
    except (ElementTree.ParseError, LookupError, ValueError) as error:  # the latter two: unknown encodings
        raise InputError(f"{path} is not well-formed XML ({error})") from None
    if not number:
        raise InputError(f"{path} has no <item> or <entry>: is it a product feed (RSS 2.0 or Atom)?")


def _xml_row(element: ElementTree.Element) -> Row:
    """Fields by name; where Google's namespace has a field, plain ones of that name do not count."""
    plain: Row = {}
    of_google: Row = {}
    for child in element:
        if content := _content(child):
            is_of_google = child.tag.startswith((GOOGLE, "g:"))
            (of_google if is_of_google else plain).setdefault(_normalise_name(child.tag), []).append(content)
    return plain | of_google


def _content(element: ElementTree.Element) -> str:
    """Text of a field; parts of a nested field (product_detail) are joined as in the TSV form."""
    if len(element) and element[0].tag.startswith(XHTML):
        return " ".join(element.itertext()).strip()
    parts = [(child.text or "").strip() for child in element]
    return ":".join(parts) if parts else (element.text or element.get("href") or "").strip()


@lru_cache(1024)
def _normalise_name(name: str) -> str:
    """Normalise a field's name: no namespace, lower case, underscores."""
    return name.rsplit("}", 1)[-1].strip().removeprefix("g:").lower().replace(" ", "_")


def item_of(row: Row, location: str, folder: Path, decimal_mark: str = "") -> ItemDraft | RejectedRow:
    """The item of a row whose fields have the feed's names; rejected without an id."""

    def first_of(*names: str) -> str:
        for name in names:
            if values := row.get(name):
                return values[0]
        return ""

    if not first_of("id"):
        return RejectedRow("items", "no id", location, row)
    if EXTRA_FIELDS in row:
        return RejectedRow("items", ragged_reason(row), location, row)
    fields = ItemFields(decimal_mark)
    if count := first_of(MISSING_FIELDS):
        fields.repairs.append(Repair.of("last fields", count, "are missing, and taken as empty"))
    dates = first_of("sale_price_effective_date")
    sale = fields.sale_price(first_of("price"), first_of("sale_price"), dates)
    n_reviews = fields.number("review_count", first_of("review_count"))
    category = _parse_path(first_of("product_type", "google_product_category"))
    picture = resolve_picture(first_of("image_link"), folder)
    item = Item(
        item_id=first_of("id"),
        title=parse_prose(first_of("title")),
        description=parse_prose(first_of("description", "summary", "content")),
        price=sale.price.amount if sale.price else None,
        currency=sale.price.currency if sale.price else "",
        brand=parse_prose(first_of("brand")),
        category=category,
        attributes=_attributes(row, category),
        availability=fields.availability("availability", first_of("availability")),
        created_at=fields.time("created_at", first_of("created_at")),
        link=first_of("link"),
        image_link=first_of("image_link") if isinstance(picture, str) else "",
        additional_images=tuple(
            link.strip() for link in row.get("additional_image_link", []) if link.strip()
        ),
        list_price=sale.list_price,
        sale_price=sale.sale_price,
        sale_starts=sale.starts,
        sale_ends=sale.ends,
        rating=fields.number("star_rating", first_of("star_rating")),
        rating_count=None if n_reviews is None else int(n_reviews),
        gtin=first_of("gtin"),
        mpn=first_of("mpn"),
        group_id=first_of("item_group_id"),
        condition=first_of("condition").lower(),
        shipping="; ".join(row.get("shipping", [])),
        returns=first_of("return_policy_label", "returns"),
        language=first_of("language", "content_language"),
    )
    return ItemDraft(item, location, picture, tuple(fields.repairs))


def _parse_path(text: str) -> tuple[str, ...]:
    return tuple(parse_prose(name) for name in parse_prose(text).split(">") if name.strip())


def _attributes(row: Row, category: tuple[str, ...]) -> dict[str, str]:
    attributes = {name: parse_prose(row[field][0]) for field, name in ATTRIBUTES.items() if row.get(field)}
    for detail in row.get("product_detail", []):
        parts = [part.strip() for part in detail.split(":")]
        if len(parts) >= 2 and parts[-1]:
            attributes[parse_prose(parts[-2]).lower()] = parse_prose(parts[-1])
    if category:
        attributes.setdefault("type", category[-1])
    return attributes


def resolve_picture(link: str, folder: Path) -> Any:
    """Resolve a link: a file (relative to the feed's folder), or a URL, which is not fetched here."""
    if not link:
        return None
    if link.startswith(("http://", "https://")):
        return link
    try:
        parsed = urlparse(link)
    except ValueError:  # e.g. half an IPv6 address
        return link
    return folder / (unquote(parsed.path) if parsed.scheme == "file" else link)

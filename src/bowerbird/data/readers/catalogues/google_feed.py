"""Google product feeds, TSV or XML (RSS 2.0 or Atom with the `g:` namespace)."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlparse

from bowerbird.data.items import Item
from bowerbird.data.readers.fields import parse_availability, parse_price, parse_time, read_delimited
from bowerbird.data.readers.records import ItemDraft, Records, RejectedRow
from bowerbird.errors import InputError

# The feed's field names -> the catalogue's attribute names.
ATTRIBUTES = {
    "color": "colour",
    "material": "material",
    "pattern": "pattern",
    "size": "size",
    "gender": "gender",
    "age_group": "age group",
    "item_group_id": "group",
    **{f"custom_label_{n}": f"label {n}" for n in range(5)},
}


def read(paths: Sequence[Path]) -> Records:
    """Read the items of feed files. Raises `InputError` for a file that is not a feed."""
    for path in paths:
        rows = _xml_rows(path) if path.suffix.lower() == ".xml" else _tsv_rows(path)
        for location, row in rows:
            yield item_of(row, location, path.parent)


def _tsv_rows(path: Path) -> Iterator[tuple[str, dict[str, list[str]]]]:
    for location, row in read_delimited(path, "\t"):
        fields = {_normalise_name(name): [value.strip()] for name, value in row.items() if value.strip()}
        if "product_detail" in fields:
            fields["product_detail"] = fields["product_detail"][0].split(",")
        if "id" not in {_normalise_name(name) for name in row}:
            raise InputError(
                f"{path} has no column `id`; it has {', '.join(row)}: is it a product feed in TSV?"
            )
        yield location, fields


def _xml_rows(path: Path) -> Iterator[tuple[str, dict[str, list[str]]]]:
    try:
        number = 0
        for _, element in ElementTree.iterparse(path):
            if _normalise_name(element.tag) in ("item", "entry"):
                number += 1
                row: dict[str, list[str]] = {}
                for child in element:
                    row.setdefault(_normalise_name(child.tag), []).append(_content(child))
                yield f"{path.name}: item {number}", row
                element.clear()
    except (ElementTree.ParseError, LookupError, ValueError) as error:  # the latter two: unknown encodings
        raise InputError(f"{path} is not well-formed XML ({error})") from None
    except OSError as error:
        raise InputError(f"{path} can't be read ({error.strerror})") from None


def _content(element: ElementTree.Element) -> str:
    """Text of a field; parts of a nested field (product_detail) are joined as in the TSV form."""
    parts = [(child.text or "").strip() for child in element]
    return ":".join(parts) if parts else (element.text or element.get("href") or "").strip()


def _normalise_name(name: str) -> str:
    """Normalise a field's name: no namespace, lower case, underscores."""
    return name.rsplit("}", 1)[-1].removeprefix("g:").strip().lower().replace(" ", "_")


def item_of(row: dict[str, list[str]], location: str, folder: Path) -> ItemDraft | RejectedRow:
    """The item of a row whose fields have the feed's names; rejected without an id."""

    def first_value(name: str) -> str:
        return row.get(name, [""])[0]

    if not first_value("id"):
        return RejectedRow("items", "no id", location, row)
    repairs = []
    price = None
    for name in ("sale_price", "price"):
        if first_value(name):
            price = price or parse_price(first_value(name))
            if parse_price(first_value(name)) is None:
                repairs.append(f"{name} is not a number")
    category = _parse_path(first_value("product_type") or first_value("google_product_category"))
    created = parse_time(first_value("created_at")) if first_value("created_at") else None
    item = Item(
        item_id=first_value("id"),
        title=first_value("title"),
        description=first_value("description"),
        price=price[0] if price else None,
        currency=price[1] if price else "",
        brand=first_value("brand"),
        category=category,
        attributes=_attributes(row, category),
        availability=parse_availability(first_value("availability")),
        created_at=created,
    )
    return ItemDraft(item, location, resolve_picture(first_value("image_link"), folder), tuple(repairs))


def _parse_path(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(">") if name.strip())


def _attributes(row: dict[str, list[str]], category: tuple[str, ...]) -> dict[str, str]:
    attributes = {name: row[field][0] for field, name in ATTRIBUTES.items() if row.get(field, [""])[0]}
    for detail in row.get("product_detail", []):
        parts = [part.strip() for part in detail.split(":")]
        if len(parts) >= 2 and parts[-1]:
            attributes[parts[-2].lower()] = parts[-1]
    if category:
        attributes.setdefault("type", category[-1])
    return attributes


def resolve_picture(link: str, folder: Path) -> Any:
    """Resolve a link: a file (relative to the feed's folder), or a URL, which is not fetched here."""
    if not link:
        return None
    try:
        parsed = urlparse(link)
    except ValueError:  # e.g. half an IPv6 address
        return link
    if parsed.scheme in ("http", "https"):
        return link
    return folder / (unquote(parsed.path) if parsed.scheme == "file" else link)

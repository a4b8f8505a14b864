"""Google product feeds, TSV or XML (RSS 2.0 or Atom with the `g:` namespace)."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlparse

from bowerbird.data.items import Item
from bowerbird.data.readers.fields import availability_of, price_of, table_rows, time_of
from bowerbird.data.readers.records import ItemDraft, Records, Refused
from bowerbird.errors import InputError

# The feed's names -> the names used everywhere here.
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
    """Items of feed files. Raises `InputError` for a file that is no feed."""
    for path in paths:
        rows = _xml_rows(path) if path.suffix.lower() == ".xml" else _tsv_rows(path)
        for where, row in rows:
            yield _item(row, where, path.parent)


def _tsv_rows(path: Path) -> Iterator[tuple[str, dict[str, list[str]]]]:
    for where, row in table_rows(path, "\t"):
        fields = {_plain(name): [value.strip()] for name, value in row.items() if value.strip()}
        if "product_detail" in fields:
            fields["product_detail"] = fields["product_detail"][0].split(",")
        if "id" not in {_plain(name) for name in row}:
            raise InputError(
                f"{path} has no column `id`; it has {', '.join(row)}: is it a product feed in TSV?"
            )
        yield where, fields


def _xml_rows(path: Path) -> Iterator[tuple[str, dict[str, list[str]]]]:
    try:
        number = 0
        for _, element in ElementTree.iterparse(path):
            if _plain(element.tag) in ("item", "entry"):
                number += 1
                row: dict[str, list[str]] = {}
                for child in element:
                    row.setdefault(_plain(child.tag), []).append(_content(child))
                yield f"{path.name}: item {number}", row
                element.clear()
    except (ElementTree.ParseError, LookupError, ValueError) as error:  # the latter two: unknown encodings
        raise InputError(f"{path} is no well-formed XML ({error})") from None
    except OSError as error:
        raise InputError(f"{path} can't be read ({error.strerror})") from None


def _content(element: ElementTree.Element) -> str:
    """Text of a field; of a nested one (product_detail) its parts joined as the TSV form joins them."""
    parts = [(child.text or "").strip() for child in element]
    return ":".join(parts) if parts else (element.text or element.get("href") or "").strip()


def _plain(name: str) -> str:
    """A field's name without namespace, in one spelling."""
    return name.rsplit("}", 1)[-1].removeprefix("g:").strip().lower().replace(" ", "_")


def _item(row: dict[str, list[str]], where: str, folder: Path) -> ItemDraft | Refused:
    def one(name: str) -> str:
        return row.get(name, [""])[0]

    if not one("id"):
        return Refused("items", "no id", where, row)
    mended = []
    price = None
    for name in ("sale_price", "price"):
        if one(name):
            price = price or price_of(one(name))
            if price_of(one(name)) is None:
                mended.append(f"{name} is no number")
    category = _path(one("product_type") or one("google_product_category"))
    created = time_of(one("created_at")) if one("created_at") else None
    item = Item(
        item_id=one("id"),
        title=one("title"),
        description=one("description"),
        price=price[0] if price else None,
        currency=price[1] if price else "",
        brand=one("brand"),
        category=category,
        attributes=_attributes(row, category),
        availability=availability_of(one("availability")),
        created_at=created,
    )
    return ItemDraft(item, where, picture_at(one("image_link"), folder), tuple(mended))


def _path(said: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in said.split(">") if part.strip())


def _attributes(row: dict[str, list[str]], category: tuple[str, ...]) -> dict[str, str]:
    found = {ours: row[theirs][0] for theirs, ours in ATTRIBUTES.items() if row.get(theirs, [""])[0]}
    for detail in row.get("product_detail", []):
        parts = [part.strip() for part in detail.split(":")]
        if len(parts) >= 2 and parts[-1]:
            found[parts[-2].lower()] = parts[-1]
    if category:
        found.setdefault("type", category[-1])
    return found


def picture_at(link: str, folder: Path) -> Any:
    """Where a link leads: a file (relative to the feed's folder), or an address that is not fetched here."""
    if not link:
        return None
    try:
        parsed = urlparse(link)
    except ValueError:  # e.g. half an IPv6 address
        return link
    if parsed.scheme in ("http", "https"):
        return link
    return folder / (unquote(parsed.path) if parsed.scheme == "file" else link)

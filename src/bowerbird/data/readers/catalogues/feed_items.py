"""The item of a row that has the names of the product feed's fields, and its single fields."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlparse

from bowerbird.data.items import Item
from bowerbird.data.readers.inputs.records_of_text import EXTRA_FIELDS, MISSING_FIELDS, ragged_reason
from bowerbird.data.readers.records import ItemDraft, RejectedRow
from bowerbird.data.readers.values.ids import SHORTENED_ID, is_shortened
from bowerbird.data.readers.values.item_fields import ItemFields
from bowerbird.data.readers.values.outcomes import Repair
from bowerbird.data.readers.values.texts import is_null, parse_prose

Row = Mapping[str, Sequence[str]]
"""Values of each field; only a few fields have several."""

_BETWEEN_LEVELS = re.compile(r"[>»›→]")
_BETWEEN_LINKS = re.compile(r"[,;|\s]+(?=(?:https?:)?//)", re.IGNORECASE)
_SOURCE_TYPE = re.compile(r"^(?:default|(?:composite_with_)?trained_algorithmic_media)\s*:\s*", re.IGNORECASE)
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

NEVER_NULL = ("availability", "price")
"""Fields in which words for a missing value say something: "none" in stock, no price that can be read."""

FIELDS = {
    "id": "an id; required",
    "title": "a text, without HTML; required, or a picture",
    **dict.fromkeys(("description", "summary", "content"), "a text, without HTML; the first that is there"),
    **dict.fromkeys(
        ("structured_title", "structured_description"), "the same, where the plain field is missing"
    ),
    "price": "a price",
    "sale_price": "a price; zero means none",
    "sale_price_effective_date": "two times with a slash between them; one may be missing",
    "currency": "the currency of prices that name none",
    "availability": "an availability; missing means in stock",
    "brand": "a text, without HTML",
    "product_type": "names from broad to narrow, with `>` between them",
    "google_product_category": "the same, where there is no product_type; numbers are left out and listed",
    **{name: f"a text, without HTML: the attribute {attribute}" for name, attribute in ATTRIBUTES.items()},
    "product_detail": "`Section:Name:Value`, several separated by commas: further attributes",
    "link": "an address",
    "image_link": "an address, a file next to the feed, or a `data:` address",
    "additional_image_link": "addresses, separated by commas",
    "star_rating": "a number of at least zero",
    "review_count": "a whole number of at least zero",
    **dict.fromkeys(("gtin", "mpn", "item_group_id", "condition", "shipping"), "a text"),
    **dict.fromkeys(("return_policy_label", "returns"), "a text; the first that is there"),
    **dict.fromkeys(("language", "content_language"), "a text; the first that is there"),
    "created_at": "a time",
}
"""How each field of the feed is read; other layouts say which of their fields are these."""


def parse_path(text: str) -> tuple[str, ...]:
    """The names of a category path, from broad to narrow.

    >>> parse_path("Home > Lamps")
    ('Home', 'Lamps')
    """
    return tuple(name.strip() for name in _BETWEEN_LEVELS.split(parse_prose(text)) if name.strip())


def content_of(text: str) -> str:
    """The content of a structured title or description, which says by what it was written.

    >>> content_of('trained_algorithmic_media:"Merlin: Series 3"'), content_of("Merlin: Series 3")
    ('Merlin: Series 3', 'Merlin: Series 3')
    """
    content = _SOURCE_TYPE.sub("", text)
    return content[1:-1] if len(content) > 1 and content[0] == content[-1] == '"' else content


def split_links(text: str) -> list[str]:
    """The addresses in one field. A comma within an address, as picture services have them, is part of it.

    >>> split_links("https://x.example/w_1,h_2/a.jpg, https://x.example/b.jpg"), split_links("a.jpg,b.jpg")
    (['https://x.example/w_1,h_2/a.jpg', 'https://x.example/b.jpg'], ['a.jpg', 'b.jpg'])
    """
    links = _BETWEEN_LINKS.split(text) if "//" in text else text.split(",")
    return [web_address(link.strip()) for link in links if link.strip()]


def web_address(link: str) -> str:
    """A link with its scheme in small letters, and with https where it has none; a path stays as it is.

    >>> web_address("//cdn.example/A.jpg"), web_address("HTTP://x.example/A.jpg"), web_address("images/A.jpg")
    ('https://cdn.example/A.jpg', 'http://x.example/A.jpg', 'images/A.jpg')
    """
    if link.startswith("//"):
        return f"https:{link}"
    scheme, mark, rest = link.partition("://")
    return f"{scheme.lower()}{mark}{rest}" if mark else link


def attributes_of(row: Row, category: tuple[str, ...]) -> dict[str, str]:
    """The attributes of a row, and as `type` the narrowest name of its category."""
    attributes = {
        name: parse_prose(texts[0]) for field, name in ATTRIBUTES.items() if (texts := present(row, field))
    }
    for detail in present(row, "product_detail"):
        fields = [field.strip() for field in detail.split(":")]
        if len(fields) >= 2 and fields[-1]:
            attributes[parse_prose(fields[-2]).lower()] = parse_prose(fields[-1])
    if category:
        attributes.setdefault("type", category[-1])
    return attributes


def resolve_picture(link: str, folder: Path) -> Any:
    """Resolve a link: a file (relative to the feed's folder), or a URL, which is not fetched here."""
    if not link:
        return None
    link = web_address(link)
    if link.startswith(("http://", "https://")):
        return link
    if link.startswith("data:"):
        return _data_of(link)
    try:
        parsed = urlparse(link)
    except ValueError:  # e.g. half an IPv6 address
        return link
    return folder / (unquote(parsed.path) if parsed.scheme == "file" else link)


def _data_of(link: str) -> bytes:
    """The bytes of a data: address; none where they can't be decoded."""
    try:
        return base64.b64decode(unquote(link.partition(",")[2]), validate=True)
    except ValueError:
        return b""


def present(row: Row, name: str) -> list[str]:
    """The texts of a field that stand for a value."""
    return [text for text in row.get(name) or () if name in NEVER_NULL or not is_null(text)]


def missing_id(item_id: str) -> str:
    """Why an item has no id; empty where it has one."""
    return f"the id {SHORTENED_ID}" if is_shortened(item_id) else "" if item_id else "no id"


def item_of(row: Row, location: str, folder: Path, decimal_mark: str = "") -> ItemDraft | RejectedRow:
    """The item of a row whose fields have the feed's names; rejected without an id."""

    def first_of(*names: str) -> str:
        for name in names:
            if values := present(row, name):
                return values[0]
        return ""

    if reason := missing_id(first_of("id")):
        return RejectedRow("items", reason, location, row)
    if EXTRA_FIELDS in row:
        return RejectedRow("items", ragged_reason(row), location, row)
    fields = ItemFields(decimal_mark)
    if count := first_of(MISSING_FIELDS):
        fields.repairs.append(Repair.of("last fields", count, "are missing, and taken as empty"))
    dates = first_of("sale_price_effective_date")
    currency = fields.currency("currency", first_of("currency"))
    sale = fields.sale_price(first_of("price"), first_of("sale_price"), dates, currency)
    category = parse_path(first_of("product_type") or fields.taxonomy(first_of("google_product_category")))
    picture = resolve_picture(first_of("image_link"), folder)
    item = Item(
        item_id=first_of("id"),
        title=parse_prose(first_of("title") or content_of(first_of("structured_title"))),
        description=parse_prose(
            first_of("description", "summary", "content") or content_of(first_of("structured_description"))
        ),
        price=sale.price.amount if sale.price else None,
        currency=sale.price.currency if sale.price else "",
        brand=parse_prose(first_of("brand")),
        category=category,
        attributes=attributes_of(row, category),
        availability=fields.availability("availability", first_of("availability")),
        created_at=fields.time("created_at", first_of("created_at")),
        link=first_of("link"),
        image_link=picture if isinstance(picture, str) else "",
        additional_images=tuple(
            link for field in present(row, "additional_image_link") for link in split_links(field)
        ),
        list_price=sale.list_price,
        sale_price=sale.sale_price,
        sale_starts=sale.starts,
        sale_ends=sale.ends,
        rating=fields.number("star_rating", first_of("star_rating")),
        rating_count=fields.count("review_count", first_of("review_count")),
        gtin=fields.trade_number("gtin", first_of("gtin")),
        mpn=first_of("mpn"),
        group_id=first_of("item_group_id"),
        condition=first_of("condition").lower(),
        shipping="; ".join(present(row, "shipping")),
        returns=first_of("return_policy_label", "returns"),
        language=first_of("language", "content_language"),
    )
    return ItemDraft(item, location, picture, tuple(fields.repairs))

"""What both forms of Shopify's products share: options, prices, pictures, and whether a product is sold."""

from __future__ import annotations

from typing import Any

from bowerbird.data.readers.catalogues.fields_of import FeedRow, feed_row
from bowerbird.data.readers.fields import parse_amount, parse_number

OPTION_FIELDS = {"color": "color", "colour": "color", "size": "size", "material": "material"}
NO_OPTION = "Default Title"
"""The value of the option of a product without variants."""
NOT_SOLD = ("draft", "archived", "unlisted")
"""Statuses of products that no list of the shop shows."""
NOT_ON_SALE = "product that is a draft, archived, unlisted or not published"


def with_options(fields: dict[str, Any], options: list[tuple[str, str]]) -> FeedRow:
    """A row with its options: those that the feed has a field for, and others as attributes."""
    known = {OPTION_FIELDS[name.lower()]: value for name, value in options if name.lower() in OPTION_FIELDS}
    details = [(name.lower(), value) for name, value in options if name.lower() not in OPTION_FIELDS]
    return feed_row(fields | known, details)


def price_fields(price: Any, compare_at: Any) -> dict[str, Any]:
    """The price; where a higher one is named to compare with, that is the list price."""
    now, before = parse_amount(price), parse_amount(compare_at)
    if now is not None and before is not None and before > now:
        return {"price": compare_at, "sale_price": price}
    return {"price": price}


def category_path(path: str, own_type: str) -> str:
    """Shopify's category, and the store's own type as its narrowest name."""
    is_named = own_type.lower() in (name.strip().lower() for name in path.split(">"))
    return path if is_named else " > ".join(filter(None, (path, own_type)))


def picture_fields(links: list[str]) -> dict[str, Any]:
    """The first picture, and the others."""
    links = list(dict.fromkeys(links))
    return {"image_link": links[:1], "additional_image_link": links[1:]}


def is_available(quantity: str, continues: bool) -> bool:
    """Whether a variant can be bought; `continues`: also where none is left."""
    number = parse_number(quantity)
    return continues or number is None or number > 0


def is_on_sale(status: str, published: str) -> bool:
    """Whether the shop shows a product."""
    return status.lower() not in NOT_SOLD and published.lower() != "false"

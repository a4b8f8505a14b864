"""Catalogues as files that `bowerbird import` and others read: Google's feed, OpenAI's, JSON lines."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable
from datetime import datetime
from decimal import Decimal
from typing import IO, Any

from bowerbird.data.items import WITHDRAWN, Item
from bowerbird.data.readers.layouts import ItemLayout

FEED_FIELDS: dict[str, Callable[[Item], str]] = {
    "id": lambda item: item.item_id,
    "title": lambda item: item.title,
    "description": lambda item: item.description,
    "link": lambda item: item.link,
    "image_link": lambda item: item.image_link,
    "additional_image_link": lambda item: ",".join(item.additional_images),
    "availability": lambda item: item.availability,
    "price": lambda item: _price(item.price if item.list_price is None else item.list_price, item.currency),
    "sale_price": lambda item: _price(item.sale_price, item.currency),
    "sale_price_effective_date": lambda item: _dates(item.sale_starts, item.sale_ends),
    "brand": lambda item: item.brand,
    "gtin": lambda item: item.gtin,
    "mpn": lambda item: item.mpn,
    "condition": lambda item: item.condition,
    "product_type": lambda item: " > ".join(item.category),
    "item_group_id": lambda item: item.group_id,
    "color": lambda item: item.attributes.get("colour", ""),
    "size": lambda item: item.attributes.get("size", ""),
    "material": lambda item: item.attributes.get("material", ""),
    "pattern": lambda item: item.attributes.get("pattern", ""),
    "gender": lambda item: item.attributes.get("gender", ""),
    "age_group": lambda item: item.attributes.get("age group", ""),
    "product_detail": lambda item: _details(item),
    "star_rating": lambda item: "" if item.rating is None else repr(item.rating),
    "review_count": lambda item: "" if item.rating_count is None else str(item.rating_count),
    "shipping": lambda item: item.shipping,
    "return_policy_label": lambda item: item.returns,
    "created_at": lambda item: _time(item.created_at),
    "language": lambda item: item.language,
}
"""Columns of the Google feed; `created_at`, `language` and the reviews are bowerbird's own."""
OPENAI_NAMES = {
    "id": "item_id",
    "link": "url",
    "image_link": "image_url",
    "additional_image_link": "additional_image_urls",
    "product_type": "product_category",
    "item_group_id": "group_id",
    "star_rating": "product_review_rating",
    "review_count": "product_review_count",
}
OWN_ATTRIBUTES = ("colour", "size", "material", "pattern", "gender", "age group", "type")
"""Attributes with a column of their own, or (type) that an import makes of the category."""


def export_items(items: Iterable[Item], layout: ItemLayout, file: IO[str], seller: str = "") -> int:
    """Write items, without withdrawn ones and without the bytes of pictures; returns how many.

    `seller` is the shop's name in OpenAI's feed. The same items give the same bytes.
    """
    writer = csv.writer(file, delimiter="\t", lineterminator="\n")
    if layout is ItemLayout.GOOGLE_FEED:
        writer.writerow(FEED_FIELDS)
    count = 0
    for item in items:
        if item.availability == WITHDRAWN:
            continue
        count += 1
        if layout is ItemLayout.GOOGLE_FEED:
            writer.writerow(field(item) for field in FEED_FIELDS.values())
        else:
            row = _openai_row(item, seller) if layout is ItemLayout.OPENAI_FEED else _plain_row(item)
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
    return count


def _openai_row(item: Item, seller: str) -> dict[str, str]:
    fields = {OPENAI_NAMES.get(name, name): field(item) for name, field in FEED_FIELDS.items()}
    # A checkout needs a seller of record, which a recommender is not.
    fields |= {"seller_name": seller, "is_eligible_search": "true", "is_eligible_checkout": "false"}
    return {name: value for name, value in fields.items() if value}


def _plain_row(item: Item) -> dict[str, Any]:
    row = {name: value for name, value in item.as_row().items() if value not in (None, "", [], b"")}
    row |= {"attributes": dict(item.attributes)} if item.attributes else {}
    row.pop("image", None)
    return {name: _time(value) if isinstance(value, datetime) else value for name, value in row.items()}


def _price(amount: float | None, currency: str) -> str:
    if amount is None:
        return ""
    number = f"{amount:.2f}" if amount == round(amount, 2) else f"{Decimal(repr(amount)):f}"
    if number[-4:-3] == ".":  # three decimals could be thousands
        number += "0"
    return f"{number} {currency}".strip()


def _time(moment: datetime | None) -> str:
    return "" if moment is None else moment.isoformat()


def _dates(starts: datetime | None, ends: datetime | None) -> str:
    return f"{_time(starts)}/{_time(ends)}" if starts or ends else ""


def _details(item: Item) -> str:
    return ",".join(
        f"General:{_one_part(name)}:{_one_part(value)}"
        for name, value in sorted(item.attributes.items())
        if name not in OWN_ATTRIBUTES
    )


def _one_part(text: str) -> str:
    return text.replace(":", " ").replace(",", " ")

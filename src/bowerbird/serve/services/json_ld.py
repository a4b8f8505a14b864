"""Items as schema.org `Product` in JSON-LD, for the pages of a shop: search engines and agents read them.

https://schema.org/Product and https://developers.google.com/search/docs/appearance/structured-data/product
name the properties. The same item gives the same bytes.
"""

from __future__ import annotations

import json
from typing import Any

from bowerbird.data.items import Item

SCHEMA = "https://schema.org/"
AVAILABILITY = {
    "in_stock": "InStock", "out_of_stock": "OutOfStock", "preorder": "PreOrder", "backorder": "BackOrder",
}  # fmt: skip
PROPERTIES = {"colour": "color", "material": "material", "pattern": "pattern", "size": "size"}
"""Attributes with a property of their own."""


def encode_json_ld(item: Item) -> bytes:
    """An item as JSON-LD. It can be pasted into a `<script>` of a page: no text in it can end that."""
    text = json.dumps(_product(item), ensure_ascii=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").encode()


def _product(item: Item) -> dict[str, Any]:
    product = {
        "@context": SCHEMA,
        "@type": "Product",
        "sku": item.item_id,
        "name": item.title,
        "description": item.description,
        "url": item.link,
        "image": [link for link in (item.image_link, *item.additional_images) if link],
        "brand": _typed("Brand", name=item.brand),
        "category": " > ".join(item.category),
        "gtin": item.gtin,
        "mpn": item.mpn,
        "inProductGroupWithID": item.group_id,
        **{PROPERTIES[name]: item.attributes.get(name, "") for name in PROPERTIES},
        "additionalProperty": _other_properties(item),
        "offers": _offer(item),
        "aggregateRating": _rating(item),
    }
    return _filled(product)


def _offer(item: Item) -> dict[str, Any]:
    if item.price is None or not item.currency:
        return {}
    before = {} if not item.on_sale else _typed("UnitPriceSpecification", price=item.list_price,
        priceCurrency=item.currency, priceType=f"{SCHEMA}StrikethroughPrice",
    )  # fmt: skip
    condition = f"{SCHEMA}{item.condition.capitalize()}Condition" if item.condition else ""
    return _typed(
        "Offer",
        price=item.price,
        priceCurrency=item.currency,
        priceValidUntil=item.sale_ends.date().isoformat() if before and item.sale_ends else "",
        priceSpecification=before,
        availability=SCHEMA + AVAILABILITY.get(item.availability, "Discontinued"),
        itemCondition=condition,
        url=item.link,
    )


def _rating(item: Item) -> dict[str, Any]:
    """The rating; none without ratings, which search engines reject."""
    if item.rating is None or not item.rating_count:
        return {}
    return _typed("AggregateRating", ratingValue=item.rating, ratingCount=item.rating_count)


def _other_properties(item: Item) -> list[dict[str, Any]]:
    return [
        _typed("PropertyValue", name=name, value=value)
        for name, value in sorted(item.attributes.items())
        if name not in PROPERTIES and value
    ]


def _typed(kind: str, **fields: Any) -> dict[str, Any]:
    """A nested object; nothing where all of its fields are empty."""
    filled = _filled(fields)
    return {"@type": kind, **filled} if filled else {}


def _filled(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value not in (None, "", [], {})}

"""Items: reading, pictures, and changes by a shop's own systems."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, Required, TypedDict, Unpack

from bowerbird.client.call import Call, get, path_of, send_json, without_none
from bowerbird.serve.bodies.items import ItemPageBody, ItemsResult, PatchesResult, Withdrawal

Availability = Literal["in_stock", "out_of_stock", "preorder", "backorder"]


class Prices(TypedDict, total=False):
    """What changes often."""

    price: float | None
    currency: str
    availability: Availability
    list_price: float | None
    sale_price: float | None
    sale_starts: datetime | None
    sale_ends: datetime | None


class ItemPatch(Prices, total=False):
    """New values of some fields of an item."""

    item_id: Required[str]


class ItemInput(ItemPatch, total=False):
    """A whole item, with a title or a picture."""

    title: str
    description: str
    brand: str
    category: Sequence[str]
    attributes: Mapping[str, str]
    created_at: datetime | None
    picture: bytes
    link: str
    image_link: str
    rating: float | None
    rating_count: int | None
    gtin: str
    mpn: str
    group_id: str
    condition: str
    shipping: str
    returns: str
    language: str


def get_item(item_id: str) -> Call[ItemPageBody]:
    """One item with all its fields, and its variants."""
    return get(ItemPageBody, "items", item_id)


def get_picture(item_id: str, size: Literal[224, 448, 896] | None = None) -> Call[bytes]:
    """An item's picture, encoded; as it is, or at most `size` pixels wide and high."""
    return Call("GET", path_of("items", item_id, "image"), bytes, without_none(size=size))


def put_items(items: Sequence[ItemInput]) -> Call[ItemsResult]:
    """Add items, or put them in the place of those with their ids; at most 1,000."""
    return send_json("PUT", ItemsResult, "items", body={"items": [_encoded(item) for item in items]})


def patch_items(items: Sequence[ItemPatch]) -> Call[PatchesResult]:
    """Change prices and stock of items: of all, or of none."""
    return send_json("PATCH", PatchesResult, "items", body={"items": items})


def patch_item(item_id: str, **prices: Unpack[Prices]) -> Call[ItemPageBody]:
    """Change an item's price and stock."""
    return send_json("PATCH", ItemPageBody, "items", item_id, body=prices)


def withdraw_item(item_id: str) -> Call[Withdrawal]:
    """Withdraw an item; `put_items` brings it back."""
    return send_json("DELETE", Withdrawal, "items", item_id)


def _encoded(item: ItemInput) -> dict[str, Any]:
    picture = item.get("picture")
    return {**item, "picture": base64.b64encode(picture)} if picture is not None else {**item}

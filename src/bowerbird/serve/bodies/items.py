"""Bodies of items."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from bowerbird.serve.bodies.base import Body


class ItemBody(Body):
    """An item of the catalogue, with the address of its picture."""

    item_id: str
    title: str
    description: str
    price: float | None
    """What it costs now."""
    currency: str
    list_price: float | None
    """The price outside of its sale; none where there is no sale price."""
    on_sale: bool
    """Whether it costs less than its list price now."""
    brand: str
    category: list[str]
    attributes: dict[str, str]
    availability: str
    image: str | None
    """None where it has no picture."""
    group_id: str
    """The same for all variants (sizes, colours) of an article; empty where it has none."""
    also_in: dict[str, list[str]]
    """By attribute, what other variants can be bought in: `{"size": ["M", "L"]}`."""


class VariantBody(Body):
    """Another size or colour of an item's article."""

    item_id: str
    title: str
    price: float | None
    currency: str
    on_sale: bool
    attributes: dict[str, str]
    availability: str
    image: str | None


class ItemPageBody(ItemBody):
    """All that a page of one item shows."""

    link: str
    """The item's page in the shop."""
    additional_images: list[str]
    """Addresses of further pictures."""
    sale_ends: datetime | None
    """When the sale price ends; none where it does not, or there is no sale price."""
    rating: float | None
    rating_count: int | None
    condition: str
    """`new`, `refurbished`, `used`, or empty."""
    shipping: str
    returns: str
    gtin: str
    mpn: str
    language: str
    variants: list[VariantBody]
    """All variants of its article that are not withdrawn, itself among them; empty where it has none."""


class ScoredItem(ItemBody):
    """An item of a list."""

    score: float
    """Says an order within the list; larger is better."""
    position: int
    """In the list, from 1; it goes on from page to page."""
    propensity: float
    """The chance that this item had at its position; 1 without exploration."""


class ListBody(Body):
    """What every list has."""

    recommendation_id: str
    """Name it in the events of what was shown, and of what came of it."""
    next_cursor: str | None
    """Of the next page; null at the end."""
    empty_reason: str | None = None
    """Why no item can pass the request's filter, such as a category that nothing has; null where items do."""


class ScoredItems(ListBody):
    """Items, best first."""

    items: list[ScoredItem]


class RelatedItem(ScoredItem):
    """An item that goes with another one."""

    reason: str


class RelatedItems(ListBody):
    """Items that go with others, best first."""

    items: list[RelatedItem]


class ItemsResult(Body):
    """What became of items."""

    accepted: int
    new: int
    """Of them, those that the store did not have. They are recommended once `bowerbird embed --update` has
    encoded them."""
    pictures_broken: int
    """Pictures that could not be read; their items have none."""


class PatchesResult(Body):
    """What became of changes."""

    changed: int


class Withdrawal(Body):
    """An item that was withdrawn."""

    item_id: str
    withdrawn: Literal[True]

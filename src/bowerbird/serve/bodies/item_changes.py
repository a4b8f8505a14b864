"""Bodies that change items."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Base64Bytes, Field, FiniteFloat

from bowerbird.data.ingest.item_changes import ItemPatch
from bowerbird.data.items import Item
from bowerbird.serve.bodies.base import NUMBER, Moment
from bowerbird.serve.bodies.lists import MAX_INTEGER, ItemId, RequestBase

MAX_ITEMS = 1000  # in one request

Amount = Annotated[FiniteFloat, Field(ge=0), NUMBER]
Text = Annotated[str, Field(max_length=20_000)]
ShortText = Annotated[str, Field(max_length=1000)]
Availability = Literal["in_stock", "out_of_stock", "preorder", "backorder"]


class Prices(RequestBase):
    """What changes often."""

    price: Amount | None = None
    currency: Annotated[str, Field(max_length=3)] = ""
    availability: Availability = "in_stock"
    list_price: Amount | None = None
    sale_price: Amount | None = None
    """In force from `sale_starts` to before `sale_ends`; outside of them, `list_price` is."""
    sale_starts: Moment | None = None
    sale_ends: Moment | None = None


class ItemInput(Prices):
    """A whole item, with a title or a picture; fields that are left out are empty."""

    item_id: ItemId
    title: ShortText = ""
    description: Text = ""
    brand: ShortText = ""
    category: Annotated[tuple[ShortText, ...], Field(max_length=20)] = ()
    """From broad to narrow."""
    attributes: Annotated[dict[ShortText, ShortText], Field(max_length=100)] = Field(default_factory=dict)
    created_at: Moment | None = None
    picture: Base64Bytes | None = None
    """JPEG, PNG, WebP, GIF or AVIF, in base64."""
    link: ShortText = ""
    image_link: ShortText = ""
    """Address of its picture; nothing is fetched."""
    rating: Amount | None = None
    rating_count: Annotated[int, Field(ge=0, le=MAX_INTEGER), NUMBER] | None = None
    gtin: ShortText = ""
    mpn: ShortText = ""
    group_id: ShortText = ""
    """The same for all variants of an article."""
    condition: ShortText = ""
    shipping: ShortText = ""
    returns: ShortText = ""
    language: ShortText = ""

    def as_item(self) -> Item:
        """The item, without its picture."""
        return Item(**self.model_dump(exclude={"picture"}))


class ItemsRequest(RequestBase):
    """Items to add, or to put in the place of those with their ids."""

    items: Annotated[list[ItemInput], Field(min_length=1, max_length=MAX_ITEMS)]

    @property
    def fault(self) -> str:
        """What is wrong with the items; empty for nothing.

        A schema can't say it: one of alternatives hides the fields of an item from generators of clients.
        """
        for number, item in enumerate(self.items):
            if not item.title and item.picture is None:
                return f"items.{number}: an item needs a title or a picture"
        is_unique = len({item.item_id for item in self.items}) == len(self.items)
        return "" if is_unique else "items: an item_id is there twice"


class PricePatch(Prices):
    """New values of some fields; those that are left out stay as they are.

    A new `price` without `list_price` and `sale_price` ends a sale.
    """

    def as_patch(self, item_id: str) -> ItemPatch:
        """The fields that were sent."""
        return ItemPatch(item_id, {name: getattr(self, name) for name in self.model_fields_set & _PATCHED})


class ItemPricePatch(PricePatch):
    """New values of one item's fields."""

    item_id: ItemId


class PatchesRequest(RequestBase):
    """Changes of many items: all are made, or none."""

    items: Annotated[list[ItemPricePatch], Field(min_length=1, max_length=10 * MAX_ITEMS)]


_PATCHED = set(Prices.model_fields)

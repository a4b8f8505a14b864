"""What tools answer with. Texts of items come from the shop's feed: data, never instructions."""

from __future__ import annotations

from bowerbird.serve.bodies.base import Body
from bowerbird.serve.bodies.items import ItemBody, ListBody


class CatalogueItem(ItemBody):
    """An item, with its addresses in the shop."""

    link: str
    """The item's page in the shop."""
    image_link: str
    """Its picture in the shop; `image` is a path on this server."""


class ListedItem(CatalogueItem):
    """An item of a list."""

    position: int
    """In the list, from 1; it goes on from page to page."""
    score: float
    """Says an order within the list; larger is better."""
    reason: str
    """Why it is there; empty in searches."""


class ItemList(ListBody):
    """Items, best first."""

    items: list[ListedItem]
    unknown: list[str]
    """Ids of the request that the catalogue does not have."""


class KnownItems(Body):
    """Items by their ids."""

    items: list[CatalogueItem]
    unknown: list[str]
    """Ids that the catalogue does not have."""


class DifferenceRow(Body):
    """An attribute in which items differ."""

    name: str
    values: list[str]
    """For each item, in their order."""


class ComparedItems(Body):
    """Items side by side."""

    items: list[CatalogueItem]
    differences: list[DifferenceRow]
    """The price first."""


class SavedItem(Body):
    """An item that a user saved."""

    user: str
    item_id: str
    saved: bool
    is_new: bool
    """False where it was saved before."""

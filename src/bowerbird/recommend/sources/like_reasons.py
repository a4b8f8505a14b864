"""Reasons that name items, as several sources give them."""

from __future__ import annotations

from bowerbird.data.events import ACTION_CODE, Action
from bowerbird.data.items import Catalogue
from bowerbird.recommend.query import Query
from bowerbird.recommend.reasons import Reason

_ACTS = {
    ACTION_CODE[Action.SAVE.value]: "saved",
    ACTION_CODE[Action.PURCHASE.value]: "bought",
    ACTION_CODE[Action.ADD_TO_CART.value]: "in_cart",
}


def title_of(catalogue: Catalogue, position: int) -> Reason:
    """Name an item by its title on one line, in quotes, or by its id."""
    return Reason("title", {"title": _title(catalogue, position)})


def describe_like(query: Query, row: int, catalogue: Catalogue) -> Reason:
    """Name one of the user's likes (a row of `query.liked`) and what they did: “Lamp”, which you saved."""
    act = _ACTS.get(int(query.liked.actions[row]), "liked")
    return Reason(act, {"title": _title(catalogue, int(query.liked.items[row]))})


def _title(catalogue: Catalogue, position: int) -> str:
    return " ".join(catalogue.title(position).split()) or catalogue.ids[position]

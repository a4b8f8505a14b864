"""Phrases that several sources use in their explanations."""

from __future__ import annotations

from bowerbird.data.events import ACTION_CODE, Action
from bowerbird.data.items import Catalogue
from bowerbird.recommend.query import Query

_VERBS = {
    ACTION_CODE[Action.SAVE.value]: "saved",
    ACTION_CODE[Action.PURCHASE.value]: "bought",
    ACTION_CODE[Action.ADD_TO_CART.value]: "put in the basket",
}


def title_of(catalogue: Catalogue, position: int) -> str:
    """Return an item's title on one line, in quotes, or its id."""
    return f"“{' '.join(catalogue.title(position).split()) or catalogue.ids[position]}”"


def describe_like(query: Query, row: int, catalogue: Catalogue) -> str:
    """Name one of the user's likes (a row of `query.liked`) and what they did: “Lamp”, which you saved."""
    verb = _VERBS.get(int(query.liked.actions[row]), "liked")
    return f"{title_of(catalogue, int(query.liked.items[row]))}, which you {verb}"


def describe_count(count: int) -> str:
    """Write a number of users in words, for an explanation.

    >>> describe_count(1), describe_count(1200)
    ('1 person', '1,200 people')
    """
    return "1 person" if count == 1 else f"{count:,} people"

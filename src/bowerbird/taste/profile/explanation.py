"""Why this item: the likes and the interest of a user that lead to it, in words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from bowerbird.data.arrays import FloatArray, IntArray
from bowerbird.data.events import Action
from bowerbird.data.items import Catalogue
from bowerbird.taste.interests.ranking import Interest, describe_event
from bowerbird.taste.profile.price_range import PriceComfort, Prices
from bowerbird.taste.state.user_state import TasteState

MIN_SIMILARITY = 0.2
"""Cosine from which a liked item is similar enough to lead to another."""
PAST_TENSE = {
    Action.CLICK.value: "clicked",
    Action.SAVE.value: "saved",
    Action.ADD_TO_CART.value: "put in the basket",
    Action.PURCHASE.value: "bought",
}


@dataclass(frozen=True)
class Explanation:
    """What leads from a user to an item."""

    item: int  # position
    likes: list[dict[str, Any]]  # the nearest likes, nearest first: an event each, with `likeness`, a cosine
    interest: Interest | None  # of the item, where the user has it
    comfort: PriceComfort | None  # what the user pays, in the item's currency
    price: float | None

    def as_dict(self) -> dict[str, Any]:
        """Give the fields as plain values."""
        return {
            "likes": self.likes,
            "interest": self.interest.as_dict() if self.interest else None,
            "price": self.price,
            "price_comfort": self.comfort.as_dict() if self.comfort else None,
            "explanation": self.sentences,
        }

    @property
    def sentences(self) -> list[str]:
        """The strongest reason first; where nothing leads to the item, a sentence that says so."""
        sentences = []
        for like in self.likes[:2]:
            did, day = PAST_TENSE[like["action"]], like["at"][:10]
            sentences.append(
                f"You {did} {like['title']} on {day}, which is like it ({like['likeness']:.0%})."
            )
        if self.interest is not None:
            remark = ", which you muted" if self.interest.muted else ""
            share = f"{self.interest.share:.0%} of your taste"
            sentences.append(f"It belongs to {self.interest.name}, {share}{remark}.")
        if self.price is not None and self.comfort is not None:
            low, high, currency = self.comfort.low, self.comfort.high, self.comfort.currency
            relation = "more than" if self.price > high else "less than" if self.price < low else "within"
            sentences.append(
                f"It costs {self.price:.2f} {currency}, {relation} what you like ({low:.2f}–{high:.2f})."
            )
        if not self.likes and self.interest is None:
            sentences.insert(0, "Nothing that you did leads to it.")
        return sentences


def explain_item(
    state: TasteState,
    position: int,
    catalogue: Catalogue,
    vectors: Callable[[IntArray], FloatArray],
    ranked: list[Interest],
    group: IntArray,
    prices: Prices,
    max_likes: int = 5,
) -> Explanation:
    """Why an item may suit a user; `ranked`: the user's interests, `group` (items,): those of items."""
    item = catalogue.item(position)
    comfort = next((comfort for comfort in prices.overall if comfort.currency == item.currency), None)
    interest = next((interest for interest in ranked if interest.number == group[position]), None)
    likes = _nearest_likes(state, position, catalogue, vectors, max_likes)
    return Explanation(position, likes, interest, comfort, item.price)


def _nearest_likes(
    state: TasteState,
    position: int,
    catalogue: Catalogue,
    vectors: Callable[[IntArray], FloatArray],
    max_likes: int,
) -> list[dict[str, Any]]:
    """The most similar liked items, without the item itself, each with the strongest action on it."""
    rows = np.flatnonzero(state.history.is_like & (state.items != position))
    if not len(rows):
        return []
    strongest_first = np.lexsort((state.at[rows], state.history.weights[rows]))[::-1]
    _, first = np.unique(state.items[rows[strongest_first]], return_index=True)
    rows = rows[strongest_first[first]]
    similarity = vectors(state.items[rows]) @ vectors(np.array([position]))[0]
    nearest = np.argsort(-similarity, kind="stable")[:max_likes]
    return [
        describe_event(catalogue, state, int(rows[k])) | {"likeness": float(similarity[k])}
        for k in nearest
        if similarity[k] >= MIN_SIMILARITY
    ]

"""Why this item: the likes and the interest of a person that lead to it, in words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from bowerbird.data.events import Action
from bowerbird.data.items import Catalogue
from bowerbird.taste.interests.ranking import Interest, told_event
from bowerbird.taste.profile.price_range import PriceComfort, Prices
from bowerbird.taste.state.user_state import TasteState

LIKE = 0.2
"""Cosine from which a liked item is near enough to lead to another."""
DID = {Action.CLICK: "clicked", Action.SAVE: "saved", Action.ADD_TO_CART: "put in the basket"}
_DID = {action.value: words for action, words in (DID | {Action.PURCHASE: "bought"}).items()}


@dataclass(frozen=True)
class Because:
    """What leads from a person to an item."""

    item: int  # position
    likes: list[dict[str, Any]]  # the nearest likes, nearest first: an event each, with `likeness`, a cosine
    interest: Interest | None  # of the item, where the person has it
    comfort: PriceComfort | None  # what the person pays, in the item's currency
    price: float | None

    def as_dict(self) -> dict[str, Any]:
        return {
            "likes": self.likes,
            "interest": self.interest.as_dict() if self.interest else None,
            "price": self.price,
            "price_comfort": self.comfort.as_dict() if self.comfort else None,
            "because": self.words,
        }

    @property
    def words(self) -> list[str]:
        """Sentences, the strongest reason first; one that says so where nothing leads to the item."""
        said = []
        for like in self.likes[:2]:
            did, day = _DID[like["action"]], like["at"][:10]
            said.append(f"You {did} {like['title']} on {day}, which is like it ({like['likeness']:.0%}).")
        if self.interest is not None:
            mark = ", which you muted" if self.interest.muted else ""
            share = f"{self.interest.share:.0%} of your taste"
            said.append(f"It belongs to {self.interest.name}, {share}{mark}.")
        if self.price is not None and self.comfort is not None:
            low, high, currency = self.comfort.low, self.comfort.high, self.comfort.currency
            where = "more than" if self.price > high else "less than" if self.price < low else "within"
            said.append(
                f"It costs {self.price:.2f} {currency}, {where} what you like ({low:.2f}–{high:.2f})."
            )
        if not self.likes and self.interest is None:
            said.insert(0, "Nothing that you did leads to it.")
        return said


def because(
    state: TasteState,
    item: int,
    catalogue: Catalogue,
    vectors: Callable[[np.ndarray], np.ndarray],
    ranked: list[Interest],
    group: np.ndarray,
    prices: Prices,
    most: int = 5,
) -> Because:
    """Why an item (a position) may be for a person; `ranked`: their interests, `group`: those of items."""
    about = catalogue.item(item)
    comfort = next((one for one in prices.overall if one.currency == about.currency), None)
    interest = next((one for one in ranked if one.number == group[item]), None)
    return Because(item, _likes(state, item, catalogue, vectors, most), interest, comfort, about.price)


def _likes(
    state: TasteState,
    item: int,
    catalogue: Catalogue,
    vectors: Callable[[np.ndarray], np.ndarray],
    most: int,
) -> list[dict[str, Any]]:
    """The nearest liked items but the item itself, each with the strongest thing done to it."""
    rows = np.flatnonzero((state.history.weights >= 1.0) & (state.items != item))
    if not len(rows):
        return []
    order = np.lexsort((state.at[rows], state.history.weights[rows]))[::-1]
    _, first = np.unique(state.items[rows[order]], return_index=True)
    rows = rows[order[first]]
    likeness = vectors(state.items[rows]) @ vectors(np.array([item]))[0]
    near = np.argsort(-likeness, kind="stable")[:most]
    return [
        told_event(catalogue, state, int(rows[k])) | {"likeness": float(likeness[k])}
        for k in near
        if likeness[k] >= LIKE
    ]

"""What an assistant answers with."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Literal

from bowerbird.assist.request import Request, Shown, exact_price


@dataclass(frozen=True)
class Named:
    """An item that a reply names. `differences` say where it misses the request; empty for a match."""

    position: int
    item_id: str
    title: str
    price: float | None
    currency: str = ""
    why: str = ""
    differences: tuple[str, ...] = ()

    @property
    def priced(self) -> str:
        """The price as written in replies: "45.00 EUR"; empty where there is none."""
        return "" if self.price is None else f"{exact_price(self.price)} {self.currency}".strip()

    def as_dict(self) -> dict[str, Any]:
        kept = ("item_id", "title", "price", "currency", "why")
        return {name: getattr(self, name) for name in kept} | {"differences": list(self.differences)}


@dataclass(frozen=True)
class Reply:
    """An answer. Every item of `items` satisfies every hard constraint; where none does, `items` is empty,
    `unmet` says what can't be had together, and `nearest` holds near misses with their differences."""

    text: str
    items: tuple[Named, ...]
    nearest: tuple[Named, ...] = ()
    constraints: tuple[str, ...] = ()
    unmet: tuple[str, ...] = ()
    wording: Literal["model", "mixed", "template"] = "template"
    """Who worded the text: the language model, the templates, or both."""
    request: Request = field(default_factory=Request, repr=False)

    @property
    def shown(self) -> tuple[Named, ...]:
        """The items that a page shows: matches, or near misses where there is no match."""
        return self.items or self.nearest

    def as_dict(self) -> dict[str, Any]:
        return {
            "text": self.text,
            "items": [item.as_dict() for item in self.items],
            "nearest": [item.as_dict() for item in self.nearest],
            "constraints": list(self.constraints),
            "unmet": list(self.unmet),
            "wording": self.wording,
        }


def as_shown(items: tuple[Named, ...]) -> tuple[Shown, ...]:
    return tuple(
        Shown(one.item_id, one.title, one.price if one.price is None or math.isfinite(one.price) else None)
        for one in items
    )

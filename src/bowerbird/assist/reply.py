"""What an assistant answers with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from bowerbird.assist.cost import TurnCost
from bowerbird.assist.request import Request
from bowerbird.assist.state import DialogueState
from bowerbird.assist.understand.act_patterns import Act


@dataclass(frozen=True)
class ReplyItem:
    """An item that a reply names. `differences` say where it misses the request; empty for a match."""

    position: int
    item_id: str
    title: str
    price: float | None
    currency: str = ""
    why: str = ""
    differences: tuple[str, ...] = ()
    list_price: float | None = None
    """Price outside of the sale; None where there is no sale price."""
    on_sale: bool = False
    priced: str = ""
    """The price as written in replies: "€45.00"; empty where there is none."""
    before_sale: str = ""
    """What an item on sale cost before, in words: "was €79.00"."""
    also_in: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """By attribute, what other variants of its article come in."""
    variants: str = ""
    """The same in words: "also in M, L / blue"."""

    @property
    def priced_with_sale(self) -> str:
        """The price, and what it was before the sale."""
        return f"{self.priced} ({self.before_sale})" if self.before_sale else self.priced

    def as_dict(self) -> dict[str, Any]:
        """The item in JSON's types."""
        fields = ("item_id", "title", "price", "currency", "list_price", "on_sale", "why")
        also_in = {name: list(values) for name, values in self.also_in.items()}
        row = {name: getattr(self, name) for name in fields}
        return row | {"differences": list(self.differences), "also_in": also_in}


@dataclass(frozen=True)
class Comparison:
    """Items side by side: what differs between them."""

    item_ids: tuple[str, ...]
    rows: tuple[tuple[str, tuple[str, ...]], ...]
    """Of each attribute its name, and a value for each item."""

    def as_dict(self) -> dict[str, Any]:
        """The table in JSON's types."""
        return {
            "item_ids": list(self.item_ids),
            "rows": [{"name": name, "values": list(values)} for name, values in self.rows],
        }


@dataclass(frozen=True)
class Preview:
    """The items of a list, before it is put into words."""

    act: Act
    items: tuple[ReplyItem, ...]
    nearest: tuple[ReplyItem, ...]

    @property
    def shown(self) -> tuple[ReplyItem, ...]:
        """The items that a page shows: matches, or near misses where there is no match."""
        return self.items or self.nearest


@dataclass(frozen=True)
class Reply:
    """An answer. Every item of `items` satisfies every hard constraint; where none does, `items` is empty,
    `unmet` says what can't be had together, and `nearest` holds near misses with their differences."""

    text: str
    act: Act = Act.FIND
    items: tuple[ReplyItem, ...] = ()
    nearest: tuple[ReplyItem, ...] = ()
    constraints: tuple[str, ...] = ()
    unmet: tuple[str, ...] = ()
    comparison: Comparison | None = None
    suggestions: tuple[str, ...] = ()
    """What the user may say next, at most three."""
    writer: Literal["model", "mixed", "template"] = "template"
    """Who wrote the text: the language model, the templates, or both."""
    cost: TurnCost = field(default_factory=TurnCost, compare=False)
    state: DialogueState = field(default_factory=DialogueState, repr=False)
    """To send with the next message."""

    @property
    def request(self) -> Request:
        """The need so far; an empty one where nothing is looked for."""
        return self.state.request or Request()

    @property
    def shown(self) -> tuple[ReplyItem, ...]:
        """The items that a page shows: matches, or near misses where there is no match."""
        return self.items or self.nearest

    def as_dict(self) -> dict[str, Any]:
        """The reply in JSON's types."""
        return {
            "text": self.text,
            "act": self.act.value,
            "items": [item.as_dict() for item in self.items],
            "nearest": [item.as_dict() for item in self.nearest],
            "constraints": list(self.constraints),
            "unmet": list(self.unmet),
            "comparison": self.comparison.as_dict() if self.comparison else None,
            "suggestions": list(self.suggestions),
            "writer": self.writer,
            "cost": self.cost.as_dict(),
            "state": self.state.as_dict(),
        }

"""What a reply says, in the templates' words, before a writer words it."""

from __future__ import annotations

from dataclasses import dataclass, field

from bowerbird.assist.reply import ReplyItem
from bowerbird.assist.request import Request
from bowerbird.assist.turn import Turn
from bowerbird.assist.understand.act_patterns import Act


@dataclass(frozen=True)
class Draft:
    """What a reply says, in the templates' words."""

    turn: Turn
    act: Act
    opening: str
    """The sentence before the items; without items, the whole answer."""
    items: tuple[ReplyItem, ...] = ()
    """The items of a list, in their order."""
    request: Request = field(default_factory=Request)
    is_plain: bool = False
    """Whether it is a list of matches for a described need, which a model may word freely."""
    closing: str = ""
    """What is asked after the items."""

    @property
    def lines(self) -> tuple[str, ...]:
        """The text as the templates write it, line by line."""
        items = (line(number, item) for number, item in enumerate(self.items, 1))
        return (self.opening, *items, *filter(None, [self.closing]))


def line(number: int, item: ReplyItem, reason: str = "") -> str:
    """One item of a reply: "1. Title, 45.00 EUR: why"."""
    priced = f", {item.priced_with_sale}" if item.priced else ""
    facts = "; ".join(text for text in (*item.differences, reason or item.why, item.variants) if text)
    return f"{number}. {item.title}{priced}" + (f": {facts}" if facts else "")

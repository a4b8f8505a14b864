"""Our extension of OpenAI's bodies, the field `bowerbird`: what a reply is about."""

from __future__ import annotations

from typing import Any, Literal

from bowerbird.serve.bodies.base import Body
from bowerbird.serve.bodies.items import ItemBody


class ReplyItemBody(ItemBody):
    """An item that a reply names."""

    why: str
    differences: list[str]
    """Where it misses the request; empty for a match."""


class NearMiss(Body):
    """An item that misses the request."""

    item_id: str
    title: str
    price: float | None
    currency: str
    list_price: float | None
    on_sale: bool
    why: str
    differences: list[str]
    also_in: dict[str, list[str]]


class ComparisonRow(Body):
    """What one attribute is for each item that is compared."""

    name: str
    values: list[str]


class ComparisonBody(Body):
    """Items side by side: what differs between them."""

    item_ids: list[str]
    rows: list[ComparisonRow]


class PreviewExtension(Body):
    """Our extension while the text is written: its items come first."""

    act: str
    """What the message does: `find`, `compare`, `save`, …"""
    items: list[ReplyItemBody]
    """What a page shows: matches, or near misses where there is no match."""
    matches: bool
    """Whether the items match the request."""


class ReplyExtension(PreviewExtension):
    """Our extension of a reply."""

    text: str
    """As `content`, without escapes of Markdown."""
    nearest: list[NearMiss]
    constraints: list[str]
    unmet: list[str]
    """What can't be had together."""
    comparison: ComparisonBody | None
    suggestions: list[str]
    """What the user may say next."""
    writer: Literal["model", "mixed", "template"]
    cost: dict[str, Any]
    """Milliseconds by stage, tokens of language models, and money."""
    labels: dict[str, str]
    """Values of the need in the conversation's language, where that has other words for them."""
    state: dict[str, Any]
    """To send back with the next message, in the field `bowerbird` of the request."""
    conversation: str | None = None

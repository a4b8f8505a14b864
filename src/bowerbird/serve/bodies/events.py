"""Bodies of events."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from bowerbird.serve.bodies.base import Body


class SegmentCall(BaseModel):
    """A call of Segment's HTTP API; further fields are read over."""

    model_config = ConfigDict(extra="allow", use_attribute_docstrings=True)
    type: str | None = None
    """`track`, `identify`, `alias`, `page`, `screen` or `group`; in a batch only."""
    event: str | None = None
    """`Product Viewed`, `Product Clicked`, `Product Added to Wishlist`, `Order Completed`, …"""
    userId: str | None = None
    anonymousId: str | None = None
    messageId: str | None = None
    """Events count once by it."""
    timestamp: str | None = None
    properties: dict[str, Any] | None = None
    """`product_id` or `products`, `price`, `position`, `recommendation_id`, …"""


def described_body(schema: dict[str, Any]) -> dict[str, Any]:
    """What describes a body that the route reads itself, one call at a time."""
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


CALL_SCHEMA: dict[str, Any] = {"anyOf": [SegmentCall.model_json_schema(), {"type": "object"}]}
"""Of one call. What is no call of Segment is answered with the reason, not refused: Segment's clients drop a
whole batch that is refused."""
BATCH_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["batch"],
    "properties": {"batch": {"type": "array", "items": {"anyOf": [*CALL_SCHEMA["anyOf"], {}]}}},
}
"""Of many calls."""


class RejectedMessage(Body):
    """A message that has no event, or one without a value that can't be read."""

    messageId: str | None
    """As the client gave it."""
    reason: str


class IngestionBody(Body):
    """What became of events."""

    success: bool
    accepted: int
    duplicates: int
    rejected: list[str]
    """Reasons."""
    rejections: list[RejectedMessage]
    """The same, each with the message's id."""
    warnings: list[RejectedMessage] = Field(default_factory=list)
    """Messages whose events count, but without a price or position that can't be read."""

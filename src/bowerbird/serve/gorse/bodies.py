"""Bodies of Gorse's REST API, with its names of fields. As in Gorse, unknown fields are read over."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    FiniteFloat,
    StrictBool,
    WithJsonSchema,
)

from bowerbird.ids import MAX_ID_LENGTH
from bowerbird.serve.bodies.base import Body, UserId
from bowerbird.serve.bodies.item_changes import ItemInput
from bowerbird.serve.bodies.lists import ListQuery, RecommendationRequest

MAX_BATCH = 10_000
"""Entries of one request."""
DEFAULT_N = 10

Id = Annotated[str, Field(min_length=1, max_length=MAX_ID_LENGTH)]


def _check_empty(value: object) -> object:
    if value not in (None, "", [], {}):
        raise ValueError("labels and comments of users are not stored, since a taste is learned from events")
    return value


_NO_LABELS = {  # not by `const`: generators of clients read no lists there
    "anyOf": [
        {"type": ["null", "string"], "maxLength": 0},
        {"type": "array", "items": {}, "maxItems": 0},
        {"type": "object", "maxProperties": 0},
    ]
}
NoLabels = Annotated[Any, AfterValidator(_check_empty), WithJsonSchema(_NO_LABELS)]
NoComment = Annotated[str | None, AfterValidator(_check_empty), WithJsonSchema({"enum": [None, ""]})]


NOT_LABELS = {"item_id", "category", "attributes", "created_at", "picture"}
LABEL_FIELDS = tuple(name for name in ItemInput.model_fields if name not in NOT_LABELS)
"""Fields of an item that labels may hold."""
_TEXTS = {"type": "array", "items": {"type": "string"}}
_ITEM_FIELDS = ItemInput.model_json_schema()["properties"]
_LABELS = {
    "anyOf": [
        {"type": ["null", "string", "number", "boolean"]},
        _TEXTS,
        {
            "type": "object",
            "properties": {name: _ITEM_FIELDS[name] for name in LABEL_FIELDS},
            "additionalProperties": {"anyOf": [{"type": ["string", "number", "boolean"]}, _TEXTS]},
        },
    ]
}
ItemLabels = Annotated[Any, WithJsonSchema(_LABELS)]


class GorseRequest(BaseModel):
    """Base of what clients send."""

    model_config = ConfigDict(extra="ignore", use_attribute_docstrings=True)


class FeedbackInput(GorseRequest):
    """What a user did to an item."""

    FeedbackType: str
    """See `feedback.action_of`."""
    UserId: str = ""
    ItemId: Id
    Value: FiniteFloat | None = None
    Timestamp: str | None = None
    """Without it, the event happened now."""
    Labels: Any = None
    """Must be empty, as `Comment`: events have neither. Of a session, both are read over."""
    Comment: str | None = None


class Feedback(Body):
    """The latest event of one type of a user and an item."""

    FeedbackType: str
    UserId: str
    ItemId: str
    Value: float
    Timestamp: str
    Updated: str
    Labels: None = None
    Comment: str = ""


class FeedbackPage(Body):
    """Some feedback."""

    Cursor: str
    """Of the next page; empty at the end."""
    Feedback: list[Feedback]


class Score(Body):
    """An item of a list."""

    Id: str
    Score: float


class Success(Body):
    """How many rows a change concerned."""

    RowAffected: int


class HealthStatus(Body):
    """Whether the store can be used; Gorse's two databases are one store here."""

    Ready: bool
    DataStoreError: str | None = None
    CacheStoreError: str | None = None
    DataStoreConnected: bool
    CacheStoreConnected: bool


class GorseRecommendationRequest(RecommendationRequest):
    """A request for recommendations that leaves out the beginning of the list."""

    offset: int = 0


class GorseListQuery(ListQuery):
    """A request for a list that leaves out its beginning."""

    offset: int = 0


class GorseItemInput(GorseRequest):
    """An item; see `items` for what becomes of its fields."""

    ItemId: Id
    IsHidden: StrictBool = False
    Categories: list[str] | None = None
    Timestamp: str | None = None
    Labels: ItemLabels = None
    Comment: str | None = None


class GorseItemPatch(GorseRequest):
    """New values of some fields of an item."""

    IsHidden: StrictBool | None = None
    Categories: list[str] | None = None
    Timestamp: str | None = None
    Labels: ItemLabels = None
    Comment: str | None = None


class GorseItem(Body):
    """An item."""

    ItemId: str
    IsHidden: bool
    Categories: list[str]
    Timestamp: str
    Labels: Any
    Comment: str


class ItemPage(Body):
    """Some items."""

    Cursor: str
    """Of the next page; empty at the end."""
    Items: list[GorseItem]


class GorseUserInput(GorseRequest):
    """A user."""

    UserId: UserId
    Labels: NoLabels = None
    Comment: NoComment = None


class GorseUserPatch(GorseRequest):
    """New values of a user's fields; they must be empty."""

    Labels: NoLabels = None
    Comment: NoComment = None


class GorseUser(Body):
    """A user."""

    UserId: str
    Labels: None = None
    Comment: str = ""


class UserPage(Body):
    """Some users."""

    Cursor: str
    """Of the next page; empty at the end."""
    Users: list[GorseUser]

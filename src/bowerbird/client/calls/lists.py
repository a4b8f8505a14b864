"""Recommendations, search, and the other lists of items."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, NotRequired, Required, TypedDict, Unpack

from bowerbird.client.call import Call, answers, get, path_of, send_json, without_none
from bowerbird.serve.bodies.items import RelatedItems, ScoredItems
from bowerbird.serve.bodies.recommendations import Recommendations

Filter = Mapping[str, Any]
"""Conditions on fields of an item: `{"price": {"max": 60}, "in_stock": True}`."""
Outcome = Literal["click", "save", "purchase"]
Language = Literal["en", "de", "es", "fr", "it"]
"""Of reasons."""


class ListOptions(TypedDict, total=False):
    """What every list takes."""

    n: int
    cursor: str | None
    """`next_cursor` of the page before."""
    filter: Filter | None
    exclude: Sequence[str]
    """Ids of items to leave out, at most 500."""


class RelatedOptions(ListOptions, total=False):
    """What lists of items with reasons take."""

    language: Language


class SessionEvent(TypedDict):
    """An event of a session that is not logged."""

    item_id: Required[str]
    action: NotRequired[str]
    at: NotRequired[datetime]


class RecommendOptions(RelatedOptions, total=False):
    """What recommendations take besides the user."""

    events: Sequence[SessionEvent]
    """Of a session, oldest first; they are not logged."""
    messages: Sequence[Mapping[str, str]]
    """Of a conversation: what its last message asks for."""
    outcome: Outcome
    diversity: float
    exploration: float
    seed: int | None
    surface: str | None


class RerankOptions(TypedDict, total=False):
    """What the order of a given list depends on besides the user."""

    events: Sequence[SessionEvent]
    outcome: Outcome
    diversity: float
    filter: Filter | None
    exclude: Sequence[str]
    surface: str | None
    language: Language


def recommend(user: str | None = None, **options: Unpack[RecommendOptions]) -> Call[Recommendations]:
    """Items for a user, for a session that is not logged, or for what a conversation asks for."""
    return send_json("POST", Recommendations, "recommendations", body=without_none(user=user, **options))


def rerank(
    item_ids: Sequence[str], user: str | None = None, **options: Unpack[RerankOptions]
) -> Call[Recommendations]:
    """Given items in the best order for a user or a session."""
    body = without_none(item_ids=item_ids, user=user, **options)
    return send_json("POST", Recommendations, "rerank", body=body)


def search(
    text: str = "", *, item_id: str | None = None, **options: Unpack[ListOptions]
) -> Call[ScoredItems]:
    """Items by text, or like an item; with both, the text describes the change."""
    return get(ScoredItems, "search", q=text or None, item=item_id, **_in_address(options))


def search_by_picture(
    picture: bytes, text: str = "", *, media_type: str = "image/jpeg", **options: Unpack[ListOptions]
) -> Call[ScoredItems]:
    """Items like a picture (JPEG, PNG, WebP, GIF, AVIF); the text describes the change."""
    params = without_none(q=text or None, **_in_address(options))
    return Call("POST", path_of("search"), answers(ScoredItems), params, picture, media_type)


def find_similar(item_id: str, **options: Unpack[ListOptions]) -> Call[ScoredItems]:
    """Items like an item."""
    return get(ScoredItems, "items", item_id, "similar", **_in_address(options))


def find_bought_together(item_id: str, **options: Unpack[RelatedOptions]) -> Call[RelatedItems]:
    """Items that users bought, or put into a cart, on one day with an item."""
    return get(RelatedItems, "items", item_id, "bought-together", **_in_address(options))


def find_complements(item_id: str, **options: Unpack[RelatedOptions]) -> Call[RelatedItems]:
    """Items of other kinds that go well with an item, by likes and likeness."""
    return get(RelatedItems, "items", item_id, "complements", **_in_address(options))


def find_what_goes_with(item_id: str, **options: Unpack[RelatedOptions]) -> Call[RelatedItems]:
    """Items that complete a set which holds an item, by what stands together in collections."""
    return get(RelatedItems, "items", item_id, "goes-well-with", **_in_address(options))


def complete(item_ids: Sequence[str], **options: Unpack[RelatedOptions]) -> Call[RelatedItems]:
    """Items that a set misses, by what stands together in collections."""
    return send_json("POST", RelatedItems, "complete", body=without_none(item_ids=item_ids, **options))


def complete_board(user: str, board: str, **options: Unpack[RelatedOptions]) -> Call[RelatedItems]:
    """Items of other kinds that go well with a board."""
    path = ("users", user, "boards", board, "completions")
    return get(RelatedItems, *path, **_in_address(options))


def list_trending(half_life_days: float = 7.0, **options: Unpack[ListOptions]) -> Call[ScoredItems]:
    """What is liked just now."""
    return get(ScoredItems, "trending", half_life_days=half_life_days, **_in_address(options))


def list_popular(**options: Unpack[ListOptions]) -> Call[ScoredItems]:
    """What is liked at all."""
    return get(ScoredItems, "popular", **_in_address(options))


def list_new(**options: Unpack[ListOptions]) -> Call[ScoredItems]:
    """What was launched last."""
    return get(ScoredItems, "new", **_in_address(options))


def _in_address(options: ListOptions) -> dict[str, Any]:
    """The same options as an address has them: the filter is JSON."""
    condition = options.get("filter")
    return {**options, "filter": json.dumps(condition) if condition is not None else None}

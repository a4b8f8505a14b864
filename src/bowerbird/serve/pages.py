"""One page of a list: which items may be on it, and its answer with an id, positions and the next cursor."""

from __future__ import annotations

import secrets
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np

from bowerbird.data.arrays import BoolArray, IntArray
from bowerbird.recommend.filtering.emptiness import explain_emptiness
from bowerbird.recommend.filtering.filters import ItemFilter, Range, combine, parse_filter
from bowerbird.recommend.lists.paging import Cursor, fingerprint_of, page_of
from bowerbird.recommend.options import RecommendOptions
from bowerbird.recommend.reasons import ENGLISH, ReasonLanguage
from bowerbird.recommend.recommendation import Recommendation
from bowerbird.serve.app_state import AppState
from bowerbird.serve.bodies.lists import (
    CompletionRequest,
    ListQuery,
    RecommendationRequest,
    UserListQuery,
)
from bowerbird.serve.exposure_buffer import ExposureBuffer
from bowerbird.serve.served_snapshot import ServedSnapshot

Row = dict[str, Any]
"""An item of an answer."""
ListRequest = ListQuery | RecommendationRequest | CompletionRequest


@dataclass(frozen=True)
class Page:
    """A page that is to be filled; from one snapshot."""

    served: ServedSnapshot
    exposures: ExposureBuffer
    cursor: Cursor
    n: int
    eligible: BoolArray
    """(items,) whether each item passes the filter, is neither excluded nor hidden by the shop, and was on no
    earlier page."""
    surface: str
    user: str | None = None
    language: ReasonLanguage = ENGLISH
    """Of the reasons."""
    offset: int = 0
    """How many items at the beginning of the list the answer leaves out."""
    condition: ItemFilter | None = None
    """The request's filter."""

    @classmethod
    def of(
        cls,
        app_state: AppState,
        served: ServedSnapshot,
        request: ListRequest,
        surface: str,
        *identity: str,
        user: str | None = None,
    ) -> Page:
        """The page that a request asks for.

        `identity` are the parts of the request outside of its body or query (a path, a picture). Raises
        `InputError` for an invalid filter, and for a cursor that is broken or of another request.
        """
        content = request.model_dump_json(exclude={"n", "cursor", "language"})
        fingerprint = fingerprint_of(app_state.address, surface, user or "", *identity, content)
        cursor = Cursor(fingerprint, secrets.randbits(63))
        if request.cursor is not None:
            cursor = Cursor.decode(request.cursor, fingerprint)
        condition = filter_of(request)
        rules = app_state.rules.read()
        options = RecommendOptions(filter=condition, exclude=tuple(request.exclude), rules=rules)
        eligible = options.eligible(served.catalogue) & cursor.unshown(served.article_digests)
        surface = getattr(request, "surface", None) or surface
        n, offset = min(request.n, cursor.room), getattr(request, "offset", 0)
        language = getattr(request, "language", ENGLISH)
        return cls(
            served, app_state.exposures, cursor, n, eligible, surface, user, language, offset, condition
        )

    @property
    def sold(self) -> BoolArray:
        """(items,) whether each item may be on the page and can be bought."""
        return self.eligible & self.served.catalogue.available

    def scored(self, scores: Sequence[tuple[int, float]]) -> dict[str, Any]:
        """The answer with items by position and score, best first."""
        return self.answer(
            [position for position, _ in scores],
            [self.served.item(position) | {"score": score, "propensity": 1.0} for position, score in scores],
        )

    def recommended(self, items: Sequence[Recommendation]) -> dict[str, Any]:
        """The answer with recommended items, best first."""
        rows = [self.served.item(each.position) | each.as_dict(self.language) for each in items]
        return self.answer([each.position for each in items], rows)

    def answer(self, positions: Sequence[int], rows: Sequence[Row]) -> dict[str, Any]:
        """The answer with some items (by their positions in the catalogue), which is logged as exposed."""
        first = len(self.cursor.shown) + 1
        numbered = [{**row, "position": first + index} for index, row in enumerate(rows)][self.offset :]
        list_id = uuid.uuid4().hex
        self._expose(list_id, numbered)
        return {
            "recommendation_id": list_id,
            "next_cursor": page_of(self.cursor, self.served.article_digests, positions, self.n),
            "empty_reason": None if rows else explain_emptiness(self.condition, self.served.catalogue),
            "items": numbered,
        }

    def _expose(self, list_id: str, rows: Sequence[Row]) -> None:
        of_list = {
            "recommendation_id": list_id,
            "at": datetime.now(UTC),
            "surface": self.surface,
            "user_id": self.user,
            "version_set": self.served.snapshot.number,
        }
        names = ("item_id", "position", "propensity", "score", "source")
        self.exposures.add([of_list | {name: row.get(name) for name in names} for row in rows])


def filter_of(request: ListRequest) -> ItemFilter | None:
    """The filter of a request, from all of its fields that restrict items."""
    if isinstance(request, RecommendationRequest | CompletionRequest):
        return request.filter
    conditions = [parse_filter(request.filter) if request.filter else None]
    if isinstance(request, UserListQuery):
        if request.price_min is not None or request.price_max is not None:
            conditions.append(ItemFilter(price=Range(request.price_min, request.price_max)))
        if request.category is not None:
            conditions.append(ItemFilter(category=(request.category,)))
    return combine(*conditions)


def now() -> int:
    """The time, microseconds since 1970."""
    return time.time_ns() // 1000


def positions_of(item_ids: Sequence[str], served: ServedSnapshot) -> tuple[IntArray, list[str]]:
    """Positions of the known items, each once, (k,) int64; and the other ids."""
    known = {item_id: served.position_of(item_id) for item_id in item_ids}
    unknown = [item_id for item_id, position in known.items() if position is None]
    return np.array([position for position in known.values() if position is not None], np.int64), unknown

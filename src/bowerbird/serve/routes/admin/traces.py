"""See as a user: their list with every source, score, feature and rule behind each item. Nothing is logged
as shown.
"""

from __future__ import annotations

import os
from dataclasses import asdict
from typing import Annotated, Any

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Query

from bowerbird.data.events import Action
from bowerbird.recommend.options import RecommendOptions
from bowerbird.recommend.trace import ItemTrace, trace_list
from bowerbird.serve.app_state import AppState
from bowerbird.serve.bodies.base import Body, UserId
from bowerbird.serve.bodies.items import ItemBody
from bowerbird.serve.bodies.lists import Count, Outcome, RequestBase, Share
from bowerbird.serve.protection.keys import Role
from bowerbird.serve.protection.routes import RouteRules, guarded_router
from bowerbird.serve.served_snapshot import ServedSnapshot


class TraceQuery(RequestBase):
    """Which list to trace."""

    n: Count = 20
    outcome: Outcome = "click"
    diversity: Share = 0.2


class ProposalBody(Body):
    """A candidate source that proposed an item."""

    source: str
    rank: int
    """In the best of the source's orders, from 1."""


class FeatureBody(Body):
    """What the ranker read of an item."""

    name: str
    value: float | None
    median: float | None
    """Over all candidates."""


class TracedItem(ItemBody):
    """An item of the list, and what led to its place."""

    position: int
    score: float
    reason: str
    source: str
    probability: dict[str, float]
    propensity: float
    promoted: bool
    proposals: list[ProposalBody]
    ranker_score: float
    rank_by_score: int
    """Among the candidates, from 1: before session, outcome, diversity, young items and rules."""
    features: list[FeatureBody]
    rules: list[str]
    """The shop's rules that apply to it."""


class TracedList(Body):
    """A user's list, and what it was chosen from."""

    user: str
    is_known: bool
    """Whether the user has a taste; else the list is of what is popular."""
    n_candidates: int
    proposed_by: dict[str, int]
    """Number of candidates by source."""
    items: list[TracedItem]


def routes(app_state: AppState) -> APIRouter:
    """Make the router of this resource."""
    router = guarded_router(RouteRules(Role.ADMIN))
    threads = CapacityLimiter(os.cpu_count() or 1)

    @router.get("/users/{user:id}/recommendations/trace")
    async def trace(user: UserId, query: Annotated[TraceQuery, Query()]) -> TracedList:
        """What `GET /users/{user}/recommendations` answers, with everything behind it; not an exposure."""
        return await to_thread.run_sync(_trace, app_state, user, query, limiter=threads)

    return router


def _trace(app_state: AppState, user: str, query: TraceQuery) -> TracedList:
    served = app_state.served
    served.taste.refresh()
    options = RecommendOptions(Action(query.outcome), query.diversity, rules=app_state.rules.read())
    traced = trace_list(served.recommender, served.taste.state(user), query.n, options)
    return TracedList(
        user=user,
        is_known=user in served.taste,
        n_candidates=traced.n_candidates,
        proposed_by=dict(traced.proposed_by),
        items=[_body(served, position, each) for position, each in enumerate(traced.items, start=1)],
    )


def _body(served: ServedSnapshot, position: int, item: ItemTrace) -> TracedItem:
    fields: dict[str, Any] = served.item(item.recommendation.position) | item.recommendation.as_dict()
    return TracedItem(
        **fields,
        position=position,
        proposals=[ProposalBody(**asdict(each)) for each in item.proposals],
        ranker_score=item.score,
        rank_by_score=item.rank_by_score,
        features=[FeatureBody(**asdict(each)) for each in item.features],
        rules=list(item.rules),
    )

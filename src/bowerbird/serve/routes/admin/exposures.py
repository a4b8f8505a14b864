"""What was shown and what came of it: over time as counts, and list by list."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, HTTPException, Query
from pydantic import Field

from bowerbird.data.files.records import record_as_dict
from bowerbird.evaluate.attributed_events import AttributedEvents
from bowerbird.evaluate.exposures import OUTCOMES, latest_lists, outcomes_by_day, outcomes_of
from bowerbird.serve.app_state import AppState
from bowerbird.serve.bodies.base import Body, UserId
from bowerbird.serve.bodies.lists import Count, RequestBase
from bowerbird.serve.protection.keys import Role
from bowerbird.serve.protection.routes import RouteRules, guarded_router


class OutcomeQuery(RequestBase):
    """Which outcomes to count."""

    days: Annotated[int, Field(ge=1, le=366)] = 30
    by: Literal["surface", "source", "version_set"] = "surface"


class OutcomeSeries(Body):
    """Counts of one surface, source or set of versions, a number for each day."""

    name: str
    shown: list[int]
    outcomes: dict[str, list[int]]
    """Items shown on the day that were seen, clicked, saved, bought."""


class OutcomesOverTime(Body):
    """What came of what was shown."""

    days: list[str]
    series: list[OutcomeSeries]
    """What shows most first."""


class ListQueryOfUser(RequestBase):
    """Which lists."""

    user: UserId | None = None
    n: Count = 20


class ShownList(Body):
    """A list that was answered."""

    recommendation_id: str
    at: datetime
    surface: str
    user: str | None
    version_set: int
    items: int
    outcomes: dict[str, int]


class ShownLists(Body):
    """Lists, the latest first."""

    lists: list[ShownList]


class ExposedItem(Body):
    """An item of a list that was answered."""

    item_id: str
    title: str
    """Empty where the catalogue does not have it any more."""
    position: int
    score: float
    propensity: float
    source: str | None
    outcomes: list[str]


class ExposedList(Body):
    """One list, as it was answered."""

    recommendation_id: str
    at: datetime
    surface: str
    user: str | None
    version_set: int
    items: list[ExposedItem]


def routes(app_state: AppState) -> APIRouter:
    """Make the router of this resource."""
    router, thread = guarded_router(RouteRules(Role.ADMIN)), CapacityLimiter(1)
    events = AttributedEvents(app_state.store.log)

    @router.get("/outcomes")
    async def outcomes(query: Annotated[OutcomeQuery, Query()]) -> OutcomesOverTime:
        """Clicks, saves and purchases of what was shown, by day."""
        return await to_thread.run_sync(_outcomes, app_state, events, query, limiter=thread)

    @router.get("/exposures")
    async def exposures(query: Annotated[ListQueryOfUser, Query()]) -> ShownLists:
        """The latest lists that were answered, of all users or of one; some seconds late."""
        return await to_thread.run_sync(_lists, app_state, events, query, limiter=thread)

    @router.get("/exposures/{list_id:id}")
    async def exposure(list_id: str) -> ExposedList:
        """One list with its items, and what came of each."""
        return await to_thread.run_sync(_list, app_state, events, list_id, limiter=thread)

    return router


def _outcomes(app_state: AppState, events: AttributedEvents, query: OutcomeQuery) -> OutcomesOverTime:
    counts = outcomes_by_day(
        app_state.exposures.log.read_days(query.days), events.read(), query.by, query.days
    )
    return OutcomesOverTime(
        days=list(counts.days), series=[OutcomeSeries(**record_as_dict(each)) for each in counts.series]
    )


def _lists(app_state: AppState, events: AttributedEvents, query: ListQueryOfUser) -> ShownLists:
    exposures = app_state.exposures.log
    if query.user is None:
        table = exposures.read_latest(query.n)
    else:
        table = exposures.of_user({query.user, app_state.store.log.user_of(query.user)})
    lists = latest_lists(table, events.read(), query.n)
    return ShownLists(lists=[ShownList(**record_as_dict(each)) for each in lists])


def _list(app_state: AppState, events: AttributedEvents, list_id: str) -> ExposedList:
    rows = app_state.exposures.log.of_list(list_id)
    if not rows.num_rows:
        raise HTTPException(404, "there is no such list, or not any more")
    outcomes, served = outcomes_of(rows, events.read()), app_state.served
    plain = rows.to_pylist()
    items = [
        ExposedItem(
            item_id=row["item_id"],
            title=served.title_of(row["item_id"]),
            position=row["position"],
            score=row["score"],
            propensity=row["propensity"],
            source=row["source"],
            outcomes=[name for name in OUTCOMES if outcomes[name][number]],
        )
        for number, row in enumerate(plain)
    ]
    first = plain[0]
    return ExposedList(
        recommendation_id=list_id,
        at=first["at"],
        surface=first["surface"],
        user=first["user_id"],
        version_set=first["version_set"],
        items=sorted(items, key=lambda item: item.position),
    )

"""Sets of versions: their figures, their differences, and the way back to an earlier one."""

from __future__ import annotations

from typing import Annotated

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, HTTPException, Query, Request

from bowerbird.data.files.records import record_as_dict
from bowerbird.errors import StoreError
from bowerbird.report.version_summary import compare_sets, summarise_sets
from bowerbird.serve.app_state import AppState
from bowerbird.serve.bodies.base import Body
from bowerbird.serve.bodies.lists import RequestBase
from bowerbird.serve.protection.access import caller_of
from bowerbird.serve.protection.keys import Role
from bowerbird.serve.protection.routes import Guard, RouteRules, guarded_router

Figure = int | float | str
SetNumber = Annotated[int, Query(ge=1)]


class VersionSetBody(Body):
    """One set of versions."""

    number: int
    since: str
    """When it last came into force; empty where that is not known."""
    in_force: bool
    complete: bool
    rolled_back: bool
    changed: list[str]
    """Kinds in which it differs from the set that it was made from."""
    versions: dict[str, str]
    figures: dict[str, Figure]
    """Metrics and settings of its versions, by kind and name."""


class VersionSets(Body):
    """The sets that the store keeps, the one in force first."""

    sets: list[VersionSetBody]
    served: int
    """The set that this process serves now."""


class ItemDifference(Body):
    """How items differ between two sets."""

    added: int
    removed: int
    changed: int
    fields: dict[str, int]
    examples: dict[str, list[str]]


class SetDifferenceBody(Body):
    """How a set differs from another."""

    before: int
    after: int
    versions: dict[str, tuple[str, str]]
    items: ItemDifference
    figures: dict[str, tuple[Figure | None, Figure | None]]


class RollbackRequest(RequestBase):
    """The set to go back to."""

    number: Annotated[int, Query(ge=1)]


class Rollback(Body):
    """What is in force after a rollback."""

    before: int
    now: int
    complete: bool
    """Whether it has all that is served; else the missing parts are being trained."""
    served: int


def routes(app_state: AppState) -> APIRouter:
    """Make the router of this resource."""
    router, thread = guarded_router(RouteRules(Role.ADMIN)), CapacityLimiter(1)

    @router.get("/versions")
    async def versions() -> VersionSets:
        """All sets of versions that the store keeps, with their figures."""
        return await to_thread.run_sync(_sets, app_state, limiter=thread)

    @router.get("/versions/difference")
    async def difference(before: SetNumber, after: SetNumber) -> SetDifferenceBody:
        """How two sets differ: items, and figures side by side."""
        return await to_thread.run_sync(_difference, app_state, before, after, limiter=thread)

    @router.post("/versions/rollback")
    async def roll_back(body: RollbackRequest, request: Request) -> Rollback:
        """Put an earlier set in force; this server serves it when it answers, others soon after."""
        result = await to_thread.run_sync(_roll_back, app_state, body.number, limiter=thread)
        guard: Guard = request.app.state.guard
        guard.audit.write(
            "roll back versions", caller_of(request).name, before=str(result.before), now=str(result.now)
        )
        return result

    return router


def _sets(app_state: AppState) -> VersionSets:
    sets = [VersionSetBody(**record_as_dict(each)) for each in summarise_sets(app_state.store)]
    return VersionSets(sets=sets, served=app_state.served.snapshot.number)


def _difference(app_state: AppState, before: int, after: int) -> SetDifferenceBody:
    numbers = {each.number for each in app_state.store.history().sets}
    if missing := {before, after} - numbers:
        raise HTTPException(404, f"there is no set {min(missing)} of versions")
    snapshots = [app_state.store.snapshot(number=number) for number in (before, after)]
    return SetDifferenceBody(**record_as_dict(compare_sets(*snapshots)))


def _roll_back(app_state: AppState, number: int) -> Rollback:
    try:
        before, now = app_state.store.roll_back(number)
    except StoreError as error:  # an unknown set, or the one in force
        raise HTTPException(404, str(error)) from None
    app_state.follow()
    return Rollback(
        before=before.number,
        now=now.number,
        complete=now.complete,
        served=app_state.served.snapshot.number,
    )

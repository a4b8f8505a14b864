"""The audit log, and the erasures that wait."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request

from bowerbird.serve.app_state import AppState
from bowerbird.serve.bodies.base import Body
from bowerbird.serve.protection.keys import Role
from bowerbird.serve.protection.routes import Guard, RouteRules, guarded_router
from bowerbird.taste.control.erasure_queue import ErasureQueue

Count = Annotated[int, Query(ge=1, le=1000)]


class AuditEntry(Body):
    """Something that an operator or a user had changed."""

    at: str
    action: str
    caller: str
    details: dict[str, str]


class Audit(Body):
    """The latest entries, the last first."""

    entries: list[AuditEntry]
    erasures_waiting: int
    """Erased users who are in no answer any more, but still in files that are being rewritten."""


def routes(app_state: AppState) -> APIRouter:
    """Make the router of this resource."""
    router, erasures = guarded_router(RouteRules(Role.ADMIN)), ErasureQueue(app_state.store)

    @router.get("/audit")
    def audit(request: Request, n: Count = 100, action: str = "") -> Audit:
        """Who erased users, or changed keys, rules or versions, and when; it never names a user."""
        guard: Guard = request.app.state.guard
        entries = [AuditEntry(**entry) for entry in guard.audit.read(n, action)]
        return Audit(entries=entries, erasures_waiting=len(erasures.read().requests))

    return router

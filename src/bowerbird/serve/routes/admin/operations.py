"""All routes of operators; each needs the role admin."""

from __future__ import annotations

from fastapi import APIRouter

from bowerbird.serve.app_state import AppState
from bowerbird.serve.routes.admin import catalogue, traces


def routes(app_state: AppState) -> APIRouter:
    """To be added before the routes of single items and users, which match longer paths."""
    router = APIRouter()
    for each in (traces, catalogue):
        router.include_router(each.routes(app_state))
    return router

"""All routes of operators; each needs the role admin."""

from __future__ import annotations

from fastapi import APIRouter

from bowerbird.serve.app_state import AppState
from bowerbird.serve.protection.routes import joined_router
from bowerbird.serve.routes.admin import audit, catalogue, exposures, keys, rules, traces, versions

RESOURCES = (traces, catalogue, rules, versions, exposures, keys, audit)


def routes(app_state: AppState) -> APIRouter:
    """To be added before the routes of single items and users, which match longer paths."""
    return joined_router(*(resource.routes(app_state) for resource in RESOURCES))

"""Gorse's probes."""

from __future__ import annotations

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, HTTPException

from bowerbird.serve.app_state import AppState
from bowerbird.serve.gorse.bodies import HealthStatus
from bowerbird.serve.protection.routes import RouteRules, guarded_router

HEALTHY = HealthStatus(Ready=True, DataStoreConnected=True, CacheStoreConnected=True)


def routes(app_state: AppState) -> APIRouter:
    """Make the router of these calls."""
    router, thread = guarded_router(RouteRules()), CapacityLimiter(1)

    @router.get("/api/health/live")
    async def live() -> HealthStatus:
        """Whether the process answers at all."""
        return HEALTHY

    @router.get("/api/health/ready")
    async def ready() -> HealthStatus:
        """Whether requests should be sent here."""
        await to_thread.run_sync(app_state.check_log, limiter=thread)
        if app_state.served.is_warming_up:
            raise HTTPException(503, "warming up", {"Retry-After": "1"})
        return HEALTHY

    return router

"""Probes, health and metrics. None of them waits for other requests."""

from __future__ import annotations

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter
from starlette.responses import JSONResponse, Response

from bowerbird.data.versions.version import KINDS
from bowerbird.serve.app_state import AppState
from bowerbird.serve.bodies.health import Health, Lag, Probe
from bowerbird.serve.middleware.metrics import Metrics
from bowerbird.serve.protection.keys import Role
from bowerbird.serve.protection.routes import RouteRules, guarded_router, joined_router
from bowerbird.serve.served_snapshot import ServedSnapshot

TEXT = {"schema": {"type": "string"}}


def routes(app_state: AppState, metrics: Metrics) -> APIRouter:
    return joined_router(_probes(app_state), _details(app_state, metrics))


def _probes(app_state: AppState) -> APIRouter:
    router, thread = guarded_router(RouteRules()), CapacityLimiter(1)

    @router.get("/livez")
    async def live() -> Probe:
        """Whether the process answers at all."""
        return Probe(status="ok")

    @router.get("/readyz", responses={200: {"model": Probe}, 503: {"model": Probe}})
    async def ready() -> Response:
        """Whether requests should be sent here: the models are open, and the event log can be read."""
        await to_thread.run_sync(app_state.check_log, limiter=thread)
        if app_state.served.is_warming_up:
            return JSONResponse(Probe(status="warming up").model_dump(), 503, {"Retry-After": "1"})
        return JSONResponse(Probe(status="ok").model_dump())

    return router


def _details(app_state: AppState, metrics: Metrics) -> APIRouter:
    router, thread = guarded_router(RouteRules(Role.READ, is_priority=True)), CapacityLimiter(1)

    @router.get("/healthz")
    async def health() -> Health:
        """Status, and the served versions."""
        return await to_thread.run_sync(describe, limiter=thread)

    def describe() -> Health:
        app_state.check_log()
        served = app_state.served
        names = served.snapshot.names
        return Health(
            status="ok",
            items=len(served.catalogue),
            users=served.taste.n_users,
            synthetic=app_state.synthetic,
            set=served.snapshot.number,
            warming_up=served.is_warming_up,
            address=app_state.address,
            lag=_lag(app_state, served),
            versions={kind: names.get(kind) for kind in KINDS},
        )

    @router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": TEXT}}})
    async def prometheus() -> Response:
        """Prometheus metrics."""
        return metrics.render()

    return router


def _lag(app_state: AppState, served: ServedSnapshot) -> Lag:
    current = app_state.store.history().current
    newer = current.number - served.snapshot.number if current else 0
    return Lag(events=served.taste.n_waiting, sets=max(0, newer), is_training=app_state.is_training)

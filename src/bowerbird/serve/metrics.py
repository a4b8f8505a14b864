"""What the server counts about itself, for Prometheus."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from starlette.requests import Request
from starlette.responses import Response

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Metrics:
    """Counters of one app; each app has its own registry, so that several can live in one process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "bowerbird_requests", "Requests answered", ["route", "status"], registry=self.registry
        )
        self.seconds = Histogram(
            "bowerbird_request_seconds", "Time to answer", ["route"], buckets=SECONDS, registry=self.registry
        )
        self.events = Counter("bowerbird_events", "Events received", ["outcome"], registry=self.registry)

    async def count(self, request: Request, answer: Callable[[Request], Awaitable[Response]]) -> Response:
        """Middleware: counts a request by its route (not by its path, which would grow without bound)."""
        start = time.perf_counter()
        status = 500  # unless there is an answer
        try:
            response = await answer(request)
            status = response.status_code
            return response
        finally:
            route = getattr(request.scope.get("route"), "path", "unknown")
            self.requests.labels(route, status).inc()
            self.seconds.labels(route).observe(time.perf_counter() - start)

    def told(self) -> Response:
        return Response(generate_latest(self.registry), media_type="text/plain; version=0.0.4")

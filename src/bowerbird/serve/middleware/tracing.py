"""A span for each request (OpenTelemetry), and the export of spans to a collector.

A span names the method, the route as a pattern and the status: no path, query or header of the request,
which hold ids of users and their words. `traceparent` makes it a part of the caller's trace.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from opentelemetry import trace
from opentelemetry.trace import Span, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bowerbird.errors import InputError
from bowerbird.serve.errors import METHODS
from bowerbird.tracing import StageSpan

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

TRACES_PATH = "/v1/traces"
EXPORT_TIMEOUT_S = 5.0
"""Longest wait for a collector, also at the end of the server."""


class TracingMiddleware:
    """Spans of the requests to one store. Must be around all layers that answer."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        caller = TraceContextTextMapPropagator().extract(dict(Headers(scope=scope)))
        method = scope["method"] if scope["method"] in METHODS else "_OTHER"
        request = StageSpan(method, SpanKind.SERVER, {"http.request.method": method}, caller)
        with request, request.step() as span:

            async def send_and_note(message: Message) -> None:
                if message["type"] == "http.response.start":
                    _note_status(span, message["status"])
                await send(message)

            await self.app(scope, receive, send_and_note)
            if route := getattr(scope.get("route"), "path", ""):
                span.update_name(f"{method} {route}")
                span.set_attribute("http.route", route)


def _note_status(span: Span, status: int) -> None:
    span.set_attribute("http.response.status_code", status)
    if status >= 500:
        span.set_status(Status(StatusCode.ERROR))


@dataclass(frozen=True)
class SpanExport:
    """Sends the process's spans to a collector, in the background."""

    provider: TracerProvider

    @classmethod
    @lru_cache(maxsize=1)
    def open(cls, endpoint: str) -> SpanExport:
        """Export from now on: OTLP over HTTP to `endpoint`/v1/traces. OpenTelemetry's variables set the rest:
        headers, sampling, the service's name.

        Raises `InputError` where its packages are missing.
        """
        try:
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
            from opentelemetry.sdk.resources import Resource
            from opentelemetry.sdk.trace import TracerProvider
            from opentelemetry.sdk.trace.export import BatchSpanProcessor
        except ImportError:
            raise InputError(
                "traces need OpenTelemetry's packages: pip install 'bowerbird[traces]'"
            ) from None
        names: dict[str, Any] = {"service.name": os.environ.get("OTEL_SERVICE_NAME", "bowerbird")}
        provider = TracerProvider(resource=Resource.create(names))
        exporter = OTLPSpanExporter(endpoint.rstrip("/") + TRACES_PATH, timeout=EXPORT_TIMEOUT_S)
        provider.add_span_processor(BatchSpanProcessor(exporter))
        trace.set_tracer_provider(provider)
        return cls(provider)

    def flush(self) -> None:
        """Send what waits."""
        self.provider.force_flush(int(1000 * EXPORT_TIMEOUT_S))

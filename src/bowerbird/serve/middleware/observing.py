"""Around every request: its id, security headers, metrics, one line in the log, and errors nobody foresaw."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import time
import uuid
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bowerbird.serve.errors import error_response
from bowerbird.serve.middleware.metrics import Metrics

CLIENT_GONE = 499  # no client reads this status; the metrics count it
SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}
"""Of every answer that does not set them itself."""
_REQUEST_ID = re.compile(r"[\w.\-]{1,100}")
REQUEST_LOG = "bowerbird.requests"
"""Name of the log with a line for each request."""
_log = logging.getLogger(REQUEST_LOG)


class ObservingMiddleware:
    """Counts, logs and completes answers. The outermost layer, plain ASGI: Starlette's own middleware class
    costs as much time as a small request.

    Log lines name the route and not the path, since paths hold the ids of users and queries their words.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics, is_shared: bool) -> None:
        """`is_shared` are pictures that pages of other origins may show."""
        self.app, self._metrics = app, metrics
        headers = dict(SECURITY_HEADERS)
        if is_shared:
            headers["Cross-Origin-Resource-Policy"] = "cross-origin"
        self._headers = headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        start, status = time.perf_counter(), CLIENT_GONE  # where the app sends no response
        request_id = _request_id(scope)

        async def send_and_complete(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(raw=message.setdefault("headers", []))
                headers["X-Request-ID"] = request_id
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
            await send(message)

        try:
            await self.app(scope, receive, send_and_complete)
        except ClientDisconnect:
            status = CLIENT_GONE
        except asyncio.CancelledError:  # the server ends, and has waited long enough
            if status != CLIENT_GONE:
                raise
            await _shutting_down()(scope, receive, send_and_complete)
        except Exception:
            has_started, status = status != CLIENT_GONE, 500
            _log.exception("%s", _line(scope, request_id, status, start))
            if has_started:
                raise
            await _internal_error(request_id)(scope, receive, send_and_complete)
        finally:
            route = getattr(scope.get("route"), "path", "unknown")
            self._metrics.requests.labels(route, status).inc()
            self._metrics.seconds.labels(route).observe(time.perf_counter() - start)
            if _log.isEnabledFor(logging.INFO):
                _log.info("%s", _line(scope, request_id, status, start))


def _request_id(scope: Scope) -> str:
    """The id that a client or proxy gave a request, or a new one."""
    given = Headers(scope=scope).get("x-request-id", "")
    return given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex


def _line(scope: Scope, request_id: str, status: int, start: float) -> str:
    fields = {
        "request_id": request_id,
        "method": scope["method"],
        "route": getattr(scope.get("route"), "path", "unknown"),
        "status": status,
        "seconds": round(time.perf_counter() - start, 4),
    }
    return json.dumps(fields)


def _internal_error(request_id: str) -> JSONResponse:
    message = f"the server failed; its log says why, under the request id {request_id}"
    return error_response(500, message, "server_error", code="internal_error")


def _shutting_down() -> JSONResponse:
    message, headers = "the server is being restarted: send it again", {"Retry-After": "2"}
    return error_response(503, message, "server_error", headers, code="shutting_down")


class JsonLogFormatter(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as JSON; a message that is a JSON object becomes fields."""
        message = record.getMessage()
        fields: dict[str, Any] = {
            "time": self.formatTime(record, "%Y-%m-%dT%H:%M:%S%z"),
            "level": record.levelname,
        }
        fields["logger"] = record.name
        fields |= json.loads(message) if message.startswith("{") else {"message": message}
        if record.exc_info:
            fields["traceback"] = self.formatException(record.exc_info)
        return json.dumps(fields, ensure_ascii=False)

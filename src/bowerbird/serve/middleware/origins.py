"""Requests from elsewhere: other host names (DNS rebinding), and pages of other sites (CSRF)."""

from __future__ import annotations

from collections.abc import Collection
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from bowerbird.serve.errors import error_response

LOOPBACK_HOSTS = ("localhost", "127.0.0.1", "[::1]")
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")


class OriginMiddleware:
    """Refuses requests for unknown hosts, and changes that a page of another site sends.

    A browser names the page in `Origin`, and says in `Sec-Fetch-Site` whether it is of this site.
    """

    def __init__(self, app: ASGIApp, hosts: Collection[str], origins: Collection[str]) -> None:
        """`hosts` are the names that are answered, without ports, any where it is empty; `origins` are the
        pages that may call."""
        self.app = app
        self._hosts = frozenset(host.lower() for host in hosts)
        self._origins = frozenset(origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        refusal = self._refusal(scope["method"], headers)
        if refusal is None:
            await self.app(scope, receive, send)
        else:
            await refusal(scope, receive, send)

    def _refusal(self, method: str, headers: Headers) -> Response | None:
        host = headers.get("host", "")
        if self._hosts and _without_port(host) not in self._hosts:
            return _error(421, "this host name is not served here: start the server with --allow-host NAME")
        if method in SAFE_METHODS:
            return None
        origin = headers.get("origin")
        if origin is not None:
            is_own = urlsplit(origin).netloc == host or origin in self._origins
        else:
            is_own = headers.get("sec-fetch-site", "none") in ("none", "same-origin")
        return None if is_own else _error(403, "a page of another site may not do this: see --allow-origin")


def _without_port(host: str) -> str:
    name, colon, port = host.lower().rpartition(":")
    return name if colon and port.isdigit() else host.lower()


def _error(status: int, message: str) -> Response:
    return error_response(status, message, "Forbidden", code="forbidden")

"""Guarded routes: no route without a role, a limit of its body, and its share of the server.

A router is made by `guarded_router`, which says what all of its routes need. All of that happens before the
body is read or anything of the route runs.
"""

from __future__ import annotations

import contextlib
import re
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastapi import APIRouter
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response

from bowerbird.serve.bodies.errors import TEXT_PATHS, ErrorBody
from bowerbird.serve.protection.access import Authenticator, Caller, remember_caller
from bowerbird.serve.protection.audit import AuditLog
from bowerbird.serve.protection.errors import Overloaded, TooManyRequests
from bowerbird.serve.protection.identity_provider import IdentityProvider
from bowerbird.serve.protection.keys import KeyRing, Role
from bowerbird.serve.protection.rates import RateLimiter
from bowerbird.serve.protection.request_bodies import (
    BodyReader,
    ReadRequest,
    parse_json,
    reject_form_types,
)
from bowerbird.serve.protection.settings import ServerSettings

KB = 2**10
STATUSES = (400, 401, 403, 404, 405, 408, 413, 415, 421, 422, 429, 499, 500, 503)
_ERROR_REFERENCE = {"$ref": f"#/components/schemas/{ErrorBody.__name__}"}
ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"content": {"application/json": {"schema": _ERROR_REFERENCE}}} for status in STATUSES
}
"""What every route may answer. As a `model`, FastAPI would build it again for each status of each route."""
TEXT_ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"content": {"text/plain": {"schema": {"type": "string"}}}} for status in (*STATUSES, 409)
}
"""The same below `TEXT_PATHS`, where some calls are in conflict with the log."""
METHODS_WITH_BODY = ("POST", "PUT", "PATCH", "DELETE")
Handler = Callable[[Request], Coroutine[Any, Any, Response]]


@dataclass(frozen=True)
class RouteRules:
    """What the routes of one router need."""

    role: Role | None = None
    """None for probes, which anybody may call."""
    max_body: int = 16 * KB
    """Bytes, unpacked."""
    is_json: bool = True
    """Whether bodies are JSON."""
    is_priority: bool = False
    """Whether it is answered while everything else is overloaded: events, health and metrics."""


class Guard:
    """The protection of one server: who may call, how often, and how much at a time. For one event loop."""

    def __init__(self, store: Path, settings: ServerSettings) -> None:
        self.settings = settings
        self.audit = AuditLog(store)
        provider = IdentityProvider.open(store)
        self._authenticator = Authenticator(KeyRing(store), provider, settings.require_keys)
        self._bodies = BodyReader(settings)
        self._requests = RateLimiter(settings.requests_per_second, settings.burst)
        self._priority = RateLimiter(settings.events_per_second, settings.burst * 20)
        self._running: Counter[str] = Counter()

    def knows(self, request: Request) -> bool:
        """Whether a request seems to come with a key or token of this store. Raises `StoreError`."""
        return self._authenticator.knows(request)

    async def identify(self, request: Request, rules: RouteRules) -> str:
        """Who sent a request, by the name that limits count. Raises a `Refusal` where they may not."""
        if rules.role is None:
            return ""
        caller = await self._authenticator.caller_of(request)
        caller.check_role(rules.role)
        if (user := request.path_params.get("user")) is not None:
            caller.check_user(user)
        self._check_rate(caller, self._priority if rules.is_priority else self._requests)
        remember_caller(request, caller)
        return caller.name

    def _check_rate(self, caller: Caller, limiter: RateLimiter) -> None:
        if not self.settings.require_keys:  # a server for one machine
            return
        if wait_s := limiter.wait_s(caller.name):
            raise TooManyRequests("too many requests: slow down", wait_s)

    @contextlib.contextmanager
    def share(self, caller: str, rules: RouteRules) -> Iterator[None]:
        """Count a request while it is answered. Raises `Overloaded` and `TooManyRequests` at the limits."""
        if rules.role is None or rules.is_priority:
            yield
            return
        if self._running.total() >= self.settings.max_running:
            raise Overloaded("the server is busy: send it again later")
        if self.settings.require_keys and self._running[caller] >= self.settings.max_running_per_caller:
            raise TooManyRequests("too many requests at a time: wait for some to end", 1.0)
        self._running[caller] += 1
        try:
            yield
        finally:
            self._running[caller] -= 1
            if not self._running[caller]:
                del self._running[caller]

    async def read(self, request: Request, rules: RouteRules) -> Request:
        """The request with its body read. Raises a `Refusal` for one that is too large, slow or deep."""
        if request.method not in METHODS_WITH_BODY:
            return request
        reject_form_types(request)
        content = await self._bodies.read(request, rules.max_body)
        value = parse_json(content) if rules.is_json and content else None
        return ReadRequest(request, content, value)


def guarded_router(rules: RouteRules) -> APIRouter:
    """A router whose routes all follow some rules."""

    class GuardedRoute(APIRoute):
        def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
            security: list[dict[str, list[str]]] = [{"key": []}] if rules.role is not None else []
            errors = TEXT_ERRORS if path.startswith(TEXT_PATHS) else ERRORS
            responses = {**errors, **(options.pop("responses", None) or {})}
            extra = {
                "x-role": rules.role or "none",
                "security": security,
                **(options.pop("openapi_extra") or {}),
            }
            super().__init__(path, endpoint, openapi_extra=extra, responses=responses, **options)

        def get_route_handler(self) -> Handler:
            answer = super().get_route_handler()

            async def handler(request: Request) -> Response:
                guard: Guard = request.app.state.guard
                with guard.share(await guard.identify(request, rules), rules):
                    return await answer(await guard.read(request, rules))

            return handler

    return APIRouter(route_class=GuardedRoute, generate_unique_id_function=_operation_id)


def joined_router(*routers: APIRouter) -> APIRouter:
    """The routes of several routers, in this order; `include_router` would build the models of each again."""
    return APIRouter(routes=[route for router in routers for route in router.routes])


def _operation_id(route: APIRoute) -> str:
    """By which generated clients name a call: its method and path, such as `get_items_item_id_similar`."""
    method = min(route.methods or ("get",)).lower()
    return "_".join([method, *re.findall(r"[a-z0-9]+", re.sub(r":\w+}", "}", route.path))])

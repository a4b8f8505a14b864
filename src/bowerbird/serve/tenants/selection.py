"""Which of several stores a request is for: the store that knows its key, or the one that its path names.

Each store has an app of its own, with its own state, caches, limits and metrics. Here one of them is
selected, before anything of a request is looked at but its key and the beginning of its path; from there on
the request is in that app and can't reach another.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from urllib.parse import unquote

from fastapi import FastAPI
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from bowerbird.errors import BowerbirdError
from bowerbird.serve.protection.routes import Guard

PREFIX = "stores"
"""`/stores/NAME/…` is the path `/…` of the store NAME, which checks the key as it does anyway."""
_log = logging.getLogger(__name__)


class StoreSelector:
    """Passes each request to the app of one store; those of none go on to the server's own app."""

    def __init__(self, app: ASGIApp, stores: Mapping[str, FastAPI]) -> None:
        """`stores` are the apps by the names of their stores."""
        self.app, self._stores = app, stores

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        store_and_scope = self._by_path(scope)
        if store_and_scope is not None:
            store, scope = store_and_scope
            await store(scope, receive, send)
            return
        await (self._by_key(Request(scope)) or self.app)(scope, receive, send)

    def _by_path(self, scope: Scope) -> tuple[FastAPI, Scope] | None:
        raw: bytes = scope.get("raw_path") or scope["path"].encode()
        _, first, name, *rest = [*raw.split(b"/", 3), b"", b""][:4]
        store = self._stores.get(name.decode("ascii", "replace"))
        if first != PREFIX.encode() or store is None:
            return None
        inner = b"/" + rest[0]
        return store, {**scope, "raw_path": inner, "path": unquote(inner.decode("ascii", "replace"))}

    def _by_key(self, request: Request) -> FastAPI | None:
        """The only store that knows a key; None where there is none, or several do (copies of a store)."""
        known = [store for name, store in self._stores.items() if _knows(name, store.state.guard, request)]
        return known[0] if len(known) == 1 else None


def _knows(name: str, guard: Guard, request: Request) -> bool:
    try:
        return guard.knows(request)
    except BowerbirdError as error:  # the others are still served
        _log.error("the keys of the store %s can't be read: %s", name, error)
        return False

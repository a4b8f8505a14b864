"""The app of a server: of one store, or of several that share nothing but the process."""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, FastAPI
from starlette.responses import JSONResponse, Response

from bowerbird.data.files.records import decode_record
from bowerbird.errors import BowerbirdError, InputError
from bowerbird.serve.app import bare_app, create_app
from bowerbird.serve.app_state import AppState
from bowerbird.serve.bodies.health import Probe
from bowerbird.serve.errors import METHODS
from bowerbird.serve.middleware.metrics import Metrics
from bowerbird.serve.protection.errors import Unauthenticated
from bowerbird.serve.protection.memory import bound_memory
from bowerbird.serve.protection.settings import ServerSettings
from bowerbird.serve.routes.page import files
from bowerbird.serve.tenants.selection import PREFIX, StoreSelector

STORES_VARIABLE = "BOWERBIRD_SERVED_STORES"
"""Environment variable that tells the processes of one server their stores, as JSON."""
WARM_UP_VARIABLE = "BOWERBIRD_WARM_UP"
"""Set where they open the assistant's models at their start."""
SETTINGS_VARIABLE = "BOWERBIRD_SERVER_SETTINGS"
"""Their `ServerSettings`, as JSON."""
_NAME = re.compile(r"[\w.\-]{1,100}", re.ASCII)


def create_server(stores: Sequence[Path], *, warm_up: bool, settings: ServerSettings) -> FastAPI:
    """The app of one store; or of several, each request's by its key.

    Raises `InputError` for stores without a name of their own, and where several need no keys; `StoreError`
    for a store that can't be served yet.
    """
    if len(stores) == 1:
        return create_app(stores[0], warm_up=warm_up, settings=settings)
    if not settings.require_keys:
        raise InputError("several stores need keys, which say whose a request is: serve them with --keys")
    _check_names(stores)

    def app_of(store: Path) -> FastAPI:
        return create_app(store, warm_up=warm_up, settings=settings, address=f"/{PREFIX}/{store.name}")

    return _server_of({store.name: app_of(store) for store in stores}, settings)


def store_apps(app: FastAPI) -> Sequence[FastAPI]:
    """The apps of a server's stores."""
    apps: Mapping[str, FastAPI] | None = getattr(app.state, "stores", None)
    return [app] if apps is None else list(apps.values())


def worker() -> FastAPI:
    """The app of one of several processes, by their variables."""
    bound_memory()
    settings = decode_record(os.environ[SETTINGS_VARIABLE].encode(), ServerSettings, Path(SETTINGS_VARIABLE))
    stores = [Path(store) for store in json.loads(os.environ[STORES_VARIABLE])]
    return create_server(stores, warm_up=bool(os.environ.get(WARM_UP_VARIABLE)), settings=settings)


def _check_names(stores: Sequence[Path]) -> None:
    names = [store.name for store in stores]
    for name in names:
        if not _NAME.fullmatch(name):
            raise InputError(
                f"a store is addressed by the name of its folder, which is {name!r}: name it with letters, "
                "digits, '.', '-' and '_'"
            )
        if names.count(name) > 1:
            raise InputError(
                f"two stores are named {name}, and addresses tell stores apart by name: rename a folder, or "
                "serve one by a symbolic link with another name"
            )


def _server_of(apps: Mapping[str, FastAPI], settings: ServerSettings) -> FastAPI:
    """The app before those of the stores: it answers probes and the page's files, which belong to nobody,
    and refuses everything else."""

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with contextlib.AsyncExitStack() as running:
            for store in apps.values():
                await running.enter_async_context(store.router.lifespan_context(store))
            yield

    app = bare_app(Metrics(), settings, lifespan)
    app.state.stores = apps
    app.openapi = next(iter(apps.values())).openapi  # type: ignore[method-assign]
    app.include_router(_probes(apps))
    app.include_router(files.routes(files.read_page()))
    app.include_router(_refusals())
    app.add_middleware(StoreSelector, stores=apps)
    return app


def _probes(apps: Mapping[str, FastAPI]) -> APIRouter:
    router, thread = APIRouter(), CapacityLimiter(1)

    @router.get("/livez")
    async def live() -> Probe:
        """Whether the process answers at all."""
        return Probe(status="ok")

    @router.get("/readyz")
    async def ready() -> Response:
        """Whether all stores' models are open, and a store can be read: one that can't must not take the
        others out of service; `/stores/NAME/readyz` is about one."""
        states = [store.state.app_state for store in apps.values()]
        if any(state.served.is_warming_up for state in states):
            return JSONResponse(Probe(status="warming up").model_dump(), 503, {"Retry-After": "1"})
        await to_thread.run_sync(_check_readable, states, limiter=thread)
        return JSONResponse(Probe(status="ok").model_dump())

    return router


def _check_readable(states: Sequence[AppState]) -> None:
    """Raise a store's error where none can be read."""
    for number, state in enumerate(states, start=1):
        try:
            state.check_log()
        except BowerbirdError:
            if number == len(states):
                raise
        else:
            return


def _refusals() -> APIRouter:
    router = APIRouter()

    @router.api_route("/{path:path}", methods=list(METHODS))
    async def refuse(path: str) -> Response:
        """Refuse what is nobody's: it must not be answered from a store that happens to be the first."""
        raise Unauthenticated(
            "a key of one of the stores here is required (`Authorization: Bearer KEY`): this one is missing, "
            f"unknown, expired or revoked, or several stores know it; /{PREFIX}/NAME/… names the store"
        )

    return router

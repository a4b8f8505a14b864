"""The FastAPI app: all routes, health, metrics, the page, and error responses."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from anyio import to_thread
from fastapi import APIRouter, FastAPI
from pydantic.json_schema import models_json_schema
from starlette.middleware.cors import CORSMiddleware
from starlette.types import Lifespan

from bowerbird.serve.app_state import AppState
from bowerbird.serve.bodies.errors import ErrorBody
from bowerbird.serve.errors import add_error_handlers
from bowerbird.serve.gorse import routes as gorse
from bowerbird.serve.middleware.head import HeadMiddleware
from bowerbird.serve.middleware.metrics import Metrics
from bowerbird.serve.middleware.observing import ObservingMiddleware
from bowerbird.serve.middleware.origins import OriginMiddleware
from bowerbird.serve.middleware.paths import EncodedSlashMiddleware
from bowerbird.serve.middleware.tracing import SpanExport, TracingMiddleware
from bowerbird.serve.openai.bodies import CompletionChunk
from bowerbird.serve.protection.routes import Guard, joined_router
from bowerbird.serve.protection.settings import ServerSettings
from bowerbird.serve.routes import (
    chat,
    erasure,
    events,
    health,
    item_changes,
    items,
    lists,
    mcp,
    models,
    profiles,
    recommendations,
)
from bowerbird.serve.routes.admin import operations
from bowerbird.serve.routes.page import boards, changes, complements, files, search_reading, taste_stream
from bowerbird.serve.services.erasures import Eraser
from bowerbird.serve.services.event_receiver import EventReceiver
from bowerbird.serve.services.item_writer import ItemWriter
from bowerbird.serve.ucp import routes as ucp

MCP_HEADERS = ("MCP-Protocol-Version", "Mcp-Method", "Mcp-Name")
"""What an MCP client in a web page sends; here, since the routes' module must not need its package."""
SWITCH_S = 0.001
"""Python's thread switch interval: at the default of 5 ms an event would wait for several computing
threads."""


def create_app(
    store: Path | str, *, warm_up: bool = False, settings: ServerSettings | None = None, address: str = ""
) -> FastAPI:
    """The app of one store. Raises `StoreError` where it has no items or no vectors yet.

    With `warm_up` the assistant's models are opened in the background when the app starts; else at the first
    chat. `address` is the path that all addresses of the store begin with, where it is one of several.
    """
    app_state, metrics = AppState(Path(store), address), Metrics()
    settings = settings or ServerSettings()
    export = SpanExport.open(settings.traces_to) if settings.traces_to else None

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        sys.setswitchinterval(SWITCH_S)
        app_state.watch()
        if warm_up:
            app_state.served.assistant.parts.warm_up_in_background()
            mcp.warm_up_in_background()
        yield
        app_state.close()
        if export is not None:
            await to_thread.run_sync(export.flush)

    app = bare_app(metrics, settings, lifespan)
    if export is not None:
        app.add_middleware(TracingMiddleware)
    app.state.app_state = app_state
    app.state.guard = Guard(app_state.store.path, settings)
    page = files.read_page()
    app.router.routes.extend(_all_routes(app_state, metrics, page).routes)
    app.router.default = files.unknown_address(page, app.router.default)
    _complete_document(app)
    return app


def _all_routes(app_state: AppState, metrics: Metrics, page: files.PageFiles) -> APIRouter:
    """Every route, those that match longer paths after the others."""
    receiver, writer, eraser = EventReceiver(app_state, metrics), ItemWriter(app_state), Eraser(app_state)
    return joined_router(
        health.routes(app_state, metrics),
        events.routes(app_state, receiver),
        operations.routes(app_state),
        recommendations.routes(app_state),
        lists.routes(app_state),
        search_reading.routes(app_state),
        item_changes.routes(app_state, writer),
        complements.routes(app_state),
        items.routes(app_state),
        profiles.routes(app_state),
        taste_stream.routes(app_state),
        boards.routes(app_state),
        changes.routes(app_state),
        erasure.routes(eraser),
        chat.routes(app_state),
        models.routes(app_state),
        mcp.routes(app_state),
        gorse.routes(app_state, receiver, writer, eraser),
        ucp.routes(app_state),
        files.routes(page),
    )


def bare_app(metrics: Metrics, settings: ServerSettings, lifespan: Lifespan[FastAPI]) -> FastAPI:
    """An app without routes: its layers and its errors."""
    # FastAPI's own spans and log records hold paths and queries, and these the ids of users.
    telemetry: Any = {"tracing": False, "logs": False}
    app = FastAPI(
        title="bowerbird",
        description="Recommendations, search and chat from one store.",
        lifespan=lifespan,
        telemetry=telemetry,
        docs_url=None,
        redoc_url=None,
    )
    _add_middleware(app, metrics, settings)
    add_error_handlers(app)
    return app


def _complete_document(app: FastAPI) -> None:
    """Add to the OpenAPI document what FastAPI does not find: the keys that routes name as their security,
    the body of their errors, and the events of streams, which are of type `string` there."""
    describe = app.openapi

    def openapi() -> dict[str, Any]:
        document = describe()
        _, schemas = models_json_schema(
            [(CompletionChunk, "serialization"), (ErrorBody, "serialization")],
            ref_template="#/components/schemas/{model}",
        )
        components = document["components"]
        components["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
        components["schemas"] = schemas["$defs"] | components["schemas"]
        return document

    app.openapi = openapi  # type: ignore[method-assign]


def _add_middleware(app: FastAPI, metrics: Metrics, settings: ServerSettings) -> None:
    """Add the layers around the routes, the innermost first."""
    app.add_middleware(EncodedSlashMiddleware)
    app.add_middleware(HeadMiddleware)
    if settings.allowed_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.allowed_origins,
            allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
            allow_headers=["Authorization", "Content-Type", "X-API-Key", "X-Request-ID", *MCP_HEADERS],
            expose_headers=["X-Request-ID", "Retry-After"],
            max_age=600,
        )
    app.add_middleware(OriginMiddleware, hosts=settings.allowed_hosts, origins=settings.allowed_origins)
    app.add_middleware(ObservingMiddleware, metrics=metrics, is_shared=bool(settings.allowed_origins))

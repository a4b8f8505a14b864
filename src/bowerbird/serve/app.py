"""The FastAPI app: all routes, health, metrics, the page, and error responses."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from anyio import CapacityLimiter, to_thread
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, JSONResponse, Response

from bowerbird.data.versions.version import KINDS
from bowerbird.errors import BowerbirdError, InputError
from bowerbird.serve.app_state import AppState
from bowerbird.serve.bodies import ErrorBody, ErrorText, Health
from bowerbird.serve.metrics import Metrics, MetricsMiddleware
from bowerbird.serve.routes import chat, erasure, events, items, profiles
from bowerbird.serve.routes.events import BodyTooLarge

STORE_VARIABLE = "BOWERBIRD_SERVED_STORE"
"""Environment variable that tells the processes of one server their store."""
WARM_UP_VARIABLE = "BOWERBIRD_WARM_UP"
"""Set where they open the assistant's models at their start."""
SWITCH_S = 0.001
"""Python's thread switch interval: at the default of 5 ms an event would wait for several computing
threads."""
PAGE = Path(__file__).parent / "page"
PAGE_FILES = {"/": "index.html", "/app.css": "app.css", "/app.js": "app.js"}
# The page loads nothing from other hosts, and no text from a catalogue can run as a script.
CONTENT_POLICY = "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'"


def create_app(store: Path | str, *, warm_up: bool = False) -> FastAPI:
    """The app of one store. Raises `StoreError` where it has no items or no vectors yet.

    With `warm_up` the assistant's models are opened in the background when the app starts; else at the first
    chat.
    """
    app_state, metrics = AppState(Path(store)), Metrics()

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        sys.setswitchinterval(SWITCH_S)
        app_state.watch()
        if warm_up:
            app_state.served.assistant.parts.warm_up_in_background()
        yield
        app_state.close()

    description = "Recommendations, search and chat from one store."
    app = FastAPI(title="bowerbird", description=description, lifespan=lifespan)
    app.state.app_state = app_state
    app.add_middleware(MetricsMiddleware, metrics=metrics)
    app.include_router(events.routes(app_state, metrics))
    app.include_router(items.routes(app_state))
    app.include_router(profiles.routes(app_state))
    app.include_router(erasure.routes(app_state))
    app.include_router(chat.routes(app_state))
    _add_health(app, app_state, metrics)
    _add_page(app)
    _add_errors(app)
    return app


def worker() -> FastAPI:
    """The app of one of several processes; `STORE_VARIABLE` names its store."""
    return create_app(os.environ[STORE_VARIABLE], warm_up=bool(os.environ.get(WARM_UP_VARIABLE)))


def _add_health(app: FastAPI, app_state: AppState, metrics: Metrics) -> None:
    thread = CapacityLimiter(1)  # of its own: health must not wait for other requests

    @app.get("/healthz")
    async def health() -> Health:
        """Status, and the served versions."""
        return await to_thread.run_sync(describe, limiter=thread)

    def describe() -> Health:
        served = app_state.served
        names = served.snapshot.names
        return Health(
            status="ok",
            items=len(served.catalogue),
            users=served.taste.n_users,
            synthetic=app_state.synthetic,
            set=served.snapshot.number,
            warming_up=served.is_warming_up,
            versions={kind: names.get(kind) for kind in KINDS},
        )

    @app.get("/metrics")
    async def prometheus() -> Response:
        """Prometheus metrics."""
        return metrics.render()


def _add_page(app: FastAPI) -> None:
    def serve(name: str) -> Any:
        def page() -> FileResponse:
            return FileResponse(PAGE / name, headers={"Content-Security-Policy": CONTENT_POLICY})

        return page

    for path, name in PAGE_FILES.items():
        app.get(path, include_in_schema=False)(serve(name))


def _add_errors(app: FastAPI) -> None:
    """Return every error as OpenAI's clients expect it: {"error": {"message", "type"}}.

    All handlers are async: others would wait for a shared thread.
    """

    def error_response(status: int, message: str, kind: str) -> JSONResponse:
        body = ErrorBody(error=ErrorText(message=message, type=kind))
        return JSONResponse(body.model_dump(), status)

    @app.exception_handler(BowerbirdError)
    async def own_error(_: Request, error: BowerbirdError) -> JSONResponse:
        status = 413 if isinstance(error, BodyTooLarge) else 400 if isinstance(error, InputError) else 503
        return error_response(status, str(error), type(error).__name__)

    @app.exception_handler(ImportError)
    async def missing_package(_: Request, error: ImportError) -> JSONResponse:
        message = f"{error.name or error} is not installed here: `pip install 'bowerbird[models]'`"
        return error_response(503, message, "ImportError")

    @app.exception_handler(HTTPException)
    async def http_error(_: Request, error: HTTPException) -> JSONResponse:
        return error_response(error.status_code, str(error.detail), "HTTPException")

    @app.exception_handler(RequestValidationError)
    async def invalid_request(_: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        location = ".".join(str(name) for name in first["loc"])
        return error_response(422, f"{location}: {first['msg']}", "ValidationError")

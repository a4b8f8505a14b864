"""The whole HTTP surface, in the order in which a client meets it."""

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

from bowerbird.data.versions import KINDS
from bowerbird.errors import BowerbirdError, InputError
from bowerbird.serve.app_state import Shop
from bowerbird.serve.metrics import Counted, Metrics
from bowerbird.serve.routes import chat, erasure, events, items, profiles
from bowerbird.serve.routes.events import BodyTooLarge

STORE_VARIABLE = "BOWERBIRD_SERVED_STORE"
"""Environment variable by which the processes of one server know their store."""
SWITCH_S = 0.001
"""A thread that computes lets others on after so long: at Python's 5 ms an event would wait for several."""
PAGE = Path(__file__).parent / "page"
PAGE_FILES = {"/": "index.html", "/app.css": "app.css", "/app.js": "app.js"}
# The page loads nothing from elsewhere, and no text that a catalogue brings can run as a script.
CONTENT_POLICY = "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'"


def create_app(store: Path | str) -> FastAPI:
    """The app of one store. Raises `StoreError` where it has no items or no vectors yet."""
    shop, metrics = Shop(Path(store)), Metrics()

    @contextlib.asynccontextmanager
    async def watching(_: FastAPI) -> AsyncIterator[None]:
        sys.setswitchinterval(SWITCH_S)
        shop.watch()
        yield
        shop.close()

    told = "Recommendations, search and chat from one store."
    app = FastAPI(title="bowerbird", description=told, lifespan=watching)
    app.state.shop = shop
    app.add_middleware(Counted, metrics=metrics)
    app.include_router(events.routes(shop, metrics))
    app.include_router(items.routes(shop))
    app.include_router(profiles.routes(shop))
    app.include_router(erasure.routes(shop))
    app.include_router(chat.routes(shop))
    _add_health(app, shop, metrics)
    _add_page(app)
    _add_errors(app)
    return app


def worker() -> FastAPI:
    """The app of one of several processes; `STORE_VARIABLE` names its store."""
    return create_app(os.environ[STORE_VARIABLE])


def _add_health(app: FastAPI, shop: Shop, metrics: Metrics) -> None:
    checking = CapacityLimiter(1)  # a thread of its own: health must not wait for other requests to end

    @app.get("/healthz")
    async def health() -> dict[str, Any]:
        """What is served, and in which versions."""
        return await to_thread.run_sync(served, limiter=checking)

    def served() -> dict[str, Any]:
        now = shop.now
        names = now.snapshot.names
        return {
            "status": "ok",
            "items": len(now.catalogue),
            "people": now.taste.n_users,
            "synthetic": shop.synthetic,
            "set": now.snapshot.number,
            "versions": {kind: names.get(kind) for kind in KINDS},
        }

    @app.get("/metrics")
    async def told() -> Response:
        """Prometheus metrics."""
        return metrics.told()


def _add_page(app: FastAPI) -> None:
    def serve(name: str) -> Any:
        def page() -> FileResponse:
            return FileResponse(PAGE / name, headers={"Content-Security-Policy": CONTENT_POLICY})

        return page

    for path, name in PAGE_FILES.items():
        app.get(path, include_in_schema=False)(serve(name))


def _add_errors(app: FastAPI) -> None:
    """Every error as OpenAI's clients expect it: {"error": {"message", "type"}}.

    Async all of them: others would wait for a shared thread.
    """

    def told(status: int, message: str, kind: str) -> JSONResponse:
        return JSONResponse({"error": {"message": message, "type": kind}}, status)

    @app.exception_handler(BowerbirdError)
    async def ours(_: Request, error: BowerbirdError) -> JSONResponse:
        status = 413 if isinstance(error, BodyTooLarge) else 400 if isinstance(error, InputError) else 503
        return told(status, str(error), type(error).__name__)

    @app.exception_handler(ImportError)
    async def lacking(_: Request, error: ImportError) -> JSONResponse:
        message = f"{error.name or error} is not installed here: `pip install 'bowerbird[models]'`"
        return told(503, message, "ImportError")

    @app.exception_handler(HTTPException)
    async def http(_: Request, error: HTTPException) -> JSONResponse:
        return told(error.status_code, str(error.detail), "HTTPException")

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        return told(422, f"{place}: {first['msg']}", "ValidationError")

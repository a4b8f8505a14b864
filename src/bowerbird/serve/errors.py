"""Every error as OpenAI's clients expect it: {"error": {"message", "type", "param", "code"}}.

Below `TEXT_PATHS` it is the message alone, as Gorse's clients expect it.

Messages name what the client sent and nothing else: no other ids, no paths, processes or hosts. Those go to
the server's log.
"""

from __future__ import annotations

import logging
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Match

from bowerbird.errors import BowerbirdError, InputError, NotFoundError
from bowerbird.serve.bodies.errors import TEXT_PATHS, ErrorBody, ErrorText
from bowerbird.serve.protection.errors import Refusal

RETRY_S = {"Retry-After": "1"}
METHODS = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")
BAD_REQUEST_PATHS = ("/v1/", "/ucp/", TEXT_PATHS)
"""Below them invalid fields have the status 400 of OpenAI, UCP and Gorse; elsewhere FastAPI's 422."""
_log = logging.getLogger(__name__)


class UnsupportedField(InputError):
    """A field of a request that is not honoured."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(f"{name}: {message}")
        self.name = name


def error_response(
    status: int,
    message: str,
    kind: str,
    headers: dict[str, str] | None = None,
    param: str | None = None,
    code: str | None = None,
) -> JSONResponse:
    """The response to a failed request."""
    body = ErrorBody(error=ErrorText(message=message, type=kind, param=param, code=code))
    return JSONResponse(body.model_dump(), status, headers)


def _answer(
    request: Request, status: int, message: str, kind: str, *details: Any, **options: Any
) -> Response:
    """The response to a failed request in the form that its API has for errors; see `error_response`."""
    response = error_response(status, message, kind, *details, **options)
    if not request.url.path.startswith(TEXT_PATHS):
        return response
    headers = {name: value for name, value in response.headers.items() if not name.startswith("content-")}
    return PlainTextResponse(message, status, headers)


def add_error_handlers(app: FastAPI) -> None:
    """Answer every error. All handlers are async: others would wait for a shared thread."""

    @app.exception_handler(Refusal)
    async def refusal(request: Request, error: Refusal) -> Response:
        kind = type(error).__name__
        return _answer(request, error.status, str(error), kind, error.headers, code=error.code)

    @app.exception_handler(InputError)
    async def invalid_input(request: Request, error: InputError) -> Response:
        param = error.name if isinstance(error, UnsupportedField) else None
        status = 404 if isinstance(error, NotFoundError) else 400
        return _answer(request, status, str(error), "invalid_request_error", param=param)

    @app.exception_handler(BowerbirdError)
    async def unavailable(request: Request, error: BowerbirdError) -> Response:
        _log.error("%s: %s", type(error).__name__, error)
        message = (
            "the store can't be used at the moment, its log says why; try again later, send the events again"
        )
        return _answer(request, 503, message, type(error).__name__, RETRY_S)

    @app.exception_handler(ImportError)
    async def missing_package(request: Request, error: ImportError) -> Response:
        log_missing_package(error)
        message = "a package that this needs is not installed on the server"
        return _answer(request, 503, message, "ImportError")

    @app.exception_handler(HTTPException)
    async def http_error(request: Request, error: HTTPException) -> Response:
        headers = dict(error.headers) if error.headers else None
        if error.status_code == 405:  # Starlette names the methods of the first route of the path only
            headers = {"Allow": ", ".join(_methods_of(request))}
        return _answer(request, error.status_code, str(error.detail), "HTTPException", headers)

    @app.exception_handler(RequestValidationError)
    async def invalid_request(request: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        location = ".".join(str(name) for name in first["loc"] if name != "body")
        status = 400 if request.url.path.startswith(BAD_REQUEST_PATHS) else 422
        message = f"{location}: {first['msg']}"
        return _answer(request, status, message, "invalid_request_error", param=location or None)


def log_missing_package(error: ImportError) -> None:
    """Log what brings a package that is not installed."""
    extra = "mcp" if (error.name or "").partition(".")[0] in ("mcp", "mcp_types") else "models"
    _log.error("%s is not installed here: `pip install 'bowerbird[%s]'`", error.name or error, extra)


def _methods_of(request: Request) -> list[str]:
    """The methods that the path of a request has."""
    routes = request.app.router.routes
    served = {
        method
        for method in METHODS
        if any(route.matches({**request.scope, "method": method})[0] == Match.FULL for route in routes)
    }
    return [method for method in METHODS if method in served or (method == "HEAD" and "GET" in served)]

"""`POST /mcp` and `/ucp/mcp`: the tools of `bowerbird.serve.mcp` over streamable HTTP, for agents."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Awaitable, Callable
from typing import Any, Literal, TypeAlias

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, HTTPException, Request
from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.responses import Response

from bowerbird.serve.app_state import AppState
from bowerbird.serve.bodies.base import Body
from bowerbird.serve.bodies.errors import ErrorBody
from bowerbird.serve.protection.keys import Role
from bowerbird.serve.protection.routes import KB, RouteRules, guarded_router

MAX_BODY_BYTES = 600 * KB  # 500 excluded ids
MAX_RUNNING = 4
"""Tools that run at a time in one process."""
Answer: TypeAlias = Callable[[AppState, Request, CapacityLimiter], Awaitable[Response]]


class McpMessage(BaseModel):
    """A message of the Model Context Protocol (JSON-RPC 2.0)."""

    model_config = ConfigDict(extra="allow", use_attribute_docstrings=True, strict=True)
    jsonrpc: Literal["2.0"]
    id: str | int | None = None
    """None in notifications, which are answered with status 202."""
    method: str
    params: dict[str, Any] | None = None


class McpError(BaseModel):
    """An error of the protocol."""

    model_config = ConfigDict(extra="allow")
    code: int
    message: str


class McpAnswer(Body):
    """The result of a message, or an error."""

    jsonrpc: Literal["2.0"]
    id: str | int | None
    result: dict[str, Any] | None = None
    error: McpError | None = None


def routes(app_state: AppState) -> APIRouter:
    """Make the router of this resource."""
    router, threads = guarded_router(RouteRules(Role.READ, MAX_BODY_BYTES)), CapacityLimiter(MAX_RUNNING)
    content = {"application/json": {"schema": McpMessage.model_json_schema()}}
    described: dict[str, Any] = {
        "response_model": None,
        "responses": {
            200: {"model": McpAnswer},
            202: {"description": "A notification."},
            **{status: {"model": ErrorBody | McpAnswer} for status in (400, 404, 406)},
        },
        "openapi_extra": {"requestBody": {"required": True, "content": content}},
    }

    @router.post("/mcp", **described)
    async def mcp(request: Request) -> Response:
        """Answer a message of an MCP client; `tools/list` names the tools that the caller may use."""
        await _check_message(request)
        answer = await to_thread.run_sync(load, limiter=threads)
        return await answer(app_state, request, threads)

    @router.post("/ucp/mcp", **described)
    async def ucp_mcp(request: Request) -> Response:
        """Answer a message of an MCP client to the UCP catalogue, with the tools that UCP names."""
        await _check_message(request)
        answer = await to_thread.run_sync(load_ucp, limiter=threads)
        return await answer(app_state, request, threads)

    return router


async def _check_message(request: Request) -> None:
    """Raise status 400 for what is not a message."""
    try:
        McpMessage.model_validate(await request.json())
    except ValidationError as error:
        fault = error.errors()[0]
        raise HTTPException(400, f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}") from None


def load() -> Answer:
    """What answers messages. Raises `ImportError` where the optional package is not installed.

    The first import takes two seconds of processor time: a thread's, since nothing else may wait for it.
    """
    from bowerbird.serve.mcp.http import answer

    return answer


def load_ucp() -> Answer:
    """What answers messages to the UCP catalogue; see `load`."""
    from bowerbird.serve.mcp.http import answer_ucp

    return answer_ucp


def warm_up_in_background() -> None:
    """Import what answers messages, where it is installed: clients wait ten seconds for the first answer."""

    def warm_up() -> None:
        with contextlib.suppress(ImportError):
            load()

    threading.Thread(target=warm_up, name="mcp", daemon=True).start()

"""The MCP server over streamable HTTP: one answer in JSON for each message, without sessions."""

from __future__ import annotations

from typing import Any

from anyio import CapacityLimiter
from mcp.server import Server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message

from bowerbird.serve.app_state import AppState
from bowerbird.serve.errors import error_response
from bowerbird.serve.mcp.server import make_server
from bowerbird.serve.mcp.ucp_server import make_ucp_server
from bowerbird.serve.protection.access import caller_of
from bowerbird.serve.ucp.routes import store_address


async def answer(app_state: AppState, request: Request, threads: CapacityLimiter) -> Response:
    """Answer a message whose body was read, for the caller who sent it."""
    return await _answer(make_server(app_state, caller_of(request), threads), request)


async def answer_ucp(app_state: AppState, request: Request, threads: CapacityLimiter) -> Response:
    """Answer a message to the UCP catalogue."""
    return await _answer(make_ucp_server(app_state, store_address(request, app_state), threads), request)


async def _answer(server: Server[dict[str, Any]], request: Request) -> Response:
    """Answer a message.

    The manager lives as long as the request: what a broken client leaves behind ends with it, and an app that
    is mounted elsewhere needs no lifespan of ours.
    """
    manager = StreamableHTTPSessionManager(server, json_response=True, stateless=True)
    messages: list[Message] = [{"type": "http.request", "body": await request.body(), "more_body": False}]
    sent: list[Message] = []

    async def receive() -> Message:
        return messages.pop() if messages else await request.receive()

    async def send(message: Message) -> None:
        sent.append(message)

    async with manager.run():
        await manager.handle_request(request.scope, receive, send)
    return _response(sent)


def _response(sent: list[Message]) -> Response:
    content, status = b"".join(message.get("body", b"") for message in sent[1:]), sent[0]["status"]
    if status >= 400 and not content.startswith(b"{"):  # a text of the package's
        message = content.decode() or "send application/json, and accept application/json"
        return error_response(status, message, "invalid_request_error")
    response = Response(content, status)
    response.raw_headers = [
        *(pair for pair in sent[0]["headers"] if pair[0].lower() != b"content-length"),
        (b"content-length", str(len(content)).encode()),
    ]
    return response

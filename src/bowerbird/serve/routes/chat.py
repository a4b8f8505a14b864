"""`POST /v1/chat/completions` and `/v1/responses`: OpenAI's wire formats, whole or streamed.

The items of a reply come back in one extension: the field `bowerbird` of the response, and of the last chunk
of a stream: `{"act": "find", "items": [...], "suggestions": [...], "state": {...}, ...}`; the first chunk of
a list holds its items already. Clients that don't know it ignore it. One that sends the state back with its
next message, in the field `bowerbird` of the request, continues from there, and may edit it; else the name of
the conversation identifies the state, or the messages do (`DialogueCache`).

At most `MAX_RUNNING` chats are answered at a time and `MAX_WAITING` wait; further ones get status 429. A
reply is aborted when its client disconnects.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any, Protocol

from fastapi import APIRouter, Request
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from bowerbird.assist.reply import Reply
from bowerbird.serve.app_state import AppState
from bowerbird.serve.errors import error_response
from bowerbird.serve.middleware.observing import CLIENT_GONE
from bowerbird.serve.openai.answer import Answer, Part
from bowerbird.serve.openai.bodies import CompletionBody, ResponseBody
from bowerbird.serve.openai.chat_request import MODEL, ChatRequest, unknown_model
from bowerbird.serve.openai.completion import ChatCompletion
from bowerbird.serve.openai.response import ResponseObject
from bowerbird.serve.openai.responses_request import ResponsesRequest
from bowerbird.serve.protection.access import caller_of
from bowerbird.serve.protection.keys import Role
from bowerbird.serve.protection.routes import RouteRules, guarded_router
from bowerbird.serve.worker_pool import TooBusy, WorkerPool

MAX_RUNNING = 4
"""Chats answered at a time: a language model serves one after the other, and each also takes CPU time from
recommendations."""
MAX_WAITING = 16
MAX_BODY_BYTES = 16 * 2**20
"""A picture of 12 MB in base64 has as many."""
RETRY_AFTER_S = 5
PING_S = 15
STREAM: dict[str, Any] = {"text/event-stream": {}}


class Format(Protocol):
    """How a reply is sent."""

    answer: Answer

    def whole(self, reply: Reply) -> dict[str, Any]:
        """The reply in one body."""

    def events(self, first: Part, others: AsyncIterator[Part]) -> AsyncIterator[ServerSentEvent]:
        """The reply as server-sent events."""


def routes(app_state: AppState) -> APIRouter:
    """Make the router of this resource."""
    router = guarded_router(RouteRules(Role.CHAT, MAX_BODY_BYTES))
    pool = WorkerPool(MAX_RUNNING, MAX_WAITING)

    @router.post(
        "/v1/chat/completions",
        response_model=None,
        responses={200: {"model": CompletionBody, "content": STREAM}},
    )
    async def complete(body: ChatRequest, request: Request) -> Response:
        """Answer the last user message."""
        caller = caller_of(request)
        body.user = caller.acting_user(body.user)
        if body.model != MODEL:
            return unknown_model(body.model)
        return await _send(
            pool, request, bool(body.stream), lambda: ChatCompletion(Answer(app_state, body, caller))
        )

    @router.post(
        "/v1/responses", response_model=None, responses={200: {"model": ResponseBody, "content": STREAM}}
    )
    async def respond(body: ResponsesRequest, request: Request) -> Response:
        """Answer the last user message, in the format of OpenAI's responses."""
        caller = caller_of(request)
        body.user = caller.acting_user(body.user)
        if body.model != MODEL:
            return unknown_model(body.model)
        previous = body.previous_response_id
        if previous and app_state.dialogues.find_named(caller.name, body.user, previous) is None:
            message = f"the response {previous!r} is not remembered: send the messages instead"
            param, code = "previous_response_id", "previous_response_not_found"
            return error_response(404, message, "invalid_request_error", param=param, code=code)
        chat = body.as_chat()

        def make() -> Format:
            return ResponseObject(Answer(app_state, chat, caller), body)

        return await _send(pool, request, bool(body.stream), make)

    return router


async def _send(pool: WorkerPool, request: Request, is_stream: bool, make: Callable[[], Format]) -> Response:
    """Generate a reply in the pool, and send it."""
    try:
        async with contextlib.AsyncExitStack() as resources:
            await resources.enter_async_context(pool.slot(request))
            answer_format = await pool.run(make)
            generator = answer_format.answer.generator
            resources.push_async_callback(pool.close, generator)
            if not is_stream:
                reply = await answer_format.answer.finish(pool, request)
                return JSONResponse(answer_format.whole(reply))
            parts = pool.iterate(generator)
            first = await anext(parts)  # errors before the stream begins get their proper status
            return _Stream(answer_format.events(first, parts), resources.pop_all())
    except TooBusy:
        return _too_busy()
    except ClientDisconnect:
        return Response(status_code=CLIENT_GONE)


class _Stream(EventSourceResponse):
    """Server-sent events that release their resources however they end: read, failed, or abandoned.

    While a model writes, a comment every `PING_S` seconds keeps proxies from closing the connection.
    """

    def __init__(self, chunks: AsyncIterator[ServerSentEvent], resources: contextlib.AsyncExitStack) -> None:
        super().__init__(chunks, ping=PING_S, sep="\n")
        self._resources = resources

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with self._resources:
            await super().__call__(scope, receive, send)


def _too_busy() -> JSONResponse:
    message = f"{MAX_RUNNING + MAX_WAITING} chats are already running or waiting: try again later"
    headers = {"Retry-After": str(RETRY_AFTER_S)}
    return error_response(429, message, "rate_limit_error", headers, code="rate_limit_exceeded")

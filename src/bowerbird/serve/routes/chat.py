"""`POST /v1/chat/completions`: OpenAI's wire format, whole or streamed.

The items of a reply come back in one extension: the field `bowerbird` of the response, and of the last chunk
of a stream: `{"act": "find", "items": [...], "suggestions": [...], "state": {...}, ...}`; the first chunk of
a list holds its items already. Clients that don't know it ignore it. One that sends the state back with its
next message, in the field `bowerbird` of the request, continues from there, and may edit it; else the
messages identify the state (`DialogueCache`).

At most `MAX_RUNNING` chats are answered at a time and `MAX_WAITING` wait; further ones get status 429. A
reply is aborted when its client disconnects.
"""

from __future__ import annotations

import base64
import contextlib
import json
import time
import uuid
from collections.abc import AsyncIterator, Sequence
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from bowerbird.assist.reply import Named, Preview, Reply
from bowerbird.assist.state import DialogueState
from bowerbird.data.events import Event
from bowerbird.errors import InputError
from bowerbird.serve.app_state import AppState
from bowerbird.serve.bodies import UserId
from bowerbird.serve.dialogue_cache import DialogueCache
from bowerbird.serve.middleware.observing import CLIENT_GONE
from bowerbird.serve.protection.access import caller_of
from bowerbird.serve.protection.keys import Role
from bowerbird.serve.protection.routes import RouteRules, guarded_router
from bowerbird.serve.served_snapshot import ServedSnapshot
from bowerbird.serve.worker_pool import TooBusy, WorkerPool

MODEL = "bowerbird"
MAX_RUNNING = 4
"""Chats answered at a time: a language model serves one after the other, and each also takes CPU time from
recommendations."""
MAX_WAITING = 16
MAX_BODY_BYTES = 16 * 2**20
"""A picture of 12 MB in base64 has as many."""
MAX_MESSAGES = 1000
RETRY_AFTER_S = 5
PING_S = 15

_Part = str | Preview | Reply
"""What an assistant's stream yields."""


class Message(BaseModel):
    """A message of the conversation; content is text, or parts of text and `data:` pictures."""

    model_config = ConfigDict(extra="allow")
    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | list[dict[str, Any]] | None = None


class ChatExtension(BaseModel):
    """What bowerbird's own clients send along."""

    state: dict[str, Any] | None = None
    """The state of the last reply; without it, the messages tell where the conversation is."""
    item_ids: list[str] = []
    """Items to resemble."""


class ChatRequest(BaseModel):
    """OpenAI's request body; unsupported fields (temperature, …) are accepted and ignored."""

    model_config = ConfigDict(extra="allow")
    messages: Annotated[list[Message], Field(min_length=1, max_length=MAX_MESSAGES)]
    model: str = MODEL
    stream: bool = False
    user: UserId | None = None
    bowerbird: ChatExtension = ChatExtension()


def routes(app_state: AppState) -> APIRouter:
    router = guarded_router(RouteRules(Role.CHAT, MAX_BODY_BYTES))
    pool, dialogues = WorkerPool(MAX_RUNNING, MAX_WAITING), DialogueCache()

    @router.get("/v1/models")
    async def models() -> dict[str, Any]:
        """List the only model."""
        return {"object": "list", "data": [{"id": MODEL, "object": "model", "created": 0, "owned_by": MODEL}]}

    @router.post("/v1/chat/completions", response_model=None)
    async def complete(body: ChatRequest, request: Request) -> Response:
        """Answer the last user message."""
        body.user = caller_of(request).acting_user(body.user)
        try:
            async with contextlib.AsyncExitStack() as resources:
                await resources.enter_async_context(pool.slot(request))
                answer = await pool.run(lambda: _Answer(app_state, dialogues, body))
                resources.push_async_callback(pool.close, answer.generator)
                if not body.stream:
                    return await answer.complete(pool, request)
                parts = pool.iterate(answer.generator)
                first = await anext(parts)  # errors before the stream begins get their proper status
                return _Stream(answer.chunks(first, parts), resources.pop_all())
        except TooBusy:
            return _too_busy()
        except ClientDisconnect:
            return Response(status_code=CLIENT_GONE)

    return router


class _Answer:
    """The reply to one request while it is generated: texts, then the complete `Reply`."""

    def __init__(self, app_state: AppState, dialogues: DialogueCache, body: ChatRequest) -> None:
        """Parse the messages. Raises `InputError` without a user message and for a broken picture."""
        last = max((n for n, message in enumerate(body.messages) if message.role == "user"), default=-1)
        if last < 0:
            raise InputError("messages has no message with role user")
        text, image = _parts(body.messages[last])
        earlier = [(message.role, _text_of(message)) for message in body.messages[:last]]
        earlier = [message for message in earlier if message[0] in ("user", "assistant")]
        self._served = app_state.served
        self._served.taste.refresh()
        self._dialogues, self._user, self._messages = dialogues, body.user, [*earlier, ("user", text)]
        self._prompt = " ".join([content for role, content in self._messages if role == "user"])
        self._head = {"id": f"chatcmpl-{uuid.uuid4().hex}", "created": int(time.time()), "model": MODEL}
        assistant = self._served.assistant
        if body.bowerbird.state is not None:
            state = DialogueState.from_dict(body.bowerbird.state)
        else:
            state = dialogues.state_before(body.user, earlier, assistant)

        def record(event: Event) -> None:
            app_state.ingest([[event]])

        items = body.bowerbird.item_ids
        self.generator = assistant.stream(state, text, body.user, image, items, record=record)

    async def complete(self, pool: WorkerPool, request: Request) -> JSONResponse:
        """The reply in one response. Raises `ClientDisconnect` as soon as the client disconnects."""
        async with contextlib.aclosing(pool.iterate(self.generator)) as parts:
            async for part in parts:
                if isinstance(part, Reply):
                    self._remember(part)
                    return JSONResponse(_completion(self._head, part, self._prompt, self._served))
                if await request.is_disconnected():
                    raise ClientDisconnect
        raise AssertionError("the assistant's stream ended without a reply")

    async def chunks(self, first: _Part, parts: AsyncIterator[_Part]) -> AsyncIterator[ServerSentEvent]:
        """The reply as server-sent events."""
        start = {"role": "assistant", "content": ""}
        if isinstance(first, Preview):
            yield self._chunk(start, bowerbird=self._preview(first))
        else:
            yield self._chunk(start)
        part: _Part | None = first
        while part is not None:
            if isinstance(part, Reply):
                self._remember(part)
                yield self._chunk({}, "stop", bowerbird=_extension(part, self._served))
            elif isinstance(part, Preview):
                if part is not first:
                    yield self._chunk({}, bowerbird=self._preview(part))
            else:
                yield self._chunk({"content": part})
            part = await anext(parts, None)
        yield ServerSentEvent("[DONE]", sep="\n")

    def _preview(self, preview: Preview) -> dict[str, Any]:
        items = _items(preview.shown, self._served)
        return {"act": preview.act.value, "items": items, "matches": bool(preview.items)}

    def _remember(self, reply: Reply) -> None:
        self._dialogues.remember(self._user, [*self._messages, ("assistant", reply.text)], reply.state)

    def _chunk(self, delta: dict[str, Any], finish: str | None = None, **extensions: Any) -> ServerSentEvent:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        body = {**self._head, "object": "chat.completion.chunk", "choices": [choice], **extensions}
        return ServerSentEvent(json.dumps(body, ensure_ascii=False), sep="\n")


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
    error = {"message": message, "type": "rate_limit_error", "param": None, "code": "rate_limit_exceeded"}
    return JSONResponse({"error": error}, 429, {"Retry-After": str(RETRY_AFTER_S)})


def _parts(message: Message) -> tuple[str, bytes | None]:
    """Text and picture of a message."""
    if isinstance(message.content, str) or message.content is None:
        return message.content or "", None
    texts, image = [], None
    for part in message.content:
        if part.get("type") == "text":
            texts.append(str(part.get("text", "")))
        elif part.get("type") == "image_url":
            image = _picture(part.get("image_url"))
    return " ".join(texts), image


def _text_of(message: Message) -> str:
    if isinstance(message.content, list):
        return " ".join(str(part.get("text", "")) for part in message.content if part.get("type") == "text")
    return message.content or ""


def _picture(image_url: Any) -> bytes:
    address = image_url.get("url") if isinstance(image_url, dict) else image_url
    media_type, _, data = address.partition(";base64,") if isinstance(address, str) else ("", "", "")
    if not media_type.startswith("data:image/"):
        raise InputError("a picture must come as data:image/…;base64,…: no address is fetched")
    try:
        return base64.b64decode(data, validate=True)
    except ValueError:
        raise InputError("the picture's base64 is broken") from None


def _extension(reply: Reply, served: ServedSnapshot) -> dict[str, Any]:
    items = _items(reply.shown, served)
    return {**reply.as_dict(), "items": items, "matches": bool(reply.items)}


def _items(shown: Sequence[Named], served: ServedSnapshot) -> list[dict[str, Any]]:
    return [served.item(named.position) | named.as_dict() for named in shown]


def _completion(head: dict[str, Any], reply: Reply, prompt: str, served: ServedSnapshot) -> dict[str, Any]:
    # Words as a cheap estimate of tokens.
    n_prompt, n_reply = len(prompt.split()), len(reply.text.split())
    return {
        **head,
        "object": "chat.completion",
        "choices": [
            {"index": 0, "message": {"role": "assistant", "content": reply.text}, "finish_reason": "stop"}
        ],
        "usage": {
            "prompt_tokens": n_prompt,
            "completion_tokens": n_reply,
            "total_tokens": n_prompt + n_reply,
        },
        "bowerbird": _extension(reply, served),
    }

"""`POST /v1/chat/completions`: OpenAI's wire format, whole or streamed.

The items of a reply come back in one extension: the field `bowerbird` of the response, and of the last chunk
of a stream: `{"items": [...], "constraints": [...], "unmet": [...], "wording": "model"}` (or "mixed" or
"template"). Clients that don't know it ignore it. Nothing is kept between requests: constraints of earlier
turns are understood anew from the messages.

At most `MAX_RUNNING` chats are answered at a time and `MAX_WAITING` wait; beyond them the answer is 429. A
reply stops being written when its client leaves.
"""

from __future__ import annotations

import base64
import contextlib
import json
import time
import uuid
from collections.abc import AsyncIterator
from typing import Any, Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from bowerbird.assist.conversation import Conversation
from bowerbird.assist.reply import Reply
from bowerbird.errors import InputError
from bowerbird.serve.app_state import Shop
from bowerbird.serve.served_snapshot import Stages
from bowerbird.serve.worker_pool import TooBusy, Turns

MODEL = "bowerbird"
MAX_RUNNING = 4
"""Chats answered at a time: a language model writes for one after the other, and each also takes processor
time away from recommendations."""
MAX_WAITING = 16
RETRY_AFTER_S = 5
CLIENT_GONE = 499  # nobody reads it; it is what the metrics count


class Message(BaseModel):
    """A message of the conversation; content is text, or parts of text and `data:` pictures."""

    model_config = ConfigDict(extra="allow")
    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | list[dict[str, Any]] | None = None


class ChatRequest(BaseModel):
    """What a client sends; fields that have no meaning here (temperature, …) are accepted and ignored."""

    model_config = ConfigDict(extra="allow")
    messages: list[Message]
    model: str = MODEL
    stream: bool = False
    user: str | None = None


def routes(shop: Shop) -> APIRouter:
    router, turns = APIRouter(), Turns(MAX_RUNNING, MAX_WAITING)

    @router.get("/v1/models")
    async def models() -> dict[str, Any]:
        """The one model there is."""
        return {"object": "list", "data": [{"id": MODEL, "object": "model", "created": 0, "owned_by": MODEL}]}

    @router.post("/v1/chat/completions", response_model=None)
    async def complete(asked: ChatRequest, request: Request) -> Response:
        """Answer the last message of a user."""
        try:
            async with contextlib.AsyncExitStack() as held:
                await held.enter_async_context(turns.turn(request))
                answer = await turns.run(lambda: _Answer(shop, asked))
                held.push_async_callback(turns.close, answer.pieces)
                if not asked.stream:
                    return await answer.whole(turns, request)
                pieces = turns.pieces(answer.pieces)
                first = await anext(pieces)  # errors come before the stream begins, with their proper status
                return _Stream(answer.chunks(first, pieces), held.pop_all())
        except TooBusy:
            return _too_busy()
        except ClientDisconnect:
            return Response(status_code=CLIENT_GONE)

    return router


class _Answer:
    """The reply to one request, being written."""

    def __init__(self, shop: Shop, asked: ChatRequest) -> None:
        """Understands the messages; raises `InputError` where none is of a user or a picture is broken."""
        messages = [_parts(message) for message in asked.messages if message.role == "user"]
        if not messages:
            raise InputError("messages hold no message with role user")
        earlier, (text, image) = [text for text, _ in messages[:-1]], messages[-1]
        self._now = shop.now
        self._now.taste.refresh()
        self._prompt = " ".join([*earlier, text])
        self._head = {"id": f"chatcmpl-{uuid.uuid4().hex}", "created": int(time.time()), "model": MODEL}
        conversation = Conversation.replay(earlier, self._now.assistant, asked.user)
        self.pieces = self._now.assistant.stream(conversation, text, user=asked.user, image=image)

    async def whole(self, turns: Turns, request: Request) -> JSONResponse:
        """The reply at once. Raises `ClientDisconnect` as soon as nobody waits for it any more."""
        async with contextlib.aclosing(turns.pieces(self.pieces)) as pieces:
            async for piece in pieces:
                if isinstance(piece, Reply):
                    return JSONResponse(_completion(self._head, piece, self._prompt, self._now))
                if await request.is_disconnected():
                    raise ClientDisconnect
        raise AssertionError("the assistant's stream ended without a reply")

    async def chunks(self, first: str | Reply, pieces: AsyncIterator[str | Reply]) -> AsyncIterator[str]:
        """The reply as server-sent events."""
        yield self._chunk({"role": "assistant", "content": ""})
        piece: str | Reply | None = first
        while piece is not None:
            if isinstance(piece, Reply):
                yield self._chunk({}, "stop", bowerbird=_extension(piece, self._now))
            else:
                yield self._chunk({"content": piece})
            piece = await anext(pieces, None)
        yield "data: [DONE]\n\n"

    def _chunk(self, delta: dict[str, Any], finish: str | None = None, **more: Any) -> str:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        body = {**self._head, "object": "chat.completion.chunk", "choices": [choice], **more}
        return f"data: {json.dumps(body, ensure_ascii=False)}\n\n"


class _Stream(StreamingResponse):
    """Server-sent events that let go of what they hold however they end: read, failed, or abandoned."""

    def __init__(self, chunks: AsyncIterator[str], held: contextlib.AsyncExitStack) -> None:
        super().__init__(chunks, media_type="text/event-stream")
        self._held = held

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with self._held:
            await super().__call__(scope, receive, send)


def _too_busy() -> JSONResponse:
    message = f"{MAX_RUNNING + MAX_WAITING} chats are being answered or wait already: try again later"
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


def _picture(said: Any) -> bytes:
    address = said.get("url") if isinstance(said, dict) else said
    head, _, data = address.partition(";base64,") if isinstance(address, str) else ("", "", "")
    if not head.startswith("data:image/"):
        raise InputError("a picture must come as data:image/…;base64,…: no address is fetched")
    try:
        return base64.b64decode(data, validate=True)
    except ValueError:
        raise InputError("the picture's base64 is broken") from None


def _extension(reply: Reply, now: Stages) -> dict[str, Any]:
    items = [now.item(one.position) | one.as_dict() for one in reply.shown]
    told = {"constraints": list(reply.constraints), "unmet": list(reply.unmet), "wording": reply.wording}
    return {"items": items, "matches": bool(reply.items), **told}


def _completion(head: dict[str, Any], reply: Reply, prompt: str, now: Stages) -> dict[str, Any]:
    spoken, heard = len(reply.text.split()), len(prompt.split())  # words: nearer than nothing, and free
    return {
        **head,
        "object": "chat.completion",
        "choices": [
            {"index": 0, "message": {"role": "assistant", "content": reply.text}, "finish_reason": "stop"}
        ],
        "usage": {"prompt_tokens": heard, "completion_tokens": spoken, "total_tokens": heard + spoken},
        "bowerbird": _extension(reply, now),
    }

"""`POST /v1/chat/completions`: OpenAI's wire format, whole or streamed.

The items of a reply come back in one extension: the field `bowerbird` of the response, and of the last chunk
of a stream: `{"items": [...], "constraints": [...], "unmet": [...], "wording": "model"}` (or "mixed" or
"template"). Clients that don't know it ignore it. Nothing is kept between requests: constraints of earlier
turns are understood anew from the messages.
"""

from __future__ import annotations

import base64
import json
import time
import uuid
from collections.abc import Iterator
from typing import Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict
from starlette.responses import JSONResponse, StreamingResponse

from bowerbird.assist.conversation import Conversation
from bowerbird.assist.reply import Reply
from bowerbird.errors import InputError
from bowerbird.serve.shop import Shop
from bowerbird.serve.stages import Stages

MODEL = "bowerbird"


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
    router = APIRouter()

    @router.get("/v1/models")
    def models() -> dict[str, Any]:
        """The one model there is."""
        return {"object": "list", "data": [{"id": MODEL, "object": "model", "created": 0, "owned_by": MODEL}]}

    @router.post("/v1/chat/completions", response_model=None)
    def complete(asked: ChatRequest) -> JSONResponse | StreamingResponse:
        """Answer the last message of a user."""
        said = [_parts(message) for message in asked.messages if message.role == "user"]
        if not said:
            raise InputError("messages hold no message with role user")
        earlier, (text, image) = [text for text, _ in said[:-1]], said[-1]
        now = shop.now
        now.taste.refresh()
        conversation = Conversation.replay(earlier, now.assistant, asked.user)
        pieces = now.assistant.stream(conversation, text, user=asked.user, image=image)
        head = {"id": f"chatcmpl-{uuid.uuid4().hex}", "created": int(time.time()), "model": MODEL}
        if asked.stream:
            first = next(pieces)  # errors come before the stream begins, with their proper status
            return StreamingResponse(_chunks(head, first, pieces, now), media_type="text/event-stream")
        reply = [piece for piece in pieces if isinstance(piece, Reply)][-1]
        return JSONResponse(_completion(head, reply, " ".join([*earlier, text]), now))

    return router


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
    address = said.get("url", "") if isinstance(said, dict) else str(said)
    head, _, data = address.partition(";base64,")
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


def _chunks(
    head: dict[str, Any], first: str | Reply, pieces: Iterator[str | Reply], now: Stages
) -> Iterator[str]:
    def chunk(delta: dict[str, Any], finish: str | None = None, **more: Any) -> str:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        body = {**head, "object": "chat.completion.chunk", "choices": [choice], **more}
        return f"data: {json.dumps(body, ensure_ascii=False)}\n\n"

    yield chunk({"role": "assistant", "content": ""})
    for piece in _again(first, pieces):
        if isinstance(piece, Reply):
            yield chunk({}, "stop", bowerbird=_extension(piece, now))
        else:
            yield chunk({"content": piece})
    yield "data: [DONE]\n\n"


def _again(first: str | Reply, pieces: Iterator[str | Reply]) -> Iterator[str | Reply]:
    yield first
    yield from pieces

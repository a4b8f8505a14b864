"""`POST /v1/chat/completions`: OpenAI's wire format, whole or streamed.

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
import json
import time
import uuid
from collections.abc import AsyncIterator, Sequence
from typing import Any

from fastapi import APIRouter, Request
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from bowerbird.assist.reply import Preview, Reply, ReplyItem
from bowerbird.assist.state import DialogueState
from bowerbird.data.events import Event
from bowerbird.errors import InputError
from bowerbird.serve.app_state import AppState
from bowerbird.serve.errors import error_response
from bowerbird.serve.middleware.observing import CLIENT_GONE
from bowerbird.serve.openai.chat_request import MODEL, ChatRequest, unknown_model
from bowerbird.serve.openai.instructions import read_instructions
from bowerbird.serve.openai.reply_text import ReplyText, count_tokens, escape_markdown
from bowerbird.serve.protection.access import Caller, caller_of
from bowerbird.serve.protection.keys import Role
from bowerbird.serve.protection.routes import RouteRules, guarded_router
from bowerbird.serve.served_snapshot import ServedSnapshot
from bowerbird.serve.worker_pool import TooBusy, WorkerPool

MAX_RUNNING = 4
"""Chats answered at a time: a language model serves one after the other, and each also takes CPU time from
recommendations."""
MAX_WAITING = 16
MAX_BODY_BYTES = 16 * 2**20
"""A picture of 12 MB in base64 has as many."""
RETRY_AFTER_S = 5
PING_S = 15


_Part = str | Preview | Reply
"""What an assistant's stream yields."""


def routes(app_state: AppState) -> APIRouter:
    router = guarded_router(RouteRules(Role.CHAT, MAX_BODY_BYTES))
    pool = WorkerPool(MAX_RUNNING, MAX_WAITING)

    content: dict[str, Any] = {"application/json": {}, "text/event-stream": {}}

    @router.post("/v1/chat/completions", response_model=None, responses={200: {"content": content}})
    async def complete(body: ChatRequest, request: Request) -> Response:
        """Answer the last user message."""
        caller = caller_of(request)
        body.user = caller.acting_user(body.user)
        if body.model != MODEL:
            return unknown_model(body.model)
        try:
            async with contextlib.AsyncExitStack() as resources:
                await resources.enter_async_context(pool.slot(request))
                answer = await pool.run(lambda: _Answer(app_state, body, caller))
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

    def __init__(self, app_state: AppState, body: ChatRequest, caller: Caller) -> None:
        """Parse the messages. Raises `InputError` without a user message and for a broken picture."""
        last = max((n for n, message in enumerate(body.messages) if message.role == "user"), default=-1)
        if last < 0:
            raise InputError("messages has no message with role user")
        text, image, named_items = body.messages[last].parts(f"messages.{last}")
        self._body, self._caller = body, caller
        self._served, self._dialogues = app_state.served, app_state.dialogues
        self._served.taste.refresh()
        earlier = [
            (message.role, message.text)
            for message in body.messages[:last]
            if message.role in ("user", "assistant")
        ]
        self._messages = [*earlier, ("user", text)]
        self._n_prompt = count_tokens(message.text for message in body.messages)
        self._head = {
            "id": f"chatcmpl-{uuid.uuid4().hex}",
            "created": int(time.time()),
            "model": MODEL,
            "system_fingerprint": f"set-{self._served.snapshot.number}",
        }
        self._text = ReplyText(body.stops, body.max_reply_tokens)
        instructions = read_instructions(body.messages)
        n_items = min(body.bowerbird.n_items, instructions.max_items or body.bowerbird.n_items)

        def record(event: Event) -> None:
            app_state.ingest([[event]])

        items = [*body.bowerbird.item_ids, *named_items]
        self.generator = self._served.assistant.stream(
            self._state_before(earlier),
            text,
            body.user,
            image,
            items,
            n_items,
            record,
            instructions.language,
        )

    def _state_before(self, earlier: Sequence[tuple[str, str]]) -> DialogueState:
        """The state that the request brings, names, or leads to by its messages."""
        extension = self._body.bowerbird
        if extension.state is not None:
            return DialogueState.from_dict(extension.state)
        if extension.conversation is not None:
            name = extension.conversation
            known = self._dialogues.find_named(self._caller.name, self._body.user, name)
            if known is not None:
                return known
        return self._dialogues.state_before(self._body.user, earlier, self._served.assistant)

    async def complete(self, pool: WorkerPool, request: Request) -> JSONResponse:
        """The reply in one response. Raises `ClientDisconnect` as soon as the client disconnects."""
        async with contextlib.aclosing(pool.iterate(self.generator)) as parts:
            async for part in parts:
                if isinstance(part, Reply):
                    return JSONResponse(self._completion(part))
                if isinstance(part, str):
                    self._text.add(escape_markdown(part))
                if await request.is_disconnected():
                    raise ClientDisconnect
        raise AssertionError("the assistant's stream ended without a reply")

    async def chunks(self, first: _Part, parts: AsyncIterator[_Part]) -> AsyncIterator[ServerSentEvent]:
        """The reply as server-sent events."""
        preview: dict[str, Any] = {}
        if isinstance(first, Preview):
            preview = {"bowerbird": self._preview(first)}
        yield self._chunk({"role": "assistant", "content": ""}, **preview)
        part: _Part | None = first
        while part is not None:
            if isinstance(part, Reply):
                for event in self._last_chunks(part):
                    yield event
            elif isinstance(part, Preview):
                if part is not first:
                    yield self._chunk({}, bowerbird=self._preview(part))
            elif (text := self._text.add(escape_markdown(part))) and not self._body.is_json:
                yield self._chunk({"content": text})
            part = await anext(parts, None)
        yield ServerSentEvent("[DONE]", sep="\n")

    def _last_chunks(self, reply: Reply) -> Sequence[ServerSentEvent]:
        """The rest of the text, the extension, and the usage where it is asked for."""
        rest = self._text.end()
        if self._body.is_json:
            rest = self._content(reply)
        self._remember(reply)
        finish = self._text.finish_reason
        events = [self._chunk({"content": rest})] if rest else []
        events.append(self._chunk({}, finish, bowerbird=self._extension(reply)))
        if self._body.stream_options is not None and self._body.stream_options.include_usage:
            body = {**self._head, "object": "chat.completion.chunk", "choices": [], "usage": self._usage()}
            events.append(ServerSentEvent(json.dumps(body), sep="\n"))
        return events

    def _completion(self, reply: Reply) -> dict[str, Any]:
        self._text.end()
        self._remember(reply)
        message = {"role": "assistant", "content": self._content(reply), "refusal": None}
        choice = {"index": 0, "message": message, "logprobs": None}
        return {
            **self._head,
            "object": "chat.completion",
            "choices": [choice | {"finish_reason": self._text.finish_reason}],
            "usage": self._usage(),
            "bowerbird": self._extension(reply),
        }

    def _content(self, reply: Reply) -> str:
        if not self._body.is_json:
            return self._text.sent
        fields = ("item_id", "title", "price", "currency")
        items = [{name: getattr(named, name) for name in fields} for named in reply.shown]
        content = {"text": self._text.sent, "items": items, "suggestions": list(reply.suggestions)}
        return json.dumps(content, ensure_ascii=False)

    def _usage(self) -> dict[str, int]:
        n_reply = count_tokens([self._text.sent])
        total = self._n_prompt + n_reply
        return {"prompt_tokens": self._n_prompt, "completion_tokens": n_reply, "total_tokens": total}

    def _preview(self, preview: Preview) -> dict[str, Any]:
        items = _items(preview.shown, self._served)
        return {"act": preview.act.value, "items": items, "matches": bool(preview.items)}

    def _extension(self, reply: Reply) -> dict[str, Any]:
        items = _items(reply.shown, self._served)
        extension = {**reply.as_dict(), "items": items, "matches": bool(reply.items)}
        if self._body.bowerbird.conversation is not None:
            extension["conversation"] = self._body.bowerbird.conversation
        return extension

    def _remember(self, reply: Reply) -> None:
        body = self._body
        messages = [*self._messages, ("assistant", self._content(reply))]
        self._dialogues.remember(body.user, messages, reply.state)
        if body.bowerbird.conversation is not None:
            name = body.bowerbird.conversation
            self._dialogues.remember_named(self._caller.name, body.user, name, reply.state)

    def _chunk(self, delta: dict[str, Any], finish: str | None = None, **extensions: Any) -> ServerSentEvent:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
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
    headers = {"Retry-After": str(RETRY_AFTER_S)}
    return error_response(429, message, "rate_limit_error", headers, code="rate_limit_exceeded")


def _items(shown: Sequence[ReplyItem], served: ServedSnapshot) -> list[dict[str, Any]]:
    return [served.item(named.position) | named.as_dict() for named in shown]

"""The reply to one chat request while it is generated, whatever format it is sent in."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator, Sequence
from typing import Any, TypeAlias

from starlette.requests import ClientDisconnect, Request

from bowerbird.assist.reply import Preview, Reply, ReplyItem
from bowerbird.assist.state import DialogueState
from bowerbird.data.events import Event
from bowerbird.errors import InputError
from bowerbird.serve.app_state import AppState
from bowerbird.serve.openai.chat_request import ChatRequest
from bowerbird.serve.openai.instructions import read_instructions
from bowerbird.serve.openai.reply_text import ReplyText, count_tokens, escape_markdown
from bowerbird.serve.protection.access import Caller
from bowerbird.serve.worker_pool import WorkerPool

Part: TypeAlias = str | Preview | Reply
"""What an assistant's stream yields."""


class Answer:
    """Texts, then the complete `Reply`."""

    def __init__(self, app_state: AppState, body: ChatRequest, caller: Caller) -> None:
        """Parse the messages. Raises `InputError` without a user message and for a broken picture."""
        last = max((n for n, message in enumerate(body.messages) if message.role == "user"), default=-1)
        if last < 0:
            raise InputError("messages has no message with role user")
        text, image, named_items = body.messages[last].parts(f"messages.{last}")
        self.body, self._caller = body, caller
        self.served, self._dialogues = app_state.served, app_state.dialogues
        self.served.taste.refresh()
        earlier = [
            (message.role, message.text)
            for message in body.messages[:last]
            if message.role in ("user", "assistant")
        ]
        self._messages = [*earlier, ("user", text)]
        self._n_prompt = count_tokens(message.text for message in body.messages)
        self.text = ReplyText(body.stops, body.max_reply_tokens)
        instructions = read_instructions(body.messages)
        n_items = min(body.bowerbird.n_items, instructions.max_items or body.bowerbird.n_items)

        def record(event: Event) -> None:
            app_state.ingest([[event]])

        items = [*body.bowerbird.item_ids, *named_items]
        self.generator = self.served.assistant.stream(
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
        extension = self.body.bowerbird
        if extension.state is not None:
            return DialogueState.from_dict(extension.state)
        if extension.conversation is not None:
            name = extension.conversation
            known = self._dialogues.find_named(self._caller.name, self.body.user, name)
            if known is not None:
                return known
        return self._dialogues.state_before(self.body.user, earlier, self.served.assistant)

    async def finish(self, pool: WorkerPool, request: Request) -> Reply:
        """The whole reply. Raises `ClientDisconnect` as soon as the client disconnects."""
        async with contextlib.aclosing(pool.iterate(self.generator)) as parts:
            async for part in parts:
                if isinstance(part, Reply):
                    self.text.end()
                    self._remember(part)
                    return part
                if isinstance(part, str):
                    self.text.add(escape_markdown(part))
                if await request.is_disconnected():
                    raise ClientDisconnect
        raise AssertionError("the assistant's stream ended without a reply")

    async def parts(self, first: Part, others: AsyncIterator[Part]) -> AsyncIterator[Part]:
        """The parts of a stream as they can be sent: previews, texts that are not empty, then the reply."""
        part: Part | None = first
        while part is not None:
            if isinstance(part, str):
                text = self.text.add(escape_markdown(part))
                if text and not self.body.is_json:
                    yield text
            elif isinstance(part, Preview):
                yield part
            else:
                rest = self.text.end()
                rest = self.content(part) if self.body.is_json else rest
                self._remember(part)
                if rest:
                    yield rest
                yield part
            part = await anext(others, None)

    def content(self, reply: Reply) -> str:
        """The text of a reply, or its JSON."""
        if not self.body.is_json:
            return self.text.sent
        if (filler := self.body.schema_filler) is not None:
            return filler.fill(self.text.sent, self._items(reply.shown), reply)
        fields = ("item_id", "title", "price", "currency")
        items = [{name: getattr(named, name) for name in fields} for named in reply.shown]
        content = {"text": self.text.sent, "items": items, "suggestions": list(reply.suggestions)}
        return json.dumps(content, ensure_ascii=False)

    @property
    def tokens(self) -> tuple[int, int]:
        """Tokens of the request and of the reply."""
        return self._n_prompt, count_tokens([self.text.sent])

    def preview(self, preview: Preview) -> dict[str, Any]:
        """The extension while the text is written."""
        items = self._items(preview.shown)
        return {"act": preview.act.value, "items": items, "matches": bool(preview.items)}

    def extension(self, reply: Reply) -> dict[str, Any]:
        """The extension of the whole reply."""
        extension = {**reply.as_dict(), "items": self._items(reply.shown), "matches": bool(reply.items)}
        if self.body.bowerbird.conversation is not None:
            extension["conversation"] = self.body.bowerbird.conversation
        return extension

    def remember_as(self, name: str, reply: Reply) -> None:
        """Remember the state after a reply under a name."""
        self._dialogues.remember_named(self._caller.name, self.body.user, name, reply.state)

    def _remember(self, reply: Reply) -> None:
        messages = [*self._messages, ("assistant", self.content(reply))]
        self._dialogues.remember(self.body.user, messages, reply.state)
        if self.body.bowerbird.conversation is not None:
            self.remember_as(self.body.bowerbird.conversation, reply)

    def _items(self, shown: Sequence[ReplyItem]) -> list[dict[str, Any]]:
        return [self.served.item(named.position) | named.as_dict() for named in shown]

    @property
    def fingerprint(self) -> str:
        """Names the served versions."""
        return f"set-{self.served.snapshot.number}"

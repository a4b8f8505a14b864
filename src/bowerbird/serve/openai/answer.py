"""The reply to one chat request while it is generated, whatever format it is sent in."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, Literal, TypeAlias

from starlette.requests import ClientDisconnect, Request

from bowerbird.assist.assistant import Assistant
from bowerbird.assist.needs import label_values
from bowerbird.assist.reply import Preview, Reply, ReplyItem
from bowerbird.assist.state import DialogueState
from bowerbird.assist.writers.contract import ClientTools
from bowerbird.data.events import Event
from bowerbird.errors import InputError
from bowerbird.serve.app_state import AppState
from bowerbird.serve.errors import UnsupportedField
from bowerbird.serve.openai.chat_request import ChatRequest
from bowerbird.serve.openai.instructions import read_instructions
from bowerbird.serve.openai.reply_text import ReplyText, count_tokens, escape_markdown
from bowerbird.serve.openai.tools import client_tools
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
        self.body, self._caller = body, caller
        self.served, self._dialogues = app_state.served, app_state.dialogues
        self.served.taste.refresh()
        self._n_prompt = count_tokens(message.text for message in body.messages)
        self.text = ReplyText(body.stops, body.max_reply_tokens)
        self.tool_calls: list[dict[str, Any]] = []
        """What the client has to call, in OpenAI's form, once the reply is complete; then it has no text."""
        self.generator = self._generate(last, app_state.ingest)

    def _generate(self, last: int, ingest: Callable[[list[list[Event]]], object]) -> Iterator[Part]:
        """The reply to the user's last message, which has the number `last`."""
        body = self.body
        text, image, named_items = body.messages[last].parts(f"messages.{last}")
        earlier = [
            (message.role, message.text)
            for message in body.messages[:last]
            if message.role in ("user", "assistant") and not message.tool_calls
        ]
        self._messages = [*earlier, ("user", text)]
        self._state = self._state_before(earlier)
        are_parallel = body.parallel_tool_calls is not False
        offer = client_tools(body.tools or (), body.tool_choice, are_parallel, body.messages, last)
        assistant = self.served.assistant
        if offer is not None:
            assistant, self.tool_calls = self._with_tools(offer)

        def record(event: Event) -> None:
            if offer is None or not offer.history:  # else it was recorded before the tool was called
                ingest([[event]])

        instructions = read_instructions(body.messages)
        n_items = min(body.bowerbird.n_items, instructions.max_items or body.bowerbird.n_items)
        items = [*body.bowerbird.item_ids, *named_items]
        return assistant.stream(
            self._state, text, body.user, image, items, n_items, record, instructions.language
        )

    def _with_tools(self, offer: ClientTools) -> tuple[Assistant, list[dict[str, Any]]]:
        try:
            return self.served.assistant.with_tools(offer)
        except InputError as error:
            raise UnsupportedField("tools" if offer.tools else "messages", str(error)) from None

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
                    return self._completed(part)
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
                reply = self._completed(part)
                rest = self.content(reply) if self.body.is_json and not self.tool_calls else rest
                if rest:
                    yield rest
                yield reply
            part = await anext(others, None)

    def content(self, reply: Reply) -> str:
        """The text of a reply, or its JSON."""
        if not self.body.is_json:
            return self.text.sent
        if (filler := self.body.schema_filler) is not None:
            return filler.fill(self.text.sent, self._items(reply.shown), reply)
        fields = ("item_id", "title", "price", "currency")
        items = [{name: getattr(item, name) for name in fields} for item in reply.shown]
        content = {"text": self.text.sent, "items": items, "suggestions": list(reply.suggestions)}
        return json.dumps(content, ensure_ascii=False)

    @property
    def tokens(self) -> tuple[int, int]:
        """Tokens of the request and of the reply."""
        arguments = (call["function"]["arguments"] for call in self.tool_calls)
        return self._n_prompt, count_tokens([self.text.sent, *arguments])

    @property
    def finish_reason(self) -> Literal["stop", "length", "tool_calls"] | None:
        """Why the reply ended."""
        return "tool_calls" if self.tool_calls else self.text.finish_reason

    def preview(self, preview: Preview) -> dict[str, Any]:
        """The extension while the text is written."""
        items = self._items(preview.shown)
        return {"act": preview.act.value, "items": items, "matches": bool(preview.items)}

    def extension(self, reply: Reply) -> dict[str, Any]:
        """The extension of the whole reply."""
        extension = {**reply.as_dict(), "items": self._items(reply.shown), "matches": bool(reply.items)}
        extension["labels"] = label_values(reply.state, self.served.assistant.parts.languages_folder)
        if self.body.bowerbird.conversation is not None:
            extension["conversation"] = self.body.bowerbird.conversation
        return extension

    def remember_as(self, name: str, reply: Reply) -> None:
        """Remember the state after a reply under a name."""
        self._dialogues.remember_named(self._caller.name, self.body.user, name, reply.state)

    def _completed(self, reply: Reply) -> Reply:
        """Remember the state after a reply. Where a tool is called, the turn begins again with its result."""
        if self.tool_calls:
            return replace(reply, state=self._state)
        messages = [*self._messages, ("assistant", self.content(reply))]
        self._dialogues.remember(self.body.user, messages, reply.state)
        if self.body.bowerbird.conversation is not None:
            self.remember_as(self.body.bowerbird.conversation, reply)
        return reply

    def _items(self, shown: Sequence[ReplyItem]) -> list[dict[str, Any]]:
        return [self.served.item(item.position) | item.as_dict() for item in shown]

    @property
    def fingerprint(self) -> str:
        """Names the served versions."""
        return f"set-{self.served.snapshot.number}"

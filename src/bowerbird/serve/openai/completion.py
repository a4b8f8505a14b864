"""OpenAI's chat completions: a reply whole, or in chunks."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import AsyncIterator
from typing import Any

from sse_starlette import ServerSentEvent

from bowerbird.assist.reply import Preview, Reply
from bowerbird.serve.openai.answer import Answer, Part
from bowerbird.serve.openai.chat_request import MODEL


class ChatCompletion:
    """A reply in the format of `/v1/chat/completions`."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self._head = {
            "id": f"chatcmpl-{uuid.uuid4().hex}",
            "created": int(time.time()),
            "model": MODEL,
            "system_fingerprint": answer.fingerprint,
        }

    def whole(self, reply: Reply) -> dict[str, Any]:
        """The reply in one body."""
        message: dict[str, Any] = {"role": "assistant", "content": None, "refusal": None}
        if self.answer.tool_calls:
            message["tool_calls"] = self.answer.tool_calls
        else:
            message["content"] = self.answer.content(reply)
        choice = {"index": 0, "message": message, "logprobs": None}
        return {
            **self._head,
            "object": "chat.completion",
            "choices": [choice | {"finish_reason": self.answer.finish_reason}],
            "usage": self._usage(),
            "bowerbird": self.answer.extension(reply),
        }

    async def events(self, first: Part, others: AsyncIterator[Part]) -> AsyncIterator[ServerSentEvent]:
        """The reply as server-sent events."""
        preview: dict[str, Any] = {}
        if isinstance(first, Preview):
            preview = {"bowerbird": self.answer.preview(first)}
        yield self._chunk({"role": "assistant", "content": ""}, **preview)
        async for part in self.answer.parts(first, others):
            if isinstance(part, str):
                yield self._chunk({"content": part})
            elif isinstance(part, Preview):
                if part is not first:
                    yield self._chunk({}, bowerbird=self.answer.preview(part))
            else:
                for index, call in enumerate(self.answer.tool_calls):
                    yield self._chunk({"tool_calls": [{"index": index, **call}]})
                finish = self.answer.finish_reason
                yield self._chunk({}, finish, bowerbird=self.answer.extension(part))
        options = self.answer.body.stream_options
        if options is not None and options.include_usage:
            body = {**self._head, "object": "chat.completion.chunk", "choices": [], "usage": self._usage()}
            yield ServerSentEvent(json.dumps(body), sep="\n")
        yield ServerSentEvent("[DONE]", sep="\n")

    def _usage(self) -> dict[str, int]:
        n_prompt, n_reply = self.answer.tokens
        total = n_prompt + n_reply
        return {"prompt_tokens": n_prompt, "completion_tokens": n_reply, "total_tokens": total}

    def _chunk(self, delta: dict[str, Any], finish: str | None = None, **extensions: Any) -> ServerSentEvent:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        body = {**self._head, "object": "chat.completion.chunk", "choices": [choice], **extensions}
        return ServerSentEvent(json.dumps(body, ensure_ascii=False), sep="\n")

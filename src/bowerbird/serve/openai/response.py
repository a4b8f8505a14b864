"""OpenAI's responses: a reply whole, or as the events of a stream."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import AsyncIterator
from itertools import count
from typing import Any

from sse_starlette import ServerSentEvent

from bowerbird.assist.reply import Preview, Reply
from bowerbird.serve.openai.answer import Answer, Part
from bowerbird.serve.openai.chat_request import MODEL
from bowerbird.serve.openai.responses_request import ResponsesRequest


class ResponseObject:
    """A reply in the format of `/v1/responses`."""

    def __init__(self, answer: Answer, request: ResponsesRequest) -> None:
        self.answer, self._request = answer, request
        self._id, self._message_id = f"resp_{uuid.uuid4().hex}", f"msg_{uuid.uuid4().hex}"
        self._created, self._numbers = int(time.time()), count()

    def whole(self, reply: Reply) -> dict[str, Any]:
        """The reply in one body."""
        self.answer.remember_as(self._id, reply)
        n_input, n_output = self.answer.tokens
        is_cut = self.answer.text.finish_reason == "length"
        return self._response("incomplete" if is_cut else "completed") | {
            "incomplete_details": {"reason": "max_output_tokens"} if is_cut else None,
            "output": [self._message(self.answer.content(reply), "incomplete" if is_cut else "completed")],
            "usage": {
                "input_tokens": n_input,
                "input_tokens_details": {"cached_tokens": 0},
                "output_tokens": n_output,
                "output_tokens_details": {"reasoning_tokens": 0},
                "total_tokens": n_input + n_output,
            },
            "bowerbird": self.answer.extension(reply),
        }

    async def events(self, first: Part, others: AsyncIterator[Part]) -> AsyncIterator[ServerSentEvent]:
        """The reply as server-sent events; the items of a list come with the first ones."""
        preview = {"bowerbird": self.answer.preview(first)} if isinstance(first, Preview) else {}
        for name in ("response.created", "response.in_progress"):
            yield self._event(name, response=self._response("in_progress") | preview)
        place = {"output_index": 0, "item_id": self._message_id, "content_index": 0}
        empty = {**self._message("", "in_progress"), "content": []}
        yield self._event("response.output_item.added", output_index=0, item=empty)
        yield self._event("response.content_part.added", **place, part=_text_part(""))
        async for part in self.answer.parts(first, others):
            if isinstance(part, str):
                yield self._event("response.output_text.delta", **place, delta=part, logprobs=[])
            elif isinstance(part, Reply):
                body = self.whole(part)
                message = body["output"][0]
                text = message["content"][0]["text"]
                yield self._event("response.output_text.done", **place, text=text, logprobs=[])
                yield self._event("response.content_part.done", **place, part=message["content"][0])
                yield self._event("response.output_item.done", output_index=0, item=message)
                yield self._event(f"response.{body['status']}", response=body)

    def _response(self, status: str) -> dict[str, Any]:
        request = self._request
        return {
            "id": self._id,
            "object": "response",
            "created_at": self._created,
            "status": status,
            "error": None,
            "incomplete_details": None,
            "instructions": request.instructions,
            "max_output_tokens": request.max_output_tokens,
            "metadata": request.metadata or {},
            "model": MODEL,
            "output": [],
            "parallel_tool_calls": True,
            "previous_response_id": request.previous_response_id,
            "temperature": request.temperature,
            "text": {"format": request.text.format.model_dump(by_alias=True, exclude_none=True)},
            "tool_choice": request.tool_choice or "auto",
            "tools": [],
            "top_p": request.top_p,
            "usage": None,
        }

    def _message(self, text: str, status: str) -> dict[str, Any]:
        return {
            "id": self._message_id,
            "type": "message",
            "role": "assistant",
            "status": status,
            "content": [_text_part(text)],
        }

    def _event(self, name: str, **fields: Any) -> ServerSentEvent:
        body = {"type": name, "sequence_number": next(self._numbers), **fields}
        return ServerSentEvent(json.dumps(body, ensure_ascii=False), event=name, sep="\n")


def _text_part(text: str) -> dict[str, Any]:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}

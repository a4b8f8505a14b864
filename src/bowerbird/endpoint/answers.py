"""Tools that a language model may call, and its answers: read from OpenAI's format, whole or as a stream."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bowerbird.errors import EngineError
from bowerbird.usage import Usage


@dataclass(frozen=True)
class Tool:
    """A function that the model may call; `parameters` is a JSON schema."""

    name: str
    description: str
    parameters: Mapping[str, Any]
    strict: bool | None = None
    """Whether arguments follow the schema exactly."""

    def as_dict(self) -> dict[str, Any]:
        """The tool in OpenAI's form."""
        function: dict[str, Any] = {
            "name": self.name,
            "description": self.description,
            "parameters": dict(self.parameters),
        }
        if self.strict is not None:
            function["strict"] = self.strict
        return {"type": "function", "function": function}


@dataclass(frozen=True)
class ToolCall:
    """A call that the model asks for; `arguments` is the JSON text as it came."""

    id: str
    name: str
    arguments: str

    def parse_arguments(self) -> dict[str, Any]:
        """The arguments; empty where they are no JSON object."""
        try:
            parsed = json.loads(self.arguments or "{}")
        except ValueError:
            return {}
        return parsed if isinstance(parsed, dict) else {}

    def as_dict(self) -> dict[str, Any]:
        """The call in OpenAI's form, to be sent back with its result."""
        function = {"name": self.name, "arguments": self.arguments}
        return {"id": self.id, "type": "function", "function": function}


@dataclass(frozen=True)
class ChatAnswer:
    """One answer of the model: its text, or tools to call."""

    text: str
    tool_calls: tuple[ToolCall, ...] = ()
    usage: Usage | None = None
    """Tokens as the server counts them; None where it does not."""


class StreamedAnswer:
    """Joins the chunks of a streamed answer."""

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._calls: dict[int, dict[str, str]] = {}
        self._usage: Usage | None = None
        self._is_complete = False
        self.has_begun = False
        """Whether anything of the answer has arrived."""

    def add(self, event: Mapping[str, Any]) -> str:
        """Add one event; returns its text."""
        try:
            self._usage = _usage_of(event.get("usage")) or self._usage  # of the whole answer so far
            chunk = ""
            for choice in event.get("choices") or ():
                delta = choice.get("delta") or {}
                chunk += delta.get("content") or ""
                for tool_call in delta.get("tool_calls") or ():
                    self._add_call(tool_call)
                self._is_complete |= choice.get("finish_reason") is not None
            self.has_begun = True
        except (AttributeError, TypeError, ValueError, KeyError) as error:
            raise EngineError(f"the endpoint's stream is not OpenAI's format ({error})") from error
        self._texts.append(chunk)
        return chunk

    def _add_call(self, tool_call: Mapping[str, Any]) -> None:
        call = self._calls.setdefault(int(tool_call.get("index", 0)), {"id": "", "name": "", "arguments": ""})
        function = tool_call.get("function") or {}
        call["id"] = tool_call.get("id") or call["id"]
        call["name"] += function.get("name") or ""
        call["arguments"] += function.get("arguments") or ""

    def check_end(self) -> None:
        """Raise `EngineError` where the answer is not complete."""
        if not self._is_complete:
            raise EngineError("the endpoint ended its answer early: check its log")

    @property
    def answer(self) -> ChatAnswer:
        """The answer, as far as it has arrived."""
        calls = tuple(ToolCall(**call) for _, call in sorted(self._calls.items()))
        return ChatAnswer("".join(self._texts), calls, self._usage)


def parse_answer(body: Mapping[str, Any]) -> ChatAnswer:
    """The answer of a response's body. Raises `EngineError` where it is not in OpenAI's format."""
    try:
        message = body["choices"][0]["message"]
        calls = tuple(
            ToolCall(str(call["id"]), str(call["function"]["name"]), str(call["function"]["arguments"]))
            for call in message.get("tool_calls") or ()
        )
        content = message.get("content") or ""
        if not isinstance(content, str):
            raise TypeError(f"content is {type(content).__name__}")
        return ChatAnswer(content, calls, _usage_of(body.get("usage")))
    except (KeyError, IndexError, TypeError, AttributeError, ValueError) as error:
        raise EngineError(f"the endpoint's answer is not OpenAI's format ({error!r})") from error


def _usage_of(usage: Any) -> Usage | None:
    """Tokens by a server's count; None where it is none. An answer is no worse for a broken count."""
    if not isinstance(usage, Mapping):
        return None
    read, written = usage.get("prompt_tokens"), usage.get("completion_tokens")
    if isinstance(read, int) and isinstance(written, int) and min(read, written) >= 0:
        return Usage(read, written)
    return None

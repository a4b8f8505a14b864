"""A language model behind an OpenAI-compatible `/chat/completions`: text, tool calls and JSON by a schema."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bowerbird.data.settings import LanguageModelSettings
from bowerbird.endpoint.connection import EngineUnavailable, JsonConnection, RequestRejected, TimeLimits
from bowerbird.errors import EngineError, InputError

Message = Mapping[str, Any]
"""A message in OpenAI's form: role, content, and tool calls or their results."""


@dataclass(frozen=True)
class Tool:
    """A function that the model may call; `parameters` is a JSON schema."""

    name: str
    description: str
    parameters: Mapping[str, Any]

    def as_dict(self) -> dict[str, Any]:
        """The tool in OpenAI's form."""
        function = {"name": self.name, "description": self.description, "parameters": dict(self.parameters)}
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
class Usage:
    """Tokens of an answer, as the server counts them; 0 where it does not."""

    prompt_tokens: int = 0
    completion_tokens: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.prompt_tokens + other.prompt_tokens, self.completion_tokens + other.completion_tokens
        )


@dataclass(frozen=True)
class ChatAnswer:
    """One answer of the model: its text, or tools to call."""

    text: str
    tool_calls: tuple[ToolCall, ...] = ()
    usage: Usage = Usage()


class ChatEndpoint:
    """A model at a URL. Safe to use from several threads.

    After an answer that failed, requests fail immediately for `settings.pause_s` seconds, so that a server
    that is down or slow delays one conversation and not all of them.
    """

    def __init__(self, settings: LanguageModelSettings) -> None:
        """Raises `InputError` where url or model is missing or the key's variable is not set."""
        if not (settings.url and settings.model):
            raise InputError("[language_model] in bowerbird.toml needs url and model of the endpoint")
        limits = TimeLimits(settings.connect_timeout_s, settings.timeout_s, settings.timeout_s)
        self.settings = settings
        self._connection = JsonConnection(settings.url, settings.read_key(), limits)
        self._lock = threading.Lock()
        self._paused_until = 0.0

    def complete(
        self,
        messages: Sequence[Message],
        *,
        tools: Sequence[Tool] = (),
        schema: Mapping[str, Any] | None = None,
        max_tokens: int | None = None,
    ) -> ChatAnswer:
        """The whole answer. `schema` constrains it to JSON (`response_format: json_schema`).

        Raises `EngineError` where the server is down, slow, rejects the request, or answers nonsense.
        """
        body = self._body(messages, tools, schema, max_tokens)
        self._check_pause()
        try:
            return _answer_of(self._connection.post("chat/completions", body))
        except EngineError as error:
            self._pause_after(error)
            raise

    def complete_json(
        self, messages: Sequence[Message], schema: Mapping[str, Any], *, max_tokens: int | None = None
    ) -> Any:
        """The answer as parsed JSON; the caller checks it, since not all servers enforce the schema.

        Raises `EngineError` as `complete` does, and where the text is no JSON.
        """
        text = self.complete(messages, schema=schema, max_tokens=max_tokens).text.strip()
        fenced = text.removeprefix("```json").removeprefix("```").removesuffix("```")
        try:
            return json.loads(fenced)
        except (ValueError, RecursionError) as error:
            raise EngineError(f"{self.settings.model} answered no JSON: {text[:100]!r}") from error

    def stream(
        self, messages: Sequence[Message], *, tools: Sequence[Tool] = (), max_tokens: int | None = None
    ) -> Iterator[str | ChatAnswer]:
        """Parts of the text as they arrive, then the whole answer. Raises `EngineError` at any step."""
        body = self._body(messages, tools, None, max_tokens)
        body |= {"stream": True, "stream_options": {"include_usage": True}}
        self._check_pause()
        answer = _StreamedAnswer()
        try:
            for event in self._connection.stream("chat/completions", body):
                chunk = answer.add(event)
                if chunk:
                    yield chunk
            yield answer.finish()
        except EngineError as error:
            self._pause_after(error)
            raise

    def _body(
        self,
        messages: Sequence[Message],
        tools: Sequence[Tool],
        schema: Mapping[str, Any] | None,
        max_tokens: int | None,
    ) -> dict[str, Any]:
        body: dict[str, Any] = {
            "model": self.settings.model,
            "messages": [dict(message) for message in messages],
            "max_tokens": max_tokens or self.settings.max_tokens,
            "temperature": 0,
        }
        if tools:
            body["tools"] = [tool.as_dict() for tool in tools]
        if schema is not None:
            json_schema = {"name": "answer", "schema": dict(schema), "strict": True}
            body["response_format"] = {"type": "json_schema", "json_schema": json_schema}
        return body

    def _check_pause(self) -> None:
        with self._lock:
            remaining = self._paused_until - time.monotonic()
        if remaining > 0:
            raise EngineUnavailable(
                f"{self._connection.url} failed a moment ago: it is asked again in {remaining:.0f} s"
            )

    def _pause_after(self, error: EngineError) -> None:
        if isinstance(error, RequestRejected):  # the next request may be a better one
            return
        with self._lock:
            self._paused_until = time.monotonic() + self.settings.pause_s


class _StreamedAnswer:
    """Joins the chunks of a streamed answer."""

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._calls: dict[int, dict[str, str]] = {}
        self._usage = Usage()
        self._is_complete = False

    def add(self, event: Mapping[str, Any]) -> str:
        """Add one event; returns its text."""
        try:
            if event.get("usage"):  # of the whole answer so far
                self._usage = _usage_of(event["usage"])
            chunk = ""
            for choice in event.get("choices") or ():
                delta = choice.get("delta") or {}
                chunk += delta.get("content") or ""
                for part in delta.get("tool_calls") or ():
                    self._add_call(part)
                self._is_complete |= choice.get("finish_reason") is not None
        except (AttributeError, TypeError, ValueError, KeyError) as error:
            raise EngineError(f"the endpoint's stream is not OpenAI's format ({error})") from error
        self._texts.append(chunk)
        return chunk

    def _add_call(self, part: Mapping[str, Any]) -> None:
        call = self._calls.setdefault(int(part.get("index", 0)), {"id": "", "name": "", "arguments": ""})
        function = part.get("function") or {}
        call["id"] = part.get("id") or call["id"]
        call["name"] += function.get("name") or ""
        call["arguments"] += function.get("arguments") or ""

    def finish(self) -> ChatAnswer:
        if not self._is_complete:
            raise EngineError("the endpoint ended its answer early: check its log")
        calls = tuple(ToolCall(**call) for _, call in sorted(self._calls.items()))
        return ChatAnswer("".join(self._texts), calls, self._usage)


def _answer_of(body: Mapping[str, Any]) -> ChatAnswer:
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


def _usage_of(usage: Mapping[str, Any] | None) -> Usage:
    if not usage:
        return Usage()
    return Usage(int(usage.get("prompt_tokens") or 0), int(usage.get("completion_tokens") or 0))

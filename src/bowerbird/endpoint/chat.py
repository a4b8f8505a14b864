"""A language model behind an OpenAI-compatible `/chat/completions`: text, tool calls and JSON by a schema."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bowerbird.data.settings import LanguageModelSettings
from bowerbird.endpoint.answers import ChatAnswer, StreamedAnswer, Tool, parse_answer
from bowerbird.endpoint.connection import JsonConnection, TimeLimits
from bowerbird.endpoint.pause import FailurePause
from bowerbird.errors import EngineError, InputError
from bowerbird.tracing import ModelCall, model_call
from bowerbird.usage import Usage, estimate_tokens, report_usage

PROVIDER = "openai"
"""Whose API it is, in traces."""
Message = Mapping[str, Any]
"""A message in OpenAI's form: role, content, and tool calls or their results."""


class ChatEndpoint:
    """A model at a URL. Safe to use from several threads.

    After an answer that failed, requests fail immediately for `settings.pause_s` seconds, so that a server
    that is down or slow delays one conversation and not all of them. Tokens are reported (`usage`), those of
    an answer that breaks off too; where the server does not count them, they are estimated.
    """

    def __init__(self, settings: LanguageModelSettings) -> None:
        """Raises `InputError` where url or model is missing or the key's variable is not set."""
        if not (settings.url and settings.model):
            raise InputError("[language_model] in bowerbird.toml needs url and model of the endpoint")
        limits = TimeLimits(settings.connect_timeout_s, settings.timeout_s, settings.timeout_s)
        self.settings = settings
        self._connection = JsonConnection(settings.url, settings.read_key(), limits)
        self._pause = FailurePause(self._connection.url, settings.pause_s)

    def complete(
        self,
        messages: Sequence[Message],
        *,
        tools: Sequence[Tool] = (),
        tool_choice: Any = None,
        schema: Mapping[str, Any] | None = None,
        max_tokens: int | None = None,
    ) -> ChatAnswer:
        """The whole answer. `schema` constrains it to JSON (`response_format: json_schema`), `tool_choice` is
        OpenAI's.

        Raises `EngineError` where the server is down, slow, rejects the request, or answers nonsense.
        """
        body = self._body(messages, tools, schema, max_tokens)
        if tool_choice is not None:
            body["tool_choice"] = tool_choice
        with model_call(self.settings.model, PROVIDER) as call:
            with self._pause.guard():
                answer = parse_answer(self._connection.post("chat/completions", body))
            self._report(body, answer, call)
        return answer

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
        answer = StreamedAnswer()
        with model_call(self.settings.model, PROVIDER) as call:
            try:
                with self._pause.guard():
                    for event in self._connection.stream("chat/completions", body):
                        chunk = answer.add(event)
                        if chunk:
                            yield chunk
                    answer.check_end()
            finally:
                if answer.has_begun:
                    self._report(body, answer.answer, call)
        yield answer.answer

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

    def _report(self, body: Mapping[str, Any], answer: ChatAnswer, call: ModelCall) -> None:
        """Report the tokens of an answer: the server's count, else an estimate."""
        read = json.dumps([body["messages"], body.get("tools", ())], ensure_ascii=False)
        written = answer.text + "".join(call.name + call.arguments for call in answer.tool_calls)
        usage = answer.usage or Usage(estimate_tokens(read), estimate_tokens(written))
        report_usage(self.settings.model, usage, is_paid=True)
        call.count(usage)

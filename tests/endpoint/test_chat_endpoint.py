"""The client of OpenAI-compatible endpoints against a real server that answers well, or fails in each way."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from bowerbird.data.settings import LanguageModelSettings
from bowerbird.endpoint.answers import ChatAnswer, Tool
from bowerbird.endpoint.chat import ChatEndpoint
from bowerbird.endpoint.connection import EngineUnavailable, RequestRejected
from bowerbird.errors import EngineError
from bowerbird.usage import Usage, UsageMeter, metered
from scripted_endpoint import Fault, answer, scripted_endpoint

QUESTION = [{"role": "user", "content": "a lamp?"}]
SEARCH = Tool("search", "Find items.", {"type": "object", "properties": {"text": {"type": "string"}}})


def endpoint_at(url: str, **settings: Any) -> ChatEndpoint:
    limits = {"timeout_s": 0.5, "connect_timeout_s": 0.5, "pause_s": 0.0} | settings
    return ChatEndpoint(LanguageModelSettings(url=url, model="tiny", **limits))


def collect(endpoint: ChatEndpoint, **options: Any) -> tuple[str, ChatAnswer]:
    *chunks, last = endpoint.stream(QUESTION, **options)
    assert isinstance(last, ChatAnswer)
    return "".join(str(chunk) for chunk in chunks), last


def test_the_answer_streamed_is_the_answer_whole() -> None:
    script = [answer("Here is a lamp, naïve and 灯."), answer("Here is a lamp, naïve and 灯.")]
    with scripted_endpoint(script) as server:
        endpoint = endpoint_at(server.url)
        whole, (text, streamed) = endpoint.complete(QUESTION), collect(endpoint)
    assert whole == streamed == ChatAnswer("Here is a lamp, naïve and 灯.", (), Usage(100, 20))
    assert text == whole.text
    assert server.requests[0]["messages"] == QUESTION and server.requests[0]["model"] == "tiny"


@pytest.mark.parametrize("is_stream", [False, True])
@pytest.mark.parametrize(
    ("claimed", "counted"),
    [
        ({"prompt_tokens": 7, "completion_tokens": 2}, Usage(7, 2)),
        (None, Usage(12, 5)),  # a quarter of the characters
        ({"prompt_tokens": -5, "completion_tokens": 1}, Usage(12, 5)),
        ({"prompt_tokens": "many"}, Usage(12, 5)),
        ([1], Usage(12, 5)),
    ],
)
def test_tokens_are_counted_once_whatever_the_server_claims(
    claimed: Any, counted: Usage, is_stream: bool
) -> None:
    meter = UsageMeter()
    with scripted_endpoint([answer("Here is an oak lamp.")], claimed) as server, metered(meter):
        endpoint = endpoint_at(server.url, timeout_s=20)
        collect(endpoint) if is_stream else endpoint.complete(QUESTION)
    assert (meter.models, meter.total, meter.paid) == (("tiny",), counted, counted)


def test_an_answer_that_breaks_off_is_paid_for_and_a_server_that_is_down_is_not() -> None:
    meter = UsageMeter()
    with scripted_endpoint([Fault.HALF, Fault.OVERLOADED]) as server, metered(meter):
        endpoint = endpoint_at(server.url, timeout_s=20)
        for _ in range(2):
            with pytest.raises(EngineError):
                collect(endpoint)
    assert meter.total == Usage(12, 5)


def test_tool_calls_streamed_are_those_whole() -> None:
    calls = [("search", {"text": "lamp"}), ("search", {"text": "rug", "max_price": 5})]
    with scripted_endpoint([answer(calls=calls)]) as server:
        endpoint = endpoint_at(server.url)
        whole, (_, streamed) = endpoint.complete(QUESTION, tools=[SEARCH]), collect(endpoint, tools=[SEARCH])
    assert whole.tool_calls == streamed.tool_calls
    assert [(call.name, call.parse_arguments()) for call in whole.tool_calls] == calls
    assert server.requests[0]["tools"][0]["function"]["name"] == "search"


def test_json_by_a_schema() -> None:
    schema = {"type": "object", "properties": {"act": {"type": "string"}}}
    with scripted_endpoint([answer('{"act": "find"}'), answer('```json\n{"act": "more"}\n```')]) as server:
        endpoint = endpoint_at(server.url)
        assert endpoint.complete_json(QUESTION, schema) == {"act": "find"}
        assert endpoint.complete_json(QUESTION, schema) == {"act": "more"}
    assert server.requests[0]["response_format"]["json_schema"]["schema"] == schema


def test_what_is_no_json_is_an_error() -> None:
    with (
        scripted_endpoint([answer("I would say: find")]) as server,
        pytest.raises(EngineError, match="no JSON"),
    ):
        endpoint_at(server.url).complete_json(QUESTION, {"type": "object"})


@pytest.mark.parametrize("fault", Fault)
@pytest.mark.parametrize("is_stream", [False, True])
def test_every_fault_is_an_error_in_bounded_time(fault: Fault, is_stream: bool) -> None:
    with scripted_endpoint([fault]) as server:
        endpoint, start = endpoint_at(server.url), time.monotonic()
        with pytest.raises(EngineError):
            collect(endpoint) if is_stream else endpoint.complete(QUESTION)
        assert time.monotonic() - start < 10


def test_a_server_that_is_down_is_an_error() -> None:
    with scripted_endpoint([answer("hello")]) as server:
        url = server.url
    with pytest.raises(EngineUnavailable, match="no server answers"):
        endpoint_at(url).complete(QUESTION)


def test_what_was_not_begun_is_asked_again() -> None:
    with scripted_endpoint([Fault.OVERLOADED, answer("hello")]) as server:
        assert endpoint_at(server.url, timeout_s=20).complete(QUESTION).text == "hello"
    assert len(server.requests) == 2


@pytest.mark.parametrize("fault", [Fault.REJECTS, Fault.HALF, Fault.ERROR_EVENT])
def test_what_was_begun_or_rejected_is_not_asked_again(fault: Fault) -> None:
    with scripted_endpoint([fault]) as server:
        with pytest.raises(EngineError):
            collect(endpoint_at(server.url, timeout_s=20))
        assert len(server.requests) == 1


def test_after_a_failure_the_server_rests() -> None:
    with scripted_endpoint([Fault.ERROR_EVENT, answer("hello")]) as server:
        endpoint = endpoint_at(server.url, pause_s=60)
        for _ in range(3):
            with pytest.raises(EngineError):
                collect(endpoint)
        assert len(server.requests) == 1


def test_a_rejected_request_does_not_stop_the_next_one() -> None:
    with scripted_endpoint([Fault.REJECTS, answer("hello")]) as server:
        endpoint = endpoint_at(server.url, pause_s=60)
        with pytest.raises(RequestRejected, match="scripted"):
            endpoint.complete(QUESTION)
        assert endpoint.complete(QUESTION).text == "hello"


def test_the_key_comes_from_the_environment_and_is_shown_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_LLM_KEY", "sk-secret")
    with scripted_endpoint([Fault.FORBIDDEN]) as server:
        endpoint = endpoint_at(server.url, key="env:SHOP_LLM_KEY")
        with pytest.raises(EngineError) as caught:
            endpoint.complete(QUESTION)
    assert server.headers[0]["Authorization"] == "Bearer sk-secret"
    assert "sk-secret" not in f"{caught.value!r} {endpoint.settings!r} {json.dumps(server.requests)}"

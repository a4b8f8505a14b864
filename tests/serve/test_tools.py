"""Tools of a client: offered to the model at the endpoint, and called by the client."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import openai
import pytest

from scripted_endpoint import ScriptedEndpoint, scripted_endpoint
from tool_calling_model import FINAL, RESULT, play_model, store_with_endpoint

STATUS = {
    "type": "function",
    "function": {
        "name": "order_status",
        "description": "Where an order is.",
        "parameters": {"type": "object", "properties": {"order_id": {"type": "string"}}},
    },
}
QUESTION = "where is my order?"


@pytest.fixture(scope="module")
def endpoint() -> Iterator[ScriptedEndpoint]:
    with scripted_endpoint([play_model]) as server:
        yield server


@pytest.fixture(scope="module")
def client(
    endpoint: ScriptedEndpoint, serve: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[openai.OpenAI]:
    store = store_with_endpoint(tmp_path_factory.mktemp("tools") / "store", endpoint.url)
    with serve(store.path) as address:
        yield openai.OpenAI(base_url=f"{address}/v1", api_key="none", timeout=120, max_retries=0)


def ask(client: openai.OpenAI, text: str = QUESTION, after: Any = (), **options: Any) -> Any:
    messages = [{"role": "user", "content": text}, *after]
    return client.chat.completions.create(model="bowerbird", messages=messages, tools=[STATUS], **options)  # type: ignore[call-overload]


def answered(message: Any, *results: str) -> list[dict[str, Any]]:
    """A reply that calls tools, and their results."""
    calls = message.model_dump(exclude_none=True, exclude={"refusal"})
    pairs = zip(message.tool_calls, results, strict=True)
    return [calls, *({"role": "tool", "tool_call_id": call.id, "content": text} for call, text in pairs)]


def test_a_call_and_its_result(client: openai.OpenAI) -> None:
    reply = ask(client, parallel_tool_calls=False)
    choice = reply.choices[0]
    assert choice.finish_reason == "tool_calls" and choice.message.content is None
    (call,) = choice.message.tool_calls
    assert (call.function.name, json.loads(call.function.arguments)) == ("order_status", {"order_id": "17"})
    assert reply.usage.completion_tokens > 0 and reply.bowerbird["state"]["turns"] == 0
    final = ask(client, after=answered(choice.message, RESULT))
    assert final.choices[0].message.content == FINAL
    assert final.choices[0].finish_reason == "stop" and final.bowerbird["state"]["turns"] == 1
    final_message = {"role": "assistant", "content": final.choices[0].message.content}
    messages = [*answered(choice.message, RESULT), final_message, {"role": "user", "content": "a red lamp"}]
    following = ask(client, after=messages)
    assert following.bowerbird["state"]["turns"] == 2 and following.bowerbird["items"]


def test_calls_in_a_stream(client: openai.OpenAI) -> None:
    with client.chat.completions.stream(
        model="bowerbird",
        messages=[{"role": "user", "content": QUESTION}],
        tools=[STATUS],  # type: ignore[list-item]
    ) as stream:
        choice = stream.get_final_completion().choices[0]
    assert choice.finish_reason == "tool_calls"
    calls = choice.message.tool_calls or []
    assert [json.loads(call.function.arguments) for call in calls] == [{"order_id": "17"}, {"order_id": "18"}]
    chunks = list(ask(client, after=answered(choice.message, RESULT, "lost"), stream=True))
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert text == f"{RESULT} lost", "what neither result proves is not said"


def test_a_text_that_the_result_does_not_prove_is_replaced(client: openai.OpenAI) -> None:
    message = ask(client, parallel_tool_calls=False).choices[0].message
    final = ask(client, after=answered(message, "lost"))
    assert final.choices[0].message.content == "lost"


def test_requests_that_need_no_tool_are_answered_as_without(
    client: openai.OpenAI, endpoint: ScriptedEndpoint
) -> None:
    reply, plain = ask(client, "a red lamp"), ask(client, "a red lamp", tool_choice="none")
    assert reply.choices[0].finish_reason == "stop" and reply.choices[0].message.tool_calls is None
    assert reply.bowerbird["items"] == plain.bowerbird["items"] != []
    assert ask(client, "a red lamp", tool_choice="required").choices[0].message.tool_calls
    assert endpoint.requests[-1]["tool_choice"] == "required"
    assert endpoint.requests[-1]["tools"] == [STATUS]


@pytest.mark.parametrize(
    ("options", "param"),
    [
        ({"tool_choice": {"type": "function", "function": {"name": "other"}}}, "tool_choice"),
        ({"tools": [], "tool_choice": "required"}, "tool_choice"),
        ({"tools": [{"type": "function", "function": {"name": "a b"}}]}, "tools"),
        ({"messages": [{"role": "user", "content": "x"}, {"role": "tool", "content": "y"}]}, "messages"),
    ],
)
def test_contradictions_are_rejected_by_name(client: openai.OpenAI, options: Any, param: str) -> None:
    with pytest.raises(openai.BadRequestError) as error:
        ask(client, extra_body=options)
    assert (error.value.param or "").startswith(param)


def test_a_call_without_a_result_is_rejected(client: openai.OpenAI) -> None:
    message = ask(client).choices[0].message
    with pytest.raises(openai.BadRequestError, match="no message with its result"):
        ask(client, after=answered(message, RESULT, RESULT)[:2])

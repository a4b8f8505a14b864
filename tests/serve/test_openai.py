"""OpenAI's own client against a real server: every field is honoured, or refused with its name."""

from __future__ import annotations

import base64
import json
import uuid
from typing import Any

import httpx
import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.chat import completion_create_params

from bowerbird.serve.openai.reply_text import ReplyText, count_tokens, escape_markdown

REQUEST = "a lamp under 500"


@pytest.fixture(scope="module")
def client(address: str) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{address}/v1", api_key="none", timeout=120, max_retries=0)


def ask(client: openai.OpenAI, text: str = REQUEST, before: Any = (), **options: Any) -> Any:
    messages = [*before, {"role": "user", "content": text}]
    return client.chat.completions.create(model="bowerbird", messages=messages, **options)


def streamed(client: openai.OpenAI, **options: Any) -> tuple[str, list[Any]]:
    chunks = list(ask(client, stream=True, **options))
    texts = (chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    return "".join(texts), chunks


# -- fields -------------------------------------------------------------------------------------------------

TOOLS = [{"type": "function", "function": {"name": "f", "parameters": {}}}]
HONOURED: dict[str, Any] = {
    "messages": [{"role": "user", "content": REQUEST}],
    "model": "bowerbird",
    "user": "ann",
    "stream": False,
    "stop": "x",
    "max_tokens": 5,
    "max_completion_tokens": 5,
    "response_format": {"type": "json_object"},
    "tools": [],
    "tool_choice": "none",
    "parallel_tool_calls": False,
    "stream_options": None,
}
WITHOUT_EFFECT: dict[str, Any] = {
    "temperature": 0.7,
    "top_p": 0.9,
    "seed": 3,
    "metadata": {"a": "b"},
    "safety_identifier": "u",
    "prompt_cache_key": "k",
    "prompt_cache_retention": "24h",
    "service_tier": "auto",
}
"""Documented as accepted without effect."""
ASK_FOR_NOTHING: dict[str, Any] = {
    "n": 1,
    "logprobs": False,
    "top_logprobs": 0,
    "presence_penalty": 0,
    "frequency_penalty": 0,
    "logit_bias": {},
    "store": False,
    "modalities": ["text"],
    "functions": [],
    "function_call": "none",
}
REJECTED: dict[str, Any] = {
    "n": 2,
    "logprobs": True,
    "top_logprobs": 3,
    "tools": TOOLS,
    "tool_choice": "required",
    "functions": [{"name": "f", "parameters": {}}],
    "function_call": {"name": "f"},
    "temperature": 9,
    "top_p": 2,
    "max_tokens": -5,
    "max_completion_tokens": 0,
    "presence_penalty": 1.0,
    "frequency_penalty": -1.0,
    "logit_bias": {"1": 5},
    "stop": ["a"] * 5,
    "store": True,
    "modalities": ["text", "audio"],
    "service_tier": "flex",
    "stream_options": {"include_usage": True},
    "response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "integer"}}},
    "audio": {"format": "mp3", "voice": "alloy"},
    "moderation": {"model": "omni-moderation-latest"},
    "prediction": {"type": "content", "content": "x"},
    "prompt_cache_options": {"mode": "explicit"},
    "reasoning_effort": "low",
    "verbosity": "low",
    "web_search_options": {},
    "top_k": 5,
    "maxtokens": 5,
}
"""By name: values that are not honoured, and fields that are never."""


def test_every_field_of_openais_request_is_honoured_or_rejected() -> None:
    """Those of the installed client; a field of a later version has to be decided on."""
    fields = completion_create_params.CompletionCreateParamsBase.__annotations__
    decided = HONOURED | WITHOUT_EFFECT | ASK_FOR_NOTHING | REJECTED
    assert set(fields) - set(decided) == set()


@pytest.mark.parametrize("name", REJECTED)
def test_what_is_not_honoured_is_rejected_by_its_name(client: openai.OpenAI, name: str) -> None:
    with pytest.raises(openai.BadRequestError) as error:
        ask(client, extra_body={name: REJECTED[name]})
    assert name in str(error.value) and (error.value.param or name).startswith(name)


def test_honoured_fields_are_accepted(client: openai.OpenAI) -> None:
    assert ask(client, extra_body=HONOURED).choices[0].finish_reason == "length"


def test_documented_fields_change_nothing(client: openai.OpenAI) -> None:
    plain, full = ask(client), ask(client, extra_body=WITHOUT_EFFECT | ASK_FOR_NOTHING | {"stream": None})
    assert plain.choices[0].message.content == full.choices[0].message.content
    assert plain.system_fingerprint == full.system_fingerprint


def test_the_reply_ends_before_a_stop(client: openai.OpenAI) -> None:
    whole = ask(client).choices[0].message.content
    stop = whole[len(whole) // 2 : len(whole) // 2 + 5]
    reply = ask(client, stop=[stop, "never said"])
    assert reply.choices[0].message.content == whole[: whole.index(stop)]
    assert reply.choices[0].finish_reason == "stop"
    assert streamed(client, stop=stop)[0] == reply.choices[0].message.content


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
def test_the_reply_ends_at_its_most_tokens(client: openai.OpenAI, name: str) -> None:
    whole = ask(client)
    reply = ask(client, **{name: 5})
    text = reply.choices[0].message.content
    assert whole.choices[0].message.content.startswith(text)
    assert reply.usage.completion_tokens == 5 and reply.choices[0].finish_reason == "length"
    cut, chunks = streamed(client, **{name: 5})
    assert cut == text and chunks[-1].choices[0].finish_reason == "length"
    assert ask(client, **{name: whole.usage.completion_tokens}).choices[0].finish_reason == "stop"


def test_a_stream_ends_with_its_usage_where_asked(client: openai.OpenAI) -> None:
    _, chunks = streamed(client, stream_options={"include_usage": True})
    assert chunks[-1].choices == [] and chunks[-1].usage == ask(client).usage
    assert all(chunk.usage is None for chunk in chunks[:-1])
    assert chunks[-2].choices[0].finish_reason == "stop"


def test_content_as_json(client: openai.OpenAI) -> None:
    reply = ask(client, response_format={"type": "json_object"})
    content = json.loads(reply.choices[0].message.content)
    assert content["items"] and content["items"][0]["item_id"] == reply.bowerbird["items"][0]["item_id"]
    assert json.loads(streamed(client, response_format={"type": "json_object"})[0]) == content


# -- roles and parts ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ["system", "developer"])
def test_the_shops_prompt_sets_language_and_length(client: openai.OpenAI, role: str) -> None:
    prompt = [{"role": role, "content": "You sell lamps. Reply in German, with at most two items."}]
    reply, plain = ask(client, before=prompt), ask(client)
    assert len(reply.bowerbird["items"]) == 2 < len(plain.bowerbird["items"])
    german, english = reply.choices[0].message.content, plain.choices[0].message.content
    assert german.splitlines()[0] != english.splitlines()[0]
    assert reply.usage.prompt_tokens > plain.usage.prompt_tokens


@pytest.mark.parametrize("role", ["tool", "function", "shopkeeper"])
def test_other_roles_are_rejected(client: openai.OpenAI, role: str) -> None:
    with pytest.raises(openai.BadRequestError) as error:
        ask(client, before=[{"role": role, "content": "x", "tool_call_id": "1"}])
    assert error.value.param in ("messages.0.role", "messages.0.tool_call_id")


def test_parts_of_other_kinds_are_rejected(client: openai.OpenAI) -> None:
    for part in ({"type": "input_audio"}, {"type": "file"}, {"type": "item"}, {}):
        with pytest.raises(openai.BadRequestError) as error:
            client.chat.completions.create(model="bowerbird", messages=[{"role": "user", "content": [part]}])  # type: ignore[list-item,misc]
        assert error.value.param == "messages.0.content.0"


def test_an_item_part_is_resembled(client: openai.OpenAI) -> None:
    item = ask(client).bowerbird["items"][0]
    parts = [{"type": "item", "item_id": item["item_id"]}]
    reply: Any = client.chat.completions.create(
        model="bowerbird",
        messages=[{"role": "user", "content": parts}],  # type: ignore[list-item,misc]
    )
    assert reply.bowerbird["items"] and item["item_id"] not in [
        i["item_id"] for i in reply.bowerbird["items"]
    ]


# -- conversations ------------------------------------------------------------------------------------------


def test_a_named_conversation_needs_no_messages_before(client: openai.OpenAI) -> None:
    name = {"bowerbird": {"conversation": uuid.uuid4().hex}}
    first = ask(client, extra_body=name)
    second = ask(client, "but in green", extra_body=name)
    by_state = ask(client, "but in green", extra_body={"bowerbird": {"state": first.bowerbird["state"]}})
    assert second.bowerbird["state"] == by_state.bowerbird["state"]
    assert second.bowerbird["conversation"] == name["bowerbird"]["conversation"]
    other_user = ask(client, "but in green", extra_body=name, user="somebody")
    assert other_user.bowerbird["state"]["turns"] == 1, "a name is good for its own user only"


def test_erasing_a_user_forgets_their_conversations(client: openai.OpenAI, address: str) -> None:
    user, name = f"talker-{uuid.uuid4().hex}", {"bowerbird": {"conversation": "c"}}
    event = {"type": "track", "userId": user, "event": "Product Viewed", "messageId": user}
    event |= {"timestamp": "2026-01-01T00:00:00Z", "properties": {"product_id": "BB-000001"}}
    httpx.post(f"{address}/v1/track", json=event).raise_for_status()
    assert ask(client, extra_body=name, user=user).bowerbird["state"]["turns"] == 1
    assert ask(client, extra_body=name, user=user).bowerbird["state"]["turns"] == 2
    httpx.delete(f"{address}/users/{user}").raise_for_status()
    assert ask(client, extra_body=name, user=user).bowerbird["state"]["turns"] == 1


def test_a_picture_of_an_earlier_turn_counts(client: openai.OpenAI, address: str) -> None:
    lamp = ask(client).bowerbird["items"][0]
    data = base64.b64encode(httpx.get(address + lamp["image"]).content).decode()
    picture = {"type": "image_url", "image_url": {"url": f"data:image/jpeg;base64,{data}"}}
    parts = [{"type": "text", "text": "a lamp like this"}, picture]
    first: Any = client.chat.completions.create(
        model="bowerbird",
        messages=[{"role": "user", "content": parts}],  # type: ignore[list-item,misc]
    )
    state = first.bowerbird["state"]
    copy = state["request"]["picture"]
    assert 0 < len(copy) < 30_000
    second = ask(client, "but under 400", extra_body={"bowerbird": {"state": state}})
    assert second.bowerbird["state"]["request"]["picture"] == copy
    without = json.loads(json.dumps(state))
    without["request"]["picture"] = ""
    blind = ask(client, "but under 400", extra_body={"bowerbird": {"state": without}})
    assert second.bowerbird["items"] != blind.bowerbird["items"], "the picture ranks"
    fresh = ask(client, "a sofa", extra_body={"bowerbird": {"state": state}})
    assert fresh.bowerbird["state"]["request"]["picture"] == "", "another topic"


@pytest.mark.parametrize("picture", ["x" * 40_000, "no base64!", "AAAA"])
def test_a_picture_in_a_state_is_checked(client: openai.OpenAI, picture: str) -> None:
    state = ask(client).bowerbird["state"]
    state["request"]["picture"] = picture
    with pytest.raises(openai.BadRequestError, match="can't be read"):
        ask(client, "but in green", extra_body={"bowerbird": {"state": state}})


# -- models and embeddings ----------------------------------------------------------------------------------


def test_models(client: openai.OpenAI) -> None:
    assert client.models.retrieve("bowerbird").id == "bowerbird"
    with pytest.raises(openai.NotFoundError) as error:
        client.models.retrieve("gpt")
    assert error.value.code == "model_not_found"
    with pytest.raises(openai.NotFoundError):
        client.chat.completions.create(model="gpt", messages=[{"role": "user", "content": "hi"}])


def test_embeddings_are_in_the_space_of_the_items(client: openai.OpenAI, address: str) -> None:
    lamps = httpx.get(f"{address}/search", params={"q": "a lamp", "n": 1}).json()["items"]
    inputs: Any = ["a lamp", "a sofa", {"type": "item", "item_id": lamps[0]["item_id"]}]
    for encoding in ("float", "base64"):
        reply = client.embeddings.create(model="bowerbird", input=inputs, encoding_format=encoding)  # type: ignore[arg-type]
        assert [each.index for each in reply.data] == [0, 1, 2] and reply.usage.prompt_tokens == 4
    reply = client.embeddings.create(model="bowerbird", input=inputs)
    lamp, sofa, item = (each.embedding for each in reply.data)
    assert sum(a * b for a, b in zip(lamp, item, strict=True)) > sum(
        a * b for a, b in zip(sofa, item, strict=True)
    )
    embedding = client.embeddings.create(model="bowerbird", input="a lamp", dimensions=64).data[0].embedding
    assert embedding == pytest.approx(lamp, abs=1e-5)


@pytest.mark.parametrize(
    ("options", "param"),
    [({"dimensions": 7}, "dimensions"), ({"input": [1, 2]}, "input"), ({"input": []}, "input"),
     ({"input": [{"type": "item", "item_id": "nothing"}]}, None),
     ({"encoding_format": "int8"}, "encoding_format")],
)  # fmt: skip
def test_other_embeddings_are_rejected(address: str, options: dict[str, Any], param: str | None) -> None:
    answer = httpx.post(f"{address}/v1/embeddings", json={"input": "a", "model": "bowerbird", **options})
    assert answer.status_code == (400 if param else 404)
    assert (answer.json()["error"]["param"] or "").startswith(param or "")


# -- texts --------------------------------------------------------------------------------------------------

TEXTS = st.text(st.sampled_from("ab .c_é\n"), max_size=40)


@given(
    parts=st.lists(TEXTS, max_size=6),
    stops=st.lists(st.text(st.sampled_from("ab ."), min_size=1, max_size=3), max_size=2),
    limit=st.none() | st.integers(1, 12),
)
def test_a_text_is_cut_the_same_however_it_comes(
    parts: list[str], stops: list[str], limit: int | None
) -> None:
    in_parts, whole = ReplyText(stops, limit), ReplyText(stops, limit)
    passed_on = "".join([*(in_parts.add(part) for part in parts), in_parts.end()])
    whole.add("".join(parts))
    whole.end()
    assert passed_on == in_parts.sent == whole.sent and in_parts.finish_reason == whole.finish_reason
    assert not any(stop in passed_on for stop in stops)
    assert limit is None or count_tokens([passed_on]) <= limit
    if not stops and limit is None:
        assert passed_on == "".join(parts)


def test_titles_are_escaped() -> None:
    escaped = escape_markdown("![x](http://evil) <img src=x> [a](javascript:b) **c** `d`")
    assert not any(mark in escaped.replace(f"\\{mark}", "") for mark in "[]<>*`_")

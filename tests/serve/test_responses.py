"""OpenAI's responses and structured outputs, by its own client: fields are honoured, or refused by name."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import httpx
import openai
import pytest
from pydantic import BaseModel

import factories
from bowerbird.assist.reply import Reply
from bowerbird.serve.openai.bodies import CompletionBody, EmbeddingList, ModelBody, ResponseBody
from bowerbird.serve.openai.schema_filler import SchemaFiller, UnfitSchema

Serve = Callable[..., AbstractContextManager[str]]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory, serve: Serve) -> Iterator[openai.OpenAI]:
    path = tmp_path_factory.mktemp("responses") / "store"
    factories.toy_store(path, factories.lamps_and_rugs(24), factories.toy_events(20, 24))
    with serve(path) as address:
        yield openai.OpenAI(base_url=f"{address}/v1", api_key="none", timeout=300, max_retries=0)


def respond(client: openai.OpenAI, text: Any = "a red lamp", **options: Any) -> Any:
    return client.responses.create(model="bowerbird", input=text, **options)


def test_a_response_says_what_a_chat_says(client: openai.OpenAI) -> None:
    response = respond(client, instructions="Reply with at most two items.", metadata={"a": "b"})
    messages: Any = [
        {"role": "system", "content": "Reply with at most two items."},
        {"role": "user", "content": "a red lamp"},
    ]
    chat = client.chat.completions.create(model="bowerbird", messages=messages)
    assert response.output_text == chat.choices[0].message.content and response.status == "completed"
    assert response.usage.total_tokens == chat.usage.total_tokens
    shown = [item["item_id"] for item in response.bowerbird["items"]]
    assert 0 < len(shown) <= 2 and all(int(item_id[1:]) % 4 == 0 for item_id in shown)


def test_answers_follow_their_schemas(client: openai.OpenAI) -> None:
    """They are written without a check; a field that is not declared is an error here."""
    with httpx.Client(base_url=str(client.base_url), timeout=300) as wire:
        chat = {"messages": [{"role": "user", "content": "a red lamp"}]}
        CompletionBody.model_validate(wire.post("chat/completions", json=chat).json())
        ResponseBody.model_validate(wire.post("responses", json={"input": "a red lamp"}).json())
        ModelBody.model_validate(wire.get("models/bowerbird").json())
        embedded = wire.post("embeddings", json={"input": [{"type": "item", "item_id": "i1"}]})
        EmbeddingList.model_validate(embedded.json())


def test_a_stream_holds_the_items_first_and_ends_completed(client: openai.OpenAI) -> None:
    events = list(respond(client, stream=True))
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert events[0].type == "response.created" and events[-1].type == "response.completed"
    whole = respond(client)
    assert events[0].response.bowerbird["items"] == whole.bowerbird["items"]
    text = "".join(event.delta for event in events if event.type == "response.output_text.delta")
    assert text == whole.output_text == events[-1].response.output_text
    with client.responses.stream(model="bowerbird", input="a red lamp") as stream:
        assert stream.get_final_response().output_text == text


def test_a_response_continues_the_one_before(client: openai.OpenAI) -> None:
    first = respond(client, "a lamp under 20")
    second = respond(client, "but in blue", previous_response_id=first.id)
    assert second.bowerbird["items"], second.output_text
    for item in second.bowerbird["items"]:
        assert (item["category"], item["attributes"]["color"]) == (["Lamp"], "blue") and item["price"] < 20
    listed = [
        {"role": "user", "content": "a lamp under 20"},
        {"role": "assistant", "content": first.output_text},
    ]
    third = respond(
        client, [*listed, {"role": "user", "content": [{"type": "input_text", "text": "but in blue"}]}]
    )
    assert third.output_text == second.output_text
    with pytest.raises(openai.NotFoundError) as error:
        respond(client, "but in blue", previous_response_id="resp_unknown")
    assert error.value.param == "previous_response_id"


def test_a_cut_response_is_incomplete(client: openai.OpenAI) -> None:
    response = respond(client, max_output_tokens=3)
    assert response.status == "incomplete" and response.incomplete_details.reason == "max_output_tokens"
    assert list(respond(client, max_output_tokens=3, stream=True))[-1].type == "response.incomplete"


REJECTED = {
    "tools": [{"type": "web_search"}],
    "tool_choice": "required",
    "background": True,
    "include": ["reasoning.encrypted_content"],
    "reasoning": {"effort": "high"},
    "top_logprobs": 5,
    "temperature": 7,
    "max_output_tokens": 0,
    "conversation": "conv_1",
    "input": [{"role": "user", "content": [{"type": "input_file", "file_id": "f"}]}],
    "text": {"format": {"type": "json_schema", "name": "x", "schema": {"type": "integer"}}},
}


@pytest.mark.parametrize("name", REJECTED)
def test_what_is_not_honoured_is_rejected_by_its_name(client: openai.OpenAI, name: str) -> None:
    with pytest.raises(openai.BadRequestError) as error:
        respond(client, extra_body={name: REJECTED[name]})
    assert (name if name != "text" else "response_format") in str(error.value)


# -- structured outputs -------------------------------------------------------------------------------------


class Product(BaseModel):
    """An item as a client wants it."""

    id: str
    name: str
    price: float


class Listing(BaseModel):
    """A reply as a client wants it."""

    answer: str
    products: list[Product]
    count: int
    success: bool


def test_a_reply_in_the_clients_model(client: openai.OpenAI) -> None:
    messages: Any = [{"role": "user", "content": "a red lamp"}]
    parsed = client.chat.completions.parse(model="bowerbird", messages=messages, response_format=Listing)
    listing = parsed.choices[0].message.parsed
    assert listing is not None and listing.success and listing.count == len(listing.products) > 0
    assert listing.products[0].id == parsed.bowerbird["items"][0]["item_id"]  # type: ignore[attr-defined]
    response = client.responses.parse(model="bowerbird", input="a red lamp", text_format=Listing)
    assert response.output_parsed == listing
    schema: Any = {"type": "json_schema", "json_schema": {"name": "x", "schema": Listing.model_json_schema()}}
    chunks = client.chat.completions.create(
        model="bowerbird", messages=messages, stream=True, response_format=schema
    )
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert Listing.model_validate_json(text) == listing


ITEM = {"item_id": "i1", "title": "Lamp", "price": None, "why": "red"}


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        ({"reply": {"type": "string"}}, {"reply": "hello"}),
        ({"other": {"type": "string"}}, {}),
        ({"items": {"type": "array", "items": {"type": "object", "properties": {"sku": {"type": "string"}}}}},
         {"items": [{"sku": "i1"}]}),
        ({"items": {"type": "array", "items": {
            "type": "object", "properties": {"price": {"type": "number"}}, "required": ["price"]}}},
         {"items": []}),
        ({"items": {"type": "array", "items": {
            "type": "object", "properties": {"price": {"type": ["number", "null"]}}}}},
         {"items": [{"price": None}]}),
        ({"n_items": {"anyOf": [{"type": "string"}, {"type": "integer"}]}}, {"n_items": 1}),
    ],
)  # fmt: skip
def test_fields_are_filled_by_their_names(properties: dict[str, Any], expected: dict[str, Any]) -> None:
    filler = SchemaFiller({"type": "object", "properties": properties})
    assert json.loads(filler.fill("hello", [ITEM], Reply("hello"))) == expected


@pytest.mark.parametrize(
    "schema",
    [
        {},
        {"type": "array"},
        {"type": "object", "required": ["weather"], "properties": {"weather": {"type": "string"}}},
        {"type": "object", "required": ["weather"]},
        {"type": "object", "properties": {"text": {"type": "string", "pattern": "a+"}}, "required": ["text"]},
        {"type": "object", "properties": {"text": {"$ref": "#/$defs/no"}}, "required": ["text"]},
        {"$ref": "#"},
        {"anyOf": []},
    ],
)
def test_what_a_reply_does_not_know_is_rejected(schema: dict[str, Any]) -> None:
    with pytest.raises(UnfitSchema, match="response_format"):
        SchemaFiller(schema)

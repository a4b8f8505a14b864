"""The official OpenAI client, unchanged, against the chat endpoint."""

from __future__ import annotations

from typing import Any

import openai
import pytest

ASKED = "a lamp under 500"


@pytest.fixture(scope="module")
def client(address: str) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{address}/v1", api_key="none", timeout=120, max_retries=0)


def complete(client: openai.OpenAI, *texts: str, **more: Any) -> Any:
    messages: list[Any] = [{"role": "user", "content": text} for text in texts]
    return client.chat.completions.create(model="bowerbird", messages=messages, **more)


def test_the_model_is_listed(client: openai.OpenAI) -> None:
    assert [model.id for model in client.models.list()] == ["bowerbird"]


def test_a_reply_names_items_that_satisfy_the_request(client: openai.OpenAI) -> None:
    reply = complete(client, ASKED)
    items = reply.bowerbird["items"]
    assert items and reply.bowerbird["matches"]
    assert all(item["price"] < 500 and item["attributes"]["type"] == "Lamp" for item in items)
    assert items[0]["title"] in reply.choices[0].message.content
    assert reply.usage.total_tokens > 0


def test_a_stream_says_the_same(client: openai.OpenAI) -> None:
    chunks = list(complete(client, ASKED, stream=True, user="shopper-00001"))
    whole = complete(client, ASKED, user="shopper-00001")
    told = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert told == whole.choices[0].message.content
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert chunks[-1].bowerbird["items"] == whole.bowerbird["items"]


def test_a_follow_up_keeps_the_constraints(client: openai.OpenAI) -> None:
    prices = [item["price"] for item in complete(client, ASKED).bowerbird["items"]]
    dearest = prices.index(max(prices))
    place = ("first", "second", "third", "fourth")[dearest]
    cheaper = complete(client, ASKED, f"cheaper than the {place} one").bowerbird
    assert cheaper["matches"]
    assert all(item["attributes"]["type"] == "Lamp" for item in cheaper["items"])
    assert all(item["price"] < prices[dearest] for item in cheaper["items"])


def test_what_is_no_request_is_an_error(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="user"):
        client.chat.completions.create(model="bowerbird", messages=[{"role": "system", "content": "hi"}])
    picture = [{"type": "image_url", "image_url": {"url": "http://example.org/a.jpg"}}]
    with pytest.raises(openai.BadRequestError, match="no address is fetched"):
        client.chat.completions.create(model="bowerbird", messages=[{"role": "user", "content": picture}])  # type: ignore[list-item,misc]

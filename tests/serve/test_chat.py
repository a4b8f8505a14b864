"""The official OpenAI client, unchanged, against the chat endpoint."""

from __future__ import annotations

import asyncio
import base64
import uuid
from datetime import UTC, datetime
from typing import Any

import httpx
import openai
import pytest

from bowerbird.serve.routes.chat import MAX_RUNNING, MAX_WAITING

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


@pytest.mark.parametrize("address_of_picture", [None, 7, [], {"url": None}, {"url": 3}, {}])
def test_a_picture_without_an_address_is_an_error(address: str, address_of_picture: Any) -> None:
    picture = [{"type": "image_url", "image_url": address_of_picture}]
    body = {"messages": [{"role": "user", "content": picture}]}
    answer = httpx.post(f"{address}/v1/chat/completions", json=body, timeout=120)
    assert answer.status_code == 400 and "no address is fetched" in answer.json()["error"]["message"]


def test_a_picture_that_is_a_program_is_an_error(address: str) -> None:
    data = base64.b64encode(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n").decode()
    picture = [{"type": "image_url", "image_url": {"url": f"data:image/eps;base64,{data}"}}]
    body = {"messages": [{"role": "user", "content": picture}]}
    answer = httpx.post(f"{address}/v1/chat/completions", json=body, timeout=120)
    assert answer.status_code == 400 and "JPEG, PNG, WebP" in answer.json()["error"]["message"]


# -- many at once -------------------------------------------------------------------------------------------

PLACES = MAX_RUNNING + MAX_WAITING
LONG = {"messages": [{"role": "user", "content": f"a warm lamp under {k}"} for k in range(500, 515)]}
"""Each turn is understood anew, so a long conversation takes long."""


async def talked(client: httpx.AsyncClient, stream: bool) -> httpx.Response:
    return await client.post("/v1/chat/completions", json={**LONG, "stream": stream})


async def filled(client: httpx.AsyncClient, stream: bool) -> tuple[set[asyncio.Task[httpx.Response]], Any]:
    """More chats than there are places, once the first was refused: those that go on, and those refused."""
    going = {asyncio.create_task(talked(client, stream)) for _ in range(PLACES + 25)}
    done, going = await asyncio.wait(going, return_when=asyncio.FIRST_COMPLETED)
    return going, [one.result() for one in done]


def tracked() -> dict[str, Any]:
    said = {"type": "track", "userId": "someone", "event": "Product Viewed", "messageId": uuid.uuid4().hex}
    return {**said, "properties": {"product_id": "BB-000001"}, "timestamp": datetime.now(UTC).isoformat()}


@pytest.mark.parametrize("stream", [False, True])
def test_many_chats_hold_nothing_else_up(address: str, stream: bool) -> None:
    async def crowd() -> None:
        limits = httpx.Limits(max_connections=None)
        async with httpx.AsyncClient(base_url=address, timeout=120, limits=limits) as client:
            going, refused = await filled(client, stream)
            answers = await asyncio.gather(
                client.get("/healthz"), client.post("/v1/track", json=tracked()), client.get("/metrics"),
                client.get("/items/BB-000001"), client.post("/v1/track", content=b"{"),
            )  # fmt: skip
            still = {one for one in going if not one.done()}
            assert [one.status_code for one in answers] == [200, 200, 200, 200, 400]
            assert len(still) >= MAX_WAITING, "they were answered while chats wait"
            refused += [one.result() for one in (await asyncio.wait(going))[0]]
            served = [one for one in refused if one.status_code == 200]
            busy = [one for one in refused if one.status_code == 429]
            assert len(served) >= PLACES and len(served) + len(busy) == PLACES + 25 and busy
            assert all(int(one.headers["retry-after"]) > 0 for one in busy)
            assert {one.json()["error"]["code"] for one in busy} == {"rate_limit_exceeded"}

    asyncio.run(crowd())


@pytest.mark.parametrize("stream", [False, True])
def test_chats_whose_clients_left_are_not_answered(address: str, stream: bool) -> None:
    async def counted(client: httpx.AsyncClient) -> float:
        lines = (await client.get("/metrics")).text.splitlines()
        mine = 'bowerbird_requests_total{route="/v1/chat/completions",status="499"}'
        return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(mine))

    async def leave() -> None:
        async with httpx.AsyncClient(base_url=address, timeout=120) as client:
            before = await counted(client)
            limits = httpx.Limits(max_connections=None)
            async with httpx.AsyncClient(base_url=address, timeout=120, limits=limits) as others:
                going, _ = await filled(others, stream)
                for one in going:
                    one.cancel()
                await asyncio.wait(going)
            reply = await client.post("/v1/chat/completions", json=LONG)
            while reply.status_code == 429:  # until the server has seen them leave
                reply = await client.post("/v1/chat/completions", json=LONG)
            assert reply.status_code == 200
            assert await counted(client) - before >= MAX_WAITING - 2, "they waited, and were not answered"

    asyncio.run(leave())


def test_the_official_client_sees_a_rate_limit(address: str, client: openai.OpenAI) -> None:
    async def ask() -> None:
        limits = httpx.Limits(max_connections=None)
        async with httpx.AsyncClient(base_url=address, timeout=120, limits=limits) as others:
            going, _ = await filled(others, False)
            with pytest.raises(openai.RateLimitError, match="try again later"):
                await asyncio.to_thread(complete, client, ASKED)
            for one in going:
                one.cancel()
            await asyncio.wait(going)

    asyncio.run(ask())

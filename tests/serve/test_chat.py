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

REQUEST = "a lamp under 500"


@pytest.fixture(scope="module")
def client(address: str) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{address}/v1", api_key="none", timeout=120, max_retries=0)


def complete(client: openai.OpenAI, *texts: str, **options: Any) -> Any:
    messages: list[Any] = [{"role": "user", "content": text} for text in texts]
    return client.chat.completions.create(model="bowerbird", messages=messages, **options)


def test_the_model_is_listed(client: openai.OpenAI) -> None:
    assert [model.id for model in client.models.list()] == ["bowerbird"]


def test_a_reply_names_items_that_satisfy_the_request(client: openai.OpenAI) -> None:
    reply = complete(client, REQUEST)
    items = reply.bowerbird["items"]
    assert items and reply.bowerbird["matches"]
    assert all(item["price"] < 500 and item["attributes"]["type"] == "Lamp" for item in items)
    assert items[0]["title"] in reply.choices[0].message.content
    assert reply.usage.total_tokens > 0


def test_a_stream_has_the_same_content(client: openai.OpenAI) -> None:
    chunks = list(complete(client, REQUEST, stream=True, user="shopper-00001"))
    whole = complete(client, REQUEST, user="shopper-00001")
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert text == whole.choices[0].message.content
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert chunks[-1].bowerbird["items"] == whole.bowerbird["items"]
    assert chunks[-1].bowerbird["cost"].keys() == whole.bowerbird["cost"].keys()


def test_a_follow_up_keeps_the_constraints(client: openai.OpenAI) -> None:
    prices = [item["price"] for item in complete(client, REQUEST).bowerbird["items"]]
    most_expensive = prices.index(max(prices))
    ordinal = ("first", "second", "third", "fourth")[most_expensive]
    cheaper = complete(client, REQUEST, f"cheaper than the {ordinal} one").bowerbird
    assert cheaper["matches"]
    assert all(item["attributes"]["type"] == "Lamp" for item in cheaper["items"])
    assert all(item["price"] < prices[most_expensive] for item in cheaper["items"])


def complete_with_state(client: openai.OpenAI, state: Any, text: str, **options: Any) -> Any:
    return complete(client, text, extra_body={"bowerbird": {"state": state}}, **options)


def test_a_state_that_is_sent_back_says_what_the_messages_would(client: openai.OpenAI) -> None:
    messages: list[Any] = []
    state: Any = None
    for text in (REQUEST, "but in green", "compare the first two", "why the first one?", "show me more"):
        messages.append({"role": "user", "content": text})
        whole = client.chat.completions.create(model="bowerbird", messages=messages)
        alone = complete_with_state(client, state, text)
        assert alone.choices[0].message.content == whole.choices[0].message.content
        costs = [reply.bowerbird.pop("cost") for reply in (alone, whole)]
        assert all(cost["ms"] > 0 and cost["prompt_tokens"] == 0 for cost in costs)
        assert alone.bowerbird == whole.bowerbird
        messages.append({"role": "assistant", "content": whole.choices[0].message.content})
        state = alone.bowerbird["state"]
    assert state["turns"] == 5


def test_a_client_may_edit_the_state(client: openai.OpenAI) -> None:
    state = complete(client, REQUEST).bowerbird["state"]
    state["request"]["price"]["high"] = 100
    edited = complete_with_state(client, state, "but in green").bowerbird
    assert all(item["price"] < 100 for item in edited["items"])
    assert edited["state"]["request"]["price"]["high"] == 100


@pytest.mark.parametrize(
    "state", [{}, {"format": 1}, {"format": 2, "on_screen": 7}, {"format": 2, "request": {"price": "low"}}]
)
def test_a_state_that_was_tampered_with_is_an_error(client: openai.OpenAI, state: Any) -> None:
    with pytest.raises(openai.BadRequestError, match="can't be read"):
        complete_with_state(client, state, REQUEST)


def test_what_the_shop_does_not_hold_is_not_shown(client: openai.OpenAI) -> None:
    state = complete(client, REQUEST).bowerbird["state"]
    state |= {"on_screen": ["no such item"], "focus": "no such item"}
    reply = complete_with_state(client, state, "is it heavy?")
    assert reply.bowerbird["items"] == [] and "no such item" not in reply.choices[0].message.content


def test_saving_by_words_is_an_event(client: openai.OpenAI, address: str) -> None:
    user = f"saver-{uuid.uuid4().hex}"
    first = complete(client, REQUEST, user=user).bowerbird
    saved = complete_with_state(client, first["state"], "save the first one", user=user)
    assert saved.bowerbird["act"] == "save" and first["items"][0]["title"] in saved.choices[0].message.content
    feed = httpx.get(f"{address}/users/{user}/recommendations?n=200", timeout=120).json()["items"]
    assert first["items"][0]["item_id"] not in [item["item_id"] for item in feed], "saved items are known"


def test_invalid_requests_are_errors(client: openai.OpenAI) -> None:
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


# -- concurrency --------------------------------------------------------------------------------------------

PLACES = MAX_RUNNING + MAX_WAITING
LONG = {"messages": [{"role": "user", "content": f"a warm lamp under {k}"} for k in range(500, 515)]}
"""Its state is unknown, so its last turns are read again: it takes long."""


async def post_chat(client: httpx.AsyncClient, stream: bool) -> httpx.Response:
    return await client.post("/v1/chat/completions", json={**LONG, "stream": stream})


async def fill_pool(client: httpx.AsyncClient, stream: bool) -> tuple[set[asyncio.Task[httpx.Response]], Any]:
    """Start more chats than there are places, and wait for the first to end: running ones, and ended ones."""
    running = {asyncio.create_task(post_chat(client, stream)) for _ in range(PLACES + 25)}
    finished, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
    return running, [task.result() for task in finished]


def track_call() -> dict[str, Any]:
    message = {"type": "track", "userId": "someone", "event": "Product Viewed", "messageId": uuid.uuid4().hex}
    return {**message, "properties": {"product_id": "BB-000001"}, "timestamp": datetime.now(UTC).isoformat()}


@pytest.mark.parametrize("stream", [pytest.param(False, marks=pytest.mark.slow), True])
def test_many_chats_hold_nothing_else_up(address: str, stream: bool) -> None:
    async def send_all() -> None:
        limits = httpx.Limits(max_connections=None)
        async with httpx.AsyncClient(base_url=address, timeout=120, limits=limits) as client:
            running, chats = await fill_pool(client, stream)
            answers = await asyncio.gather(
                client.get("/healthz"), client.post("/v1/track", json=track_call()), client.get("/metrics"),
                client.get("/items/BB-000001"), client.post("/v1/track", content=b"{"),
            )  # fmt: skip
            still_running = {task for task in running if not task.done()}
            assert [answer.status_code for answer in answers] == [200, 200, 200, 200, 400]
            assert len(still_running) >= MAX_WAITING, "other requests were answered while chats wait"
            chats += [task.result() for task in (await asyncio.wait(running))[0]]
            served = [answer for answer in chats if answer.status_code == 200]
            busy = [answer for answer in chats if answer.status_code == 429]
            assert len(served) >= PLACES and len(served) + len(busy) == PLACES + 25 and busy
            assert all(int(answer.headers["retry-after"]) > 0 for answer in busy)
            assert {answer.json()["error"]["code"] for answer in busy} == {"rate_limit_exceeded"}

    asyncio.run(send_all())


@pytest.mark.parametrize("stream", [False, True])
def test_chats_of_disconnected_clients_are_not_answered(address: str, stream: bool) -> None:
    async def count_disconnected(client: httpx.AsyncClient) -> float:
        lines = (await client.get("/metrics")).text.splitlines()
        prefix = 'bowerbird_requests_total{route="/v1/chat/completions",status="499"}'
        return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(prefix))

    async def leave() -> None:
        async with httpx.AsyncClient(base_url=address, timeout=120) as client:
            before = await count_disconnected(client)
            limits = httpx.Limits(max_connections=None)
            async with httpx.AsyncClient(base_url=address, timeout=120, limits=limits) as others:
                running, _ = await fill_pool(others, stream)
                for task in running:
                    task.cancel()
                await asyncio.wait(running)
            reply = await client.post("/v1/chat/completions", json=LONG)
            while reply.status_code == 429:  # until the server has noticed the disconnects
                reply = await client.post("/v1/chat/completions", json=LONG)
            assert reply.status_code == 200
            assert await count_disconnected(client) - before >= MAX_WAITING - 2, (
                "waiting chats were not answered"
            )

    asyncio.run(leave())


def test_the_official_client_sees_a_rate_limit(address: str, client: openai.OpenAI) -> None:
    async def ask() -> None:
        limits = httpx.Limits(max_connections=None)
        async with httpx.AsyncClient(base_url=address, timeout=120, limits=limits) as others:
            running, _ = await fill_pool(others, False)
            with pytest.raises(openai.RateLimitError, match="try again later"):
                await asyncio.to_thread(complete, client, REQUEST)
            for task in running:
                task.cancel()
            await asyncio.wait(running)

    asyncio.run(ask())

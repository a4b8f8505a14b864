"""Answers that take turns, behind a real server: what waits, what is refused, what ends with its client."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from itertools import islice

import httpx
import pytest
import uvicorn
from fastapi import FastAPI, Request
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from bowerbird.cli.serve import open_socket
from bowerbird.serve.routes.chat import _Stream
from bowerbird.serve.worker_pool import TooBusy, Turns

RUNNING, WAITING = 2, 3
PATIENCE_S = 30.0  # before a test gives up


class Shop:
    """A server whose answers go on when `gate` is opened, and which counts what happens to them."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.arrived, self.begun, self.ended, self.gone = (threading.Semaphore(0) for _ in range(4))
        self.app, turns = FastAPI(), Turns(RUNNING, WAITING)

        @self.app.get("/stream")
        async def stream(request: Request) -> Response:
            self.arrived.release()
            try:
                async with contextlib.AsyncExitStack() as held:
                    await held.enter_async_context(turns.turn(request))
                    generator = self.words()
                    held.push_async_callback(turns.close, generator)
                    return _Stream(turns.pieces(generator), held.pop_all())
            except TooBusy:
                return Response(status_code=429)
            except ClientDisconnect:
                self.gone.release()
                return Response(status_code=499)

        @self.app.get("/shared")
        def shared() -> str:
            return "answered by a shared thread"

    def words(self) -> Iterator[str]:
        try:
            self.begun.release()
            yield "first "
            self.gate.wait(PATIENCE_S)
            yield "second "
            yield "third"
        finally:
            self.ended.release()


def many(semaphore: threading.Semaphore, count: int) -> bool:
    """Whether something happened so often; waits for it."""
    return all(semaphore.acquire(timeout=PATIENCE_S) for _ in range(count))


@pytest.fixture
def shop() -> Shop:
    return Shop()


@pytest.fixture
def address(shop: Shop) -> Iterator[str]:
    listening = open_socket("127.0.0.1", 0)
    server = uvicorn.Server(uvicorn.Config(shop.app, log_level="warning"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        shop.gate.set()
        server.should_exit = True
        thread.join(PATIENCE_S)
        listening.close()


def opened(address: str) -> socket.socket:
    """A client that has asked for a stream and reads nothing."""
    host, port = address.removeprefix("http://").split(":")
    client = socket.create_connection((host, int(port)))
    client.sendall(b"GET /stream HTTP/1.1\r\nHost: shop\r\n\r\n")
    return client


def test_a_few_run_some_wait_and_the_rest_is_refused(shop: Shop, address: str) -> None:
    def ask() -> httpx.Response:
        return httpx.get(f"{address}/stream", timeout=PATIENCE_S)

    with ThreadPoolExecutor(45) as clients:
        asked: list[Future[httpx.Response]] = [clients.submit(ask) for _ in range(45)]
        assert many(shop.begun, RUNNING)
        assert httpx.get(f"{address}/shared", timeout=PATIENCE_S).status_code == 200
        assert not shop.begun.acquire(blocking=False), "no more than that run"
        refused = [one.result().status_code for one in islice(as_completed(asked), 45 - RUNNING - WAITING)]
        assert set(refused) == {429}, "the others are still waiting"
        shop.gate.set()
        answers = [one.result() for one in asked]
    assert sorted(one.status_code for one in answers) == [200] * 5 + [429] * 40
    assert {one.text for one in answers if one.status_code == 200} == {"first second third"}
    assert many(shop.ended, RUNNING + WAITING)


def test_a_stream_ends_with_its_client_and_the_next_one_begins(shop: Shop, address: str) -> None:
    def endless() -> Iterator[str]:
        try:
            shop.begun.release()
            while True:
                yield "word "
        finally:
            shop.ended.release()

    shop.words = endless  # type: ignore[method-assign]
    clients = [opened(address) for _ in range(RUNNING + 1)]
    assert many(shop.begun, RUNNING) and many(shop.arrived, RUNNING + 1)
    assert not shop.ended.acquire(blocking=False)
    for client in clients:
        client.close()
    assert many(shop.ended, RUNNING)
    del shop.words
    shop.gate.set()
    assert httpx.get(f"{address}/stream", timeout=PATIENCE_S).text == "first second third"


def test_who_leaves_while_waiting_gives_the_place_back(shop: Shop, address: str) -> None:
    running = [opened(address) for _ in range(RUNNING)]
    assert many(shop.begun, RUNNING) and many(shop.arrived, RUNNING)
    for _ in range(2):
        waiting = [opened(address) for _ in range(WAITING)]
        assert many(shop.arrived, WAITING)
        assert httpx.get(f"{address}/stream", timeout=PATIENCE_S).status_code == 429
        assert many(shop.arrived, 1)
        for client in waiting:
            client.close()
        assert many(shop.gone, WAITING)
    assert not shop.begun.acquire(blocking=False), "nothing was begun for those that left"
    for client in running:
        client.close()


def test_a_failing_answer_gives_its_turn_back(shop: Shop, address: str) -> None:
    def broken() -> Iterator[str]:
        yield "first"
        raise OSError("disk full")

    shop.words = broken  # type: ignore[method-assign]
    for _ in range(3 * (RUNNING + WAITING)):
        with pytest.raises(httpx.RemoteProtocolError):
            httpx.get(f"{address}/stream", timeout=PATIENCE_S)
    shop.gate.set()
    del shop.words
    assert httpx.get(f"{address}/stream", timeout=PATIENCE_S).text == "first second third"

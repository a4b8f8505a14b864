"""The worker pool behind a real server: waiting, rejection, and clients that disconnect."""

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

from bowerbird.serve.routes.chat import _Stream
from bowerbird.serve.running import open_socket
from bowerbird.serve.worker_pool import TooBusy, WorkerPool

RUNNING, WAITING = 2, 3
PATIENCE_S = 30.0  # before a test gives up
STREAMED = "data: first \n\ndata: second \n\ndata: third\n\n"


class GatedServer:
    """A server whose answers continue when `gate` is opened, and which counts their states."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.arrived, self.started, self.ended, self.disconnected = (threading.Semaphore(0) for _ in range(4))
        self.app, pool = FastAPI(), WorkerPool(RUNNING, WAITING)

        @self.app.get("/stream")
        async def stream(request: Request) -> Response:
            self.arrived.release()
            try:
                async with contextlib.AsyncExitStack() as resources:
                    await resources.enter_async_context(pool.slot(request))
                    generator = self.words()
                    resources.push_async_callback(pool.close, generator)
                    return _Stream(pool.iterate(generator), resources.pop_all())
            except TooBusy:
                return Response(status_code=429)
            except ClientDisconnect:
                self.disconnected.release()
                return Response(status_code=499)

        @self.app.get("/shared")
        def shared() -> str:
            return "answered by a shared thread"

    def words(self) -> Iterator[str]:
        try:
            self.started.release()
            yield "first "
            self.gate.wait(PATIENCE_S)
            yield "second "
            yield "third"
        finally:
            self.ended.release()


def wait_for(semaphore: threading.Semaphore, count: int) -> bool:
    """Wait until a semaphore was released `count` times; false after a timeout."""
    return all(semaphore.acquire(timeout=PATIENCE_S) for _ in range(count))


@pytest.fixture
def gated() -> GatedServer:
    return GatedServer()


@pytest.fixture
def address(gated: GatedServer) -> Iterator[str]:
    listening = open_socket("127.0.0.1", 0)
    server = uvicorn.Server(uvicorn.Config(gated.app, log_level="warning"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        gated.gate.set()
        server.should_exit = True
        thread.join(PATIENCE_S)
        listening.close()


def connect(address: str) -> socket.socket:
    """A client that has requested a stream and reads nothing."""
    host, port = address.removeprefix("http://").split(":")
    client = socket.create_connection((host, int(port)))
    client.sendall(b"GET /stream HTTP/1.1\r\nHost: shop\r\n\r\n")
    return client


def test_a_few_run_some_wait_and_others_are_rejected(gated: GatedServer, address: str) -> None:
    def get_stream() -> httpx.Response:
        return httpx.get(f"{address}/stream", timeout=PATIENCE_S)

    with ThreadPoolExecutor(45) as clients:
        futures: list[Future[httpx.Response]] = [clients.submit(get_stream) for _ in range(45)]
        assert wait_for(gated.started, RUNNING)
        assert httpx.get(f"{address}/shared", timeout=PATIENCE_S).status_code == 200
        assert not gated.started.acquire(blocking=False), "no more than RUNNING run"
        statuses = [
            future.result().status_code for future in islice(as_completed(futures), 45 - RUNNING - WAITING)
        ]
        assert set(statuses) == {429}, "the others are still waiting"
        gated.gate.set()
        answers = [future.result() for future in futures]
    assert sorted(answer.status_code for answer in answers) == [200] * 5 + [429] * 40
    assert {answer.text for answer in answers if answer.status_code == 200} == {STREAMED}
    assert wait_for(gated.ended, RUNNING + WAITING)


def test_a_stream_ends_when_its_client_disconnects_and_the_next_one_begins(
    gated: GatedServer, address: str
) -> None:
    def endless() -> Iterator[str]:
        try:
            gated.started.release()
            while True:
                yield "word "
        finally:
            gated.ended.release()

    gated.words = endless  # type: ignore[method-assign]
    clients = [connect(address) for _ in range(RUNNING + 1)]
    assert wait_for(gated.started, RUNNING) and wait_for(gated.arrived, RUNNING + 1)
    assert not gated.ended.acquire(blocking=False)
    for client in clients:
        client.close()
    assert wait_for(gated.ended, RUNNING)
    del gated.words
    gated.gate.set()
    assert httpx.get(f"{address}/stream", timeout=PATIENCE_S).text == STREAMED


def test_a_client_that_leaves_while_waiting_frees_its_place(gated: GatedServer, address: str) -> None:
    running = [connect(address) for _ in range(RUNNING)]
    assert wait_for(gated.started, RUNNING) and wait_for(gated.arrived, RUNNING)
    for _ in range(2):
        waiting = [connect(address) for _ in range(WAITING)]
        assert wait_for(gated.arrived, WAITING)
        assert httpx.get(f"{address}/stream", timeout=PATIENCE_S).status_code == 429
        assert wait_for(gated.arrived, 1)
        for client in waiting:
            client.close()
        assert wait_for(gated.disconnected, WAITING)
    assert not gated.started.acquire(blocking=False), "nothing was started for disconnected clients"
    for client in running:
        client.close()


def test_a_failing_answer_frees_its_slot(gated: GatedServer, address: str) -> None:
    def broken() -> Iterator[str]:
        yield "first"
        raise OSError("disk full")

    gated.words = broken  # type: ignore[method-assign]
    for _ in range(3 * (RUNNING + WAITING)):
        with pytest.raises(httpx.RemoteProtocolError):
            httpx.get(f"{address}/stream", timeout=PATIENCE_S)
    gated.gate.set()
    del gated.words
    assert httpx.get(f"{address}/stream", timeout=PATIENCE_S).text == STREAMED

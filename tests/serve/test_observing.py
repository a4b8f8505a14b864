"""What surrounds every request: answers at a shutdown, and a log without ids."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Any

import pytest
from starlette.types import Receive, Scope, Send

from bowerbird.serve.middleware.metrics import Metrics
from bowerbird.serve.middleware.observing import REQUEST_LOG, JsonLogFormatter, ObservingMiddleware

SCOPE = {"type": "http", "method": "GET", "path": "/users/secret-user/taste", "query_string": b"q=words"}


async def receive() -> dict[str, Any]:
    return {"type": "http.request", "body": b"", "more_body": False}


def run(app: Any, cancels: bool) -> list[dict[str, Any]]:
    """The messages that a client gets of an app whose task is cancelled, or is not."""
    messages: list[dict[str, Any]] = []

    async def send(message: Any) -> None:
        messages.append(message)

    async def answer() -> None:
        observed = ObservingMiddleware(app, Metrics(), is_shared=False)
        task = asyncio.create_task(observed({**SCOPE, "headers": []}, receive, send))
        if cancels:
            await asyncio.sleep(0)  # until it has started
            task.cancel()
        await task

    asyncio.run(answer())
    return messages


def test_a_request_that_a_shutdown_cuts_off_is_answered() -> None:
    async def endless(scope: Scope, receive: Receive, send: Send) -> None:
        await asyncio.Event().wait()

    start, body = run(endless, cancels=True)
    assert start["status"] == 503 and (b"retry-after", b"2") in start["headers"]
    assert json.loads(body["body"])["error"]["code"] == "shutting_down"


def test_the_log_names_neither_users_nor_queries(caplog: pytest.LogCaptureFixture) -> None:
    async def broken(scope: Scope, receive: Receive, send: Send) -> None:
        raise ValueError("a fault")

    with caplog.at_level(logging.INFO, REQUEST_LOG):
        assert run(broken, cancels=False)[0]["status"] == 500
    lines = [json.loads(JsonLogFormatter().format(record)) for record in caplog.records]
    assert [line["status"] for line in lines] == [500, 500] and "a fault" in lines[0]["traceback"]
    assert "secret-user" not in str(lines) and "words" not in str(lines)

"""What `bowerbird.client` does when a server is busy, broken or breaks off: against scripted answers."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from bowerbird.client import ApiError, Busy, Client, EventQueue, InvalidAnswer, NoAnswer, NotAllowed, Retries

Answer = tuple[int, dict[str, str], Any]
"""Status, headers and JSON of an answer; status 0 breaks the connection."""
Entry = Answer | Callable[[Any], Answer]
"""An answer, or what makes it from the request's body."""
QUICK = Retries(count=3, first_delay_s=0.001)
BUSY: Answer = (503, {"Retry-After": "0"}, {"error": {"message": "the server is busy", "type": "Overloaded"}})
LIMITED: Answer = (429, {}, {"error": {"message": "slow down", "type": "x", "code": "rate_limit_exceeded"}})
BREAKS: Answer = (0, {}, None)
ITEMS: Answer = (200, {}, {"recommendation_id": "r", "next_cursor": None, "items": [], "added_later": 1})
BOARD: Answer = (
    200,
    {},
    {
        "id": "b",
        "name": "n",
        "item_ids": [],
        "token": "",
        "pictures": [],
        "saved_pictures": [],
    },
)


class Scripted:
    """A client of a server that answers by a script, and the bodies that it sent."""

    def __init__(self, url: str) -> None:
        self.bodies: list[Any] = []
        self.client = Client(url, "bb_key", retries=QUICK, timeout_s=5.0)


@contextlib.contextmanager
def scripted(*script: Entry) -> Iterator[Scripted]:
    """Serve a script, whose last entry is repeated."""

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            assert self.headers["Authorization"] == "Bearer bb_key"
            run.bodies.append(json.loads(body or b"null"))
            entry = script[min(len(run.bodies), len(script)) - 1]
            status, headers, content = entry(run.bodies[-1]) if callable(entry) else entry
            if not status:
                self.close_connection = True
                return
            data = content if isinstance(content, bytes) else json.dumps(content).encode()
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(data))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = answer

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    run = Scripted(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield run
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.mark.parametrize("fault", [BUSY, LIMITED, BREAKS], ids=["busy", "limited", "breaks"])
def test_reading_is_repeated(fault: Answer) -> None:
    with scripted(fault, fault, ITEMS) as run:
        assert run.client.list_new().recommendation_id == "r"
        assert len(run.bodies) == 3
    with scripted(fault) as run, pytest.raises((Busy, NoAnswer)):
        run.client.list_new()
    assert len(run.bodies) == 1 + QUICK.count


@pytest.mark.parametrize(("fault", "is_repeated"), [(BUSY, False), (LIMITED, True), (BREAKS, False)])
def test_what_may_have_been_done_is_not_done_twice(fault: Answer, is_repeated: bool) -> None:
    with scripted(fault, BOARD) as run:
        if is_repeated:
            assert run.client.create_board("ann", "n").id == "b"
        else:
            with pytest.raises((Busy, NoAnswer)):
                run.client.create_board("ann", "n")
    assert len(run.bodies) == 1 + is_repeated


def test_a_longer_pause_than_allowed_is_an_error() -> None:
    with scripted((503, {"Retry-After": "3600"}, {}), ITEMS) as run, pytest.raises(Busy) as error:
        run.client.list_new()
    assert error.value.retry_after_s == 3600 and len(run.bodies) == 1


def test_other_errors_are_not_repeated() -> None:
    with scripted((401, {}, {"error": {"message": "no such key", "code": "invalid_api_key"}})) as run:
        with pytest.raises(NotAllowed, match="no such key") as error:
            run.client.list_new()
        assert error.value.code == "invalid_api_key"
    for content in (b"<html>", b"[]", {"error": "text"}, {"detail": "text"}):
        with scripted((500, {}, content)) as run, pytest.raises(ApiError, match="status 500"):
            run.client.list_new()
        assert len(run.bodies) == 1


@pytest.mark.parametrize("content", [b"<html>", {}, [], {"items": 1}])
def test_an_answer_of_another_server_is_an_error(content: Any) -> None:
    with scripted((200, {}, content)) as run, pytest.raises(InvalidAnswer, match="bowerbird's address"):
        run.client.list_new()


def stored(n_events: int, *rejected: str) -> Answer:
    rejections = [{"messageId": event_id, "reason": "unknown item"} for event_id in rejected]
    counts = {"success": True, "accepted": n_events, "duplicates": 0, "rejected": []}
    return (200, {}, counts | {"rejections": rejections})


def test_events_are_repeated_by_their_ids_until_they_are_stored() -> None:
    broken: Answer = (500, {}, {})
    with scripted(BUSY, BREAKS, broken, stored(2, "second")) as run:
        queue = EventQueue(run.client, retries=QUICK)
        first = queue.add("ann", "click", "i1")
        queue.add("ann", "purchase", "i2", message_id="second", price=5.0, recommendation_id="r", position=2)
        queue.close()
    batches = [[message["messageId"] for message in body["batch"]] for body in run.bodies]
    assert batches[-1] == [first, "second"] and len(batches) >= 4
    products = run.bodies[-1]["batch"][1]["properties"]["products"]
    assert products == [{"product_id": "i2", "price": 5.0, "recommendation_id": "r", "position": 2}]
    assert [(rejection.messageId, rejection.reason) for rejection in queue.rejections] == [
        ("second", "unknown item")
    ]


def test_an_event_that_the_server_refuses_holds_up_no_other() -> None:
    """Its batch is halved until it is alone."""

    def answer_to(body: Any) -> Answer:
        is_bad = any(message["userId"] == "bad" for message in body["batch"])
        return (403, {}, {"error": {"message": "another user"}}) if is_bad else stored(len(body["batch"]))

    with scripted(answer_to) as run:
        queue = EventQueue(run.client, retries=QUICK)
        for number in range(20):
            queue.add("bad" if number == 7 else "ann", "click", f"i{number}", message_id=str(number))
        queue.close()
    batches = [body["batch"] for body in run.bodies]
    accepted = {
        message["messageId"]
        for batch in batches
        if all(message["userId"] != "bad" for message in batch)
        for message in batch
    }
    assert accepted == {str(number) for number in range(20) if number != 7}
    assert [rejection.messageId for rejection in queue.rejections] == ["7"]

"""What attackers and broken clients send to a real server: refused, named, and harmless to everybody else."""

from __future__ import annotations

import gzip
import json
import shutil
import socket
import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from bowerbird.data.store import Store

Serve = Callable[..., AbstractContextManager[str]]
CHAT = "/v1/chat/completions"


@pytest.fixture(scope="module")
def client(address: str) -> Any:
    with httpx.Client(base_url=address, timeout=120) as client:
        yield client


def track_call(user: str, item: str = "BB-000001", **fields: Any) -> dict[str, Any]:
    message = {"type": "track", "userId": user, "event": "Product Added to Wishlist"}
    message |= {"messageId": uuid.uuid4().hex, "timestamp": datetime.now(UTC).isoformat()}
    return {**message, "properties": {"product_id": item}, **fields}


def count_status(client: httpx.Client, route: str, status: int) -> float:
    prefix = f'bowerbird_requests_total{{route="{route}",status="{status}"}}'
    lines = client.get("/metrics").text.splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(prefix))


# -- inputs that failed -------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["a red lamp" + " " * 3000, " " * 3000, "x" * 3000, "\n" * 2100 + "lamp"])
def test_long_blank_messages_are_answered(client: httpx.Client, text: str) -> None:
    assert client.post(CHAT, json={"messages": [{"role": "user", "content": text}]}).status_code == 200


@pytest.mark.parametrize("value", ["nan", "inf", "x"])
def test_numbers_are_finite(client: httpx.Client, value: str) -> None:
    for name in ("price_min", "price_max", "diversity", "exploration"):
        assert client.get(f"/users/u/recommendations?{name}={value}").status_code == 422


@pytest.mark.parametrize("seed", ["-1", "99999999999999999999", "x"])
def test_an_invalid_seed_is_named(client: httpx.Client, seed: str) -> None:
    answer = client.get(f"/users/u/recommendations?exploration=0.5&seed={seed}")
    assert answer.status_code == 422 and answer.json()["error"]["param"] == "query.seed"


# -- bodies -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path", "size"),
    [
        ("POST", CHAT, 17 * 2**20),
        ("PUT", "/users/u/taste/weight", 17 * 2**10),
        ("POST", "/v1/track", 501 * 2**10),
        ("POST", "/search", 21 * 2**20),
    ],
)
def test_every_body_has_a_limit(client: httpx.Client, method: str, path: str, size: int) -> None:
    headers = {"Content-Type": "application/json"}
    answer = client.request(method, path, content=b"[" + b" " * size, headers=headers)
    assert answer.status_code == 413 and "send less" in answer.json()["error"]["message"]


def test_deep_and_crowded_json_is_rejected(client: httpx.Client) -> None:
    headers = {"Content-Type": "application/json"}
    for content in (b"[" * 40 + b"]" * 40, b"[" * 10_000, b'{"messages":[' + b"{}," * 60_000 + b"{}]}"):
        answer = client.post(CHAT, content=content, headers=headers)
        assert answer.status_code == 400, answer.text
    crowd = {"messages": [{"role": "user", "content": "a"}] * 1001}
    assert client.post(CHAT, json=crowd).json()["error"]["param"] == "messages"


def test_gzip_is_unpacked_within_the_limit(client: httpx.Client) -> None:
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    packed = gzip.compress(json.dumps({"batch": [track_call("packer")]}).encode())
    assert client.post("/v1/batch", content=packed, headers=headers).json()["accepted"] == 1
    bomb = gzip.compress(b" " * 50_000_000)
    assert client.post("/v1/batch", content=bomb, headers=headers).status_code == 413
    assert client.post("/v1/batch", content=packed[:-9], headers=headers).status_code == 400
    assert client.post("/v1/batch", content=b"{}", headers=headers).status_code == 400


def connect(address: str) -> socket.socket:
    host, port = address.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=60)


@pytest.mark.parametrize("body", [b"", b"[]", b"7", b"null"])
def test_a_single_call_is_an_object(client: httpx.Client, body: bytes) -> None:
    for call in ("track", "identify", "alias", "page"):
        assert client.post(f"/v1/{call}", content=body).status_code == 400


def test_what_is_not_http_is_rejected_in_json(address: str) -> None:
    with connect(address) as connection:
        connection.sendall(b"nonsense\r\n\r\n")
        head, _, body = connection.makefile("rb").read().partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ") and b"nosniff" in head
    assert json.loads(body)["error"]["type"] == "invalid_request_error"


def half_a_body(address: str, path: str) -> socket.socket:
    """A connection that has sent half of a request."""
    connection = connect(address)
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    connection.sendall(f"{head}Content-Length: 100\r\n\r\n{{".encode())
    return connection


@pytest.mark.parametrize("path", ["/v1/track", CHAT])
def test_a_client_that_leaves_in_mid_body_is_no_failure(
    client: httpx.Client, address: str, path: str
) -> None:
    before, failures = count_status(client, path, 499), count_status(client, path, 500)
    for _ in range(5):
        half_a_body(address, path).close()
    while count_status(client, path, 499) < before + 5:
        pass
    assert count_status(client, path, 500) == failures


@pytest.mark.slow
def test_slow_clients_hold_up_nobody_and_no_shutdown(small_store: Store, serve: Serve) -> None:
    """`serve` waits 30 s for the process to end at most."""
    with serve(small_store.path) as address:
        slow = [half_a_body(address, path) for path in ("/v1/track", CHAT, "/search")]
        silent = connect(address)
        assert httpx.get(f"{address}/livez").status_code == 200
        assert silent.recv(1) == b"", "no headers in time: closed"
        assert slow[0].recv(100).startswith(b"HTTP/1.1 408")
        slow.append(half_a_body(address, CHAT))


# -- origins ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "", "localhost.evil:80"])
def test_other_host_names_are_not_served(client: httpx.Client, host: str) -> None:
    assert client.get("/livez", headers={"Host": host}).status_code == 421


@pytest.mark.parametrize("host", ["localhost", "localhost:8080", "127.0.0.1:1", "[::1]:8080", "LOCALHOST"])
def test_names_of_this_machine_are_served(client: httpx.Client, host: str) -> None:
    assert client.get("/livez", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "https://localhost:1"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_pages_of_other_sites_change_nothing(client: httpx.Client, headers: dict[str, str]) -> None:
    for method, path in (("POST", "/v1/track"), ("DELETE", "/users/shopper-00001"), ("POST", CHAT)):
        assert client.request(method, path, headers=headers, json=track_call("csrf")).status_code == 403
    assert client.get("/users/csrf/interests").json()["interests"] == []


@pytest.mark.parametrize("media_type", ["text/plain", "text/plain;charset=UTF-8", "multipart/form-data"])
def test_forms_are_not_read(client: httpx.Client, media_type: str) -> None:
    content = json.dumps(track_call("form"))
    for path in ("/v1/track", "/v1/batch", CHAT, "/search"):
        answer = client.post(path, content=content, headers={"Content-Type": media_type})
        assert answer.status_code == 415, answer.text


def test_answers_carry_security_headers_and_a_request_id(client: httpx.Client) -> None:
    for path in ("/livez", "/items/nothing", "/nothing", "/"):
        headers = client.get(path, headers={"X-Request-ID": "abc-1"}).headers
        assert headers["x-request-id"] == "abc-1" and headers["x-content-type-options"] == "nosniff"
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert len(client.get("/livez", headers={"X-Request-ID": "a b"}).headers["x-request-id"]) == 32


# -- ids ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "user",
    ["team/anna", "a/taste", "a/taste/interests", "Ö ü?#&", "100%", "a%2Fb", "x@y", "///", "a\tb", "‮"],
)
def test_ids_may_have_any_characters(client: httpx.Client, user: str) -> None:
    user = f"{user}{uuid.uuid4().hex}"
    path = quote(user, safe="")
    assert client.post("/v1/track", json=track_call(user)).json()["accepted"] == 1
    assert client.get(f"/users/{path}/interests").json()["user"] == user
    assert client.get(f"/users/{path}/taste").json()["recent"][0]["item_id"] == "BB-000001"
    shown = client.get(f"/users/{path}/recommendations?n=200").json()
    assert shown["user"] == user and "BB-000001" not in [item["item_id"] for item in shown["items"]]
    assert client.put(f"/users/{path}/taste/excluded-items/BB-000001").json()["excluded"] is True
    assert client.delete(f"/users/{path}").json() == {
        "user": user, "events_erased": None, "status": "acknowledged",
    }  # fmt: skip
    assert client.get(f"/users/{path}/taste/export").json()["events"] == []


@pytest.mark.parametrize("user", ["a" * 501, "a\0b", ".."])
def test_ids_that_no_address_can_hold_are_rejected(client: httpx.Client, user: str) -> None:
    content = json.dumps(track_call(user))
    answer = client.post("/v1/track", content=content, headers={"Content-Type": "application/json"}).json()
    assert answer["accepted"] == 0 and answer["rejected"][0].startswith("the user id ")


def test_ids_in_paths_are_bounded(client: httpx.Client) -> None:
    assert client.get(f"/users/{'a' * 501}/interests").status_code == 422
    assert client.get("/users/a%00b/interests").status_code == 400
    body = {"messages": [{"role": "user", "content": "hi"}], "user": "a" * 501}
    assert client.post(CHAT, json=body).json()["error"]["param"] == "user"


def test_errors_name_nobody_else(client: httpx.Client) -> None:
    for method, path in (
        ("PUT", "/users/stranger/taste/muted/1"), ("PUT", "/users/stranger/taste/excluded-items/BB-000001"),
    ):  # fmt: skip
        answer = client.request(method, path)
        assert answer.status_code == 404 and "shopper" not in answer.text


def test_a_wrong_method_names_the_right_ones(client: httpx.Client) -> None:
    answer = client.post("/users/u/taste/muted/1")
    assert answer.status_code == 405 and answer.headers["allow"] == "DELETE, PUT"
    assert client.delete("/healthz").headers["allow"] == "GET, HEAD"


# -- the store ----------------------------------------------------------------------------------------------


def test_a_log_that_was_moved_away_is_an_error(small_store: Store, serve: Serve) -> None:
    events, elsewhere = small_store.path / "events", small_store.path / "moved"
    with serve(small_store.path) as address:
        assert httpx.get(f"{address}/readyz").status_code == 200
        assert httpx.get(f"{address}/users/u/recommendations").status_code == 200
        shutil.move(events, elsewhere)
        for answer in (
            httpx.get(f"{address}/readyz"),
            httpx.get(f"{address}/healthz"),
            httpx.post(f"{address}/v1/track", json=track_call("u", "i1")),
        ):
            assert answer.status_code == 503 and answer.headers["retry-after"]
            assert str(small_store.path) not in answer.text
        assert not events.exists(), "no new log was begun"
        shutil.move(elsewhere, events)
        assert httpx.post(f"{address}/v1/track", json=track_call("u", "i1")).json()["accepted"] == 1


def test_a_locked_store_names_no_process(small_store: Store, serve: Serve) -> None:
    (small_store.path / "taste").mkdir(exist_ok=True)
    with serve(small_store.path) as address:
        httpx.post(f"{address}/v1/track", json=track_call("u", "i1"))
        (small_store.path / "taste" / "overrides.json").write_text("{")
        answer = httpx.get(f"{address}/users/u/interests")
    assert answer.status_code == 503 and str(small_store.path) not in answer.text


def test_rejected_events_are_written_down(client: httpx.Client, shop_store: Path) -> None:
    user, unknown, odd = f"refused-{uuid.uuid4().hex}", uuid.uuid4().hex, uuid.uuid4().hex
    batch = [
        track_call(user, "no-such-item", messageId=unknown),
        track_call(user, properties={}, messageId=odd),
        track_call(user),
    ]
    result = client.post("/v1/batch", json={"batch": batch}).json()
    assert result["accepted"] == 1
    assert {each["messageId"]: each["reason"] for each in result["rejections"]} == {
        unknown: "unknown item", odd: "no product_id",
    }  # fmt: skip
    lines = "".join(path.read_text() for path in shop_store.glob("reports/refused-http-*.jsonl"))
    assert unknown in lines and odd in lines and user in lines

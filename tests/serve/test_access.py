"""Who may call: every route with every role, from the server's own description; keys, tokens and limits."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from typer.testing import CliRunner

from bowerbird.cli.main import app as cli
from bowerbird.cli.serve import access_message, server_settings
from bowerbird.data.store import Store
from bowerbird.errors import InputError
from bowerbird.serve.bodies.errors import TEXT_PATHS
from bowerbird.serve.protection.keys import KEY_ROLES, KeyRing, Role
from bowerbird.serve.protection.rates import RateLimiter
from bowerbird.serve.protection.user_tokens import sign_user_token

Serve = Callable[..., AbstractContextManager[str]]
Routes = list[tuple[str, str, str]]
"""Method, path and role of each."""
OWN, OTHER = "own/user", "other"


@dataclass(frozen=True)
class Shop:
    """A running server that asks for keys, and a key of every kind."""

    client: httpx.Client
    path: Path
    keys: dict[str, str]

    def send(self, method: str, path: str, kind: str | None, **options: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.keys.get(kind, kind)}"} if kind else {}
        with self.client.stream(method, path, headers=headers, **options) as answer:
            if not answer.headers.get("content-type", "").startswith("text/event-stream"):
                answer.read()  # a stream has no end
            return answer


@pytest.fixture(scope="module")
def shop(
    tmp_path_factory: pytest.TempPathFactory, make_small_store: Callable[[Path], Store], serve: Serve
) -> Iterator[Shop]:
    store = make_small_store(tmp_path_factory.mktemp("access") / "store")
    ring = KeyRing(store.path)
    keys = {role.value: ring.create([role])[1] for role in KEY_ROLES}
    keys["token"] = sign_user_token(ring.token_secret(), OWN, 1)
    foreign = KeyRing(make_small_store(tmp_path_factory.mktemp("access") / "tenant").path)
    keys["other store"] = foreign.create([Role.ADMIN])[1]
    keys["other store's token"] = sign_user_token(foreign.token_secret(), OWN, 1)
    with (
        serve(store.path, require_keys=True, requests_per_second=5) as address,
        httpx.Client(base_url=address, timeout=60) as client,
    ):
        yield Shop(client, store.path, keys)


@pytest.fixture(scope="module")
def all_routes(shop: Shop) -> Routes:
    described = shop.client.get("/openapi.json").json()["paths"]
    return [
        (method.upper(), path, route["x-role"])
        for path, methods in described.items()
        for method, route in methods.items()
    ]


def fill(path: str, user: str) -> str:
    values = {"user": user.replace("/", "%2F"), "item_id": "i59", "interest": "1", "feedback_type": "like"}
    return re.sub(r"{(\w+)}", lambda match: values.get(match[1], "x"), path)


ALLOWED = {
    "token": {"read", "chat", "profile", "events:write"},
    "admin": {"read", "chat", "profile", "events:write", "admin"},
    "read": {"read"}, "chat": {"chat"}, "events:write": {"events:write"},
}  # fmt: skip


@pytest.mark.parametrize(
    "kind", ["token", *KEY_ROLES, "other store", "other store's token", "bb_x_y", "nonsense", None]
)
def test_every_route_for_every_role(shop: Shop, all_routes: Routes, kind: str | None) -> None:
    assert len(all_routes) >= 38
    for method, path, role in all_routes:
        answer = shop.send(method, fill(path, OWN), kind, content=b"{}", params={"item": "i1", "q": "x"})
        if role == "none":
            assert answer.status_code in (200, 404, 503), (method, path)
            continue
        if kind not in ALLOWED:
            assert answer.status_code == 401 and answer.headers["www-authenticate"] == "Bearer", (
                method,
                path,
            )
        elif role not in ALLOWED[kind]:
            assert answer.status_code == 403, (method, path, role)
        else:
            assert answer.status_code not in (401, 403, 500), (method, path, role)
            continue
        is_text = path.startswith(TEXT_PATHS)
        assert (
            answer.headers["content-type"].startswith("text/plain")
            if is_text
            else set(answer.json()) == {"error"}
        )
        assert OWN not in answer.text


def test_a_user_token_is_good_for_its_user_only(shop: Shop, all_routes: Routes) -> None:
    with_user = [(method, path) for method, path, _ in all_routes if "{user}" in path]
    assert len(with_user) >= 12
    for method, path in with_user:
        answer = shop.send(method, fill(path, OTHER), "token", content=b"{}", params={"item": "i1"})
        assert answer.status_code == 403, (method, path)
    messages = [{"role": "user", "content": "hello"}]
    chat = "/v1/chat/completions"
    assert shop.send("POST", chat, "token", json={"messages": messages, "user": OTHER}).status_code == 403
    assert shop.send("POST", chat, "token", json={"messages": messages}).status_code == 200
    bodies = {"/recommendations": {}, "/rerank": {"item_ids": ["i1"]}, "/v1/responses": {"input": "hello"}}
    for path, body in bodies.items():
        assert shop.send("POST", path, "token", json=body | {"user": OTHER}).status_code == 403, path
        assert shop.send("POST", path, "token", json=body).status_code == 200, path
    event = {"type": "track", "event": "Product Viewed", "properties": {"product_id": "i1"}, "messageId": "m"}
    event["timestamp"] = "2026-01-01T00:00:00Z"
    assert shop.send("POST", "/v1/track", "token", json=event | {"userId": OTHER}).status_code == 403
    assert shop.send("POST", "/v1/track", "token", json=event | {"userId": OWN}).json()["accepted"] == 1


def test_keys_come_as_clients_send_them(shop: Shop) -> None:
    key, write = shop.keys["read"], shop.keys["events:write"]
    assert shop.client.get("/trending", headers={"X-API-Key": key}).status_code == 200
    assert shop.client.post("/v1/batch", json={"batch": []}, auth=(write, "")).status_code == 200
    for scheme in ("Basic !!!", "Bearer", "Digest x", "Bearer " + "x" * 8000):
        answer = shop.client.get("/trending", headers={"Authorization": scheme})
        assert answer.status_code == 401


# -- the life of a key --------------------------------------------------------------------------------------


def run(*arguments: str) -> Any:
    result = CliRunner().invoke(cli, ["keys", *arguments, "--json"])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_a_key_is_made_listed_rotated_and_revoked_while_the_server_runs(shop: Shop) -> None:
    store = str(shop.path)
    result = run("create", store, "--role", "read", "--days", "90", "--note", "a test")
    assert shop.send("GET", "/trending", result["key"]).status_code == 200
    successor = run("rotate", store, result["id"], "--grace-hours", "1")
    for key in (result["key"], successor["key"]):
        assert shop.send("GET", "/trending", key).status_code == 200
    assert run("expire", store, successor["id"], "--days", "7")["expires"] < successor["expires"]
    run("revoke", store, result["id"])
    assert shop.send("GET", "/trending", result["key"]).status_code == 401
    assert shop.send("GET", "/trending", successor["key"]).status_code == 200
    states = {key["id"]: (key["state"], key["note"]) for key in run("list", store)["keys"]}
    assert states[result["id"]] == ("revoked", "a test") and states[successor["id"]] == ("valid", "a test")
    files = "".join(path.read_text(errors="replace") for path in shop.path.glob("*.json*"))
    assert result["key"].split("_", 2)[2] not in files, "no secret is stored"
    actions = [json.loads(line)["action"] for line in (shop.path / "audit.jsonl").read_text().splitlines()]
    assert actions[-4:] == ["create a key", "rotate a key", "set the end of a key", "revoke a key"]
    assert (shop.path / "keys.json").stat().st_mode & 0o077 == 0, "only the owner reads the file"


def test_a_key_expires(tmp_path: Path) -> None:
    ring = KeyRing(tmp_path)
    _, short = ring.create([Role.READ], days=1e-9)
    assert ring.find(short) is None
    key, rotated = ring.create([Role.READ])
    ring.rotate(key.id, grace_hours=0)
    assert ring.find(rotated) is None
    with pytest.raises(InputError, match="role"):
        ring.create([Role.PROFILE])
    with pytest.raises(InputError, match="no key"):
        ring.revoke("nothing")


def test_tokens_of_other_kinds_are_none(shop: Shop) -> None:
    secret = KeyRing(shop.path).token_secret()
    claims = {"sub": OWN, "aud": "bowerbird", "exp": time.time() + 60}
    path = fill("/users/{user}/taste", OWN)
    assert shop.send("GET", path, jwt.encode(claims, secret, "HS256")).status_code == 200
    for changed in ({"exp": time.time() - 1}, {"aud": "other"}, {"sub": 7}, {"sub": "a\0"}):
        assert shop.send("GET", path, jwt.encode(claims | changed, secret, "HS256")).status_code == 401
    without = {name: value for name, value in claims.items() if name != "exp"}
    assert shop.send("GET", path, jwt.encode(without, secret, "HS256")).status_code == 401
    assert shop.send("GET", path, jwt.encode(claims, "x" * 40, "HS256")).status_code == 401
    assert shop.send("GET", path, jwt.encode(claims, None, "none")).status_code == 401
    assert shop.send("GET", path, jwt.encode(claims, secret, "HS512")).status_code == 401


# -- limits -------------------------------------------------------------------------------------------------


def test_a_caller_above_its_rate_waits_and_events_do_not(shop: Shop) -> None:
    key = KeyRing(shop.path).create([Role.READ, Role.EVENTS_WRITE])[1]
    headers = {"Authorization": f"Bearer {key}"}
    statuses = [shop.client.get("/items/i1", headers=headers) for _ in range(400)]
    too_many = [answer for answer in statuses if answer.status_code == 429]
    assert too_many and int(too_many[0].headers["retry-after"]) >= 1
    assert shop.client.post("/v1/batch", headers=headers, json={"batch": []}).status_code == 200
    assert shop.send("GET", "/items/i1", "read").status_code == 200, "others are not held up"


def test_a_bucket_fills_again() -> None:
    now = 0.0
    limiter = RateLimiter(2.0, 3, clock=lambda: now)
    assert [limiter.wait_s("a") == 0 for _ in range(4)] == [True, True, True, False]
    assert limiter.wait_s("a") == pytest.approx(0.5) and limiter.wait_s("b") == 0
    now = 0.5
    assert limiter.wait_s("a") == 0 and limiter.wait_s("a") > 0
    now = 100.0
    assert [limiter.wait_s("a") == 0 for _ in range(4)] == [True, True, True, False]


@pytest.mark.parametrize(
    ("host", "require_keys", "message", "status"),
    [
        ("127.0.0.1", None, "only this machine can connect", 200),
        ("0.0.0.0", None, "there is none yet", 401),
        ("0.0.0.0", False, "WARNING", 200),
    ],
)
def test_keys_are_needed_unless_only_this_machine_can_connect(
    small_store: Store, serve: Serve, host: str, require_keys: bool | None, message: str, status: int
) -> None:
    settings = server_settings([small_store.path], host, require_keys)
    assert message in access_message(small_store.path, host, settings)
    with serve(small_store.path, require_keys=settings.require_keys) as address:
        assert httpx.get(f"{address}/trending", timeout=60).status_code == status


@pytest.mark.parametrize(
    ("options", "message", "status"),
    [
        ([], "there is none yet", 401),
        pytest.param(["--no-keys"], "WARNING", 200, marks=pytest.mark.slow),
    ],
)
def test_the_command_requires_keys_where_others_can_connect(
    small_store: Store, options: list[str], message: str, status: int
) -> None:
    command = [sys.executable, "-m", "bowerbird.cli.main", "serve", str(small_store.path), "--port", "0"]
    command += ["--no-warm-up", "--host", "0.0.0.0", *options]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env={**os.environ}) as process:
        assert process.stderr is not None
        try:
            lines = [process.stderr.readline(), process.stderr.readline()]
            assert message in lines[0]
            address = lines[1].strip().replace("0.0.0.0", "127.0.0.1")
            assert httpx.get(f"{address}/trending", timeout=60).status_code == status
        finally:
            os.kill(process.pid, signal.SIGTERM)

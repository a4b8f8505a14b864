"""Several stores of one server: every route with every credential of one never shows or changes the other."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm
from PIL import Image
from PIL.PngImagePlugin import PngInfo

import factories
from bowerbird.data.events import Action, Event
from bowerbird.data.items import Item
from bowerbird.errors import InputError
from bowerbird.serve.protection.identity_provider import FILE
from bowerbird.serve.protection.keys import KEY_ROLES, KeyRing, Role
from bowerbird.serve.protection.settings import ServerSettings
from bowerbird.serve.protection.user_tokens import sign_user_token
from bowerbird.serve.tenants.server import create_server, store_apps

AMBER, BIRCH = "amber", "birch"
"""The stores. All their items and users have the same ids, and their texts name the store they belong to."""
USER = "u0"
ISSUER = "https://login.example/"
"""Of tokens for both stores, which differ by their audience."""
ACCEPT = b"application/json, text/event-stream"
BODIES: dict[str, Any] = {
    "/mcp": {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "tools/call",
        "params": {"name": "get_product", "arguments": {"item_id": "i1"}},
    },
    "/recommendations": {"user": USER},
    "/rerank": {"item_ids": ["i1", "i2"], "user": USER},
    "/v1/chat/completions": {"messages": [{"role": "user", "content": "hello"}], "user": USER},
    "/v1/responses": {"input": "hello", "user": USER},
    "/v1/track": {"event": "Product Viewed", "properties": {"product_id": "i1"}, "userId": USER},
    "/v1/alias": {"previousId": "u1", "userId": "u2"},
    "/v1/batch": {"batch": []},
    "/complete": {"item_ids": ["i1"]},
    "/users/{user}/boards": {"name": "a board", "item_ids": ["i1"]},
    "/users/{user}/taste/weight": {"interest": "1", "weight": 0.5},
    "/items": {"items": [{"item_id": "i3", "title": "new", "price": 3.0}]},
    "/items/{item_id}": {"price": 4.0},
    "/api/feedback": [{"FeedbackType": "like", "UserId": USER, "ItemId": "i1"}],
    "/api/session/recommend": [{"FeedbackType": "like", "UserId": USER, "ItemId": "i1"}],
    "/api/item": {"ItemId": "i3", "Comment": "new"},
    "/api/items": [{"ItemId": "i3", "Comment": "new"}],
    "/ucp/catalog/search": {"query": "thing"},
    "/ucp/catalog/lookup": {"ids": ["i1"]},
}


@dataclass(frozen=True)
class Answer:
    """What came back; of an endless stream, its beginning."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    text: str = ""

    @property
    def body(self) -> Any:
        return json.loads(self.text)


@dataclass(frozen=True)
class Server:
    """A server of both stores, in this process, and the credentials of each store by their kind."""

    app: Any
    loop: asyncio.Runner
    folder: Path
    credentials: dict[str, dict[str, str]]

    def send(self, method: str, path: str, credential: str | None, body: Any = None) -> Answer:
        return self.loop.run(self._send(method, path, credential, body))

    async def _send(self, method: str, path: str, credential: str | None, body: Any) -> Answer:
        path, _, query = path.partition("?")
        headers = [(b"content-type", b"application/json"), (b"host", b"localhost"), (b"accept", ACCEPT)]
        headers += [(b"authorization", f"Bearer {credential}".encode())] if credential else []
        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "headers": headers,
        }
        scope |= {"query_string": query.encode(), "http_version": "1.1", "scheme": "http"}
        scope |= {"client": ("127.0.0.1", 1), "server": ("localhost", 80), "root_path": ""}
        content = b"" if body is None else json.dumps(body).encode()
        requests = iter([{"type": "http.request", "body": content, "more_body": False}])
        messages: list[Any] = []
        has_content = asyncio.Event()

        async def receive() -> Any:
            if request := next(requests, None):
                return request
            await has_content.wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            messages.append(message)
            if message.get("body"):
                has_content.set()

        async with asyncio.timeout(60):
            await self.app(scope, receive, send)
        text = b"".join(message.get("body", b"") for message in messages[1:]).decode(errors="replace")
        headers = {name.decode(): value.decode() for name, value in messages[0]["headers"]}
        return Answer(messages[0]["status"], headers, text)

    def digest(self, store: str) -> str:
        """Of all files of a store."""
        digest = hashlib.sha256()
        for path in sorted((self.folder / store).rglob("*")):
            if path.is_file():
                digest.update(f"{path} {path.stat().st_mtime_ns} ".encode() + path.read_bytes())
        return digest.hexdigest()


def picture_of(store: str) -> bytes:
    """A picture whose bytes name a store."""
    buffer, comment = io.BytesIO(), PngInfo()
    comment.add_text("store", store)
    Image.new("RGB", (8, 8)).save(buffer, "PNG", pnginfo=comment)
    return buffer.getvalue()


def create_store(path: Path) -> Path:
    """Items i0, i1, … and users u0, u1, … whose texts and pictures name the store."""
    picture = picture_of(path.name)
    items = [
        Item(f"i{k}", f"{path.name} thing {k}", brand=f"{path.name}-brand", price=5.0 + k, image=picture)
        for k in range(24)
    ]
    events = [
        Event(f"u{user}", f"i{2 * step + user % 2}", Action.SAVE, factories.START + timedelta(hours=step))
        for user in range(6)
        for step in range(8)
    ]
    events.append(Event(f"{path.name}-user", "i1", Action.PURCHASE, factories.START))
    return factories.toy_store(path, items, users=events).path


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("tenants")
    stores = [create_store(folder / name) for name in (AMBER, BIRCH)]
    credentials, key = {}, ec.generate_private_key(ec.SECP256R1())
    for store in stores:
        ring = KeyRing(store)
        kinds = {role.value: ring.create([role])[1] for role in KEY_ROLES}
        kinds["token"] = sign_user_token(ring.token_secret(), USER, 1)
        (store / FILE).write_text(f'issuer = "{ISSUER}"\naudience = "{store.name}"\nkeys = "keys.jwks"')
        (store / "keys.jwks").write_text(
            json.dumps({"keys": [ECAlgorithm.to_jwk(key.public_key(), as_dict=True)]})
        )
        claims = {"iss": ISSUER, "aud": store.name, "exp": time.time() + 3600, "sub": USER}
        for role in ("admin", "profile"):
            kinds[f"identity {role}"] = jwt.encode(claims | {"roles": role}, key, "ES256")
        credentials[store.name] = kinds
    settings = ServerSettings(require_keys=True, requests_per_second=1e6, events_per_second=1e6)
    app = create_server(stores, warm_up=False, settings=settings)
    for store_app in store_apps(app):
        state = store_app.state.app_state
        state.close()  # so that nothing is trained next to the requests
        state.served.assistant.parts.__dict__.update(encoder=None, recommender=None)
    with asyncio.Runner() as loop:
        yield Server(app, loop, folder, credentials)


@pytest.fixture(scope="module")
def routes(server: Server) -> list[tuple[str, str, str]]:
    """Method, path with its query, and role of each, from the server's own description."""
    described = server.send("GET", "/openapi.json", None).body["paths"]
    return [
        (method.upper(), path + query_of(route.get("parameters", [])), route["x-role"])
        for path, methods in described.items()
        for method, route in methods.items()
    ]


def query_of(parameters: list[dict[str, Any]]) -> str:
    """A query that makes a route answer most."""
    values = {"item": "i1", "log": "true", "n": "30"}
    names = {parameter["name"] for parameter in parameters if parameter["in"] == "query"}
    return "?" + urlencode({name: value for name, value in values.items() if name in names})


def fill(path: str) -> str:
    values = {"user": USER, "item_id": "i1", "interest": "1", "model": "bowerbird"}
    values |= {"feedback_type": "like", "name": "popular"}
    return re.sub(r"{(\w+)}", lambda match: values.get(match[1], "x"), path)


def body_of(method: str, path: str) -> Any:
    return BODIES.get(path.partition("?")[0], {}) if method in ("POST", "PUT", "PATCH") else None


@pytest.mark.parametrize("kind", ["token", *KEY_ROLES, "identity admin", "identity profile"])
def test_nothing_of_another_store_is_shown_or_changed(
    server: Server, routes: list[tuple[str, str, str]], kind: str
) -> None:
    assert len(routes) >= 110 and sum(path.startswith("/api/") for _, path, _ in routes) >= 25
    before = server.digest(AMBER)
    for method, path, role in routes:
        credential, filled, body = server.credentials[BIRCH][kind], fill(path), body_of(method, path)
        own = server.send(method, filled, credential, body)
        assert own.status not in (401, 500) and AMBER not in own.text, (method, path)
        foreign = server.send(method, f"/stores/{AMBER}{filled}", credential, body)
        if role == "none":  # what anybody may see by its address
            assert foreign.status in (200, 404), (method, path)
        else:
            assert foreign.status == 401 and AMBER not in foreign.text, (method, path)
    assert server.digest(AMBER) == before


def test_without_a_key_of_one_store_nothing_is_answered(
    server: Server, routes: list[tuple[str, str, str]]
) -> None:
    for method, path, _ in routes:
        for credential in (None, "bb_x_y", "nonsense"):
            answer = server.send(method, fill(path), credential, body_of(method, path))
            assert answer.status == 401 or path in ("/livez?", "/readyz?"), (method, path)
    for path in ("/stores/elsewhere/popular", "/stores/amber%2Fpopular", "/stores", "/stores/"):
        assert server.send("GET", path, None).status == 401


def test_each_key_shows_its_own_store(server: Server, routes: list[tuple[str, str, str]]) -> None:
    """What the first test looks for can be seen: without this it could not fail."""
    key, shown = server.credentials[AMBER]["admin"], set()
    for method, path, _ in routes:
        if method == "GET":
            answer = server.send(method, fill(path), key)
            assert BIRCH not in answer.text, path
            shown |= {path.partition("?")[0]} if AMBER in answer.text else set()
            by_path = server.send(method, f"/stores/{AMBER}{fill(path)}", key)
            assert by_path.status == answer.status, path
    assert shown >= {"/popular", "/search", "/users", "/items/{item_id}", "/items/{item_id}/similar"}
    assert shown >= {f"/users/{{user}}/{name}" for name in ("recommendations", "taste", "taste/export")}
    assert shown >= {"/api/items", "/api/item/{item_id}", "/api/users", "/api/feedback"}
    item = server.send("GET", "/items/i1", key).body
    assert item["image"] == f"/stores/{AMBER}/items/i1/image"
    assert server.send("GET", "/healthz", key).body["address"] == f"/stores/{AMBER}", "for the page"
    assert 'route="/users",status="200"} ' in server.send("GET", "/metrics", key).text


def test_what_one_store_gave_out_is_nothing_to_another(server: Server) -> None:
    amber, birch = (server.credentials[name]["admin"] for name in (AMBER, BIRCH))
    cursor = {"n": 3, "cursor": server.send("GET", "/popular?n=3", amber).body["next_cursor"]}
    assert server.send("GET", f"/popular?{urlencode(cursor)}", amber).status == 200
    assert server.send("GET", f"/popular?{urlencode(cursor)}", birch).status == 404

    first = server.send("POST", "/v1/responses", amber, {"input": "hello", "user": USER}).body["id"]
    following = {"input": "hello", "user": USER, "previous_response_id": first}
    assert server.send("POST", "/v1/responses", amber, following).status == 200
    assert server.send("POST", "/v1/responses", birch, following).status == 404

    boards, content = f"/users/{USER}/boards", {"name": f"of {AMBER}", "item_ids": ["i1"]}
    board = server.send("POST", boards, amber, content).body["id"]
    token = server.send("PUT", f"{boards}/{board}/share", amber).body["token"]
    assert AMBER in server.send("GET", f"/stores/{AMBER}/shared-boards/{token}", None).text
    for path, key in ((f"/stores/{BIRCH}", None), ("", birch), (f"/stores/{BIRCH}", amber)):
        assert server.send("GET", f"{path}/shared-boards/{token}", key).status == 404
    assert server.send("GET", f"{boards}/{board}", birch).status == 404


def test_a_picture_is_the_stores_own_or_none(server: Server) -> None:
    """A page asks for pictures without a key: by an address that names the store, or it gets none."""
    assert server.send("GET", "/items/i7/image", None).status == 401
    for name in (AMBER, BIRCH):
        for path, key in (
            ("", server.credentials[name]["read"]),
            (f"/stores/{name}", None),
        ):
            answer = server.send("GET", f"{path}/items/i7/image", key)
            assert answer.text == picture_of(name).decode(errors="replace")


def test_a_change_is_seen_in_its_own_store_only(server: Server) -> None:
    amber, birch = (server.credentials[name]["admin"] for name in (AMBER, BIRCH))
    before = server.digest(BIRCH)
    assert server.send("PATCH", "/items/i5", amber, {"price": 77.0}).status == 200
    event = {"event": "Product Viewed", "properties": {"product_id": "i7"}, "userId": "new", "messageId": "m"}
    assert server.send("POST", "/v1/track", amber, event).body["accepted"] == 1
    assert server.send("DELETE", f"/users/{AMBER}-user", amber).body["status"] == "acknowledged"
    assert server.send("GET", "/items/i5", amber).body["price"] == 77.0
    assert server.send("GET", "/items/i5", birch).body["price"] == 10.0
    assert server.digest(BIRCH) == before


def test_a_copied_store_is_selected_by_its_path_only(server: Server) -> None:
    """Its keys are those of the original: which of the two a request means is not guessed."""
    key = KeyRing(server.folder / BIRCH).create([Role.READ])[1]
    copy = KeyRing(server.folder / AMBER)
    content = copy.path.read_bytes()
    try:
        copy.path.write_bytes((server.folder / BIRCH / copy.path.name).read_bytes())
        assert server.send("GET", "/popular", key).status == 401
        assert BIRCH in server.send("GET", f"/stores/{BIRCH}/popular", key).text
    finally:
        copy.path.write_bytes(content)


def test_a_store_whose_keys_are_broken_does_not_stop_the_others(server: Server) -> None:
    keys = server.folder / BIRCH / "keys.json"
    content = keys.read_bytes()
    try:
        keys.write_text("{")
        assert server.send("GET", "/popular", server.credentials[AMBER]["read"]).status == 200
        assert server.send("GET", "/popular", server.credentials[BIRCH]["read"]).status == 401
    finally:
        keys.write_bytes(content)


@pytest.mark.parametrize(
    ("names", "message"),
    [(("a/shop", "b/shop"), "two stores are named shop"), (("a", "b b"), "name of its folder")],
)
def test_stores_need_names_of_their_own(tmp_path: Path, names: tuple[str, ...], message: str) -> None:
    stores = [tmp_path / name for name in names]
    with pytest.raises(InputError, match=message):
        create_server(stores, warm_up=False, settings=ServerSettings(require_keys=True))


def test_several_stores_need_keys(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--keys"):
        create_server([tmp_path, tmp_path], warm_up=False, settings=ServerSettings())

"""The API says what it answers: every JSON route has a schema, and its answers follow it."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from bowerbird.data.store import Store
from bowerbird.serve.app import create_app
from bowerbird.serve.bodies.errors import ErrorBody
from bowerbird.serve.bodies.recommendations import Recommendations
from bowerbird.serve.middleware.paths import ITEM_RESOURCES

NOT_JSON = {"/metrics", "/items/{item_id}/image", "/items/{item_id}/json-ld", "/users/{user}/changes"}


@pytest.fixture(scope="module")
def schema(make_small_store: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    store: Store = make_small_store(tmp_path_factory.mktemp("schemas") / "store")
    return create_app(store.path).openapi()


def test_every_route_has_a_schema_of_its_answer(schema: dict[str, Any]) -> None:
    without = [
        f"{method} {path}"
        for path, methods in schema["paths"].items()
        if path not in NOT_JSON
        for method, route in methods.items()
        if not {"$ref", "items", "anyOf"}
        & route["responses"]["200"].get("content", {}).get("application/json", {}).get("schema", {}).keys()
    ]
    assert without == []
    schema_names = {name for methods in schema["paths"].values() for route in methods.values()
             for requirement in route["security"] for name in requirement}  # fmt: skip
    assert schema_names == set(schema["components"]["securitySchemes"])


def test_what_follows_an_item_is_no_item(schema: dict[str, Any]) -> None:
    resources = {
        path.removeprefix("/items/{item_id}/")
        for path in schema["paths"]
        if path.startswith("/items/{item_id}/")
    }
    assert resources == set(ITEM_RESOURCES)


def test_recommendations_and_errors_follow_their_schemas(address: str) -> None:
    """They are written without a check, for speed; a field that is not declared is an error here."""
    with httpx.Client(base_url=address, timeout=60) as client:
        users = client.get("/users").json()["users"]
        answer = Recommendations.model_validate(client.get(f"/users/{users[0]}/recommendations").json())
        assert answer.items and answer.user == users[0]
        for path in (f"/users/{users[0]}/taste?log=true", f"/users/{users[0]}/taste/export", "/trending"):
            assert client.get(path).status_code == 200
        assert ErrorBody.model_validate(client.get("/items/no-such-item").json()).error.message

"""A conversation costs one retrieval a turn, however long it is, and forgets the oldest states only."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from bowerbird.assist.answers import searches
from bowerbird.assist.state import DialogueState
from bowerbird.data.store import Store
from bowerbird.serve.app import create_app
from bowerbird.serve.dialogue_cache import MAX_REPLAYED, DialogueCache


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory, make_small_store: Callable[[Path], Store]) -> TestClient:
    store = make_small_store(tmp_path_factory.mktemp("dialogues") / "store")
    client = TestClient(create_app(store.path))
    # Trained rankers are not needed here.
    client.app.state.app_state.served.assistant.parts.__dict__.update(encoder=None, recommender=None)  # type: ignore[attr-defined]
    return client


@pytest.fixture
def retrievals(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The words of each retrieval, as they happen."""
    words: list[str] = []
    find_items = searches.find_items

    def counted(turn: Any, *arguments: Any) -> Any:
        words.append(turn.text)
        return find_items(turn, *arguments)

    monkeypatch.setattr(searches, "find_items", counted)
    return words


def send(client: TestClient, messages: list[dict[str, str]], state: Any = None) -> dict[str, Any]:
    body = {"messages": messages, "user": "someone", "bowerbird": {"state": state}}
    answer = client.post("/v1/chat/completions", json=body)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


TEXTS = [f"a thing under {price}" for price in range(60, 40, -1)]


@pytest.mark.parametrize("sends_state", [False, True])
def test_each_turn_is_one_retrieval(client: TestClient, retrievals: list[str], sends_state: bool) -> None:
    messages: list[dict[str, str]] = []
    state = None
    for number, text in enumerate(TEXTS, start=1):
        messages.append({"role": "user", "content": text})
        reply = send(client, messages, state if sends_state else None)
        messages.append({"role": "assistant", "content": reply["choices"][0]["message"]["content"]})
        state = reply["bowerbird"]["state"]
        assert state["turns"] == number
    assert retrievals == TEXTS, "turn 20 does what turn 2 does"


def test_an_unknown_conversation_is_read_again_within_bounds(
    client: TestClient, retrievals: list[str]
) -> None:
    messages = [{"role": "user", "content": text} for text in ("never seen", *TEXTS)]
    send(client, messages)
    assert retrievals == TEXTS[-MAX_REPLAYED - 1 :]


def test_a_conversation_of_another_user_is_another() -> None:
    cache, messages = DialogueCache(), [("user", "a"), ("assistant", "b")]
    cache.remember("u", messages, DialogueState(turns=1))
    assert cache.find("u", messages) == DialogueState(turns=1)
    assert cache.find("v", messages) is None
    assert cache.find("u", [("user", "ab"), ("assistant", "")]) is None, (
        "texts are told from their concatenation"
    )
    assert cache.find("u", [("user", "a"), ("user", "b")]) is None


def test_the_oldest_states_are_forgotten() -> None:
    cache = DialogueCache(max_states=2)
    for name in "ab":
        cache.remember(None, [("user", name)], DialogueState(language=name))
    cache.find(None, [("user", "a")])
    cache.remember(None, [("user", "c")], DialogueState())
    assert cache.find(None, [("user", "b")]) is None, "it was used longest ago"
    assert cache.find(None, [("user", "a")]) and json.dumps(cache.find(None, [("user", "c")]).as_dict())  # type: ignore[union-attr]

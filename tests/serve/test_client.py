"""`bowerbird.client` against a real server: every call of the API, typed, waiting and asynchronous."""

from __future__ import annotations

import socket
import subprocess
import sys
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import anyio
import pytest

from bowerbird.choices import SEGMENT_EVENTS
from bowerbird.client import (
    ApiError,
    AsyncClient,
    Client,
    EventQueue,
    EventsNotSent,
    NoAnswer,
    NotFound,
    QueueFull,
    Retries,
)
from bowerbird.client.calls import assistant, boards, events, items, lists, users
from bowerbird.data.events import Action
from bowerbird.data.store import Store
from bowerbird.errors import InputError

NO_RETRIES = Retries(count=0)
MODULES = (lists, items, users, boards, events, assistant)


@pytest.fixture(scope="module")
def client(address: str) -> Iterator[Client]:
    with Client(address) as client:
        yield client


@pytest.fixture
def user() -> str:
    return f"team/anna {uuid.uuid4().hex} é"


def test_lists(client: Client) -> None:
    page = client.list_new(n=3)
    ids = [item.item_id for item in page.items]
    following = client.list_new(n=3, cursor=page.next_cursor)
    assert len(ids) == 3 and not set(ids) & {item.item_id for item in following.items}
    limit = min(item.price or 0.0 for item in page.items)
    cheap = client.list_new(filter={"price": {"max": limit}}).items
    assert cheap and all((item.price or 0.0) <= limit for item in cheap)
    assert ids[0] not in [item.item_id for item in client.list_trending(exclude=ids[:1]).items]
    lamps = client.search("a lamp", n=4).items
    assert lamps[0].item_id not in [item.item_id for item in client.find_similar(lamps[0].item_id).items]
    picture = client.get_picture(lamps[0].item_id, size=224)
    assert lamps[0].item_id in [item.item_id for item in client.search_by_picture(picture, n=4).items]
    assert client.list_popular(n=1).recommendation_id
    assert client.find_bought_together(lamps[0].item_id).recommendation_id
    assert client.find_complements(lamps[0].item_id, n=2).items[0].reason


def test_recommendations(client: Client) -> None:
    known = client.list_users(n=1).users[0]
    answer = client.recommend(known, n=5, surface="home")
    assert answer.user == known and [item.position for item in answer.items] == [1, 2, 3, 4, 5]
    session = client.recommend(events=[{"item_id": answer.items[0].item_id, "action": "save"}], n=5)
    assert session.user is None and len(session.items) == 5
    ids = [item.item_id for item in session.items]
    assert sorted(ids) == sorted(item.item_id for item in client.rerank(ids, known).items)


def test_a_user_from_the_first_event_to_erasure(client: Client, user: str) -> None:
    item_id = client.list_new(n=1).items[0].item_id
    sent = client.track(user, "save", item_id)
    assert (sent.success, sent.accepted) == (True, 1)
    assert client.get_taste(user).recent[0].item_id == item_id
    interest = client.get_interests(user).interests[0].name
    assert client.mute_interest(user, interest).muted
    assert not client.unmute_interest(user, interest).muted
    assert client.boost_interest(user, interest).boosted
    assert not client.unboost_interest(user, interest).boosted
    assert client.correct_interest(user, interest, 5.0).corrected
    assert client.exclude_item(user, item_id).excluded
    assert not client.include_item(user, item_id).excluded
    assert client.explain(user, item_id).user == user
    assert client.find_similar_users(user).at_least == 20
    assert client.list_boards(user).saved == [item_id]
    assert client.export_user(user).events[0]["item_id"] == item_id
    assert client.erase_user(user).status == "acknowledged"
    assert client.list_boards(user).saved == []


def test_boards(client: Client, user: str) -> None:
    ids = [item.item_id for item in client.list_new(n=2).items]
    board = client.create_board(user, "My room", ids[:1])
    assert client.replace_board(user, board.id, "Our room", ids).item_ids == ids
    shared = client.share_board(user, board.id)
    assert [item.item_id for item in client.get_shared_board(shared.token).items] == ids
    assert client.unshare_board(user, board.id).token == ""
    assert client.get_board(user, board.id).name == "Our room"
    assert client.remove_board(user, board.id).id == board.id
    with pytest.raises(NotFound, match="no such board"):
        client.get_board(user, board.id)


def test_chat_whole_and_streamed(client: Client) -> None:
    reply = client.chat("a lamp under 500", n_items=2)
    assert reply.choices[0].message.content and len(reply.bowerbird.items) == 2
    following = client.chat("but in green", state=reply.bowerbird.state)
    assert following.bowerbird.state["turns"] == 2
    chunks = list(client.stream_chat("a lamp under 500", n_items=2))
    assert chunks[0].bowerbird is not None and chunks[0].bowerbird.items == reply.bowerbird.items
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert text == reply.choices[0].message.content
    assert chunks[-1].bowerbird.state == reply.bowerbird.state  # type: ignore[union-attr]
    vectors = client.embed(["a lamp", {"type": "item", "item_id": reply.bowerbird.items[0].item_id}])
    assert len(vectors.data) == 2 and client.check_health().status == "ok"


def test_errors_say_what_the_server_says(client: Client, address: str) -> None:
    with pytest.raises(NotFound, match="there is no item 'nothing'") as error:
        client.get_item("nothing")
    assert error.value.status == 404 and error.value.request_id
    with pytest.raises(ApiError, match="filter"):
        client.list_new(filter={"colour": ["red"]})
    with pytest.raises(InputError, match="not an HTTP address"):
        Client("localhost:8080")
    with (
        Client(f"http://127.0.0.1:{free_port()}", retries=NO_RETRIES) as nobody,
        pytest.raises(NoAnswer, match="can't be reached"),
    ):
        nobody.check_health()


def test_asynchronously(address: str, user: str) -> None:
    async def use() -> None:
        async with AsyncClient(address) as client:
            item_id = (await client.list_new(n=1)).items[0].item_id
            async for change in client.watch_changes(user):
                if change.changed == "taste":
                    break
                client.event_queue.add(user, "save", item_id)
            chunks = [chunk async for chunk in client.stream_chat("a lamp under 500")]
            assert chunks[-1].choices[0].finish_reason == "stop"
            with pytest.raises(NotFound):
                await client.get_item("nothing")
            client.event_queue.add(user, "click", item_id)
        with Client(address) as waiting:
            assert len(waiting.export_user(user).events) == 2

    anyio.run(use)


def test_both_clients_have_every_call() -> None:
    described = {
        name
        for module in MODULES
        for name, value in vars(module).items()
        if callable(value) and getattr(value, "__module__", "") == module.__name__
        and str(value.__annotations__.get("return", "")).startswith(("Call[", "StreamCall["))
    } - {"send_messages"}  # fmt: skip
    assert len(described) > 40
    for client_class in (Client, AsyncClient):
        assert {name for name in described if not hasattr(client_class, name)} == set()


def test_every_action_has_its_event() -> None:
    assert list(SEGMENT_EVENTS) == [action.value for action in Action]


# -- events in the background -------------------------------------------------------------------------------


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass
class LateServer:
    """A server of its own, and a client whose events were added before it started."""

    store: Store
    client: Client
    sent: set[str]


@pytest.fixture(scope="module")
def late_server(
    serve: Any, make_small_store: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LateServer]:
    store, port = make_small_store(tmp_path_factory.mktemp("late") / "store"), free_port()
    client = Client(f"http://127.0.0.1:{port}", retries=Retries(max_delay_s=0.2))
    sent = {client.event_queue.add("ann", "click", f"i{number % 60}") for number in range(500)}
    with serve(store.path, port=port):
        yield LateServer(store, client, sent)


def test_events_wait_for_a_server_that_is_down(late_server: LateServer) -> None:
    late_server.client.event_queue.flush()
    ids: list[str] = late_server.store.log.read().column("event_id").to_pylist()
    assert len(late_server.sent) == 500
    assert [ids.count(event_id) for event_id in late_server.sent] == [1] * 500
    assert not late_server.client.event_queue.rejections


def test_items_change(late_server: LateServer, client: Client) -> None:
    changed = late_server.client
    assert changed.patch_item("i1", price=12.5, availability="preorder").price == 12.5
    assert changed.patch_items([{"item_id": "i1", "price": 13.5}]).changed == 1
    assert changed.get_item("i1").availability == "preorder"
    picture = client.get_picture(client.list_new(n=1).items[0].item_id)
    put = changed.put_items([{"item_id": "NEW-1", "title": "a new lamp", "picture": picture}])
    assert (put.accepted, put.new, put.pictures_broken) == (1, 1, 0)
    assert changed.withdraw_item("NEW-1").withdrawn


def test_events_are_sent_at_exit(address: str, user: str) -> None:
    code = f"""
from bowerbird.client import Client
client = Client({address!r})
item = client.list_new(n=1).items[0].item_id
for _ in range(300):
    client.event_queue.add({user!r}, "view", item)
client.event_queue.add({user!r}, "view", "no-such-item")
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert ran.returncode == 0 and "unknown item" in ran.stderr, ran.stderr
    with Client(address) as client:
        assert len(client.export_user(user).events) == 300


def test_a_full_queue_says_why(user: str) -> None:
    queue = EventQueue(Client(f"http://127.0.0.1:{free_port()}", retries=NO_RETRIES), max_waiting=2)
    queue.add(user, "click", "a")
    queue.add(user, "click", "b")
    with pytest.raises(QueueFull, match="2 events wait"):
        queue.add(user, "click", "c")
    with pytest.raises(InputError, match="bytes"):
        queue.add(user, "click", "x" * 40_000)
    with pytest.raises(EventsNotSent, match="2 events are not sent yet"):
        queue.close(timeout_s=0.1)
    with pytest.raises(InputError, match="closed"):
        queue.add(user, "click", "d")

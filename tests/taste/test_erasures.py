"""The queue of erasures: durable when acknowledged, in force with the next answer, complete after crashes."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bowerbird.data.collections import Collection
from bowerbird.data.events import EVENT_SCHEMA, Action, Event
from bowerbird.data.store import Store
from bowerbird.errors import StoreError
from bowerbird.taste.control.erasure_queue import FILE, ErasureQueue
from bowerbird.taste.control.forgetting import erase_queued, is_named, request_erasures
from bowerbird.taste.control.overrides import Overrides
from bowerbird.taste.graph import TasteGraph
from bowerbird.taste.profile.export import export_user
from bowerbird.taste.profile.reader import TasteReader
from commands import run_command

MakeEvent = Callable[..., Event]
NAME = "zebulon-the-visitor"


def files_with(folder: Path, name: str) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and name.encode() in path.read_bytes()]


def reopen(store: Store) -> Store:
    """The store as another process opens it."""
    return Store.open(store.path)


def content(graph: TasteGraph) -> dict[str, tuple[object, ...]]:
    """The states of all users and the rings of all items, comparable."""
    states = graph._states
    ids = states.table.ids
    states_by_user = {user: graph.stored_state(user) for user in graph.users()}
    likers = [states.likers.ring(item) for item in range(len(states.likers))]
    rings = tuple((ids[row], at) for rows, times in likers for row, at in zip(rows, times, strict=True))
    states = {
        user: (state.items.tolist(), state.actions.tolist(), state.at.tolist())
        for user, state in states_by_user.items()
    }
    return states | {"rings": rings}


# -- the queue ----------------------------------------------------------------------------------------------


def test_an_acknowledged_erasure_is_visible_to_every_process(store: Store) -> None:
    queue, second = ErasureQueue(store), ErasureQueue(reopen(store))
    before = second.file_stamp()
    queue.add(["ann", "bo"])
    second.add(["cy"])
    assert [request.user_id for request in queue.read().requests] == ["ann", "bo", "cy"]
    assert second.file_stamp() != before and second.read() == queue.read()


def test_simultaneous_requests_lose_none_and_share_writes(store: Store) -> None:
    queue, users = ErasureQueue(store), [f"user-{k}" for k in range(60)]
    threads = [threading.Thread(target=queue.add, args=([user],)) for user in users]
    with store.exclusive("erasures"):  # the first write waits, so that the others gather
        for thread in threads:
            thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(request.user_id for request in queue.read().requests) == sorted(users)


def test_a_complete_batch_leaves_no_name(store: Store, did: MakeEvent) -> None:
    store.log.append([did(NAME, 1), did("bo", 2)])
    request_erasures(store, [NAME])
    (store.path / f".{FILE}-1a2b3c").write_text(NAME)  # of a writer that was killed
    (store.reports / ".refused-segment-0.jsonl-1a2b3c").write_text(NAME)
    store.taste.joinpath(".overrides.json-1a2b3c").write_text(NAME)
    assert files_with(store.path, NAME) and erase_queued(reopen(store)) == 1
    assert files_with(store.path, NAME) == [] and not is_named(store, NAME)
    erasures = ErasureQueue(store).read()
    assert not erasures.requests and len(erasures.batches) == 1
    assert erase_queued(store) is None


def test_a_broken_queue_is_named(store: Store) -> None:
    (store.path / FILE).write_text("{")
    with pytest.raises(StoreError, match=r"erasures\.json can't be read"):
        ErasureQueue(store).read()


def test_a_queue_that_cannot_be_written_acknowledges_nothing(store: Store, did: MakeEvent) -> None:
    store.log.append([did(NAME, 1)])
    (store.path / "erasures.lock").mkdir()
    with pytest.raises(StoreError, match="no new erasure is accepted"):
        request_erasures(store, [NAME])
    assert not ErasureQueue(store).read().requests and NAME in TasteGraph.open(store.snapshot())


def test_the_mark_of_another_log_means_everything(store: Store, did: MakeEvent) -> None:
    """A store moves to a log on a server with its events and with its queue."""
    store.log.append([did(NAME, 1)])
    request_erasures(store, [NAME])
    store.log.append([did(NAME, 2)])
    raw = json.loads((store.path / FILE).read_text())
    raw["requests"][0]["log"] = "PostgresLog"
    (store.path / FILE).write_text(json.dumps(raw))
    assert erase_queued(store) == 2


# -- from the next answer on --------------------------------------------------------------------------------


def test_every_graph_forgets_them_before_anything_is_erased(ada: TasteGraph, store: Store) -> None:
    second = TasteGraph.open(reopen(store).snapshot())
    liked = ada.catalogue.position["14"]
    now = int(datetime(2026, 2, 1, tzinfo=UTC).timestamp() * 1e6)
    assert ada.trending(now, 30.0)[liked] > 0
    with store.lock("an import"):  # no process can erase now
        ada.request_erasures(["ada"])
        second.refresh()
        late = TasteGraph.open(reopen(store).snapshot())
        for graph in (ada, second, late):
            assert "ada" not in graph and graph.users() == ["bo"] and not len(graph.state("ada").items)
            assert graph.trending(now, 30.0)[liked] == 0
            assert not graph._states.likers.ring(liked)[0].size
    assert store.log.has_events_of("ada"), "that comes later"


def test_later_events_belong_to_a_new_user(ada: TasteGraph, store: Store, did: MakeEvent) -> None:
    second = TasteGraph.open(reopen(store).snapshot())
    ada.request_erasures(["ada"])
    store.log.append([did("ada", 35, day=-99), did("bo", 36, day=-99)])  # its own time is long past
    reopen(store).log.append([did("ada", 36, day=1)])
    for graph in (ada, second, TasteGraph.open(reopen(store).snapshot())):
        graph.refresh()
        assert graph.state("ada").history.items.tolist() == [35, 36]
    ada.mute("ada", "1")
    assert erase_queued(reopen(store)) == 8
    for graph in (ada, second, TasteGraph.open(reopen(store).snapshot())):
        graph.refresh()
        assert graph.state("ada").history.items.tolist() == [35, 36] and len(graph.state("bo").items) == 6
        assert graph.state("ada").muted, "the new user muted it"


def test_their_boards_queries_and_overrides_are_gone_immediately(
    ada: TasteGraph, store: Store, did: MakeEvent
) -> None:
    store.publish_collections([Collection("hall", ("1",), user_id="ada"), Collection("room", ("2",))])
    snapshot = store.snapshot()
    reader = TasteReader.open(snapshot)
    reader.graph.mute("ada", "1")
    assert export_user(reader, "ada")["collections"] and export_user(reader, "ada")["events"]

    def is_empty() -> bool:
        document = export_user(TasteReader.open(snapshot), "ada")
        parts = {"user", "events", "state", "taste", "overrides", "collections", "exposures"}
        assert set(document) == parts
        return not (
            document["events"]
            or document["exposures"]
            or document["overrides"]
            or document["collections"]
            or document["state"]["events"]
        )

    assert not is_empty()
    reader.graph.request_erasures(["ada"])
    assert is_empty()
    assert erase_queued(reopen(store)) == 8
    assert is_empty(), "the snapshot still has the former collections"
    store.publish_collections([Collection("new", ("3",), user_id="ada")])
    fresh = TasteReader.open(store.snapshot(snapshot))
    assert [board.collection_id for board in fresh.collections_of("ada")] == ["new"]


def test_no_graph_that_followed_reads_the_log_again(
    ada: TasteGraph, store: Store, did: MakeEvent, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reading the whole log would delay the answers of a server, once for each batch."""
    second, worker = (TasteGraph.open(reopen(store).snapshot()) for _ in range(2))
    store.log.add_segment(
        pa.Table.from_pylist([did(user, 3).as_row() for user in ("cy", "di", "ed")], schema=EVENT_SCHEMA)
    )
    for graph in (ada, second, worker):
        graph.refresh()

    def fail(_: object) -> None:
        pytest.fail("the log was read")

    erase = worker.store.log.forget_all

    def forget_all(users: object) -> int:
        """Another graph refreshes while the log is being rewritten, and afterwards."""
        second.refresh()
        removed = erase(users)
        second.refresh()
        return removed

    monkeypatch.setattr(type(store.log), "read", fail)
    monkeypatch.setattr(worker.store.log, "forget_all", forget_all)
    for users in (["ada"], ["cy", "di"], ["nobody", "ed"]):
        ada.request_erasures(users)
        store.log.append([did("bo", 30 + len(users), day=len(users))])
        worker.erase_queued()
        for graph in (ada, second, worker):
            graph.refresh()
            assert not any(user in graph for user in users) and "bo" in graph
            assert graph._live.generation == store.log.generation
    assert content(ada) == content(second) == content(worker)


USERS = ("ann", "bo", "cy")
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("append"), st.sampled_from(USERS), st.integers(0, 39)),
        st.tuples(st.just("import"), st.just("di"), st.integers(0, 39)),
        st.tuples(st.just("request"), st.sampled_from(USERS), st.sampled_from([0, 1])),
        st.tuples(st.just("refresh"), st.just(""), st.sampled_from([0, 1])),
        st.tuples(st.just("save"), st.just(""), st.sampled_from([0, 1])),
        st.tuples(st.just("erase"), st.just(""), st.sampled_from([0, 1])),
        st.tuples(st.just("restart"), st.just(""), st.sampled_from([0, 1])),
    ),
    max_size=25,
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_graphs_hold_what_was_not_erased_whatever_happens_when(
    ada: TasteGraph, tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, str, int]]
) -> None:
    """Against a list of events without the erased ones, learned by a graph of its own."""
    store = Store.create(tmp_path_factory.mktemp("law") / "store")

    def opened() -> TasteGraph:
        graph = TasteGraph(reopen(store), ada.catalogue, ada.interests_of_items, key="law")
        graph.refresh()
        return graph

    graphs, surviving = [opened(), opened()], list[Event]()
    start = datetime(2026, 1, 1, tzinfo=UTC)
    for number, (action, user, value) in enumerate(steps):
        if action in ("append", "import"):
            event = Event(user, str(value), Action.SAVE, start - timedelta(hours=number), f"e{number}")
            surviving.append(event)
            if action == "append":
                store.log.append([event])
            else:
                store.log.add_segment(pa.Table.from_pylist([event.as_row()], schema=EVENT_SCHEMA))
        elif action == "request":
            graphs[value].request_erasures([user])
            surviving = [event for event in surviving if event.user_id != user]
        elif action == "save":
            graphs[value].save()
        elif action == "erase":
            graphs[value].erase_queued() if number % 2 else erase_queued(reopen(store))
        elif action == "restart":
            graphs[value] = opened()
        else:
            graphs[value].refresh()
            slow = TasteGraph(store, ada.catalogue, ada.interests_of_items)
            slow.learn(surviving)
            assert content(graphs[value]) == content(slow)
    erase_queued(store)
    assert sorted(store.log.read()["event_id"].to_pylist()) == sorted(event.event_id for event in surviving)
    slow = TasteGraph(store, ada.catalogue, ada.interests_of_items)
    slow.learn(surviving)
    for graph in [*graphs, opened()]:
        graph.refresh()
        assert content(graph) == content(slow)


# -- a kill in the middle -----------------------------------------------------------------------------------

KILLED_AT = {
    "before anything is erased": "bowerbird.taste.state.saved_states.drop",
    "before the log": "bowerbird.data.logs.local.embedded.EmbeddedLog.forget_all",
    "in the log": "bowerbird.data.logs.local.live.LiveEvents.remove",
    "before the ranker": "bowerbird.data.store.Store.drop",
    "before the end": "bowerbird.taste.control.erasure_queue.ErasureQueue.finish",
}
KILL = """
import os, signal, sys, unittest.mock
from bowerbird.data.store import Store
from bowerbird.taste.control.forgetting import erase_queued, request_erasures
store = Store.open(sys.argv[1])
request_erasures(store, [sys.argv[3]])
with unittest.mock.patch(sys.argv[2], lambda *_: os.kill(os.getpid(), signal.SIGKILL)):
    erase_queued(store)
"""


@pytest.mark.parametrize("when", KILLED_AT)
def test_the_next_process_finishes_after_a_kill(
    ada: TasteGraph, store: Store, did: MakeEvent, when: str
) -> None:
    store.log.add_segment(pa.Table.from_pylist([did(NAME, 3).as_row()], schema=EVENT_SCHEMA))
    store.log.append([did(NAME, 4)])
    store.publish_collections([Collection("hall", ("1",), user_id=NAME)])
    Overrides(store).exclude_item(NAME, "1")
    with store.publishing("ranker", {}) as folder:
        (folder / "ranker.npz").write_bytes(b"who likes what")
    ada.refresh()
    ada.save()
    store.log.close()
    result = subprocess.run([sys.executable, "-c", KILL, str(store.path), KILLED_AT[when], NAME])
    assert result.returncode == -9
    late = TasteGraph.open(reopen(store).snapshot())
    late.refresh()
    assert NAME not in late and NAME not in late.users(), "acknowledged is acknowledged"
    store.log.append([did(NAME, 30, day=9)])
    assert erase_queued(reopen(store)) is not None
    remaining = reopen(store).log.read().to_pylist()
    assert [row["item_id"] for row in remaining if row["user_id"] == NAME] == ["30"], "of a new user"
    assert store.current("ranker") is None and not store.collections()
    store.log.forget(NAME)
    store.log.close()
    assert files_with(store.path, NAME) == []


def test_only_erasing_waits_for_the_lock(ada: TasteGraph, store: Store) -> None:
    """An import may hold it for minutes; overrides do not wait either."""
    is_done = threading.Event()

    def work() -> None:
        erase_queued(reopen(store))
        is_done.set()

    worker = threading.Thread(target=work)
    with store.lock("an import"):
        ada.request_erasures(["ada"])
        worker.start()
        ada.mute("bo", "1")
        assert ada.state("bo").muted and "ada" not in ada and not is_done.is_set()
    worker.join(60)
    assert is_done.is_set() and not store.log.has_events_of("ada")


def test_two_workers_erase_once(ada: TasteGraph, store: Store) -> None:
    ada.request_erasures(["ada", "bo"])
    counts: list[int | None] = []
    workers = [threading.Thread(target=lambda: counts.append(erase_queued(reopen(store)))) for _ in range(3)]
    with store.lock("an import"):
        for worker in workers:
            worker.start()
    for worker in workers:
        worker.join(60)
    assert sorted(counts, key=str) == [13, None, None]


def test_the_command_completes_what_is_queued(store: Store, did: MakeEvent) -> None:
    users = [NAME, "ann", "bo", "cy"]
    store.log.append([did(user, k) for k, user in enumerate(users)])
    request_erasures(store, [NAME])  # and the server was killed
    result = run_command("taste", "forget", store.path, "--user", "ann", "--user", "bo", "--json")
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout) == {"users": ["ann", "bo"], "events_erased": 3}
    assert store.log.read()["user_id"].to_pylist() == ["cy"] and files_with(store.path, NAME) == []


def test_erasing_many_users_equals_erasing_each(ada: TasteGraph, store: Store) -> None:
    rng = np.random.default_rng(0)
    graphs = [TasteGraph(store, ada.catalogue, ada.interests_of_items) for _ in range(2)]
    start = datetime(2026, 1, 1, tzinfo=UTC)
    events = [
        Event(f"u{rng.integers(90)}", str(rng.integers(3)), Action.SAVE, start + timedelta(minutes=k))
        for k in range(600)
    ]
    gone = [f"u{k}" for k in rng.permutation(90)[:40]]
    for graph in graphs:
        graph.learn(events)
    graphs[0]._states.forget(*gone)
    for user in gone:
        graphs[1]._states.forget(user)
    assert content(graphs[0]) == content(graphs[1]) and len(graphs[0].users()) == 50

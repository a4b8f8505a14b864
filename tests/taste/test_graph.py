"""The graph keeps its promises: exact replay, catching up, overrides, and forgetting."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bowerbird.data.events import EVENT_SCHEMA, Action, Event
from bowerbird.data.items import Catalogue, Item
from bowerbird.data.logs.contract import LogMark
from bowerbird.data.store import Store
from bowerbird.errors import InputError, StoreError
from bowerbird.taste.graph import TasteGraph
from bowerbird.taste.state.user_state import TasteState
from factories import publish_vectors

MakeEvent = Callable[..., Event]


def share_by_type(graph: TasteGraph, user: str, now: int) -> dict[str, float]:
    return {interest.words[-1]: interest.share for interest in graph.interests(graph.state(user), now)}


def table_of(events: list[Event]) -> pa.Table:
    return pa.Table.from_pylist([event.as_row() for event in events], schema=EVENT_SCHEMA)


def as_tuple(state: TasteState) -> tuple[object, ...]:
    """The content of a state, comparable."""
    older = state.older
    arrays = (state.items, state.actions, state.at, older.interest, older.at, older.weight)
    return (state.user_id, *(array.tolist() for array in arrays), state.unseen(40).tolist())


def rings(graph: TasteGraph) -> list[list[tuple[str, int]]]:
    """Who liked each item last, by id: rows are numbered in order of arrival."""
    ids, likers = graph._states.table.ids, graph._states.likers
    columns = (likers.ring(item) for item in range(len(likers)))
    return [[(ids[row], second) for row, second in zip(*ring, strict=True)] for ring in columns]


# -- the same events, the same taste ------------------------------------------------------------------------


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**16), moments=st.lists(st.integers(-(10**15), 10**15), min_size=1, max_size=20))
def test_streaming_in_any_order_equals_replaying_the_log(
    ada: TasteGraph, tmp_path_factory: pytest.TempPathFactory, seed: int, moments: list[int]
) -> None:
    """Also for moments before 1970, and to the microsecond."""
    rng = np.random.default_rng(seed)
    actions = list(Action)
    events = [
        Event(
            f"u{rng.integers(2)}",
            str(rng.integers(40)),
            actions[rng.integers(len(actions))],
            datetime.fromtimestamp(moment // 10**6, UTC).replace(microsecond=moment % 10**6),
        )
        for moment in moments
    ]
    replayed = Store.create(tmp_path_factory.mktemp("replayed") / "store")
    replayed.log.add_segment(table_of(events[::2]))
    replayed.log.append(events[1::2])
    empty = Store.create(tmp_path_factory.mktemp("streamed") / "store")
    slow = TasteGraph(replayed, ada.catalogue, ada.interests_of_items)
    fast = TasteGraph(empty, ada.catalogue, ada.interests_of_items)
    slow.refresh()
    for k in [*rng.permutation(len(events)).tolist(), 0]:
        fast.learn_one(events[k])
    for user in ("u0", "u1"):
        assert as_tuple(fast.state(user)) == as_tuple(slow.state(user))
        assert fast.interests(fast.state(user)) == slow.interests(slow.state(user))
    assert rings(fast) == rings(slow)
    now = max(moments)
    assert fast.trending(now, 30.0).tolist() == slow.trending(now, 30.0).tolist()


def test_learning_an_event_twice_changes_nothing(ada: TasteGraph, did: MakeEvent) -> None:
    before = as_tuple(ada.state("ada"))
    assert not ada.learn_one(did("ada", 14, Action.PURCHASE, day=5))
    assert as_tuple(ada.state("ada")) == before


def test_refresh_learns_what_other_processes_appended(ada: TasteGraph, store: Store, did: MakeEvent) -> None:
    second = Store.open(store.path)
    second.log.append([did("ada", 30, day=7), did("cy", 31, day=7)])
    assert "cy" not in ada
    assert ada.n_waiting == 2
    ada.refresh()
    assert ada.n_waiting == 0
    assert ada.state("cy").history.items.tolist() == [31]
    assert ada.state("ada").history.items[-1] == 30
    assert sorted(ada.users()) == ["ada", "bo", "cy"]
    reopened = TasteGraph.open(second.snapshot())
    for user in ada.users():
        assert as_tuple(ada.state(user)) == as_tuple(reopened.state(user))


def test_refresh_learns_an_import(ada: TasteGraph, store: Store, did: MakeEvent) -> None:
    Store.open(store.path).log.add_segment(table_of([did("di", 5, day=1), did("ada", 6, day=-9)]))
    ada.refresh()
    assert ada.state("di").history.items.tolist() == [5]
    assert ada.state("ada").history.items[0] == 6, "a late event takes its place in time"


def test_a_snapshot_stands_for_its_place_in_the_log(ada: TasteGraph, store: Store, did: MakeEvent) -> None:
    assert ada.save()
    store.log.append([did("cy", 31, day=7), did("ada", 3, day=8)])
    reopened = TasteGraph.open(store.snapshot())
    ada.refresh()
    for user in ("ada", "bo", "cy"):
        assert as_tuple(reopened.state(user)) == as_tuple(ada.state(user))


def test_opening_reads_the_snapshot_and_not_the_log(
    ada: TasteGraph, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ada.save()
    monkeypatch.setattr(
        "bowerbird.data.logs.local.embedded.EmbeddedLog.read", lambda log: pytest.fail("the log was read")
    )
    assert as_tuple(TasteGraph.open(store.snapshot()).state("ada")) == as_tuple(ada.state("ada"))


def test_a_broken_or_outdated_snapshot_is_not_used(ada: TasteGraph, store: Store, did: MakeEvent) -> None:
    assert ada.save()
    for broken in store.taste.glob("user-states-*/user_table.npy"):
        broken.write_bytes(b"nonsense")
    assert as_tuple(TasteGraph.open(store.snapshot()).state("ada")) == as_tuple(ada.state("ada"))
    assert ada.save()
    store.log.add_segment(table_of([did("di", 5, day=1)]))  # another generation of the log
    assert "di" in TasteGraph.open(store.snapshot())
    assert not ada.save(), "what it knows is older than the log's generation"


def test_unknown_items_are_counted_and_harm_nothing(ada: TasteGraph, store: Store, did: MakeEvent) -> None:
    before = as_tuple(ada.state("ada"))
    assert not ada.learn_one(did("ada", "no such item", day=9))
    store.log.append([did("ada", "nor this", day=9)])
    assert as_tuple(ada.state("ada")) == before
    assert TasteGraph.open(store.snapshot()).unknown_items == 1
    store.log.add_segment(table_of([did("bo", 1)]))
    reader = TasteGraph.open(store.snapshot())
    store.log.add_segment(table_of([did("bo", 2)]))
    reader.refresh()
    assert reader.unknown_items == 1, "a replay starts the count again"


# -- interests ----------------------------------------------------------------------------------------------


def test_interests_follow_from_the_events_of_the_user(ada: TasteGraph) -> None:
    interests = ada.interests(ada.state("ada"))
    assert [interest.name for interest in interests] == ["plain · wood · lamp", "striped · cotton · shirt"]
    assert sum(interest.share for interest in interests) == pytest.approx(1.0)
    assert set(interests[0].items) == {10, 11, 12, 13, 14}
    assert all(interest.weight > 0 for interest in interests)


def test_interests_of_an_earlier_day_know_nothing_of_later_ones(ada: TasteGraph, did: MakeEvent) -> None:
    now = int(did("ada", 10, day=1.5).at.timestamp()) * 1_000_000
    interests = ada.interests(ada.state("ada"), now)
    assert [(interest.name, sorted(interest.items)) for interest in interests] == [
        ("plain · wood · lamp", [10, 11])
    ]


def test_an_interest_fades(ada: TasteGraph) -> None:
    state = ada.state("ada")
    soon, later = ada.interests(state), ada.interests(state, now=state.last_at + 30 * 86_400_000_000)
    assert [interest.number for interest in soon] == [interest.number for interest in later]
    assert all(early.weight > late.weight for early, late in zip(soon, later, strict=True))


def test_a_hide_lowers_an_interest(ada: TasteGraph, did: MakeEvent) -> None:
    hide = did("ada", 12, Action.HIDE, day=6.5)
    now = int(hide.at.timestamp()) * 1_000_000  # the same for both: time alone moves shares too
    before = share_by_type(ada, "ada", now)
    assert ada.learn_one(hide)
    assert 0 < share_by_type(ada, "ada", now)["lamp"] < before["lamp"]
    assert share_by_type(ada, "ada", now)["shirt"] > before["shirt"]


def test_an_unknown_user_has_no_interests(ada: TasteGraph) -> None:
    state = ada.state("nobody")
    assert not len(state.items) and ada.interests(state) == [] and ada.explain("nobody") == []
    assert ada.timeline(state).weights.shape == (0, 0)
    assert "nobody" not in ada.users()


def test_users_are_listed_the_most_active_first(ada: TasteGraph) -> None:
    assert ada.users() == ["ada", "bo"] and ada.n_users == 2
    assert ada.users(1) == ["ada"] and ada.users(5) == ["ada", "bo"]


def test_an_interest_is_explained_by_its_own_events(ada: TasteGraph) -> None:
    for interest in ada.explain("ada", per_interest=50):
        positions = [ada.catalogue.position[event["item_id"]] for event in interest["events"]]
        interests = ada.interests_of_items
        assert {int(interests.fine.ids[interests.group[k]]) for k in positions} == {interest["id"]}
        titles = [ada.catalogue.item(position).title for position in positions]
        assert [event["title"] for event in interest["events"]] == titles
        assert sum(event["share"] for event in interest["events"]) == pytest.approx(1.0)
    lamps = ada.explain("ada")[0]["events"]
    assert (lamps[0]["item_id"], lamps[0]["action"]) == ("14", "purchase")
    assert lamps[0]["at"] == "2026-01-06T00:00:00"


def test_the_timeline_starts_with_an_interest_and_is_never_negative(ada: TasteGraph, did: MakeEvent) -> None:
    ada.learn_one(did("ada", 11, Action.HIDE, day=6.5))
    timeline = ada.timeline(ada.state("ada"), n_moments=60)
    assert timeline.weights.shape == (60, 2) and (timeline.weights >= 0).all()
    history = ada.state("ada").history
    for name, weights in zip(timeline.names, timeline.weights.T, strict=True):
        group = ada.interests_of_items.names.index(name)
        first = history.at[ada.interests_of_items.group[history.items] == group].min()
        assert (weights[timeline.times < first] == 0).all()
        assert (weights[timeline.times >= first] > 0).all()
    assert (timeline.weights[:20, timeline.names.index("striped · cotton · shirt")] == 0).all()


def test_hidden_items_alone_are_not_an_interest(ada: TasteGraph, did: MakeEvent) -> None:
    for k in range(3):
        ada.learn_one(did("ada", 30 + k, Action.HIDE, day=k))
    state = ada.state("ada")
    assert all("vase" not in interest.words for interest in ada.interests(state))
    assert (ada.timeline(state).weights >= 0).all()


def test_items_without_a_vector_belong_to_no_interest(store: Store, did: MakeEvent) -> None:
    items = [store.catalogue().item(position) for position in range(40)]
    store.publish_catalogue(Catalogue.of([*items, Item("new", "")]))
    rows = np.vstack([np.eye(4, 6)[np.arange(40) // 10], np.zeros((1, 6))])
    publish_vectors(store, rows)
    store.log.append([did("ada", "new")])
    graph = TasteGraph.open(store.snapshot())
    state = graph.state("ada")
    assert state.history.items.tolist() == [40]
    assert graph.interests(state) == []
    assert graph.timeline(state).names == []


# -- overrides ----------------------------------------------------------------------------------------------


def test_mute_and_boost_are_remembered_and_undone(ada: TasteGraph, store: Store) -> None:
    assert ada.mute("ada", "PLAIN · wood · lamp").muted
    assert ada.boost("ada", "2").boosted, "by its rank"
    reopened = TasteGraph.open(store.snapshot())
    lamps, shirts = ada.interests(ada.state("ada"))[:2]
    assert reopened.interests(reopened.state("ada")) == [lamps, shirts]
    assert (lamps.muted, lamps.boosted, shirts.muted, shirts.boosted) == (True, False, False, True)
    assert reopened.state("bo").muted == frozenset()
    assert not reopened.mute("ada", lamps.name).muted
    assert not reopened.boost("ada", shirts.name).boosted
    assert ada.state("ada").muted == ada.state("ada").boosted == frozenset()


def test_a_boost_doubles_an_interest(ada: TasteGraph) -> None:
    before = {interest.name: interest.weight for interest in ada.interests(ada.state("ada"))}
    boosted = ada.boost("ada", "striped · cotton · shirt")
    assert boosted.weight == pytest.approx(2 * before[boosted.name])


def test_muted_interests_stay_muted_with_new_vectors(
    ada: TasteGraph, store: Store, publish_vectors: Callable[[Store], None]
) -> None:
    ada.mute("ada", "plain · wood · lamp")
    publish_vectors(store)
    graph = TasteGraph.open(store.snapshot())
    assert [interest.name for interest in graph.interests(graph.state("ada")) if interest.muted] == [
        "plain · wood · lamp"
    ]


def test_an_unknown_interest_or_user_is_an_error_with_examples(ada: TasteGraph) -> None:
    with pytest.raises(
        InputError, match="no interest 'boats'; the interests are: 1 plain · wood · lamp; 2 striped"
    ):
        ada.mute("ada", "boats")
    with pytest.raises(InputError, match="'eve'; known users are, for example, ada, bo"):
        ada.boost("eve", "1")


def test_a_broken_overrides_file_is_named(ada: TasteGraph, store: Store) -> None:
    ada.mute("ada", "1")
    (store.taste / "overrides.json").write_text("{")
    with pytest.raises(StoreError, match=r"overrides\.json"):
        ada.state("ada")


# -- forgetting ---------------------------------------------------------------------------------------------


def files_with(folder: Path, user_id: str) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and user_id.encode() in path.read_bytes()]


def test_nothing_of_a_forgotten_user_is_left_in_any_file(store: Store, did: MakeEvent) -> None:
    name = "zebulon-the-visitor"
    store.log.add_segment(table_of([did(name, k, day=k) for k in range(5)] + [did("ada", 1)]))
    store.log.append([did(name, 11, day=9), did("ada", 12, day=9)])
    graph, second = TasteGraph.open(store.snapshot()), TasteGraph.open(Store.open(store.path).snapshot())
    graph.mute(name, "1")
    (store.reports / "refused-segment-0.jsonl").write_text(
        f'{{"reason": "unknown action", "row": {{"userId": "{name}"}}}}\n{{"reason": "else"}}\n'
    )
    assert graph.save() and second.save()
    before = as_tuple(second.state("ada"))
    assert len(files_with(store.path, name)) >= 3
    assert graph.forget(name) == 6
    assert files_with(store.path, name) == []
    assert name not in graph.users() and not len(graph.state(name).items)
    second.refresh()
    assert name not in second and as_tuple(second.state("ada")) == before
    assert "else" in (store.reports / "refused-segment-0.jsonl").read_text()


def test_forgetting_spares_other_processes_the_log(
    ada: TasteGraph, store: Store, did: MakeEvent, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.log.append([did("cy", 10, day=7), did("cy", 11, day=8)])
    ada.refresh()
    assert ada.save()
    second = TasteGraph.open(Store.open(store.path).snapshot())
    before = as_tuple(ada.state("bo"))
    with monkeypatch.context() as patch:
        patch.setattr(
            "bowerbird.data.logs.local.embedded.EmbeddedLog.read", lambda log: pytest.fail("the log was read")
        )
        assert ada.forget("cy") == 2
        second.refresh()
        third = TasteGraph.open(Store.open(store.path).snapshot())
    for graph in (ada, second, third):
        assert "cy" not in graph and as_tuple(graph.state("bo")) == before
        assert "cy" not in graph.users()
    visited = [graph.walk(graph.state("ada")).items.tolist() for graph in (ada, second, third)]
    replayed = TasteGraph(store, ada.catalogue, ada.interests_of_items)
    replayed.refresh()
    assert visited == [replayed.walk(replayed.state("ada")).items.tolist()] * 3


def test_an_import_at_the_same_time_makes_forgetting_read_the_log(
    ada: TasteGraph, store: Store, did: MakeEvent, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = store.log
    erase = log.forget_all

    def forget_and_import(users: Mapping[str, LogMark]) -> int:
        removed = erase(users)
        log.add_segment(table_of([did("ada", 33, day=30)]))
        return removed

    monkeypatch.setattr(log, "forget_all", forget_and_import)
    ada.forget("bo")
    assert ada.state("ada").items[-1] == 33


def test_events_after_forgetting_make_a_new_user(ada: TasteGraph, store: Store, did: MakeEvent) -> None:
    ada.forget("ada")
    store.log.append([did("ada", 35, day=20)])
    ada.refresh()
    assert ada.state("ada").history.items.tolist() == [35]


# -- what has to be there -----------------------------------------------------------------------------------


def test_without_vectors_it_says_what_to_run(tmp_path: Path) -> None:
    store = Store.create(tmp_path / "store")
    with pytest.raises(StoreError, match="bowerbird import"):
        TasteGraph.open(store.snapshot())
    store.publish_catalogue(Catalogue.of([Item("a", "an item")]))
    with pytest.raises(StoreError, match="bowerbird embed"):
        TasteGraph.open(store.snapshot())

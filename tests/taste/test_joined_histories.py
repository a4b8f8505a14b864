"""Anonymous and known ids of one user: one history, one state, and one erasure."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bowerbird.data.events import Alias, Event
from bowerbird.data.items import Catalogue, Item
from bowerbird.data.store import Store
from bowerbird.taste.control.forgetting import forget, is_named
from bowerbird.taste.graph import TasteGraph
from bowerbird.taste.state.user_state import TasteState

Did = Callable[..., Event]
USERS = ("anon-1", "anon-2", "ann", "bob")


def learned(state: TasteState) -> tuple[list[int], list[int]]:
    return state.items.tolist(), np.asarray(state.at).tolist()


def test_a_login_joins_what_the_browser_did_before(store: Store, did: Did) -> None:
    graph = TasteGraph.open(store.snapshot())
    store.log.append([did("anon-1", 3), did("anon-1", 12, day=1), did("ann", 25, day=2)])
    graph.refresh()
    assert learned(graph.state("ann"))[0] == [25]
    assert store.log.join([Alias("anon-1", "ann")]) == [""]
    store.log.append([did("anon-1", 30, day=3)])
    graph.refresh()
    assert learned(graph.state("ann"))[0] == [3, 12, 25, 30] == learned(graph.state("anon-1"))[0]
    assert graph.users() == ["ann"]
    assert set(store.log.read()["user_id"].to_pylist()) == {"ann"}


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.one_of(
            st.tuples(st.sampled_from(USERS), st.integers(0, 39)),  # an event
            st.tuples(st.sampled_from(USERS), st.sampled_from(USERS)),  # an alias
        ),
        max_size=25,
    ),
    st.sets(st.integers(0, 25)),
)
def test_states_followed_live_are_those_of_a_replay(
    tmp_path_factory: pytest.TempPathFactory,
    did: Did,
    publish_vectors: Callable[[Store], None],
    steps: list[tuple[str, int | str]],
    refreshes: set[int],
) -> None:
    store = Store.create(tmp_path_factory.mktemp("replay") / "store")
    store.publish_catalogue(Catalogue.of(Item(str(k), f"Thing {k}") for k in range(40)))
    publish_vectors(store)
    live = TasteGraph.open(store.snapshot())
    for number, (user, other) in enumerate(steps):
        if isinstance(other, str):
            store.log.join([Alias(user, other)])
        else:
            store.log.append([did(user, other, day=number)])
        if number in refreshes:
            live.refresh()
    live.refresh()
    replayed = TasteGraph.open(store.snapshot())
    replayed.refresh()
    assert live.users() == replayed.users()
    for user in USERS:
        assert learned(live.state(user)) == learned(replayed.state(user))


def test_erasing_a_user_erases_all_their_ids(store: Store, did: Did) -> None:
    store.log.append([did("anon-1", 3), did("ann", 5, day=1), did("bob", 6, day=2)])
    store.log.join([Alias("anon-1", "ann"), Alias("anon-2", "bob")])
    assert is_named(store, "anon-1") and is_named(store, "ann")
    assert forget(store, "anon-1") == 2
    assert store.log.read()["user_id"].to_pylist() == ["bob"]
    assert not is_named(store, "ann") and not is_named(store, "anon-1") and is_named(store, "anon-2")
    for path in store.path.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert b"anon-1" not in content and b'"ann"' not in content, path
    store.log.append([did("anon-1", 7, day=3)])
    assert sorted(store.log.read()["user_id"].to_pylist()) == ["anon-1", "bob"]

"""A person's profile, why an item, the crowd, what they asked for, and what they take away."""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bowerbird.cli.output import plain
from bowerbird.data.collections import Collection
from bowerbird.data.events import Action, Event
from bowerbird.data.store import Store
from bowerbird.errors import InputError
from bowerbird.taste.graph import TasteGraph
from bowerbird.taste.interests.ranking import Scale
from bowerbird.taste.profile.export import exported
from bowerbird.taste.profile.profile import TasteReader
from bowerbird.taste.profile.similar_users import K_ANONYMOUS, ROUNDED_TO, crowd_like
from bowerbird.taste.state.user_state import TasteState

Did = Callable[..., Event]
LAMPS, SHIRTS = "plain · wood · lamp", "striped · cotton · shirt"


@pytest.fixture
def reader(ada: TasteGraph) -> TasteReader:
    return TasteReader.open(ada.store.snapshot())


# -- time-scales --------------------------------------------------------------------------------------------


def test_the_shorter_the_scale_the_more_the_latest_counts(ada: TasteGraph) -> None:
    """Ada's shirts are her latest, her lamps weigh more."""
    share = {
        scale: {one.name: one.share for one in ada.interests(ada.state("ada"), scale=scale)}.get(SHIRTS, 0.0)
        for scale in Scale
    }
    assert share[Scale.VISIT] > share[Scale.WEEK] > share[Scale.SEASON]


def test_the_mean_of_the_scales_is_the_weight_without_one(ada: TasteGraph) -> None:
    state = ada.state("ada")
    whole = {one.name: one.weight for one in ada.interests(state)}
    parts = [{one.name: one.weight for one in ada.interests(state, scale=scale)} for scale in Scale]
    for name, weight in whole.items():
        assert weight == pytest.approx(sum(part.get(name, 0.0) for part in parts) / len(parts))


# -- the whole ----------------------------------------------------------------------------------------------


def test_a_profile_as_json(reader: TasteReader, store: Store) -> None:
    told = reader.told(reader.profile("ada"))
    assert json.loads(json.dumps(plain(told))) == told, "plain types throughout"
    assert [one["name"] for one in told["interests"]] == [LAMPS, SHIRTS]
    assert {one["medoid"]["item_id"][0] for one in told["tastes"]} == {"1", "0"} or len(told["tastes"]) == 2
    assert told["price_comfort"][0]["items"] == 8
    assert told["recent"][0]["item_id"] in ("0", "1", "2")
    assert told["changed"]["clear"] is False, "three shirts in one visit are a perhaps"
    grew = {one["name"]: one["change"] for one in told["changed"]["interests"]}
    assert grew == {SHIRTS: "grew", LAMPS: "faded"}


def test_a_stranger_has_an_empty_profile(reader: TasteReader) -> None:
    told = reader.told(reader.profile("nobody"))
    assert told["interests"] == told["tastes"] == told["price_comfort"] == told["recent"] == []
    assert "more than chance" in told["changed"]["words"]


def test_queries_and_boards_speak_for_interests(reader: TasteReader, store: Store, did: Did) -> None:
    from dataclasses import replace

    asked = [("red sofa", 20, 7.0), ("a lamp", 10, 8.0), ("red sofa", 21, 9.0), (" ", 3, 9.5)]
    store.log.append([replace(did("ada", k, day=d), event_id="", query=q) for q, k, d in asked])
    store.log.append([replace(did("bo", 5, day=9), query="bo's own")])
    boards = [
        Collection("a", ("10", "11", "gone"), name="hall", user_id="ada"),
        Collection("b", ("20",), name="bo's", user_id="bo"),
    ]
    store.publish_collections(boards)
    found = TasteReader.open(store.snapshot()).profile("ada")
    assert [(one["query"], one["events"]) for one in found.queries] == [("red sofa", 2), ("a lamp", 1)]
    assert found.queries[0]["interests"] == ["floral · velvet · sofa"]
    assert [(one["name"], one["interests"]) for one in found.boards] == [("hall", [LAMPS])]


def test_without_the_log_nothing_is_read_of_it(reader: TasteReader, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = reader.told(reader.profile("ada"))
    monkeypatch.setattr(type(reader.graph.store.log), "read", lambda log: pytest.fail("the log was read"))
    reader.graph.refresh()
    assert reader.told(reader.profile("ada", log=False)) == whole, "there were no queries and impressions"


# -- why this item ------------------------------------------------------------------------------------------


def test_an_item_is_explained_by_the_likes_nearest_to_it(reader: TasteReader) -> None:
    why = reader.because("ada", "19")
    assert {like["item_id"] for like in why.likes} == {"10", "11", "12", "13", "14"}
    assert why.likes[0]["likeness"] == pytest.approx(1.0, abs=1e-3)
    assert why.interest is not None and why.interest.name == LAMPS
    said = " ".join(why.words)
    assert "You " in said and f"{why.interest.share:.0%} of your taste" in said
    assert "more than what you like" in said, "a lamp of 29 where what is liked costs up to 24"


def test_nothing_leads_to_what_is_unlike_all_likes(reader: TasteReader) -> None:
    why = reader.because("ada", "35")
    assert why.likes == [] and why.interest is None
    assert why.words[0] == "Nothing that you did leads to it."


def test_an_item_does_not_explain_itself_and_must_be_there(reader: TasteReader) -> None:
    assert "14" not in {like["item_id"] for like in reader.because("ada", "14").likes}
    with pytest.raises(InputError, match="no item 'x'"):
        reader.because("ada", "x")


# -- the crowd ----------------------------------------------------------------------------------------------


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), people=st.integers(0, 60))
def test_the_crowd_tells_nothing_that_fewer_than_k_share(seed: int, people: int) -> None:
    """Counts are those of a slow count, rounded down, never below k, and without the person."""
    rng = np.random.default_rng(seed)
    graph = _graph()
    states = [
        TasteState(
            f"u{k}",
            rng.integers(0, 20, 6),
            np.full(6, 2, np.int8),
            np.sort(rng.integers(0, 10**12, 6)),
        )
        for k in range(people + 1)
    ]
    me = states[0]
    found = crowd_like(me, states, graph.interests_of_items, (90.0,), 10**12)
    told = [n for _, n in (*found.interests, *found.items)]
    assert all(n >= K_ANONYMOUS and n % ROUNDED_TO == 0 for n in told)
    assert found.people == 0 or (K_ANONYMOUS <= found.people <= people and found.people % ROUNDED_TO == 0)
    for item, n in found.items:
        assert n <= sum(item in state.items for state in states[1:])
    alone = crowd_like(me, [me] * 50, graph.interests_of_items, (90.0,), 10**12)
    assert alone.people == 0 and alone.items == []


def _graph() -> TasteGraph:
    import tempfile
    from pathlib import Path

    from bowerbird.taste.interests.interests import Interests

    store = Store.create(Path(tempfile.mkdtemp()) / "store")
    from bowerbird.data.items import Catalogue, Item

    catalogue = Catalogue.of(Item(str(k), f"thing {k}") for k in range(20))
    rows = np.eye(4, dtype=np.float32)[np.arange(20) // 5]
    return TasteGraph(store, catalogue, Interests.grown(rows, catalogue))


def test_a_crowd_of_the_store(reader: TasteReader, store: Store, did: Did) -> None:
    store.log.append([did(f"like-ada-{k}", 10 + j, day=k / 9) for k in range(23) for j in range(3)])
    reader.graph.refresh()
    told = reader.told_crowd(reader.crowd("ada"))
    assert told["people"] == 20 and [one["name"] for one in told["interests"]] == [LAMPS]
    assert {one["title"] for one in told["items"]} == {f"A wood lamp no. {k}" for k in (10, 11, 12)}
    assert "like-ada" not in json.dumps(told)


# -- what a person says -------------------------------------------------------------------------------------


def test_not_me_erases_an_interest_until_it_is_taken_back(ada: TasteGraph) -> None:
    assert ada.correct("ada", LAMPS, 0.0).corrected
    state = ada.state("ada")
    assert [one.name for one in ada.interests(state)] == [SHIRTS]
    assert not np.isin(state.items, range(10, 20)).any(), "its events count nowhere"
    assert not state.unseen(40)[14], "and what was bought is not new"
    assert [one.name for one in TasteReader.open(ada.store.snapshot()).profile("ada").disowned] == [LAMPS]
    assert not ada.correct("ada", LAMPS, None).corrected
    assert [one.name for one in ada.interests(ada.state("ada"))] == [LAMPS, SHIRTS]


def test_a_corrected_weight_stays_whatever_time_does(ada: TasteGraph) -> None:
    assert ada.correct("ada", "2", 7.5).weight == 7.5
    state = ada.state("ada")
    for days in (0, 400):
        ranked = ada.interests(state, now=state.last_at + days * 86_400_000_000)
        assert {one.name: one.weight for one in ranked}[SHIRTS] == 7.5
    other = TasteGraph.open(ada.store.snapshot())
    assert {one.name: one.weight for one in other.interests(other.state("ada"))}[SHIRTS] == 7.5


def test_somebody_may_say_something_of_an_interest_that_they_do_not_have(ada: TasteGraph) -> None:
    assert ada.mute("ada", "floral · velvet · sofa").muted
    assert ada.correct("ada", "checked · glass · vase", 2.0).weight == 2.0
    assert "checked · glass · vase" in {one.name for one in ada.interests(ada.state("ada"))}


@pytest.mark.parametrize("weight", [-1.0, float("nan"), float("inf")])
def test_a_weight_is_a_number_of_clicks(ada: TasteGraph, weight: float) -> None:
    with pytest.raises(InputError, match="0 or more"):
        ada.correct("ada", LAMPS, weight)


def test_a_gift_does_not_count(ada: TasteGraph) -> None:
    before = {one.name: one.weight for one in ada.interests(ada.state("ada"))}
    assert ada.set_aside("ada", "14")
    state = ada.state("ada")
    after = {one.name: one.weight for one in ada.interests(state)}
    assert 14 not in state.items and not state.unseen(40)[14]
    assert after[LAMPS] < before[LAMPS]
    assert not ada.set_aside("ada", "14")
    assert {one.name: one.weight for one in ada.interests(ada.state("ada"))} == before
    with pytest.raises(InputError, match="no item 'x'"):
        ada.set_aside("ada", "x")


def test_what_is_muted_is_no_taste_to_search_with(reader: TasteReader) -> None:
    reader.graph.mute("ada", LAMPS)
    found = reader.tastes(reader.graph.state("ada"))
    assert {item // 10 for one in found for item in one.items} == {0}


# -- taking it away -----------------------------------------------------------------------------------------


def test_the_export_holds_everything_of_the_person_and_nothing_of_others(
    reader: TasteReader, store: Store, did: Did
) -> None:
    store.publish_collections(
        [
            Collection("a", ("10",), name="hall", user_id="ada"),
            Collection("b", ("20",), name="x", user_id="bo"),
        ]
    )
    store.log.append([did("ada", 33, Action.IMPRESSION, day=9), did("ada", "sold out", day=9)])
    reader = TasteReader.open(store.snapshot())
    reader.graph.mute("ada", SHIRTS)
    reader.graph.correct("ada", LAMPS, 3.0)
    reader.graph.set_aside("ada", "10")
    found = json.loads(json.dumps(plain(exported(reader, "ada"))))
    logged = store.log.read().to_pylist()
    assert [one["event_id"] for one in found["events"]] == [
        row["event_id"] for row in logged if row["user_id"] == "ada"
    ]
    assert len(found["state"]["events"]) == 8, "the kept ones, whatever they said of them"
    assert [one["name"] for one in found["collections"]] == ["hall"]
    assert set(found["said"]) == {"muted", "corrected", "set_aside"}
    assert '"bo"' not in json.dumps(found)


def test_forgetting_takes_what_was_said_along(ada: TasteGraph, store: Store) -> None:
    ada.correct("ada", LAMPS, 0.0)
    ada.set_aside("ada", "14")
    ada.forget("ada")
    assert ada.said("ada") == {} and b"ada" not in (store.taste / "overrides.json").read_bytes()

"""A user's profile, explanations of items, similar users, overrides, and the export."""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bowerbird.cli.output import to_json
from bowerbird.data.collections import Collection
from bowerbird.data.events import Action, Event
from bowerbird.data.store import Store
from bowerbird.errors import InputError
from bowerbird.taste.control.overrides import UserOverrides
from bowerbird.taste.graph import TasteGraph
from bowerbird.taste.interests.ranking import Scale
from bowerbird.taste.profile.export import export_user
from bowerbird.taste.profile.reader import TasteReader
from bowerbird.taste.profile.similar_users import CONFIG, find_similar_users
from bowerbird.taste.state.user_state import TasteState

MakeEvent = Callable[..., Event]
LAMPS, SHIRTS = "plain · wood · lamp", "striped · cotton · shirt"


@pytest.fixture
def reader(ada: TasteGraph) -> TasteReader:
    return TasteReader.open(ada.store.snapshot())


# -- time-scales --------------------------------------------------------------------------------------------


def test_the_shorter_the_scale_the_more_the_latest_counts(ada: TasteGraph) -> None:
    """Ada's shirts are her latest, her lamps weigh more."""
    share = {
        scale: {
            interest.name: interest.share for interest in ada.interests(ada.state("ada"), scale=scale)
        }.get(SHIRTS, 0.0)
        for scale in Scale
    }
    assert share[Scale.SESSION] > share[Scale.WEEK] > share[Scale.SEASON]


def test_the_mean_of_the_scales_is_the_weight_without_one(ada: TasteGraph) -> None:
    state = ada.state("ada")
    mean_weights = {interest.name: interest.weight for interest in ada.interests(state)}
    by_scale = [
        {interest.name: interest.weight for interest in ada.interests(state, scale=scale)} for scale in Scale
    ]
    for name, weight in mean_weights.items():
        assert weight == pytest.approx(sum(weights.get(name, 0.0) for weights in by_scale) / len(by_scale))


# -- the whole ----------------------------------------------------------------------------------------------


def test_a_profile_as_json(reader: TasteReader, store: Store) -> None:
    document = reader.profile_as_dict(reader.profile("ada"))
    assert json.loads(to_json(document)) == document, "plain types throughout"
    assert [interest["name"] for interest in document["interests"]] == [LAMPS, SHIRTS]
    assert {cluster["medoid"]["item_id"][0] for cluster in document["tastes"]} == {"1", "0"} or len(
        document["tastes"]
    ) == 2
    assert document["price_comfort"][0]["items"] == 8
    assert document["recent"][0]["item_id"] in ("0", "1", "2")
    assert document["changed"]["clear"] is False, "three shirts in one session are a perhaps"
    grew = {change["name"]: change["change"] for change in document["changed"]["interests"]}
    assert grew == {SHIRTS: "grew", LAMPS: "faded"}


def test_an_unknown_user_has_an_empty_profile(reader: TasteReader) -> None:
    document = reader.profile_as_dict(reader.profile("nobody"))
    assert (
        document["interests"] == document["tastes"] == document["price_comfort"] == document["recent"] == []
    )
    assert document["changed"]["words"] == "This user has no events yet."


def test_queries_and_boards_name_their_interests(reader: TasteReader, store: Store, did: MakeEvent) -> None:
    from dataclasses import replace

    queries = [("red sofa", 20, 7.0), ("a lamp", 10, 8.0), ("red sofa", 21, 9.0), (" ", 3, 9.5)]
    store.log.append([replace(did("ada", k, day=d), event_id="", query=q) for q, k, d in queries])
    store.log.append([replace(did("bo", 5, day=9), query="bo's own")])
    boards = [
        Collection("a", ("10", "11", "gone"), name="hall", user_id="ada"),
        Collection("b", ("20",), name="bo's", user_id="bo"),
    ]
    store.publish_collections(boards)
    profile = TasteReader.open(store.snapshot()).profile("ada")
    assert [(query["query"], query["events"]) for query in profile.queries] == [
        ("red sofa", 2),
        ("a lamp", 1),
    ]
    assert profile.queries[0]["interests"] == ["floral · velvet · sofa"]
    assert [(board["name"], board["interests"]) for board in profile.boards] == [("hall", [LAMPS])]


def test_without_the_log_it_is_not_read(reader: TasteReader, monkeypatch: pytest.MonkeyPatch) -> None:
    document = reader.profile_as_dict(reader.profile("ada"))
    monkeypatch.setattr(type(reader.graph.store.log), "read", lambda log: pytest.fail("the log was read"))
    reader.graph.refresh()
    assert reader.profile_as_dict(reader.profile("ada", log=False)) == document, (
        "there were no queries and impressions"
    )


# -- why this item ------------------------------------------------------------------------------------------


def test_an_item_is_explained_by_the_likes_nearest_to_it(reader: TasteReader) -> None:
    explanation = reader.explain_item("ada", "19")
    assert {like["item_id"] for like in explanation.likes} == {"10", "11", "12", "13", "14"}
    assert explanation.likes[0]["likeness"] == pytest.approx(1.0, abs=1e-3)
    assert explanation.interest is not None and explanation.interest.name == LAMPS
    text = " ".join(explanation.sentences)
    assert "You " in text and f"{explanation.interest.share:.0%} of your taste" in text
    assert "more than what you like" in text, "a lamp of 29 where liked ones cost up to 24"


def test_nothing_leads_to_an_item_unlike_all_likes(reader: TasteReader) -> None:
    explanation = reader.explain_item("ada", "35")
    assert explanation.likes == [] and explanation.interest is None
    assert explanation.sentences[0] == "Nothing that you did leads to it."


def test_an_item_does_not_explain_itself_and_must_be_there(reader: TasteReader) -> None:
    assert "14" not in {like["item_id"] for like in reader.explain_item("ada", "14").likes}
    with pytest.raises(InputError, match="unknown item 'x'"):
        reader.explain_item("ada", "x")


# -- similar users ------------------------------------------------------------------------------------------


@settings(max_examples=30)
@given(seed=st.integers(0, 10_000), n_others=st.integers(0, 60))
def test_nothing_is_shown_that_fewer_than_k_users_share(seed: int, n_others: int) -> None:
    """Counts are at most those of a slow count, rounded down, never below k, and without the user."""
    rng = np.random.default_rng(seed)
    graph = _graph()
    states = [
        TasteState(
            f"u{k}",
            rng.integers(0, 20, 6),
            np.full(6, 2, np.int8),
            np.sort(rng.integers(0, 10**12, 6)),
        )
        for k in range(n_others + 1)
    ]
    user = states[0]
    similar = find_similar_users(user, states, graph.interests_of_items, (90.0,), 10**12)
    counts = [n for _, n in (*similar.interests, *similar.items)]
    assert all(n >= CONFIG.k and n % CONFIG.rounding == 0 for n in counts)
    n_similar = similar.users
    assert n_similar == 0 or (CONFIG.k <= n_similar <= n_others and n_similar % CONFIG.rounding == 0)
    for item, n in similar.items:
        assert n <= sum(item in state.items for state in states[1:])
    alone = find_similar_users(user, [user] * 50, graph.interests_of_items, (90.0,), 10**12)
    assert alone.users == 0 and alone.items == []


def _graph() -> TasteGraph:
    import tempfile
    from pathlib import Path

    from bowerbird.taste.interests.interests import Interests

    store = Store.create(Path(tempfile.mkdtemp()) / "store")
    from bowerbird.data.items import Catalogue, Item

    catalogue = Catalogue.of(Item(str(k), f"item {k}") for k in range(20))
    rows = np.eye(4, dtype=np.float32)[np.arange(20) // 5]
    return TasteGraph(store, catalogue, Interests.from_vectors(rows, catalogue))


def test_similar_users_of_the_store(reader: TasteReader, store: Store, did: MakeEvent) -> None:
    store.log.append([did(f"like-ada-{k}", 10 + j, day=k / 9) for k in range(23) for j in range(3)])
    reader.graph.refresh()
    document = reader.similar_users_as_dict(reader.similar_users("ada"))
    assert document["users"] == 20 and [interest["name"] for interest in document["interests"]] == [LAMPS]
    assert {item["title"] for item in document["items"]} == {f"A wood lamp no. {k}" for k in (10, 11, 12)}
    assert "like-ada" not in json.dumps(document)


# -- overrides ----------------------------------------------------------------------------------------------


def test_rejecting_hides_an_interest_until_it_is_undone(ada: TasteGraph) -> None:
    assert ada.correct("ada", LAMPS, 0.0).corrected
    state = ada.state("ada")
    assert [interest.name for interest in ada.interests(state)] == [SHIRTS]
    assert not np.isin(state.items, range(10, 20)).any(), "its events are ignored"
    assert not state.unseen(40)[14], "and what was bought stays seen"
    assert [
        interest.name for interest in TasteReader.open(ada.store.snapshot()).profile("ada").excluded_interests
    ] == [LAMPS]
    assert not ada.correct("ada", LAMPS, None).corrected
    assert [interest.name for interest in ada.interests(ada.state("ada"))] == [LAMPS, SHIRTS]


def test_a_corrected_weight_stays_whatever_time_does(ada: TasteGraph) -> None:
    assert ada.correct("ada", "2", 7.5).weight == 7.5
    state = ada.state("ada")
    for days in (0, 400):
        ranked = ada.interests(state, now=state.last_at + days * 86_400_000_000)
        assert {interest.name: interest.weight for interest in ranked}[SHIRTS] == 7.5
    reopened = TasteGraph.open(ada.store.snapshot())
    assert {interest.name: interest.weight for interest in reopened.interests(reopened.state("ada"))}[
        SHIRTS
    ] == 7.5


def test_users_can_override_interests_that_they_do_not_have(ada: TasteGraph) -> None:
    assert ada.mute("ada", "floral · velvet · sofa").muted
    assert ada.correct("ada", "checked · glass · vase", 2.0).weight == 2.0
    assert "checked · glass · vase" in {interest.name for interest in ada.interests(ada.state("ada"))}


@pytest.mark.parametrize("weight", [-1.0, float("nan"), float("inf")])
def test_a_weight_is_a_number_of_clicks(ada: TasteGraph, weight: float) -> None:
    with pytest.raises(InputError, match="0 or more"):
        ada.correct("ada", LAMPS, weight)


def test_an_excluded_item_does_not_count(ada: TasteGraph) -> None:
    before = {interest.name: interest.weight for interest in ada.interests(ada.state("ada"))}
    assert ada.exclude_item("ada", "14")
    state = ada.state("ada")
    after = {interest.name: interest.weight for interest in ada.interests(state)}
    assert 14 not in state.items and not state.unseen(40)[14]
    assert after[LAMPS] < before[LAMPS]
    assert not ada.exclude_item("ada", "14")
    assert {interest.name: interest.weight for interest in ada.interests(ada.state("ada"))} == before
    with pytest.raises(InputError, match="unknown item 'x'"):
        ada.exclude_item("ada", "x")


def test_muted_interests_have_no_cluster(reader: TasteReader) -> None:
    reader.graph.mute("ada", LAMPS)
    clusters = reader.taste_clusters(reader.graph.state("ada"))
    assert {item // 10 for cluster in clusters for item in cluster.items} == {0}


# -- export -------------------------------------------------------------------------------------------------


def test_the_export_holds_everything_of_the_user_and_nothing_of_others(
    reader: TasteReader, store: Store, did: MakeEvent
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
    reader.graph.exclude_item("ada", "10")
    document = json.loads(to_json(export_user(reader, "ada")))
    logged = store.log.read().to_pylist()
    assert [event["event_id"] for event in document["events"]] == [
        row["event_id"] for row in logged if row["user_id"] == "ada"
    ]
    assert len(document["state"]["events"]) == 8, "the stored ones, whatever the overrides"
    assert [board["name"] for board in document["collections"]] == ["hall"]
    assert set(document["overrides"]) == {"muted", "corrected", "excluded_items"}
    assert '"bo"' not in json.dumps(document)


def test_forgetting_removes_overrides(ada: TasteGraph, store: Store) -> None:
    ada.correct("ada", LAMPS, 0.0)
    ada.exclude_item("ada", "14")
    ada.forget("ada")
    assert (
        ada.overrides_of("ada") == UserOverrides()
        and b"ada" not in (store.taste / "overrides.json").read_bytes()
    )

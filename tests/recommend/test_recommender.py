"""What a person is shown: nothing they must not see, what they asked for higher, and true reasons."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from bowerbird.data.events import EVENT_SCHEMA, Action, Event
from bowerbird.data.interactions import History
from bowerbird.data.items import Catalogue, Item
from bowerbird.data.store import Store
from bowerbird.errors import StoreError
from bowerbird.recommend.outcomes.calibration import Platt
from bowerbird.recommend.features import NAMES
from bowerbird.recommend.outcomes.slates import Conditioning
from bowerbird.recommend.outcomes.probabilities import Outcomes
from bowerbird.recommend.recommender import Recommendation, Recommender
from bowerbird.recommend.options import RecommendOptions
from bowerbird.taste.state import TasteState

LATE = datetime(2026, 6, 1, tzinfo=UTC)


def kinds(found: list[Recommendation]) -> list[int]:
    return [one.position // 30 for one in found]


def test_a_taste_is_met(recommender: Recommender) -> None:
    for user, kind in (("u0", 0), ("u1", 1), ("u2", 2), ("u3", 3)):
        found = recommender.recommend_user(user, 10, options=RecommendOptions(diversity=0.0))
        assert kinds(found).count(kind) >= 6, "ten of fourteen clicks were of this kind"
        assert {one.item_id for one in found} == {recommender.catalogue.ids[one.position] for one in found}


def test_never_what_is_sold_out_or_was_seen(recommender: Recommender) -> None:
    sold_out = set(np.flatnonzero(~recommender.catalogue.available).tolist())
    assert len(sold_out) == 4
    for user in recommender.taste.people()[:12]:
        shown = {one.position for one in recommender.recommend_user(user, 200)}
        assert shown and not shown & sold_out
        assert not shown & set(recommender.taste.state(user).history.items.tolist())


def test_everything_else_can_be_asked_for(recommender: Recommender) -> None:
    seen = recommender.taste.state("u5").history.items
    left = int(recommender.catalogue.available.sum() - recommender.catalogue.available[np.unique(seen)].sum())
    assert len(recommender.recommend_user("u5", 10_000)) == left


def test_only_what_is_allowed(recommender: Recommender) -> None:
    allowed = np.zeros(120, bool)
    allowed[60:75] = True
    state = recommender.taste.state("u0")
    assert kinds(recommender.recommend(state, 15, allowed)) == [2] * 15
    assert recommender.recommend(state, 15, np.zeros(120, bool)) == []


def test_as_many_as_are_asked_for(recommender: Recommender, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bowerbird.recommend.recommender.PER_SOURCE", 5)
    assert len(recommender.recommend_user("u5", 60)) == 60


def muted_and_boosted(recommender: Recommender, *, muted: int = -1, boosted: int = -1) -> TasteState:
    """u0's state where the groups of one kind of thing are muted or boosted."""
    group = recommender.taste.interests_of_items.group
    of = {kind: frozenset(group[kind * 30 : kind * 30 + 30].tolist()) for kind in range(4)}
    said = {"muted": of.get(muted, frozenset()), "boosted": of.get(boosted, frozenset())}
    return replace(recommender.taste.state("u0"), **said)


def test_what_is_muted_is_not_shown(recommender: Recommender) -> None:
    plain = recommender.recommend(muted_and_boosted(recommender), 40)
    assert 0 in kinds(plain)
    muted = recommender.recommend(muted_and_boosted(recommender, muted=0), 40)
    assert len(muted) == 40 and 0 not in kinds(muted)


def test_what_is_boosted_moves_up(recommender: Recommender) -> None:
    def places(state: TasteState) -> float:
        found = recommender.recommend(state, 100, options=RecommendOptions(diversity=0.0))
        return float(np.mean([place for place, kind in enumerate(kinds(found)) if kind == 1]))

    assert places(muted_and_boosted(recommender, boosted=1)) < places(muted_and_boosted(recommender)) - 3


def test_diversity_is_one_number(recommender: Recommender) -> None:
    def likeness(diversity: float) -> float:
        found = recommender.recommend_user("u2", 15, options=RecommendOptions(diversity=diversity))
        rows = recommender.ranker.matrix[[one.position for one in found]]
        return float((rows @ rows.T)[np.triu_indices(15, 1)].mean())

    assert likeness(0.0) > likeness(0.5) > likeness(0.95)
    scores = [one.score for one in recommender.recommend_user("u2", 15, options=RecommendOptions(diversity=0.0))]
    assert scores == sorted(scores, reverse=True)


def test_a_stranger_gets_popular_things(recommender: Recommender) -> None:
    found = recommender.recommend_user("nobody", 12)
    assert len(found) == 12
    assert {(one.reason, one.source) for one in found} <= {
        ("popular now", "trending"),
        ("liked by many", "popular"),
    }


@pytest.mark.parametrize(
    ("action", "word"), [(Action.PURCHASE, "bought"), (Action.SAVE, "saved"), (Action.CLICK, "liked")]
)
def test_a_reason_says_what_was_done(recommender: Recommender, action: Action, word: str) -> None:
    code = list(Action).index(action)
    state = TasteState.of(History(np.array([65]), np.array([code], np.int8), np.array([0])))
    similar = [one for one in recommender.recommend(state, 10) if one.source == "similar"]
    assert similar and all(one.reason == f"like “velvet sofa no. 65”, which you {word}" for one in similar)


def with_chances(recommender: Recommender) -> Recommender:
    """The same recommender, where a purchase is likely of what is dear, and unlikely of the rest."""

    class Dearer:
        def __call__(self, table: np.ndarray) -> np.ndarray:
            return np.where(table[:, NAMES.index("price_ratio")] > 0.3, np.log(9), -np.log(9))

    outcomes = Outcomes(Conditioning.SHOWN, 8, {Action.PURCHASE: (Dearer(), Platt())})
    return Recommender(recommender.catalogue, recommender.ranker, outcomes, recommender.taste)


def test_what_is_likelier_moves_up_where_that_outcome_is_hoped_for(recommender: Recommender) -> None:
    hopeful = with_chances(recommender)

    def likely(outcome: Action) -> int:
        found = hopeful.recommend_user("u0", 40, options=RecommendOptions(outcome, 0.0))
        assert {round(one.probability["purchase"], 6) for one in found} == {0.9, 0.1}
        return sum(one.probability["purchase"] > 0.5 for one in found)

    assert likely(Action.PURCHASE) > likely(Action.CLICK) + 2
    plain = recommender.recommend_user("u0", 40, options=RecommendOptions(Action.PURCHASE, 0.0))
    usual = recommender.recommend_user("u0", 40, options=RecommendOptions(diversity=0.0))
    assert [one.item_id for one in plain] == [one.item_id for one in usual], "no chance is known of it"


def test_an_event_changes_the_next_answer(shop: Store) -> None:
    recommender = Recommender.open(shop.snapshot())
    before = kinds(recommender.recommend_user("new", 10))
    for item in (91, 95, 99):
        recommender.taste.learn_one(Event("new", f"item-{item}", Action.SAVE, LATE))
    after = kinds(recommender.recommend_user("new", 10, options=RecommendOptions(diversity=0.0)))
    assert after.count(3) > max(before.count(3), 7)


# -- the saved ranker --------------------------------------------------------------------------------------


def version_of(store: Store) -> str:
    version = store.current("ranker")
    assert version is not None
    return version.name


def test_the_saved_ranker_gives_the_same_answers_and_is_not_learnt_again(shop: Store) -> None:
    first = Recommender.open(shop.snapshot())
    name = version_of(shop)
    shop.log.append([Event("u0", "item-3", Action.CLICK, LATE)])  # a live event changes a person, no ranker
    again = Recommender.open(Store.open(shop.path).snapshot())
    assert version_of(shop) == name
    assert again.ranker.settings == first.ranker.settings
    histories = [first.taste.state(user).history for user in first.taste.people()]
    for one, other in zip(
        first.ranker.rank_scored(histories, 30), again.ranker.rank_scored(histories, 30), strict=True
    ):
        assert (one == other).all()


def test_a_learnt_order_is_saved_too(crowds_store: Store) -> None:
    first, again = (
        Recommender.open(crowds_store.snapshot()),
        Recommender.open(Store.open(crowds_store.path).snapshot()),
    )
    assert first.ranker.settings["order"] == again.ranker.settings["order"] == "lambdarank"
    histories = [first.taste.state(user).history for user in first.taste.people()]
    for one, other in zip(
        first.ranker.rank_scored(histories, 30), again.ranker.rank_scored(histories, 30), strict=True
    ):
        assert (one == other).all()


def test_an_import_and_a_new_catalogue_make_it_learn_again(shop: Store) -> None:
    import pyarrow as pa

    Recommender.open(shop.snapshot())
    names = [version_of(shop)]
    fresh = [Event(f"v{k}", f"item-{k}", Action.CLICK, LATE + timedelta(hours=k)) for k in range(5)]
    shop.log.add_segment(pa.Table.from_pylist([one.as_row() for one in fresh], schema=EVENT_SCHEMA))
    Recommender.open(shop.snapshot())
    names.append(version_of(shop))
    catalogue = shop.catalogue()
    items = [catalogue.item(position) for position in range(len(catalogue))]
    shop.publish_catalogue(Catalogue.of([Item("first", "a new first item", price=3.0), *items]))
    moved = Recommender.open(shop.snapshot())
    names.append(version_of(shop))
    assert len(set(names)) == 3
    shown = moved.recommend_user("u0", 10, options=RecommendOptions(diversity=0.0))
    assert [(one.position - 1) // 30 for one in shown].count(0) >= 6, "positions moved by one"


def test_a_forgotten_person_leaves_the_ranker_too(shop: Store) -> None:
    before = Recommender.open(shop.snapshot())
    people = before.ranker.world.coengagement.likes.shape[0]
    before.taste.forget("u0")
    assert Recommender.open(shop.snapshot()).ranker.world.coengagement.likes.shape[0] == people - 1


def test_what_was_held_out_is_not_learnt_from(shop: Store) -> None:
    version = shop.current("vectors")
    assert version is not None
    until = int(datetime(2026, 1, 20, tzinfo=UTC).timestamp()) * 1_000_000
    with shop.publishing("vectors", {"holdout": {"until": until, "user_share": 0.0}}) as folder:
        for file in ("vectors.npy", "ids.json"):
            (folder / file).write_bytes((version.path / file).read_bytes())
    learnt = Recommender.open(shop.snapshot()).ranker.world.popularity.total.sum()
    assert learnt == sum(event.at <= datetime(2026, 1, 20, tzinfo=UTC) for event in _logged(shop))


def _logged(store: Store) -> list[Event]:
    return [Event.from_row(row) for row in store.log.read().to_pylist()]


def test_a_broken_ranker_is_learnt_anew(shop: Store) -> None:
    wanted = Recommender.open(shop.snapshot()).recommend_user("u0", 10)
    version = shop.current("ranker")
    assert version is not None
    (version.path / "arrays.npz").write_bytes(b"garbage")
    assert Recommender.open(shop.snapshot()).recommend_user("u0", 10) == wanted
    assert version_of(shop) != version.name


def test_without_vectors_it_says_what_to_run(tmp_path: object) -> None:
    store = Store.create(f"{tmp_path}/store")
    store.publish_catalogue(Catalogue.of([Item("a", "a thing")]))
    with pytest.raises(StoreError, match="bowerbird embed"):
        Recommender.open(store.snapshot())

"""What a user is shown: nothing that they must not see, and what they asked for higher."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np

from bowerbird.data.events import Action, Event
from bowerbird.data.store import Store
from bowerbird.recommend.options import RecommendOptions
from bowerbird.recommend.outcomes.calibration import Platt
from bowerbird.recommend.outcomes.probabilities import Outcomes
from bowerbird.recommend.outcomes.slates import Conditioning
from bowerbird.recommend.recommender import Recommendation, Recommender
from bowerbird.taste.state.user_state import TasteState

LATE = datetime(2026, 6, 1, tzinfo=UTC)


def kinds(found: Sequence[Recommendation]) -> list[int]:
    return [one.position // 30 for one in found]


def test_a_taste_is_met(recommender: Recommender) -> None:
    for user, kind in (("u0", 0), ("u1", 1), ("u2", 2), ("u3", 3)):
        found = recommender.recommend_user(user, 10, options=RecommendOptions(diversity=0.0))
        assert kinds(found).count(kind) >= 6, "ten of fourteen clicks were of this kind"
        assert {one.item_id for one in found} == {recommender.catalogue.ids[one.position] for one in found}


def test_never_what_is_sold_out_or_was_seen(recommender: Recommender) -> None:
    sold_out = set(np.flatnonzero(~recommender.catalogue.available).tolist())
    assert len(sold_out) == 4
    for user in recommender.taste.users()[:12]:
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


def test_as_many_as_are_asked_for(recommender: Recommender) -> None:
    """Also where each source proposes fewer."""
    ranker = recommender.ranker.with_live_graph(None)
    ranker.config = replace(ranker.config, per_source=5)
    narrow = Recommender(recommender.catalogue, ranker, recommender.outcomes, recommender.taste)
    assert len(narrow.recommend_user("u5", 60)) == 60


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
        rows = np.asarray(recommender.ranker.items.vectors)[[one.position for one in found]]
        return float((rows @ rows.T)[np.triu_indices(15, 1)].mean())

    assert likeness(0.0) > likeness(0.5) > likeness(0.95)
    plain = RecommendOptions(diversity=0.0)
    scores = [one.score for one in recommender.recommend_user("u2", 15, options=plain)]
    assert scores == sorted(scores, reverse=True)


def test_an_unknown_user_gets_popular_items(recommender: Recommender) -> None:
    found = recommender.recommend_user("nobody", 12)
    assert len(found) == 12
    assert {one.source for one in found} <= {"trending", "popular"}
    reasons = r"liked by \d+ people|trending: liked by \d+ people from [\d-]+ to [\d-]+"
    assert all(re.fullmatch(reasons, one.reason) for one in found)


def with_probabilities(recommender: Recommender) -> Recommender:
    """The same recommender, where a purchase is likely of expensive items, and unlikely of others."""

    column = recommender.ranker.columns["price_ratio"]

    class Dearer:
        def __call__(self, table: np.ndarray) -> np.ndarray:
            return np.where(table[:, column] > 0.3, np.log(9), -np.log(9))

    outcomes = Outcomes(Conditioning.SHOWN, 8, {Action.PURCHASE: (Dearer(), Platt())})  # type: ignore[dict-item]
    return Recommender(recommender.catalogue, recommender.ranker, outcomes, recommender.taste)


def test_what_is_likelier_moves_up_where_it_is_the_target_outcome(recommender: Recommender) -> None:
    hopeful = with_probabilities(recommender)

    def likely(outcome: Action) -> int:
        found = hopeful.recommend_user("u0", 40, options=RecommendOptions(outcome, 0.0))
        assert {round(one.probability["purchase"], 6) for one in found} == {0.9, 0.1}
        return sum(one.probability["purchase"] > 0.5 for one in found)

    assert likely(Action.PURCHASE) > likely(Action.CLICK) + 2
    ablated = RecommendOptions(Action.PURCHASE, 0.0, use_outcomes=False)
    assert [one.item_id for one in hopeful.recommend_user("u0", 40, options=ablated)] == [
        one.item_id for one in recommender.recommend_user("u0", 40, options=RecommendOptions(diversity=0.0))
    ]
    plain = recommender.recommend_user("u0", 40, options=RecommendOptions(Action.PURCHASE, 0.0))
    usual = recommender.recommend_user("u0", 40, options=RecommendOptions(diversity=0.0))
    assert [one.item_id for one in plain] == [one.item_id for one in usual], "nothing is known of it"


def test_an_event_changes_the_next_answer(shop: Store) -> None:
    recommender = Recommender.open(shop.snapshot())
    before = kinds(recommender.recommend_user("new", 10))
    for item in (91, 95, 99):
        recommender.taste.learn_one(Event("new", f"item-{item}", Action.SAVE, LATE))
    after = kinds(recommender.recommend_user("new", 10, options=RecommendOptions(diversity=0.0)))
    assert after.count(3) > max(before.count(3), 7)

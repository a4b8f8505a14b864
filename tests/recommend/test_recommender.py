"""The list of a user: nothing that is excluded, and boosted interests ranked higher."""

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
from bowerbird.recommend.recommendation import Recommendation
from bowerbird.recommend.recommender import Recommender
from bowerbird.taste.state.user_state import TasteState

LATE = datetime(2026, 6, 1, tzinfo=UTC)


def kinds(recommendations: Sequence[Recommendation]) -> list[int]:
    return [item.position // 30 for item in recommendations]


def test_lists_match_a_taste(recommender: Recommender) -> None:
    for user, kind in (("u0", 0), ("u1", 1), ("u2", 2), ("u3", 3)):
        items = recommender.recommend_user(user, 10, options=RecommendOptions(diversity=0.0))
        assert kinds(items).count(kind) >= 6, "ten of fourteen clicks were of this kind"
        assert {item.item_id for item in items} == {
            recommender.catalogue.ids[item.position] for item in items
        }


def test_sold_out_and_seen_items_are_left_out(recommender: Recommender) -> None:
    sold_out = set(np.flatnonzero(~recommender.catalogue.available).tolist())
    assert len(sold_out) == 4
    for user in recommender.taste.users()[:12]:
        recommended_positions = {item.position for item in recommender.recommend_user(user, 200)}
        assert recommended_positions and not recommended_positions & sold_out
        assert not recommended_positions & set(recommender.taste.state(user).history.items.tolist())


def test_all_other_items_can_be_recommended(recommender: Recommender) -> None:
    seen = recommender.taste.state("u5").history.items
    n_left = int(
        recommender.catalogue.available.sum() - recommender.catalogue.available[np.unique(seen)].sum()
    )
    assert len(recommender.recommend_user("u5", 10_000)) == n_left


def test_only_eligible_items_are_recommended(recommender: Recommender) -> None:
    eligible = np.zeros(120, bool)
    eligible[60:75] = True
    state = recommender.taste.state("u0")
    assert kinds(recommender.recommend(state, 15, eligible)) == [2] * 15
    assert recommender.recommend(state, 15, np.zeros(120, bool)) == []


def test_lists_have_the_requested_length(recommender: Recommender) -> None:
    """Also where each source proposes fewer."""
    ranker = recommender.ranker.with_live_graph(None)
    ranker.config = replace(ranker.config, per_source=5)
    narrow = Recommender(recommender.catalogue, ranker, recommender.outcomes, recommender.taste)
    assert len(narrow.recommend_user("u5", 60)) == 60


def muted_and_boosted(recommender: Recommender, *, muted: int = -1, boosted: int = -1) -> TasteState:
    """u0's state where the groups of one kind of item are muted or boosted."""
    group = recommender.taste.interests_of_items.group
    groups_of_kind = {kind: frozenset(group[kind * 30 : kind * 30 + 30].tolist()) for kind in range(4)}
    overrides = {
        "muted": groups_of_kind.get(muted, frozenset()),
        "boosted": groups_of_kind.get(boosted, frozenset()),
    }
    return replace(recommender.taste.state("u0"), **overrides)


def test_muted_items_are_not_recommended(recommender: Recommender) -> None:
    plain = recommender.recommend(muted_and_boosted(recommender), 40)
    assert 0 in kinds(plain)
    muted = recommender.recommend(muted_and_boosted(recommender, muted=0), 40)
    assert len(muted) == 40 and 0 not in kinds(muted)


def test_what_is_boosted_moves_up(recommender: Recommender) -> None:
    def mean_rank(state: TasteState) -> float:
        items = recommender.recommend(state, 100, options=RecommendOptions(diversity=0.0))
        return float(np.mean([rank for rank, kind in enumerate(kinds(items)) if kind == 1]))

    assert (
        mean_rank(muted_and_boosted(recommender, boosted=1)) < mean_rank(muted_and_boosted(recommender)) - 3
    )


def test_diversity_is_one_number(recommender: Recommender) -> None:
    def mean_similarity(diversity: float) -> float:
        items = recommender.recommend_user("u2", 15, options=RecommendOptions(diversity=diversity))
        rows = np.asarray(recommender.ranker.items.vectors)[[item.position for item in items]]
        return float((rows @ rows.T)[np.triu_indices(15, 1)].mean())

    assert mean_similarity(0.0) > mean_similarity(0.5) > mean_similarity(0.95)
    plain = RecommendOptions(diversity=0.0)
    scores = [item.score for item in recommender.recommend_user("u2", 15, options=plain)]
    assert scores == sorted(scores, reverse=True)


def test_an_unknown_user_gets_popular_items(recommender: Recommender) -> None:
    items = recommender.recommend_user("nobody", 12)
    assert len(items) == 12
    assert {item.source for item in items} <= {"trending", "popular"}
    date = r"[A-Z][a-z]{2} \d+, \d{4}"
    reasons = rf"liked by \d+ people|trending: liked by \d+ people from {date} to {date}"
    assert all(re.fullmatch(reasons, item.reason) for item in items)


def with_probabilities(recommender: Recommender) -> Recommender:
    """The same recommender, where a purchase is likely for expensive items, and unlikely for others."""

    column = recommender.ranker.columns["price_ratio"]

    class ExpensivePurchases:
        def __call__(self, table: np.ndarray) -> np.ndarray:
            return np.where(table[:, column] > 0.3, np.log(9), -np.log(9))

    outcomes = Outcomes(Conditioning.SHOWN, 8, {Action.PURCHASE: (ExpensivePurchases(), Platt())})  # type: ignore[dict-item]
    return Recommender(recommender.catalogue, recommender.ranker, outcomes, recommender.taste)


def test_what_is_likelier_moves_up_where_it_is_the_target_outcome(recommender: Recommender) -> None:
    with_outcomes = with_probabilities(recommender)

    def likely(outcome: Action) -> int:
        items = with_outcomes.recommend_user("u0", 40, options=RecommendOptions(outcome, 0.0))
        assert {round(item.probability["purchase"], 6) for item in items} == {0.9, 0.1}
        return sum(item.probability["purchase"] > 0.5 for item in items)

    assert likely(Action.PURCHASE) > likely(Action.CLICK) + 2
    ablated = RecommendOptions(Action.PURCHASE, 0.0, use_outcomes=False)
    assert [item.item_id for item in with_outcomes.recommend_user("u0", 40, options=ablated)] == [
        item.item_id for item in recommender.recommend_user("u0", 40, options=RecommendOptions(diversity=0.0))
    ]
    plain = recommender.recommend_user("u0", 40, options=RecommendOptions(Action.PURCHASE, 0.0))
    without_outcome = recommender.recommend_user("u0", 40, options=RecommendOptions(diversity=0.0))
    assert [item.item_id for item in plain] == [item.item_id for item in without_outcome], (
        "the outcome has no probability"
    )


def test_an_event_changes_the_next_answer(shop: Store) -> None:
    recommender = Recommender.open(shop.snapshot())
    before = kinds(recommender.recommend_user("new", 10))
    for item in (91, 95, 99):
        recommender.taste.learn_one(Event("new", f"item-{item}", Action.SAVE, LATE))
    after = kinds(recommender.recommend_user("new", 10, options=RecommendOptions(diversity=0.0)))
    assert after.count(3) > max(before.count(3), 7)

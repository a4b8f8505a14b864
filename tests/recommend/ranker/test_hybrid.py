"""What every ranker promises, asked of the hybrid one with few users (fusion) and many (a learned order)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from bowerbird.data.events import ACTION_CODE, Action
from bowerbird.data.interactions import History, Interactions
from bowerbird.data.store import Store
from bowerbird.recommend.options import RecommendOptions
from bowerbird.recommend.ranker.hybrid import HybridRanker
from bowerbird.recommend.ranker.training import fit_ranker
from bowerbird.recommend.recommender import Recommender
from bowerbird.taste.state.user_state import TasteState

from ..conftest import best_positions, history_of, ranker_on

CLICK = ACTION_CODE["click"]


def best(ranker: HybridRanker, histories: Sequence[History], n: int) -> list[list[int]]:
    states = [TasteState.of(history) for history in histories]
    return [positions.tolist() for positions in best_positions(ranker, states, n)]


def test_it_finds_the_one_item_missing(few_users: HybridRanker, two_groups: Interactions) -> None:
    histories = dict(two_groups.histories())
    ranked = best(few_users, [histories[k] for k in range(20)], 3)
    assert [positions[0] for positions in ranked] == list(range(20))


def test_the_events_count_where_the_vectors_know_nothing(
    many_users: HybridRanker, large_groups: Interactions
) -> None:
    ranked = np.array(best(many_users, [history for _, history in large_groups.histories()], 5))
    own = ranked % 2 == np.arange(len(ranked))[:, None] % 2
    assert own.mean() > 0.9


def test_vectors_alone_tell_the_crowds_apart() -> None:
    ranker = ranker_on(Interactions.empty(20), np.eye(2)[np.arange(20) % 2])
    assert {item % 2 for item in best(ranker, [history_of(4, 6)], 8)[0]} == {0}
    assert {item % 2 for item in best(ranker, [history_of(3)], 9)[0]} == {1}


def test_never_an_item_of_the_history(
    few_users: HybridRanker, two_groups: Interactions, recommender: Recommender
) -> None:
    for ranker, histories in (
        (few_users, [history for _, history in two_groups.histories()]),
        (recommender.ranker, [history_of(*range(k, k + 25)) for k in range(0, 80, 9)]),
    ):
        for history, positions in zip(histories, best(ranker, histories, 200), strict=True):
            assert positions and not set(history.items.tolist()) & set(positions)


def test_all_that_is_left_and_no_more(few_users: HybridRanker) -> None:
    ranked = best(few_users, [history_of(*range(15)), history_of(*range(20))], 8)
    assert sorted(ranked[0]) == [15, 16, 17, 18, 19] and ranked[1] == []


def test_each_candidate_once_and_with_a_finite_score(recommender: Recommender) -> None:
    states = [TasteState.of(history_of(k, k + 40)) for k in range(30)]
    masks = [np.ones(120, bool)] * 30
    for candidates in recommender.ranker.candidates(states, masks, at_least=60):
        assert len(candidates.positions) >= 60
        assert (np.diff(candidates.positions) > 0).all(), "ascending, each once"
        scores = recommender.ranker.score(candidates.features)
        assert scores.shape == candidates.positions.shape and np.isfinite(scores).all()


@pytest.mark.slow
def test_learning_twice_gives_the_same_answers(large_groups: Interactions, many_users: HybridRanker) -> None:
    histories = [history for _, history in large_groups.histories()]
    again = fit_ranker(many_users.items, large_groups)
    assert best(again, histories, 20) == best(many_users, histories, 20)
    assert again.report == many_users.report and again.config == many_users.config


def test_a_cold_start_user_gets_what_is_popular(two_groups: Interactions) -> None:
    counts = np.bincount(two_groups.item, minlength=20)
    assert counts.max() - counts.min() == 0, "nothing was more popular before"
    extra = np.repeat([7, 12], [9, 5])
    extended = Interactions(
        two_groups.users,
        np.concatenate([two_groups.user, np.arange(14)]),
        np.concatenate([two_groups.item, extra]),
        np.full(len(two_groups) + 14, CLICK, np.int8),
        np.concatenate([two_groups.at, np.full(14, int(two_groups.at.max()))]),
        20,
    )
    (ranked,) = best(ranker_on(extended), [History.empty()], 5)
    assert ranked[:2] == [7, 12] and len(ranked) == 5


def test_who_only_hides_gets_what_is_popular(few_users: HybridRanker) -> None:
    (ranked,) = best(few_users, [history_of(3, action=Action.HIDE)], 5)
    popular = [item for item in best(few_users, [History.empty()], 20)[0] if item != 3]
    assert ranked == popular[:5]


def test_no_events_and_no_users() -> None:
    ranker = ranker_on(Interactions.empty(6))
    assert best(ranker, [], 4) == []
    assert len(best(ranker, [History.empty()], 4)[0]) == 4


@pytest.mark.parametrize("order", ["lambdarank", "fusion"])
def test_a_batch_is_the_same_as_one_by_one(
    large_groups: Interactions, many_users: HybridRanker, order: str
) -> None:
    assert many_users.trees is not None
    ranker = many_users.with_live_graph(None)
    ranker.trees = many_users.trees if order == "lambdarank" else None
    histories = [history for _, history in large_groups.histories()]
    histories += [History.empty(), *(history_of(k) for k in range(10))]
    states, mask = [TasteState.of(history) for history in histories], np.ones(80, bool)
    batch = ranker.candidates(states, [mask] * len(states))
    for state, together in zip(states, batch, strict=True):
        (alone,) = ranker.candidates([state], [mask])
        np.testing.assert_array_equal(together.positions, alone.positions)
        np.testing.assert_allclose(ranker.score(together.features), ranker.score(alone.features), atol=1e-5)
    assert best(ranker, histories, 20) == [best(ranker, [history], 20)[0] for history in histories]


@pytest.mark.slow
def test_a_batch_gets_the_same_lists_as_one_by_one(groups_store: Store, recommender: Recommender) -> None:
    served = Recommender.open(groups_store.snapshot())
    for opened in (served, recommender):
        states = [opened.taste.state(user) for user in [*opened.taste.users()[:90], "nobody"]]
        together = list(opened.lists(states, 20))
        for state, ranked in zip(states, together, strict=True):
            (alone,) = opened.lists([state], 20)
            assert ranked.positions.tolist() == alone.positions.tolist()
            np.testing.assert_allclose(ranked.relevance, alone.relevance, atol=1e-5)


def test_extra_candidates_are_described_whether_they_may_be_recommended_or_not(
    recommender: Recommender,
) -> None:
    state, nothing = recommender.taste.state("u0"), np.zeros(120, bool)
    seen = int(state.items[0])
    (candidates,) = recommender.ranker.candidates([state], [nothing], extra=[np.array([seen, 7])])
    assert candidates.positions.tolist() == sorted({seen, 7}) and len(candidates.features) == 2
    assert not candidates.query.eligible.any()


def test_a_narrow_choice_is_filled_up_by_popularity(recommender: Recommender) -> None:
    state, few = TasteState("nobody"), np.zeros(120, bool)
    few[[5, 50, 100]] = True
    (candidates,) = recommender.ranker.candidates([state], [few])
    assert candidates.positions.tolist() == [5, 50, 100]
    assert all(names for names in candidates.sources_of(candidates.positions))


def test_the_sources_of_an_item_are_named_by_the_rank_that_they_give_it(recommender: Recommender) -> None:
    state = recommender.taste.state("u0")
    (candidates,) = recommender.ranker.candidates([state], [recommender.catalogue.available])
    positions = np.random.default_rng(0).permutation(candidates.positions)
    slow = []
    for position in positions.tolist():
        best_ranks = [
            (min(order.tolist().index(position) for order in orders if position in order), number, name)
            for number, (name, orders) in enumerate(candidates.proposals.items())
            if any(position in order for order in orders)
        ]
        slow.append([name for _, _, name in sorted(best_ranks)])
    assert max(map(len, slow)) > 2
    assert candidates.sources_of(positions) == slow
    assert candidates.sources_of(positions[:0]) == []


def test_an_earlier_ranker_knows_nothing_of_later_events(
    many_users: HybridRanker, large_groups: Interactions
) -> None:
    moment = int(np.median(large_groups.at))
    past = large_groups.where(large_groups.at <= moment)
    shifted = replace(
        large_groups,
        item=np.where(large_groups.at > moment, (large_groups.item + 1) % 80, large_groups.item),
    )
    histories = [history for _, history in past.histories()][:20]
    expected = best(many_users.fitted_before(past), histories, 20)
    changed = shifted.where(shifted.at <= moment)
    assert best(many_users.fitted_before(changed), histories, 20) == expected
    assert best(many_users, histories, 20) != expected
    assert many_users.trees is not None and many_users.fitted_before(past).trees is None
    assert many_users.context.popularity.end == large_groups.at.max(), "the ranker itself stays as it was"


def test_diversity_and_session_are_no_part_of_the_ranker(recommender: Recommender) -> None:
    """A list without either is the head of the ranker's order."""
    state = recommender.taste.state("u0")
    options = RecommendOptions(diversity=0.0, use_session=False, use_outcomes=False)
    (ranked,) = recommender.lists([state], 20, options)
    (expected,) = best_positions(recommender.ranker, [state], 20, recommender.catalogue.available)
    assert ranked.positions.tolist() == expected.tolist()


def test_a_longer_list_begins_with_the_shorter(recommender: Recommender) -> None:
    """While no source needs more candidates for it."""
    state = recommender.taste.state("u9")
    short, long = (
        best_positions(recommender.ranker, [state], 10),
        best_positions(recommender.ranker, [state], 60),
    )
    assert long[0][:10].tolist() == short[0].tolist()

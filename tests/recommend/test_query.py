"""The representation of a user in a query, against the definitions like by like."""

from __future__ import annotations

import numpy as np
import pytest

from bowerbird.data.events import ACTION_CODE, Action
from bowerbird.data.interactions import History, Interactions
from bowerbird.data.times import DAY
from bowerbird.recommend.context import ItemContext, SourceContext
from bowerbird.recommend.models.config import QueryConfig, SourceConfig
from bowerbird.recommend.query import Query, latest, recency_weights
from bowerbird.taste.state.user_state import TasteState

from .conftest import clicks_of, group_vectors, history_of, plain_catalogue

HALF_LIFE_DAYS = QueryConfig.half_life
RECENT = QueryConfig.recent


@pytest.fixture(scope="module")
def context() -> SourceContext:
    events = clicks_of([(0, 3), (1, 4)], n_items=6)
    items = ItemContext(plain_catalogue(6), group_vectors(6).astype(np.float32))
    return SourceContext.fit(events, items, SourceConfig())


def test_the_latest_likes_are_named_once_at_their_last_time() -> None:
    liked = history_of(1, 2, 1, 3, 2, 5)
    assert latest(liked, 10).items.tolist() == [1, 3, 2, 5]
    assert latest(liked, 10).at.tolist() == [2_000_000, 3_000_000, 4_000_000, 5_000_000]
    assert latest(liked, 2).items.tolist() == [2, 5]
    assert not len(latest(History.empty(), 3))


def test_late_likes_weigh_more() -> None:
    np.testing.assert_allclose(recency_weights(4), np.sqrt(np.arange(1, 5) / 4))
    assert len(recency_weights(0)) == 0


def test_a_query_reads_likes_and_weighs_them_by_action_and_age(context: SourceContext) -> None:
    codes = [ACTION_CODE[name] for name in (Action.SAVE, Action.VIEW, Action.CLICK, Action.HIDE)]
    at = np.array([0, 10, 30, 40]) * DAY
    state = TasteState("u", np.array([1, 2, 3, 4]), np.array(codes, np.int8), at)
    query = Query(state, np.ones(6, bool), context)
    assert query.liked.items.tolist() == query.recent.items.tolist() == [1, 3]
    decayed_weights = np.array([3 * 0.5 ** (30 / HALF_LIFE_DAYS), 1.0])
    np.testing.assert_allclose(query.recent_weights, decayed_weights / decayed_weights.sum(), rtol=1e-6)
    assert query.at == 40 * DAY and not query.is_cold_start


def test_a_user_without_likes_queries_now(context: SourceContext) -> None:
    hides = TasteState.of(history_of(3, action=Action.HIDE))
    for state in (TasteState("nobody"), hides):
        query = Query(state, np.ones(6, bool), context)
        assert query.is_cold_start and query.at == context.popularity.end == DAY
        assert len(query.recent) == len(query.recent_weights) == 0


def test_the_number_of_likes_that_represent_a_user_is_limited() -> None:
    state = TasteState.of(history_of(*range(RECENT + 9)))
    items = ItemContext(plain_catalogue(60), group_vectors(60).astype(np.float32))
    context = SourceContext.fit(Interactions.empty(60), items, SourceConfig())
    query = Query(state, np.ones(60, bool), context)
    assert query.recent.items.tolist() == list(range(9, RECENT + 9))


def test_nothing_is_computed_twice(context: SourceContext) -> None:
    query, calls = Query(TasteState("u"), np.ones(6, bool), context), []
    for _ in range(2):
        assert query.once("scores", lambda: calls.append(1) or 7) == 7  # type: ignore[func-returns-value]
    query.remember("other", 8)
    assert query.once("other", lambda: 9) == 8 and len(calls) == 1

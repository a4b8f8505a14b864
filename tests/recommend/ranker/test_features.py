"""The table that the ranker reads: its columns are named, and the general ones say what their names say."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np

from bowerbird.data.interactions import Interactions
from bowerbird.data.items import Catalogue, Item
from bowerbird.data.times import DAY
from bowerbird.recommend.context import ItemContext, SourceContext
from bowerbird.recommend.models.config import SourceConfig
from bowerbird.recommend.query import Query
from bowerbird.recommend.ranker.features import GENERAL_FEATURES, build_features, feature_names
from bowerbird.recommend.recommender import Recommender
from bowerbird.taste.state.user_state import TasteState

from ..conftest import clicks_of, group_vectors, history_of

LAUNCH = datetime(1970, 1, 11, tzinfo=UTC)  # ten days after the first click


def test_every_column_has_a_name_of_its_own(recommender: Recommender) -> None:
    names = feature_names(recommender.ranker.sources)
    assert len(set(names)) == len(names)
    (candidates,) = recommender.ranker.candidates([recommender.taste.state("u0")], [np.ones(120, bool)])
    assert candidates.features.shape == (len(candidates.positions), len(names))
    assert candidates.features.dtype == np.float32
    for source in recommender.ranker.sources:
        columns = source.features(candidates.query, candidates.positions)
        for name, column in zip(source.feature_names, columns, strict=True):
            in_table = candidates.features[:, recommender.ranker.columns[name]]
            np.testing.assert_array_equal(in_table, np.asarray(column, np.float32))


def test_every_term_of_the_fusion_is_a_feature_that_holds_ranks(recommender: Recommender) -> None:
    (candidates,) = recommender.ranker.candidates([recommender.taste.state("u0")], [np.ones(120, bool)])
    terms = [term for source in recommender.ranker.sources for term in source.fusion]
    assert len(terms) > 5
    for term in terms:
        column = candidates.features[:, recommender.ranker.columns[term.feature]]
        ranks = np.expm1(column[~np.isnan(column)])
        assert (ranks >= 0).all() and ranks.max() < len(candidates.positions)
        np.testing.assert_allclose(ranks, np.round(ranks), atol=1e-3)


def test_general_features_agree_with_a_slow_reading_of_their_names() -> None:
    """Three items: liked first on day 0, launched on day 10, and never heard of."""
    catalogue = Catalogue.of(
        [
            Item("a", "a", price=8.0),
            Item("b", "b", price=2.0, created_at=LAUNCH),
            Item("c", "c"),
        ]
    )
    events = clicks_of([(0, 0), *((0, 0) for _ in range(5))], 3)  # one a day, until day 5
    items = ItemContext(catalogue, group_vectors(3).astype(np.float32))
    context = SourceContext.fit(events, items, SourceConfig())
    state = TasteState("u", np.array([0, 1]), np.full(2, 2, np.int8), np.array([1, 3]) * DAY)
    query = Query(state, np.ones(3, bool), context)
    table = build_features(query, np.arange(3), [], context)
    columns = dict(zip(GENERAL_FEATURES, table.T, strict=True))
    np.testing.assert_array_equal(columns["age_days"], np.round(np.log1p([3, 0, np.nan])).astype(np.float32))
    assert columns["unborn"].tolist() == [0, 1, 0], "the user asks on day 3"
    np.testing.assert_allclose(columns["liked_count"], np.log1p(2))
    np.testing.assert_allclose(columns["span_days"], np.log1p(2))
    np.testing.assert_allclose(columns["gap_days"], np.log1p(2))
    np.testing.assert_allclose(columns["price_ratio"], np.log([8 / 5, 2 / 5, np.nan]))


def test_of_a_cold_start_user_nothing_is_known() -> None:
    catalogue = Catalogue.of([Item("a", "a", price=8.0), Item("b", "b", price=2.0)])
    items = ItemContext(catalogue, group_vectors(2).astype(np.float32))
    for events in (Interactions.empty(2), clicks_of([(0, 0), (0, 1)], 2)):
        context = SourceContext.fit(events, items, SourceConfig())
        table = build_features(Query(TasteState("u"), np.ones(2, bool), context), np.arange(2), [], context)
        columns = dict(zip(GENERAL_FEATURES, table.T, strict=True))
        assert np.isnan(columns["span_days"]).all() and np.isnan(columns["price_ratio"]).all()
        assert not columns["liked_count"].any() and not columns["gap_days"].any()


def test_prices_are_compared_with_the_median_of_all_likes(recommender: Recommender) -> None:
    history = history_of(3, 40, 3, 77)
    (candidates,) = recommender.ranker.candidates([TasteState.of(history)], [np.ones(120, bool)])
    prices, ranker = recommender.catalogue.prices, recommender.ranker
    expected = np.log(prices[candidates.positions] / np.median(prices[[3, 40, 3, 77]]))
    np.testing.assert_allclose(candidates.features[:, ranker.columns["price_ratio"]], expected, atol=1e-5)
    assert (candidates.features[:, ranker.columns["liked_count"]] == np.float32(np.log1p(4))).all()

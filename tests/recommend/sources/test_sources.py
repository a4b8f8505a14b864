"""The promises of every source, against slow computations by definition."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pytest

from bowerbird.data.ranks import coarse_log
from bowerbird.recommend.models.attribute_affinity import sum_facets
from bowerbird.recommend.models.config import IdNeighbourhoodConfig, PopularityConfig, WalkConfig
from bowerbird.recommend.query import Query
from bowerbird.recommend.recommender import Recommender
from bowerbird.recommend.sources import SOURCES, Source
from bowerbird.recommend.sources.affinity import AffinitySource
from bowerbird.recommend.sources.coengagement import CoEngagementSource
from bowerbird.recommend.sources.content import ColdItemSource, SimilarSource, TasteCentreSource
from bowerbird.recommend.sources.id_neighbourhood import IdNeighbourhoodSource
from bowerbird.recommend.sources.latent_factors import LatentFactorSource
from bowerbird.recommend.sources.popularity import PopularSource, TrendingSource
from bowerbird.recommend.sources.transitions import TransitionSource
from bowerbird.recommend.sources.walks import WalkSource

from .conftest import COLD, ITEMS, queries_of

NARROW = IdNeighbourhoodConfig.narrow
NEIGHBOURHOOD_WEIGHT = IdNeighbourhoodConfig.weight
REACH = IdNeighbourhoodConfig.reach
WIDTH = IdNeighbourhoodConfig.width
MONTH = PopularityConfig.month
YEAR = PopularityConfig.year
MAX_PROPOSALS = WalkConfig.max_proposals

COUNT = 12
EVERY_SOURCE = pytest.mark.parametrize("kind", SOURCES, ids=lambda kind: kind.name)
Column = np.ndarray  # (ITEMS,) or (C,) float64, NaN where something is unknown


@dataclass(frozen=True)
class ExpectedRank:
    """A column that should hold the logarithm of 1 + each score's rank; equal scores share the best."""

    scores: Column
    unknown: np.ndarray | None = None

    def compare(self, column: Column, name: str) -> None:
        """Scores nearer to each other than rounding may stand either way round."""
        for score, value, row in zip(self.scores, column, range(len(column)), strict=True):
            if self.unknown is not None and self.unknown[row]:
                assert np.isnan(value), name
            else:
                lowest, highest = (int((self.scores > score + gap).sum()) for gap in (1e-5, -1e-5))
                assert np.log1p(lowest) - 1e-5 <= value <= np.log1p(highest) + 1e-5, name


def source_of(recommender: Recommender, kind: type[Source]) -> Source:
    (source,) = (source for source in recommender.ranker.sources if type(source) is kind)
    return source


# -- slow computations: every item's score, from dense matrices and definitions -------------------


def weights_by_item(query: Query) -> Column:
    """The recency weight of each item's last like, 0 for others."""
    weights = np.zeros(ITEMS)
    for order, item in enumerate(query.liked.items.tolist(), start=1):
        weights[item] = np.sqrt(order / len(query.liked))
    return weights


def coengagement(source: CoEngagementSource, query: Query) -> Column:
    """EASE by the inverse of the dense items × items matrix."""
    likes, ridge = source.model.likes.toarray().astype(float), source.model.ridge
    inverse = np.linalg.inv(likes.T @ likes + ridge * np.eye(ITEMS))
    model = -inverse / np.diag(inverse)[None, :]
    np.fill_diagonal(model, 0.0)
    scores: Column = weights_by_item(query) @ model
    return scores


def latent(source: LatentFactorSource, query: Query) -> Column:
    scores = np.zeros(ITEMS)
    for order, item in enumerate(query.liked.items.tolist(), start=1):
        weight = np.sqrt(order / len(query.liked))
        scores += weight * (source.model.out.astype(float) @ source.model.into[item].astype(float))
    return scores


def transitions(source: TransitionSource, query: Query) -> Column:
    pairs, scores = source.model.pairs.toarray().astype(float), np.zeros(ITEMS)
    for distance, item in enumerate(query.liked.items[::-1][:20].tolist(), start=1):
        scores += pairs[item] / np.sqrt(distance)
    return scores


def cosines(source: Source, query: Query) -> np.ndarray:
    """With each recent like, oldest first, (R, ITEMS)."""
    vectors = np.asarray(source.context.items.vectors, float)
    return vectors[query.recent.items] @ vectors.T


def preferences(source: AffinitySource, query: Query) -> np.ndarray:
    """Score every item by facet from the user's preferences, (ITEMS, F)."""
    preference = source.model.preferences(query.liked.items, query.weights)
    return source.model.scores_by_facet(preference, np.arange(ITEMS))


def id_distances(liked: np.ndarray) -> Column:
    """Ids have numbers in the order of positions here."""
    distances: Column = np.abs(np.arange(ITEMS)[:, None] - liked[None, :]).min(axis=1).astype(float)
    return distances


def visits(source: WalkSource, query: Query) -> Column:
    scores = np.zeros(ITEMS)
    if source.graph is not None and len(query.liked):
        walk = source.graph.walk(query.state, 2_000)
        scores[walk.items] = walk.scores
    return scores


def orders_of(source: Source, query: Query, count: int) -> Iterator[tuple[Column, np.ndarray, int, bool]]:
    """Of each order that should be proposed: scores, eligible items, length, and whether 0 is nothing."""
    popularity, eligible, cold = source.context.popularity, query.eligible, query.eligible & COLD
    if isinstance(source, TrendingSource):
        for days in (MONTH, popularity.lately):
            yield popularity.share(query.at, days).astype(float), eligible, count // 2, True
    elif isinstance(source, PopularSource):
        yield popularity.share(query.at, YEAR).astype(float), eligible, count // 2, True
        yield (
            popularity.share(query.at, YEAR, beginners=True).astype(float),
            eligible,
            count // 2,
            True,
        )
        yield popularity.now.astype(float), eligible, count // 2, False
    elif isinstance(source, WalkSource):
        yield visits(source, query), eligible, MAX_PROPOSALS, True
    elif query.is_cold_start:
        return
    elif isinstance(source, CoEngagementSource):
        yield coengagement(source, query), eligible, count, True
    elif isinstance(source, LatentFactorSource):
        yield latent(source, query), eligible, count, True
    elif isinstance(source, TransitionSource):
        yield transitions(source, query), eligible, count, True
    elif isinstance(source, ColdItemSource):
        nearest = cosines(source, query).max(axis=0)
        best = np.argsort(-np.where(cold, nearest, -np.inf), kind="stable")[: min(2 * count, cold.sum())]
        among = np.isin(np.arange(ITEMS), best)
        yield nearest, among, count // 2, False
        neighbourhood = NEIGHBOURHOOD_WEIGHT * popularity.neighbourhood(query.at)
        yield nearest + neighbourhood, among, count // 2, False
    elif isinstance(source, SimilarSource):
        yield cosines(source, query).max(axis=0), eligible, count, False
    elif isinstance(source, TasteCentreSource):
        yield query.recent_weights @ cosines(source, query), eligible, count, False
    elif isinstance(source, AffinitySource):
        affinity = np.nansum(preferences(source, query), axis=1)
        nearby = popularity.neighbourhood(popularity.end, popularity.lately)
        yield affinity + nearby, eligible, count, False
        yield affinity + nearby, cold, count, False
        yield affinity + 3 * nearby, cold, count, False
        yield affinity + np.log(popularity.now + 0.1), eligible, count, False
    else:
        assert isinstance(source, IdNeighbourhoodSource)
        distance = id_distances(query.recent.items)
        yield -distance, eligible & (distance <= REACH), ITEMS, False


def feature_columns(source: Source, query: Query, positions: np.ndarray) -> dict[str, Column | ExpectedRank]:
    """Each feature of a source by a slow reading of its name, (C,)."""
    popularity, liked = source.context.popularity, query.liked.items
    end, lately, unknown = popularity.end, popularity.lately, np.full(len(positions), np.nan)

    def with_rank(name: str, scores: Column) -> dict[str, Column | ExpectedRank]:
        """NaN for cold items, whose co-engagement is unknown."""
        at_positions, cold = scores[positions], COLD[positions]
        return {name: np.where(cold, np.nan, at_positions), f"{name}_rank": ExpectedRank(at_positions, cold)}

    if isinstance(source, CoEngagementSource):
        return with_rank("coengagement", coengagement(source, query))
    if isinstance(source, LatentFactorSource):
        return {"latent_rank": with_rank("latent", latent(source, query))["latent_rank"]}
    if isinstance(source, TransitionSource):
        return with_rank("transitions", transitions(source, query))
    if isinstance(source, ColdItemSource):
        return {"cold": COLD[positions].astype(float)}
    if isinstance(source, SimilarSource):
        if query.is_cold_start:
            return dict.fromkeys(source.feature_names, unknown)
        similar = cosines(source, query)[:, positions]
        largest, mean = similar.max(axis=0), query.recent_weights @ similar
        columns = {"content_max": largest, "content_mean": mean, "content_last": similar[-1]}
        columns["content_top3"] = np.sort(similar, axis=0)[-3:].mean(axis=0)
        columns |= {"content_max_rank": ExpectedRank(largest), "content_mean_rank": ExpectedRank(mean)}
        for modality in ("facts", "text", "picture"):  # the vectors stand for each
            columns |= {f"{modality}_max": largest, f"{modality}_mean": mean}
        return columns
    if isinstance(source, AffinitySource):
        by_facet = preferences(source, query)[positions]
        overall = np.array([float(np.nansum(row)) for row in by_facet])
        facets = dict(zip(source.model.facets.names, by_facet.T, strict=True))
        columns = {"affinity": overall, "affinity_rank": ExpectedRank(sum_facets(by_facet))}
        return columns | {f"affinity {name}": values for name, values in facets.items()}
    if isinstance(source, IdNeighbourhoodSource):

        def neighbourhood_feature(at: int, days: float, width: int) -> Column:
            values: Column = np.round(4 * popularity.neighbourhood(at, days, width)[positions])
            return values

        columns = {
            "neighbourhood": neighbourhood_feature(query.at, MONTH, WIDTH),
            "neighbourhood_lately": neighbourhood_feature(query.at, lately, WIDTH),
            "neighbourhood_narrow": neighbourhood_feature(query.at, MONTH, NARROW),
            "neighbourhood_today": neighbourhood_feature(end, MONTH, WIDTH),
            "neighbourhood_lately_today": neighbourhood_feature(end, lately, WIDTH),
            "neighbourhood_narrow_today": neighbourhood_feature(end, MONTH, NARROW),
        }
        distance = np.log1p(id_distances(liked)[positions]) if len(liked) else unknown
        return columns | {"id_distance": distance}
    if isinstance(source, WalkSource):
        n_visits = visits(source, query)[positions]
        return {"walk": np.round(np.log1p(n_visits)), "walk_rank": ExpectedRank(n_visits)}
    if isinstance(source, TrendingSource):
        month_then, month_now = (popularity.share(at, MONTH)[positions] for at in (query.at, end))
        trend_then, trend_now = (popularity.share(at, lately)[positions] for at in (query.at, end))
        columns = {
            "month": coarse_log(month_then),
            "month_rank": ExpectedRank(month_then),
            "today": coarse_log(month_now),
        }
        columns |= {"lately": coarse_log(trend_then), "lately_rank": ExpectedRank(trend_then)}
        return columns | {"lately_today": coarse_log(trend_now), "lately_today_rank": ExpectedRank(trend_now)}
    if isinstance(source, PopularSource):
        likes = np.log1p(popularity.total)
        usual = likes[liked].mean() if len(liked) else np.nan
        year, beginners = (popularity.share(query.at, YEAR, new)[positions] for new in (False, True))
        month_now = popularity.share(end, lately, beginners=True)[positions]
        columns = {"popularity": np.round(likes[positions])}
        columns["popularity_vs_usual"] = np.round(likes[positions] - usual)
        columns |= {
            "year": coarse_log(year),
            "year_rank": ExpectedRank(year),
            "beginners_rank": ExpectedRank(beginners),
        }
        columns |= {"beginners_today": coarse_log(month_now), "beginners_today_rank": ExpectedRank(month_now)}
        return columns | {"approval": np.round(10 * popularity.approval[positions])}
    return {}


# -- promises ---------------------------------------------------------------------------------------------


@EVERY_SOURCE
@pytest.mark.parametrize("share", [1.0, 0.3])
def test_proposals_are_the_best_eligible_items_best_first(
    recommender: Recommender, kind: type[Source], share: float
) -> None:
    source = source_of(recommender, kind)
    for query in queries_of(recommender, share).values():
        proposals = source.propose(query, COUNT)
        expected = list(orders_of(source, query, COUNT))
        assert len(proposals) == len(expected) or not any(len(order) for order in proposals)
        for order, (scores, eligible, length, zero_is_nothing) in zip(proposals, expected, strict=False):
            assert query.eligible[order].all() and len(np.unique(order)) == len(order)
            best = np.sort(scores[eligible & ((scores > 1e-9) | (not zero_is_nothing))])[::-1][:length]
            np.testing.assert_allclose(scores[order], best, atol=1e-5)


@EVERY_SOURCE
def test_the_proposals_are_no_trivial_ones(recommender: Recommender, kind: type[Source]) -> None:
    """Users get different items of a source, and it has something for those who like something."""
    source, queries = source_of(recommender, kind), queries_of(recommender)
    proposals = {
        user: np.concatenate(source.propose(query, COUNT))
        for user, query in queries.items()
        if not query.is_cold_start
    }
    assert all(len(order) for order in proposals.values())
    assert len({tuple(order.tolist()) for order in proposals.values()}) > 1
    if not issubclass(kind, PopularSource):
        assert not any(len(order) for order in source.propose(queries["nobody"], COUNT))


@EVERY_SOURCE
def test_features_agree_with_a_slow_reading_of_their_names(
    recommender: Recommender, kind: type[Source]
) -> None:
    source, positions = source_of(recommender, kind), np.arange(0, ITEMS, 3)
    for query in queries_of(recommender).values():
        expected = feature_columns(source, query, positions)
        assert list(expected) == list(source.feature_names)
        columns = source.features(query, positions)
        for (name, expected_column), column in zip(expected.items(), columns, strict=True):
            if isinstance(expected_column, ExpectedRank):
                expected_column.compare(np.asarray(column), name)
            else:
                np.testing.assert_allclose(column, expected_column, atol=2e-5, err_msg=name)


@EVERY_SOURCE
def test_a_source_that_was_saved_answers_the_same(
    recommender: Recommender, loaded: Recommender, kind: type[Source]
) -> None:
    source, loaded_source = source_of(recommender, kind), source_of(loaded, kind)
    assert source is not loaded_source and source.feature_names == loaded_source.feature_names
    positions = np.arange(ITEMS)
    for first, second in zip(queries_of(recommender).values(), queries_of(loaded).values(), strict=True):
        for expected, actual in zip(
            source.propose(first, COUNT), loaded_source.propose(second, COUNT), strict=True
        ):
            np.testing.assert_array_equal(expected, actual)
        for expected, actual in zip(
            source.features(first, positions), loaded_source.features(second, positions), strict=True
        ):
            np.testing.assert_array_equal(expected, actual)
        for item in range(0, ITEMS, 7):
            assert source.explain(first, item) == loaded_source.explain(second, item)


@EVERY_SOURCE
def test_a_batch_is_prepared_as_one_by_one(recommender: Recommender, kind: type[Source]) -> None:
    source = source_of(recommender, kind)
    together, alone = queries_of(recommender), queries_of(recommender)
    source.prepare(list(together.values()))
    for first, second in zip(together.values(), alone.values(), strict=True):
        for batched, single in zip(source.propose(first, COUNT), source.propose(second, COUNT), strict=True):
            np.testing.assert_array_equal(batched, single)


def test_sources_have_distinct_names(recommender: Recommender) -> None:
    assert recommender.ranker.context.is_cold.tolist() == COLD.tolist()
    assert len({kind.name for kind in SOURCES}) == len(SOURCES)

"""Sources through an approximate index, and through lists of neighbours, against a look at every item."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from bowerbird.data.events import ACTION_CODE
from bowerbird.data.interactions import History, Interactions
from bowerbird.data.items import Catalogue, Item
from bowerbird.embed.index import item_index as index_module
from bowerbird.embed.index.item_index import ItemIndex, build_index
from bowerbird.embed.index.rows import VectorRows, normalize_rows
from bowerbird.recommend.context import ItemContext
from bowerbird.recommend.models.nearest import Neighbours
from bowerbird.recommend.query import Query
from bowerbird.recommend.ranker.hybrid import HybridRanker
from bowerbird.recommend.sources import SOURCES, Source
from bowerbird.recommend.sources.affinity import AffinitySource
from bowerbird.recommend.sources.content import ColdItemSource, SimilarSource, TasteCentreSource
from bowerbird.recommend.sources.latent_factors import LatentFactorSource
from bowerbird.taste.state.user_state import TasteState

from ..conftest import best_positions

ITEMS, USERS, EVENTS, COUNT = 6000, 60, 900, 120
BY_VECTORS = (SimilarSource, TasteCentreSource, ColdItemSource)
ONLY_ORDERING = (LatentFactorSource, AffinitySource)
"""Sources that propose nothing where there is an index."""
EVERY_SOURCE = pytest.mark.parametrize("number", range(len(SOURCES)), ids=[kind.name for kind in SOURCES])


@pytest.fixture(scope="module", autouse=True)
def exact_search_costs_more() -> Iterator[None]:
    """With so few items exact search would be used otherwise, and never the approximate index."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(index_module, "EXACT_SCORES_PER_CANDIDATE", 1)
        yield


@pytest.fixture(scope="module")
def events() -> Interactions:
    """Users who like the first items of two kinds each."""
    rng = np.random.default_rng(0)
    user = np.sort(rng.integers(USERS, size=EVENTS))
    taste = rng.integers(60, size=(USERS, 2))
    members = [np.flatnonzero(kind_of_items() == k) for k in range(60)]
    item = np.array([rng.choice(members[taste[u, rng.integers(2)]][:40]) for u in user], np.int64)
    at = rng.integers(10**12, 10**13, EVENTS)
    order = np.argsort(at)
    click = np.full(EVENTS, ACTION_CODE["click"], np.int8)
    return Interactions([f"u{k}" for k in range(USERS)], user[order], item[order], click, at[order], ITEMS)


def kind_of_items() -> np.ndarray:
    return np.random.default_rng(1).integers(60, size=ITEMS)


def item_rows() -> VectorRows:
    rng = np.random.default_rng(2)
    vectors = rng.normal(size=(60, 32))[kind_of_items()] + 0.6 * rng.normal(size=(ITEMS, 32))
    return VectorRows(normalize_rows(vectors).astype(np.float16))


def item_catalogue() -> Catalogue:
    return Catalogue.of(
        Item(str(k), f"item {k}", price=1.0 + k % 50, attributes={"kind": f"kind {kind}"})
        for k, kind in enumerate(kind_of_items().tolist())
    )


def fit_ranker_on(items: ItemContext, events: Interactions) -> HybridRanker:
    ranker = HybridRanker(items)
    ranker.fit_sources(events)
    return ranker


@pytest.fixture(scope="module")
def dense(events: Interactions) -> HybridRanker:
    """Compares all items."""
    return fit_ranker_on(ItemContext(item_catalogue(), item_rows().dense()), events)


@pytest.fixture(scope="module")
def approximate(events: Interactions) -> HybridRanker:
    """Asks an index, and reads vectors where it needs them."""
    rows = item_rows()
    index = ItemIndex(rows, build_index(rows, threads=1))
    return fit_ranker_on(ItemContext(item_catalogue(), rows, index=index), events)


@pytest.fixture(scope="module")
def listed(dense: HybridRanker, events: Interactions) -> HybridRanker:
    """Reads lists of each item's nearest items."""
    ranker = fit_ranker_on(dense.items, events)
    vectors = np.asarray(dense.items.vectors)
    cold = np.flatnonzero(ranker.context.is_cold)
    ranker.context.neighbours = (
        Neighbours.build(vectors, np.arange(ITEMS), 320),
        Neighbours.build(vectors, cold, 520),
    )
    return ranker


@pytest.fixture(scope="module")
def states(events: Interactions) -> list[TasteState]:
    histories = [history for _, history in events.histories()][:25]
    return [TasteState.of(history) for history in [*histories, History.empty()]]


def queries(ranker: HybridRanker, states: list[TasteState], eligible: np.ndarray) -> list[Query]:
    return [candidates.query for candidates in ranker.candidates(states, [eligible] * len(states))]


def overlap(positions: np.ndarray, expected: np.ndarray) -> float:
    return len(np.intersect1d(positions, expected)) / max(1, len(expected))


def source_pairs(
    number: int, first: HybridRanker, second: HybridRanker, states: list[TasteState]
) -> Iterator[tuple[Source, Query, Source, Query]]:
    for share in (1.0, 0.6):
        eligible = np.random.default_rng(3).random(ITEMS) < share
        pairs = zip(queries(first, states, eligible), queries(second, states, eligible), strict=True)
        for first_query, second_query in pairs:
            yield first.sources[number], first_query, second.sources[number], second_query


@EVERY_SOURCE
def test_an_index_proposes_nearly_the_same(
    dense: HybridRanker, approximate: HybridRanker, states: list[TasteState], number: int
) -> None:
    overlaps = []
    for source, query, dense_source, same_query in source_pairs(number, approximate, dense, states):
        proposed, expected = source.propose(query, COUNT), dense_source.propose(same_query, COUNT)
        if isinstance(source, ONLY_ORDERING):
            assert not proposed
            continue
        for order, best in zip(proposed, expected, strict=True):
            assert query.eligible[order].all() and len(np.unique(order)) == len(order)
            if isinstance(source, BY_VECTORS):
                overlaps.append(overlap(order, best))
            else:
                assert set(order.tolist()) == set(best.tolist())
    assert not overlaps or np.mean(overlaps) > 0.9


@EVERY_SOURCE
def test_an_index_describes_candidates_in_the_same_way(
    dense: HybridRanker, approximate: HybridRanker, states: list[TasteState], number: int
) -> None:
    for source, query, dense_source, same_query in source_pairs(number, approximate, dense, states):
        positions = np.random.default_rng(4).choice(np.flatnonzero(query.eligible), 300, replace=False)
        for name, column, expected in zip(
            source.feature_names,
            source.features(query, positions),
            dense_source.features(same_query, positions),
            strict=True,
        ):
            if not name.endswith("_rank"):  # of scores that differ in the last digit
                np.testing.assert_allclose(column, expected, atol=2e-4, err_msg=name)
            elif not np.isnan(expected).all():
                same = np.isclose(column, expected, atol=1e-6, equal_nan=True)
                assert same.mean() > 0.95, name


@EVERY_SOURCE
def test_lists_of_neighbours_propose_and_describe_the_same(
    dense: HybridRanker, listed: HybridRanker, states: list[TasteState], number: int
) -> None:
    for source, query, dense_source, same_query in source_pairs(number, listed, dense, states):
        for order, best in zip(
            source.propose(query, COUNT), dense_source.propose(same_query, COUNT), strict=True
        ):
            np.testing.assert_array_equal(order, best)
        positions = np.arange(0, ITEMS, 20)
        for column, expected in zip(
            source.features(query, positions), dense_source.features(same_query, positions), strict=True
        ):
            np.testing.assert_allclose(column, expected, atol=1e-5)


def test_lists_of_neighbours_give_the_same_order(
    dense: HybridRanker, listed: HybridRanker, states: list[TasteState]
) -> None:
    everything = np.ones(ITEMS, bool)
    exact_order, list_order = (best_positions(ranker, states, 50, everything) for ranker in (dense, listed))
    for actual, expected in zip(list_order, exact_order, strict=True):
        assert actual.tolist() == expected.tolist()


def test_the_best_are_nearly_those_of_a_look_at_every_item(
    dense: HybridRanker, approximate: HybridRanker, states: list[TasteState]
) -> None:
    for share in (1.0, 0.6):
        eligible = np.random.default_rng(5).random(ITEMS) < share
        expected, best = (best_positions(ranker, states, 20, eligible) for ranker in (dense, approximate))
        assert (
            np.mean(
                [
                    overlap(approximate_best, exact_best)
                    for approximate_best, exact_best in zip(best, expected, strict=True)
                ]
            )
            > 0.9
        )
        for positions, state in zip(best, states, strict=True):
            assert len(positions) == 20 and eligible[positions].all()
            assert not np.isin(positions, state.items).any()


def test_a_few_eligible_items_are_all_candidates(approximate: HybridRanker, states: list[TasteState]) -> None:
    eligible = np.zeros(ITEMS, bool)
    eligible[[5, 1000, 5999]] = True
    for positions, state in zip(best_positions(approximate, states, 10, eligible), states, strict=True):
        assert set(positions.tolist()) == {5, 1000, 5999} - set(state.items.tolist())


def test_the_popular_list_goes_on_where_its_head_is_excluded(dense: HybridRanker) -> None:
    popularity = dense.context.popularity
    order = np.argsort(-popularity.share(popularity.end, 300.0), kind="stable")
    order = order[: np.count_nonzero(popularity.share(popularity.end, 300.0))]
    eligible = np.ones(ITEMS, bool)
    eligible[order[:250]] = False
    assert len(order) > 260
    assert popularity.top(eligible, 10, popularity.end, 300.0).tolist() == order[250:260].tolist()

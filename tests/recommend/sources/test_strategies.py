"""Candidates from an index, against a look at every item."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from bowerbird.data.events import ACTION_CODE
from bowerbird.data.interactions import History, Interactions
from bowerbird.data.items import Catalogue, Item
from bowerbird.embed import index as index_module
from bowerbird.embed.index import ItemIndex, built
from bowerbird.embed.rows import Rows, unit
from bowerbird.recommend import OurRanker
from bowerbird.recommend.candidates import Values, reached, sought
from bowerbird.recommend.models.coengagement import history_matrix
from bowerbird.recommend.features import by_place, rows_of, signals_of
from bowerbird.recommend.models.popularity import YEAR

ITEMS, PEOPLE, EVENTS = 6000, 60, 900


@pytest.fixture(scope="module", autouse=True)
def looking_is_dear() -> Iterator[None]:
    """So few items would otherwise all be looked at, and the approximate index never asked."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(index_module, "LOOKS", 1)
        yield


@pytest.fixture(scope="module")
def rankers() -> tuple[OurRanker, OurRanker, list[History]]:
    """The same model twice, with a look at every item and with an index, and people to serve."""
    rng = np.random.default_rng(0)
    kind = rng.integers(60, size=ITEMS)
    matrix = unit(rng.normal(size=(60, 32))[kind] + 0.6 * rng.normal(size=(ITEMS, 32))).astype(np.float16)
    person = np.sort(rng.integers(PEOPLE, size=EVENTS))
    taste = rng.integers(60, size=(PEOPLE, 2))
    members = [np.flatnonzero(kind == k) for k in range(60)]
    item = np.array([rng.choice(members[taste[p, rng.integers(2)]][:40]) for p in person])
    at = rng.integers(10**12, 10**13, EVENTS)
    order = np.argsort(at)
    click = np.full(EVENTS, ACTION_CODE["click"], np.int8)
    users = [f"u{k}" for k in range(PEOPLE)]
    events = Interactions(users, person[order], item[order].astype(np.int64), click, at[order], ITEMS)
    catalogue = Catalogue.of(Item(str(k), f"item {k}", price=1.0 + k % 50) for k in range(ITEMS))
    rows = Rows(matrix)
    quick = OurRanker(rows, catalogue, index=ItemIndex(rows, built(rows, threads=1)))
    quick.fit(events)
    whole = OurRanker(rows.dense(), catalogue)
    whole.world = replace(quick.world, matrix=whole.matrix, sides=whole.sides)
    whole.trees, whole.settings = quick.trees, quick.settings
    return whole, quick, [history for _, history in events.histories()]


def test_every_signal_of_a_candidate_is_that_of_a_look_at_every_item(
    rankers: tuple[OurRanker, OurRanker, list[History]],
) -> None:
    whole, quick, people = rankers
    assert quick.index is not None
    for history in [*people[:10], History.empty()]:
        candidates, signals = sought(history, whole.world, quick.index, None, 120)
        expected = signals_of([history], whole.world)[0]
        got, wanted = (rows_of(one, candidates, whole.world) for one in (signals, expected))
        assert len(candidates)
        np.testing.assert_allclose(got, wanted, atol=2e-4)


def test_co_engagement_reaches_all_that_ease_scores(
    rankers: tuple[OurRanker, OurRanker, list[History]],
) -> None:
    whole, _, people = rankers
    for history in people[:10]:
        found = reached(whole.world, history.liked())
        items = history.liked().items
        given = history_matrix([items], ITEMS, [by_place(len(items))])
        wanted = whole.world.coengagement.scores(given)[0]
        others = np.setdiff1d(np.arange(ITEMS), history.items)
        np.testing.assert_allclose(found[others], wanted[others], atol=1e-5)


def test_the_answers_are_nearly_those_of_a_look_at_every_item(
    rankers: tuple[OurRanker, OurRanker, list[History]],
) -> None:
    whole, quick, people = rankers
    allowed = np.random.default_rng(1).random(ITEMS) < 0.6
    for mask in (None, allowed):
        (expected, _), (found, _) = whole.rank_scored(people, 20, mask), quick.rank_scored(people, 20, mask)
        same = [len(np.intersect1d(a, b)) / 20 for a, b in zip(found, expected, strict=True)]
        assert np.mean(same) > 0.9
        for row, history in zip(found, people, strict=True):
            assert (row >= 0).all() and not np.isin(row, history.items).any()
            assert mask is None or mask[row].all()


def test_few_items_allowed_are_all_found(rankers: tuple[OurRanker, OurRanker, list[History]]) -> None:
    _, quick, people = rankers
    allowed = np.zeros(ITEMS, bool)
    allowed[[5, 1000, 5999]] = True
    found, _ = quick.rank_scored(people[:5], 10, allowed)
    for row, history in zip(found, people, strict=False):
        assert set(row[row >= 0]) == {5, 1000, 5999} - set(history.items.tolist())


def test_the_popular_list_goes_on_where_its_head_is_excluded(
    rankers: tuple[OurRanker, OurRanker, list[History]],
) -> None:
    popularity = rankers[0].world.popularity
    share = popularity.share(popularity.end, YEAR)
    order = np.argsort(-share, kind="stable")[: np.count_nonzero(share)]
    open_ = np.ones(ITEMS, bool)
    open_[order[:250]] = False
    found = popularity.leading(open_, 10, popularity.end, YEAR)
    assert len(order) > 260 and found.tolist() == order[250:260].tolist()


def test_values_are_read_by_position() -> None:
    values = Values(np.array([2, 5]), np.array([0.5, 0.7]))
    assert values[5] == 0.7 and values[6] == 0.0 and values[0] == 0.0
    assert Values(np.zeros(0, np.int64), np.zeros(0))[np.array([1, 2])].tolist() == [0.0, 0.0]

"""Popularity at a moment, against counting and sorting everything."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from bowerbird.data.events import ACTION_CODE
from bowerbird.data.interactions import Interactions
from bowerbird.data.times import DAY
from bowerbird.recommend.models import popularity
from bowerbird.recommend.models.config import PopularityConfig
from bowerbird.recommend.models.popularity import LatestUsed, Popularity

CAUTION = PopularityConfig.prior_events
MONTH = PopularityConfig.month
STEPS = PopularityConfig.steps
YEAR = PopularityConfig.year

CLICK, HIDE = ACTION_CODE["click"], ACTION_CODE["hide"]


@pytest.mark.parametrize("head", [1, 5, 40, 4_096])
def test_the_top_is_the_head_of_a_whole_order(monkeypatch: pytest.MonkeyPatch, head: int) -> None:
    monkeypatch.setattr(popularity, "HEAD", head)
    rng = np.random.default_rng(0)
    n, likes = 60, 400
    items = (n * rng.random(likes) ** 2).astype(np.int64)
    at = np.repeat(np.arange(likes // 10) * DAY, 10)  # many equal moments, therefore many equal shares
    events = Interactions(
        [f"u{k}" for k in range(20)], rng.integers(0, 20, likes), items, np.full(likes, 2, np.int8), at, n
    )
    model = Popularity.fit(events, np.arange(n))
    share = model.share(int(at[-1]), MONTH)
    full_order = np.lexsort((np.arange(n), -share))
    for eligible_share in (1.0, 0.5, 0.05):
        eligible = rng.random(n) < eligible_share
        expected = [row for row in full_order if eligible[row] and share[row] > 0]
        for count in (1, 7, 30):
            top = model.top(eligible, count, int(at[-1]), MONTH)
            assert top.tolist() == expected[:count]


@pytest.mark.parametrize("steps", [-1, 0, 1, 5, 1000])
def test_past_popularity_ignores_later_likes(two_groups: Interactions, steps: int) -> None:
    popularity = Popularity.fit(two_groups, np.arange(two_groups.n_items))
    moment = steps * int(YEAR * DAY / STEPS)  # moments are rounded to this step
    past = two_groups.at <= moment
    expected = np.zeros(20)
    end = min(moment, int(two_groups.at.max()))
    for item, at in zip(two_groups.item[past], two_groups.at[past], strict=True):
        expected[item] += 0.5 ** ((end - at) / (YEAR * DAY))
    shares = popularity.share(moment, YEAR)
    np.testing.assert_allclose(shares, expected / max(expected.sum(), 1e-9), atol=1e-6)
    assert not shares[~np.isin(np.arange(20), two_groups.item[past])].any()


def test_shares_are_right_from_several_threads(large_groups: Interactions) -> None:
    id_ranks = np.arange(large_groups.n_items)
    alone, shared = (Popularity.fit(large_groups, id_ranks) for _ in range(2))
    moments = np.random.default_rng(0).integers(0, shared.end, 600).tolist()
    eligible = np.ones(80, bool)

    def top_items(moment: int) -> list[int]:
        answers: list[int] = shared.top(eligible, 10, moment, MONTH / 100).tolist()
        return answers

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(top_items, moments))
    assert answers == [alone.top(eligible, 10, moment, MONTH / 100).tolist() for moment in moments]


def test_beginners_likes_weigh_the_first_likes_of_each_user_most() -> None:
    # Three users like 0, then 1; one likes 2 after twenty others.
    pairs = [(user, item) for user in range(3) for item in (0, 1)] + [(3, 3 + k) for k in range(20)]
    user, item = np.array([*pairs, (3, 2)], np.int64).T
    codes, at = np.full(len(user), CLICK, np.int8), np.arange(len(user), dtype=np.int64)
    events = Interactions(["a", "b", "c", "d"], user, item, codes, at, 23)
    share = Popularity.fit(events, np.arange(events.n_items)).share(10**18, YEAR * 1000, beginners=True)
    assert share[0] > share[1] > share[3] > share[2]
    assert share[0] / share[1] == pytest.approx(1.1, rel=1e-2) and share[3] / share[2] == pytest.approx(
        3, rel=1e-2
    )


def test_events_that_are_no_likes_lower_approval() -> None:
    """Three likes and three hides of item 0, six likes of item 1, nothing of item 2."""
    item = np.array([0] * 6 + [1] * 6, np.int64)
    codes = np.array([CLICK] * 3 + [HIDE] * 3 + [CLICK] * 6, np.int8)
    events = Interactions(["a"], np.zeros(12, np.int64), item, codes, np.arange(12), 3)
    approval = Popularity.fit(events, np.arange(3)).approval
    usual = 9 / 12
    expected = [
        (3 + CAUTION * usual) / (6 + CAUTION),
        (6 + CAUTION * usual) / (6 + CAUTION),
        usual,
    ]
    np.testing.assert_allclose(approval, expected, rtol=1e-6)


def test_of_computed_values_the_latest_used_stay() -> None:
    latest, computed = LatestUsed[int](), []

    def square(number: int) -> int:
        computed.append(number)
        return number**2

    for number in (1, 2, 1, 3, 1, 2, 4, 1):
        assert latest.once(number, lambda number=number: square(number), at_most=2) == number**2
    assert computed == [1, 2, 3, 2, 4, 1], "2 was used before 1 when 3 came; 3 when 2 came; 1 when 4 came"

"""Popularity at a moment, against counting and sorting everything."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from bowerbird.data.events import ACTION_CODE
from bowerbird.data.interactions import Interactions
from bowerbird.recommend.models import popularity
from bowerbird.recommend.models.popularity import CAUTION, MONTH, STEPS, YEAR, LatestUsed, Popularity
from bowerbird.taste.state import DAY

CLICK, HIDE = ACTION_CODE["click"], ACTION_CODE["hide"]


@pytest.mark.parametrize("head", [1, 5, 40, 4_096])
def test_the_top_is_the_head_of_a_whole_order(monkeypatch: pytest.MonkeyPatch, head: int) -> None:
    monkeypatch.setattr(popularity, "HEAD", head)
    rng = np.random.default_rng(0)
    n, likes = 60, 400
    items = (n * rng.random(likes) ** 2).astype(np.int64)
    at = np.repeat(np.arange(likes // 10) * DAY, 10)  # many equal moments, so many equal shares
    events = Interactions(
        [f"u{k}" for k in range(20)], rng.integers(0, 20, likes), items, np.full(likes, 2, np.int8), at, n
    )
    found = Popularity.fit(events, np.arange(n))
    share = found.share(int(at[-1]), MONTH)
    whole = np.lexsort((np.arange(n), -share))
    for openness in (1.0, 0.5, 0.05):
        eligible = rng.random(n) < openness
        expected = [row for row in whole if eligible[row] and share[row] > 0]
        for count in (1, 7, 30):
            got = found.top(eligible, count, int(at[-1]), MONTH)
            assert got.tolist() == expected[:count]


@pytest.mark.parametrize("steps", [-1, 0, 1, 5, 1000])
def test_what_was_popular_then_knows_nothing_of_later(two_crowds: Interactions, steps: int) -> None:
    popularity = Popularity.fit(two_crowds, np.arange(two_crowds.n_items))
    moment = steps * int(YEAR * DAY / STEPS)  # answers are kept for moments so far apart
    past = two_crowds.at <= moment
    slow = np.zeros(20)
    end = min(moment, int(two_crowds.at.max()))
    for item, at in zip(two_crowds.item[past], two_crowds.at[past], strict=True):
        slow[item] += 0.5 ** ((end - at) / (YEAR * DAY))
    found = popularity.share(moment, YEAR)
    np.testing.assert_allclose(found, slow / max(slow.sum(), 1e-9), atol=1e-6)
    assert not found[~np.isin(np.arange(20), two_crowds.item[past])].any()


def test_answers_for_moments_are_right_from_several_threads(crowds_of_many: Interactions) -> None:
    places = np.arange(crowds_of_many.n_items)
    alone, shared = (Popularity.fit(crowds_of_many, places) for _ in range(2))
    moments = np.random.default_rng(0).integers(0, shared.end, 600).tolist()
    eligible = np.ones(80, bool)

    def asked(moment: int) -> list[int]:
        found: list[int] = shared.top(eligible, 10, moment, MONTH / 100).tolist()
        return found

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(asked, moments))
    assert found == [alone.top(eligible, 10, moment, MONTH / 100).tolist() for moment in moments]


def test_what_beginners_like_counts_the_first_likes_of_each_person_most() -> None:
    # Three people like 0, then 1; one likes 2 after twenty others.
    pairs = [(person, item) for person in range(3) for item in (0, 1)] + [(3, 3 + k) for k in range(20)]
    user, item = np.array([*pairs, (3, 2)], np.int64).T
    codes, at = np.full(len(user), CLICK, np.int8), np.arange(len(user), dtype=np.int64)
    events = Interactions(["a", "b", "c", "d"], user, item, codes, at, 23)
    share = Popularity.fit(events, np.arange(events.n_items)).share(10**18, YEAR * 1000, beginners=True)
    assert share[0] > share[1] > share[3] > share[2]
    assert share[0] / share[1] == pytest.approx(1.1, rel=1e-2) and share[3] / share[2] == pytest.approx(
        3, rel=1e-2
    )


def test_what_people_did_without_liking_lowers_approval() -> None:
    """Three likes and three hides of item 0, six likes of item 1, nothing of item 2."""
    item = np.array([0] * 6 + [1] * 6, np.int64)
    codes = np.array([CLICK] * 3 + [HIDE] * 3 + [CLICK] * 6, np.int8)
    events = Interactions(["a"], np.zeros(12, np.int64), item, codes, np.arange(12), 3)
    approval = Popularity.fit(events, np.arange(3)).approval
    usual = 9 / 12
    wanted = [(3 + CAUTION * usual) / (6 + CAUTION), (6 + CAUTION * usual) / (6 + CAUTION), usual]
    np.testing.assert_allclose(approval, wanted, rtol=1e-6)


def test_of_computed_values_the_latest_used_stay() -> None:
    latest, computed = LatestUsed[int](), []

    def square(number: int) -> int:
        computed.append(number)
        return number**2

    for number in (1, 2, 1, 3, 1, 2, 4, 1):
        assert latest.once(number, lambda number=number: square(number), at_most=2) == number**2
    assert computed == [1, 2, 3, 2, 4, 1], "2 was used before 1 when 3 came; 3 when 2 came; 1 when 4 came"

"""Decay and sessions, against formulas and loops that are obviously right."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from bowerbird.data.times import DAY, HOUR, MINUTE, SESSION_GAP, DecayedPopularity, decayed, sessions_of

likes = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 400 * DAY)), max_size=30)


@given(likes, st.integers(0, 30))
def test_popularity_is_the_same_whether_observed_in_one_part_or_two(
    rows: list[tuple[int, int]], cut: int
) -> None:
    rows = sorted(rows, key=lambda row: row[1])
    items = np.array([item for item, _ in rows], np.int64)
    at = np.array([moment for _, moment in rows], np.int64)
    popularity = DecayedPopularity(5, half_life_days=7.0)
    popularity.observe(items[:cut], at[:cut])
    popularity.observe(items[cut:], at[cut:])
    expected = np.zeros(5)
    for item, moment in rows:
        expected[item] += 0.5 ** ((int(at.max()) - moment) / DAY / 7.0)
    np.testing.assert_allclose(popularity.counts, expected, rtol=1e-9)


def test_weights_are_averaged_over_half_lives() -> None:
    weights = decayed(np.array([4.0, 1.0]), np.array([2 * DAY, -DAY]), [1.0, 2.0])
    np.testing.assert_allclose(weights, [4.0 * (0.25 + 0.5) / 2, 1.0])


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 5 * HOUR)), max_size=30))
def test_sessions_end_after_a_pause_and_with_their_user(rows: list[tuple[int, int]]) -> None:
    rows = sorted(rows)
    expected, number = [], 0
    for index, (user, moment) in enumerate(rows):
        if index and (user != rows[index - 1][0] or moment - rows[index - 1][1] > SESSION_GAP):
            number += 1
        expected.append(number)
    users = np.array([user for user, _ in rows], np.int64)
    at = np.array([moment for _, moment in rows], np.int64)
    assert sessions_of(at, users).tolist() == expected


def test_a_pause_of_exactly_the_gap_does_not_end_a_session() -> None:
    assert sessions_of(np.array([0, 30 * MINUTE, 61 * MINUTE])).tolist() == [0, 0, 1]

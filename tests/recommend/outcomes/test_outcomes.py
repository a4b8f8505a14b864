"""Probabilities of outcomes: what happened is counted right, and comes true as often as it is predicted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bowerbird.data.events import ACTION_CODE, ACTIONS, Action
from bowerbird.data.interactions import WEIGHT_OF_CODE, Interactions
from bowerbird.recommend.outcomes.calibration import Platt, calibration_error, log_loss, reliability
from bowerbird.recommend.outcomes.probabilities import Outcomes
from bowerbird.recommend.outcomes.slates import (
    OUTCOMES,
    SESSION_DAYS,
    SHOWN_DAYS,
    Conditioning,
    offer,
    session_starts,
    shown_slates,
)
from bowerbird.recommend.ranker.hybrid import HybridRanker
from bowerbird.taste.state.user_state import DAY, TasteState

from ..conftest import ranker_on

HOUR = DAY // 24
Row = tuple[int, int, Action, int, int]  # person, item, action, hours, place


def events_of(rows: list[Row], n_items: int, people: int) -> Interactions:
    rows = sorted(rows, key=lambda row: row[3])
    user, item, hour, place = (np.array([row[k] for row in rows], np.int64) for k in (0, 1, 3, 4))
    codes = np.array([ACTION_CODE[row[2].value] for row in rows], np.int8)
    users = [f"u{k}" for k in range(people)]
    return Interactions(users, user, item, codes, hour * HOUR, n_items, place.astype(np.int32))


# -- what happened ------------------------------------------------------------------------------------------


drawn_rows = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.integers(0, 3),
        st.sampled_from([Action.IMPRESSION, Action.IMPRESSION, Action.VIEW, *OUTCOMES, Action.HIDE]),
        st.integers(0, 100),
        st.integers(0, 8),
    ),
    max_size=40,
)


@settings(max_examples=100, deadline=None)
@given(drawn=drawn_rows)
def test_a_showing_gets_what_came_before_the_next_one_and_within_a_day(drawn: list[Row]) -> None:
    events = events_of(drawn, n_items=4, people=3)
    found = {
        (one.user, int(item), one.at): (int(rank), tuple(happened))
        for one in shown_slates(events)
        for item, rank, happened in zip(one.items, one.ranks, one.happened.tolist(), strict=True)
    }
    expected: dict[tuple[int, int, int], set[tuple[bool, ...]]] = {}
    end = max((row[3] for row in drawn), default=0)
    for person, item, action, hour, _ in drawn:
        if action is not Action.IMPRESSION or hour > end - 24 * SHOWN_DAYS:
            continue
        mine = [row for row in drawn if row[:2] == (person, item)]
        if any(WEIGHT_OF_CODE[ACTIONS.index(row[2])] != 0 and row[3] < hour for row in mine):
            continue  # dealt with before
        again = min((row[3] for row in mine if row[2] is Action.IMPRESSION and row[3] > hour), default=10**9)
        came = {row[2] for row in mine if hour <= row[3] < again and row[3] <= hour + 24 * SHOWN_DAYS}
        expected[person, item, hour * HOUR] = {tuple(one in came for one in OUTCOMES)}
    assert set(found) == set(expected)
    for key, (_, happened) in found.items():
        assert happened in expected[key]


def test_a_list_keeps_its_order_of_ranks() -> None:
    rows = [(0, item, Action.IMPRESSION, 5, place) for item, place in ((3, 2), (1, 1), (2, 3))]
    (shown,) = shown_slates(events_of([*rows, (0, 0, Action.VIEW, 200, 0)], 4, 1))
    assert shown.items.tolist() == [1, 3, 2] and shown.ranks.tolist() == [1, 2, 3]


def test_a_session_begins_after_a_break_and_its_outcomes_come_within_a_week() -> None:
    hours = [0, 2, 30, 31, 500]
    events = events_of([(0, k, Action.CLICK, hour, 0) for k, hour in enumerate(hours)], 6, 1)
    assert [one.at // HOUR for one in session_starts(events)] == [0, 30], "the last one's week is not over"
    history = dict(events.histories())[0]
    first = offer(session_starts(events)[0], np.arange(6), history)
    assert SESSION_DAYS * 24 > 31
    assert first.happened[:, 0].tolist() == [True, True, True, True, False, False]
    assert not first.happened[:, 1:].any()


# -- calibration --------------------------------------------------------------------------------------------


def sigmoid(values: np.ndarray) -> np.ndarray:
    result: np.ndarray = 1 / (1 + np.exp(-values))
    return result


def test_a_known_distortion_is_undone() -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(-2, 1.5, 20_000)
    happened = rng.random(20_000) < sigmoid(logits)
    said = sigmoid(2 * logits + 1)
    correction = Platt.fitted(said, happened)
    assert correction.slope == pytest.approx(0.5, abs=0.03) and correction.shift == pytest.approx(
        -0.5, abs=0.06
    )
    assert calibration_error(said, happened) > 0.05 > 0.015 > calibration_error(correction(said), happened)
    assert log_loss(correction(said), happened) < log_loss(said, happened)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6), share=st.floats(0, 1))
def test_a_correction_keeps_the_order(seed: int, share: float) -> None:
    rng = np.random.default_rng(seed)
    said, happened = rng.random(50), rng.random(50) < share
    corrected = Platt.fitted(said, happened)(said)
    assert (np.diff(corrected[np.argsort(said)]) >= 0).all() and ((corrected >= 0) & (corrected <= 1)).all()


def test_the_error_is_the_mean_gap_of_the_curve() -> None:
    said = np.array([0.1] * 10 + [0.6] * 10)
    happened = np.arange(20) % 2 == 0
    assert reliability(said, happened, 2) == pytest.approx(np.array([[10, 0.1, 0.5], [10, 0.6, 0.5]]))
    assert calibration_error(said, happened, 2) == pytest.approx(0.25)
    assert calibration_error(happened.astype(float), happened) == 0


# -- a world with known probabilities ---------------------------------------------------------------------

OWN, OTHER, SAVED = 0.5, 0.05, 0.4
"""Probability of a click on what is of one's own kind, on what is not, and of a save after a click."""


def shown_world(people: int = 120, lists: int = 9) -> Interactions:
    """Even people click on even items, odd ones on odd items; nobody ever buys."""
    rng = np.random.default_rng(0)
    rows: list[Row] = []
    for person in range(people):
        for hour in rng.integers(0, 24 * 60, lists).tolist():
            for place, item in enumerate(rng.permutation(80)[:6].tolist(), start=1):
                rows.append((person, item, Action.IMPRESSION, hour, place))
                if rng.random() < (OWN if item % 2 == person % 2 else OTHER):
                    rows.append((person, item, Action.CLICK, hour, 0))
                    if rng.random() < SAVED:
                        rows.append((person, item, Action.SAVE, hour, 0))
    return events_of(rows, 80, people)


@pytest.fixture(scope="module")
def world() -> tuple[HybridRanker, Outcomes, Interactions]:
    events = shown_world()
    ranker = ranker_on(events)
    return ranker, Outcomes.fit(ranker, events), events


def mean_probabilities(
    ranker: HybridRanker, outcomes: Outcomes, events: Interactions
) -> dict[Action, np.ndarray]:
    """Mean probability of users with ten likes or more for items of their own kind and others, (2,)."""
    histories = {user: one for user, one in events.histories() if len(one.liked()) > 9}
    states = [TasteState.of(one, events.users[user]) for user, one in histories.items()]
    means: dict[Action, list[list[float]]] = {one: [] for one in outcomes.models}
    everything = [np.ones(len(ranker.items), bool)] * len(states)
    for user, candidates in zip(histories, ranker.candidates(states, everything), strict=True):
        own, first = candidates.positions % 2 == user % 2, np.ones(len(candidates.positions))
        for outcome, odds in outcomes.probabilities(candidates.features, first).items():
            means[outcome].append([odds[own].mean(), odds[~own].mean()])
    return {outcome: np.mean(pairs, axis=0) for outcome, pairs in means.items()}


def test_probabilities_are_those_of_the_world(world: tuple[HybridRanker, Outcomes, Interactions]) -> None:
    ranker, outcomes, events = world
    assert outcomes.given is Conditioning.SHOWN and set(outcomes.models) == {Action.CLICK, Action.SAVE}
    found = mean_probabilities(ranker, outcomes, events)
    assert found[Action.CLICK] == pytest.approx([OWN, OTHER], abs=0.1)
    assert found[Action.SAVE] == pytest.approx([OWN * SAVED, OTHER * SAVED], abs=0.06)
    told = outcomes.report["click"]
    assert told["log_loss"] < told["log_loss_of_the_rate"] and told["calibration_error"] < 0.1
    assert len(told["curve"]) == 10 and sum(row[0] for row in told["curve"]) == told["cases"]


def test_what_never_happens_has_no_probability(world: tuple[HybridRanker, Outcomes, Interactions]) -> None:
    _, outcomes, _ = world
    assert set(outcomes.meaning["absent"]) == {"purchase"}
    assert "0 times" in outcomes.meaning["absent"]["purchase"]


def test_a_log_without_impressions_gives_probabilities_of_a_session(
    world: tuple[HybridRanker, Outcomes, Interactions],
) -> None:
    _, _, events = world
    clicks = events.where(events.action == ACTION_CODE["click"])
    ranker = ranker_on(clicks)
    outcomes = Outcomes.fit(ranker, clicks)
    assert outcomes.given is Conditioning.SESSION and set(outcomes.models) == {Action.CLICK}
    own, other = mean_probabilities(ranker, outcomes, clicks)[Action.CLICK]
    assert 0.15 > own > 2 * other > 0, "a person clicks on a few of the 40 items of their kind in a week"


def test_saved_probabilities_are_the_same(
    world: tuple[HybridRanker, Outcomes, Interactions], tmp_path: Path
) -> None:
    ranker, outcomes, events = world
    outcomes.save(tmp_path)
    again = Outcomes.load(tmp_path)
    assert again.meaning == outcomes.meaning and again.report == outcomes.report
    first, second = (mean_probabilities(ranker, one, events) for one in (outcomes, again))
    assert all((first[name] == second[name]).all() for name in first)


def test_without_events_nothing_has_a_probability() -> None:
    nothing = Interactions.empty(6)
    outcomes = Outcomes.fit(ranker_on(nothing), nothing)
    assert not outcomes.models and set(outcomes.meaning["absent"]) == set(OUTCOMES)

"""Probabilities: outcomes are attributed correctly, and happen as often as predicted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bowerbird.data.events import ACTION_CODE, ACTIONS, Action
from bowerbird.data.interactions import WEIGHT_OF_CODE, Interactions
from bowerbird.data.times import HOUR
from bowerbird.evaluate.calibration import calibration_error, log_loss, reliability
from bowerbird.recommend.outcomes.calibration import Platt
from bowerbird.recommend.outcomes.probabilities import Outcomes
from bowerbird.recommend.outcomes.slates import (
    DEFAULT_CONFIG,
    OUTCOMES,
    Conditioning,
    offer,
    session_starts,
    shown_slates,
)
from bowerbird.recommend.outcomes.training import fit_outcomes
from bowerbird.recommend.ranker.hybrid import HybridRanker
from bowerbird.taste.state.user_state import TasteState

from ..conftest import ranker_on

Row = tuple[int, int, Action, int, int]  # user, item, action, hours, rank


def events_of(rows: list[Row], n_items: int, n_users: int) -> Interactions:
    rows = sorted(rows, key=lambda row: row[3])
    user, item, hour, rank = (np.array([row[k] for row in rows], np.int64) for k in (0, 1, 3, 4))
    codes = np.array([ACTION_CODE[row[2].value] for row in rows], np.int8)
    users = [f"u{k}" for k in range(n_users)]
    return Interactions(users, user, item, codes, hour * HOUR, n_items, rank.astype(np.int32))


# -- outcomes of slates ----------------------------------------------------------------------------------


event_rows = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.integers(0, 3),
        st.sampled_from([Action.IMPRESSION, Action.IMPRESSION, Action.VIEW, *OUTCOMES, Action.HIDE]),
        st.integers(0, 100),
        st.integers(0, 8),
    ),
    max_size=40,
)


@settings(max_examples=100)
@given(example_rows=event_rows)
def test_an_impression_gets_the_outcomes_before_the_next_one_and_within_a_day(
    example_rows: list[Row],
) -> None:
    events = events_of(example_rows, n_items=4, n_users=3)
    outcomes_by_showing = {
        (slate.user, int(item), slate.at): (int(rank), tuple(happened))
        for slate in shown_slates(events)
        for item, rank, happened in zip(slate.items, slate.ranks, slate.happened.tolist(), strict=True)
    }
    expected: dict[tuple[int, int, int], set[tuple[bool, ...]]] = {}
    end = max((row[3] for row in example_rows), default=0)
    for user, item, action, hour, _ in example_rows:
        if action is not Action.IMPRESSION or hour > end - 24 * DEFAULT_CONFIG.shown_days:
            continue
        user_item_rows = [row for row in example_rows if row[:2] == (user, item)]
        if any(WEIGHT_OF_CODE[ACTIONS.index(row[2])] != 0 and row[3] < hour for row in user_item_rows):
            continue  # earlier feedback
        next_showing = min(
            (row[3] for row in user_item_rows if row[2] is Action.IMPRESSION and row[3] > hour), default=10**9
        )
        outcomes_in_time = {
            row[2]
            for row in user_item_rows
            if hour <= row[3] < next_showing and row[3] <= hour + 24 * DEFAULT_CONFIG.shown_days
        }
        expected[user, item, hour * HOUR] = {tuple(outcome in outcomes_in_time for outcome in OUTCOMES)}
    assert set(outcomes_by_showing) == set(expected)
    for key, (_, happened) in outcomes_by_showing.items():
        assert happened in expected[key]


def test_a_list_keeps_its_order_of_ranks() -> None:
    rows = [(0, item, Action.IMPRESSION, 5, rank) for item, rank in ((3, 2), (1, 1), (2, 3))]
    (slate,) = shown_slates(events_of([*rows, (0, 0, Action.VIEW, 200, 0)], 4, 1))
    assert slate.items.tolist() == [1, 3, 2] and slate.ranks.tolist() == [1, 2, 3]


def test_a_session_begins_after_a_break_and_its_outcomes_come_within_a_week() -> None:
    hours = [0, 2, 30, 31, 500]
    events = events_of([(0, k, Action.CLICK, hour, 0) for k, hour in enumerate(hours)], 6, 1)
    assert [slate.at // HOUR for slate in session_starts(events)] == [0, 30], (
        "the last one's week is not over"
    )
    history = dict(events.histories())[0]
    first = offer(session_starts(events)[0], np.arange(6), history)
    assert DEFAULT_CONFIG.session_days * 24 > 31
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
    predicted = sigmoid(2 * logits + 1)
    correction = Platt.fit(predicted, happened)
    assert correction.slope == pytest.approx(0.5, abs=0.03) and correction.shift == pytest.approx(
        -0.5, abs=0.06
    )
    assert (
        calibration_error(predicted, happened)
        > 0.05
        > 0.015
        > calibration_error(correction(predicted), happened)
    )
    assert log_loss(correction(predicted), happened) < log_loss(predicted, happened)


@settings(max_examples=40)
@given(seed=st.integers(0, 10**6), share=st.floats(0, 1))
def test_a_correction_keeps_the_order(seed: int, share: float) -> None:
    rng = np.random.default_rng(seed)
    predicted, happened = rng.random(50), rng.random(50) < share
    corrected = Platt.fit(predicted, happened)(predicted)
    assert (np.diff(corrected[np.argsort(predicted)]) >= 0).all() and (
        (corrected >= 0) & (corrected <= 1)
    ).all()


def test_the_error_is_the_mean_gap_of_the_curve() -> None:
    predicted = np.array([0.1] * 10 + [0.6] * 10)
    happened = np.arange(20) % 2 == 0
    assert reliability(predicted, happened, 2) == pytest.approx(np.array([[10, 0.1, 0.5], [10, 0.6, 0.5]]))
    assert calibration_error(predicted, happened, 2) == pytest.approx(0.25)
    assert calibration_error(happened.astype(float), happened) == 0


# -- a log with known probabilities ---------------------------------------------------------------------

OWN_RATE, OTHER_RATE, SAVE_RATE = 0.5, 0.05, 0.4
"""Probability of a click on an item of the user's own kind, on another one, and of a save after a click."""


def synthetic_events(n_users: int = 120, lists: int = 9) -> Interactions:
    """Even users click on even items, odd ones on odd items; nobody ever buys."""
    rng = np.random.default_rng(0)
    rows: list[Row] = []
    for user in range(n_users):
        for hour in rng.integers(0, 24 * 60, lists).tolist():
            for rank, item in enumerate(rng.permutation(80)[:6].tolist(), start=1):
                rows.append((user, item, Action.IMPRESSION, hour, rank))
                if rng.random() < (OWN_RATE if item % 2 == user % 2 else OTHER_RATE):
                    rows.append((user, item, Action.CLICK, hour, 0))
                    if rng.random() < SAVE_RATE:
                        rows.append((user, item, Action.SAVE, hour, 0))
    return events_of(rows, 80, n_users)


@pytest.fixture(scope="module")
def outcome_log() -> tuple[HybridRanker, Outcomes, Interactions]:
    events = synthetic_events()
    ranker = ranker_on(events)
    return ranker, fit_outcomes(ranker, events), events


def mean_probabilities(
    ranker: HybridRanker, outcomes: Outcomes, events: Interactions
) -> dict[Action, np.ndarray]:
    """Mean probability of users with ten likes or more for items of their own kind and others, (2,)."""
    histories = {user: history for user, history in events.histories() if len(history.liked()) > 9}
    states = [TasteState.of(history, events.users[user]) for user, history in histories.items()]
    means: dict[Action, list[list[float]]] = {outcome: [] for outcome in outcomes.models}
    everything = [np.ones(len(ranker.items), bool)] * len(states)
    for user, candidates in zip(histories, ranker.candidates(states, everything), strict=True):
        is_own, first_rank = candidates.positions % 2 == user % 2, np.ones(len(candidates.positions))
        for outcome, values in outcomes.probabilities(candidates.features, first_rank).items():
            means[outcome].append([values[is_own].mean(), values[~is_own].mean()])
    return {outcome: np.mean(pairs, axis=0) for outcome, pairs in means.items()}


def test_probabilities_are_those_of_the_log(outcome_log: tuple[HybridRanker, Outcomes, Interactions]) -> None:
    ranker, outcomes, events = outcome_log
    assert outcomes.conditioning is Conditioning.SHOWN and set(outcomes.models) == {Action.CLICK, Action.SAVE}
    means = mean_probabilities(ranker, outcomes, events)
    assert means[Action.CLICK] == pytest.approx([OWN_RATE, OTHER_RATE], abs=0.1)
    assert means[Action.SAVE] == pytest.approx([OWN_RATE * SAVE_RATE, OTHER_RATE * SAVE_RATE], abs=0.06)
    report = outcomes.report.outcomes["click"]
    assert report.log_loss < report.log_loss_of_the_rate and report.calibration_error < 0.1
    assert len(report.curve) == 10 and sum(row[0] for row in report.curve) == report.rows


def test_what_never_happens_has_no_probability(
    outcome_log: tuple[HybridRanker, Outcomes, Interactions],
) -> None:
    _, outcomes, _ = outcome_log
    assert set(outcomes.meaning["absent"]) == {"purchase"}
    assert "0 times" in outcomes.meaning["absent"]["purchase"]


@pytest.mark.slow
def test_a_log_without_impressions_gives_probabilities_of_a_session(
    outcome_log: tuple[HybridRanker, Outcomes, Interactions],
) -> None:
    _, _, events = outcome_log
    clicks = events.where(events.action == ACTION_CODE["click"])
    ranker = ranker_on(clicks)
    outcomes = fit_outcomes(ranker, clicks)
    assert outcomes.conditioning is Conditioning.SESSION and set(outcomes.models) == {Action.CLICK}
    own_mean, other_mean = mean_probabilities(ranker, outcomes, clicks)[Action.CLICK]
    assert 0.15 > own_mean > 2 * other_mean > 0, (
        "a user clicks on a few of the 40 items of their kind in a week"
    )


def test_saved_probabilities_are_the_same(
    outcome_log: tuple[HybridRanker, Outcomes, Interactions], tmp_path: Path
) -> None:
    ranker, outcomes, events = outcome_log
    outcomes.save(tmp_path)
    loaded = Outcomes.load(tmp_path)
    assert loaded.meaning == outcomes.meaning and loaded.report == outcomes.report
    first, second = (mean_probabilities(ranker, model, events) for model in (outcomes, loaded))
    assert all((first[name] == second[name]).all() for name in first)


def test_without_events_nothing_has_a_probability() -> None:
    empty = Interactions.empty(6)
    outcomes = fit_outcomes(ranker_on(empty), empty)
    assert not outcomes.models and set(outcomes.meaning["absent"]) == set(OUTCOMES)

"""A change of taste is detected; a click, or one more session of a known type, is not taken for one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bowerbird.data.events import ACTION_CODE
from bowerbird.data.interactions import History
from bowerbird.data.times import DAY, SECOND
from bowerbird.taste.graph import TasteGraph
from bowerbird.taste.interests.drift import CONFIG, detect_drift, split_sessions
from bowerbird.taste.profile.changes import changes_of, describe_drift

TYPES, ITEMS_PER_TYPE = 8, 10


def make_vectors(seed: int = 0) -> np.ndarray:
    rows = np.repeat(np.eye(TYPES, 16), ITEMS_PER_TYPE, axis=0)
    rows = rows + np.random.default_rng(seed).normal(size=rows.shape) * 0.08
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


VECTORS = make_vectors()


def session_history(types: Sequence[int], clicks: int = 3, days: float = 2.0, seed: int = 0) -> History:
    """One session for each item type, `days` apart, with clicks on items of the type a minute apart."""
    rng = np.random.default_rng(seed)
    items = [
        item_type * ITEMS_PER_TYPE + k
        for item_type in types
        for k in rng.permutation(ITEMS_PER_TYPE)[:clicks]
    ]
    at = [(session * days * DAY + k * 60 * SECOND) for session in range(len(types)) for k in range(clicks)]
    codes = np.full(len(items), ACTION_CODE["click"], np.int8)
    return History(np.array(items), codes, np.array(at, np.int64))


def drift_evidence(history: History, now: int | None = None) -> float:
    drift = detect_drift(
        history, lambda items: VECTORS[items], VECTORS, int(history.at[-1]) if now is None else now
    )
    return drift.evidence if drift else 0.0


def test_a_new_taste_is_detected_clearly_within_ten_events_of_it() -> None:
    before, after = [0, 1, 0, 1, 0, 1, 0], [5, 5, 5]
    history = session_history(before + after)
    evidence = [drift_evidence(history.where(np.arange(30) < 21 + n)) for n in range(1, 10)]
    assert max(evidence) >= CONFIG.clear_evidence
    drift = detect_drift(history, lambda items: VECTORS[items], VECTORS, 100 * DAY // 5)
    assert drift is not None and drift.since == len(before), "and the moment is the right one"


@settings(max_examples=60)
@given(seed=st.integers(0, 10_000), length=st.integers(6, 20), tastes=st.integers(1, 3))
def test_steady_users_who_showed_all_their_tastes_did_not_change(seed: int, length: int, tastes: int) -> None:
    rng = np.random.default_rng(seed)
    first = [item_type for item_type in range(tastes) for _ in range(2)]
    types = first + rng.integers(tastes, size=length).tolist()
    assert drift_evidence(session_history(types, seed=seed)) == 0.0


def test_one_unusual_click_is_not_a_change() -> None:
    steady = session_history([0, 1, 0, 1, 0, 1])
    odd = session_history([0, 1, 0, 1, 0, 1, 5]).where(np.arange(21) < 19)
    assert drift_evidence(steady) == 0.0 and drift_evidence(odd) == 0.0


def test_a_user_with_few_sessions_has_not_changed() -> None:
    assert drift_evidence(session_history([0] * (CONFIG.min_sessions_before - 1) + [5])) == 0.0


def test_a_change_long_ago_is_not_of_this_month() -> None:
    history = session_history([0, 0, 0, 0, 5, 5])
    assert drift_evidence(history) >= CONFIG.clear_evidence
    assert drift_evidence(history, now=int(history.at[-1]) + 31 * DAY) == 0.0


def test_sessions_are_separated_by_a_pause_and_contain_each_like_once() -> None:
    at = np.array([0, 60, 120, 4000, 4001]) * SECOND
    codes = np.array([ACTION_CODE[action] for action in ("click", "view", "save", "view", "click")], np.int8)
    sessions = split_sessions(History(np.array([7, 8, 7, 9, 3]), codes, at))
    assert [session.items.tolist() for session in sessions] == [[7], [3]]
    assert split_sessions(History.empty()) == []


@pytest.fixture
def changed(ada: TasteGraph) -> History:
    """Shirts (0-9) give way to vases (30-39)."""
    types = [0, 0, 1, 0, 0, 3, 3]
    history = session_history(types)
    return History(history.items, history.actions, history.at)


def test_changes_are_named_with_their_shares(ada: TasteGraph, changed: History) -> None:
    rows = np.eye(4, 6, dtype=np.float32)[np.arange(40) // 10]
    drift = detect_drift(changed, lambda items: rows[items], rows, int(changed.at[-1]))
    assert drift is not None and drift.since == 5
    shares = {change.name: (change.then, change.now) for change in changes_of(drift, ada.interests_of_items)}
    assert shares["checked · glass · vase"] == (0.0, 1.0)
    assert shares["striped · cotton · shirt"] == (pytest.approx(0.8), 0.0)
    sentence = describe_drift(drift, changes_of(drift, ada.interests_of_items))
    assert "checked · glass · vase grew from 0% to 100%" in sentence and "2 sessions since" in sentence
    for change in changes_of(drift, ada.interests_of_items):
        groups = ada.interests_of_items.group[change.items]
        assert (groups == change.number).all() and len(change.items) >= 2

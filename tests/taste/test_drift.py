"""A change of taste is noticed where there is one, and a click, or one more visit of an old kind, is none."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bowerbird.data.events import ACTION_CODE
from bowerbird.data.interactions import History
from bowerbird.taste.graph import TasteGraph
from bowerbird.taste.interests.drift import CLEARLY, LEAST_BEFORE, drift_of, visits_of
from bowerbird.taste.profile.changes import changes_of, in_words
from bowerbird.taste.state.user_state import DAY, SECOND

KINDS, OF_A_KIND = 8, 10


def world(seed: int = 0) -> np.ndarray:
    rows = np.repeat(np.eye(KINDS, 16), OF_A_KIND, axis=0)
    rows = rows + np.random.default_rng(seed).normal(size=rows.shape) * 0.08
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


VECTORS = world()


def visits(kinds: Sequence[int], clicks: int = 3, days: float = 2.0, seed: int = 0) -> History:
    """One visit for each kind, so many days apart, with clicks on items of the kind a minute apart."""
    rng = np.random.default_rng(seed)
    items = [kind * OF_A_KIND + k for kind in kinds for k in rng.permutation(OF_A_KIND)[:clicks]]
    at = [(visit * days * DAY + k * 60 * SECOND) for visit in range(len(kinds)) for k in range(clicks)]
    codes = np.full(len(items), ACTION_CODE["click"], np.int8)
    return History(np.array(items), codes, np.array(at, np.int64))


def noticed(history: History, now: int | None = None) -> float:
    found = drift_of(
        history, lambda items: VECTORS[items], VECTORS, int(history.at[-1]) if now is None else now
    )
    return found.evidence if found else 0.0


def test_a_new_taste_is_noticed_clearly_within_ten_events_of_it() -> None:
    before, after = [0, 1, 0, 1, 0, 1, 0], [5, 5, 5]
    events = next(
        n for n in range(1, 10) if noticed(visits(before + after).where(np.arange(30) < 21 + n)) >= CLEARLY
    )
    assert events <= 9
    found = drift_of(visits(before + after), lambda items: VECTORS[items], VECTORS, 100 * DAY // 5)
    assert found is not None and found.since == len(before), "and the moment is the right one"


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10_000), length=st.integers(6, 20), tastes=st.integers(1, 3))
def test_steady_people_who_showed_all_their_tastes_did_not_change(
    seed: int, length: int, tastes: int
) -> None:
    rng = np.random.default_rng(seed)
    first = [kind for kind in range(tastes) for _ in range(2)]
    kinds = first + rng.integers(tastes, size=length).tolist()
    assert noticed(visits(kinds, seed=seed)) == 0.0


def test_one_strange_click_is_no_change() -> None:
    steady = visits([0, 1, 0, 1, 0, 1])
    odd = visits([0, 1, 0, 1, 0, 1, 5]).where(np.arange(21) < 19)
    assert noticed(steady) == 0.0 and noticed(odd) == 0.0


def test_somebody_hardly_known_has_not_changed() -> None:
    assert noticed(visits([0] * (LEAST_BEFORE - 1) + [5])) == 0.0


def test_what_changed_long_ago_is_not_of_this_month() -> None:
    history = visits([0, 0, 0, 0, 5, 5])
    assert noticed(history) >= CLEARLY
    assert noticed(history, now=int(history.at[-1]) + 31 * DAY) == 0.0


def test_visits_are_told_apart_by_a_pause_and_name_each_like_once() -> None:
    at = np.array([0, 60, 120, 4000, 4001]) * SECOND
    codes = np.array([ACTION_CODE[one] for one in ("click", "view", "save", "view", "click")], np.int8)
    found = visits_of(History(np.array([7, 8, 7, 9, 3]), codes, at))
    assert [visit.items.tolist() for visit in found] == [[7], [3]]
    assert visits_of(History.empty()) == []


@pytest.fixture
def changed(ada: TasteGraph) -> History:
    """Shirts (0-9) give way to vases (30-39)."""
    kinds = [0, 0, 1, 0, 0, 3, 3]
    history = visits(kinds)
    return History(history.items, history.actions, history.at)


def test_changes_are_named_with_their_shares(ada: TasteGraph, changed: History) -> None:
    rows = np.eye(4, 6, dtype=np.float32)[np.arange(40) // 10]
    found = drift_of(changed, lambda items: rows[items], rows, int(changed.at[-1]))
    assert found is not None and found.since == 5
    told = {one.name: (one.then, one.now) for one in changes_of(found, ada.interests_of_items)}
    assert told["checked · glass · vase"] == (0.0, 1.0)
    assert told["striped · cotton · shirt"] == (pytest.approx(0.8), 0.0)
    words = in_words(found, changes_of(found, ada.interests_of_items))
    assert "checked · glass · vase grew from 0% to 100%" in words and "2 visits since" in words
    for one in changes_of(found, ada.interests_of_items):
        groups = ada.interests_of_items.group[one.items]
        assert (groups == one.number).all() and len(one.items) >= 2

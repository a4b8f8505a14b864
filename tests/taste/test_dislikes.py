"""Negative signals: hidden more than liked, or passed over more than chance allows."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from bowerbird.data.events import ACTION_CODE, Action, Event
from bowerbird.data.interactions import History
from bowerbird.taste.graph import TasteGraph
from bowerbird.taste.profile.dislikes import disliked, hidden_items
from bowerbird.taste.state.user_state import DAY

Did = Callable[..., Event]


def shown(clicked: dict[int, int], times: int) -> History:
    """Every kind of thing shown so many times (ten different items again and again), and of some items of a
    kind (item // 10) the first `clicked` clicked."""
    items = [kind * 10 + k % 10 for kind in range(4) for k in range(times)]
    actions = [ACTION_CODE["impression"]] * len(items)
    for kind, n in clicked.items():
        items += [kind * 10 + k for k in range(n)]
        actions += [ACTION_CODE["click"]] * n
    return History(np.array(items), np.array(actions, np.int8), np.arange(len(items)) * DAY)


def test_hidden_items_latest_first(ada: TasteGraph, did: Did) -> None:
    ada.learn([did("ada", 30, Action.HIDE, day=7), did("ada", 31, Action.HIDE, day=8)])
    assert hidden_items(ada.state("ada")) == [31, 30]


def test_an_interest_is_disliked_where_more_is_hidden_than_liked(ada: TasteGraph, did: Did) -> None:
    ada.learn([did("ada", 30, Action.HIDE, day=7), did("ada", 12, Action.HIDE, day=7)])
    found = disliked(ada.state("ada"), ada.interests_of_items)
    assert [(one.number, one.hidden, one.liked) for one in found] == [
        (int(ada.interests_of_items.group[30]), 1, 0)
    ], "one hidden lamp among five liked ones is no dislike of lamps"


def test_passed_over_is_more_than_chance(ada: TasteGraph) -> None:
    interests, state = ada.interests_of_items, ada.state("nobody")
    clear = disliked(state, interests, shown({0: 9, 1: 9, 2: 9}, times=30))
    assert [(one.number, one.shown, one.clicked) for one in clear] == [(int(interests.group[30]), 30, 0)]
    assert disliked(state, interests, shown({0: 1, 1: 1, 2: 1}, times=10)) == [], "so few clicks tell nothing"
    assert disliked(state, interests, shown({}, times=50)) == [], "nothing was clicked at all"
    assert disliked(state, interests, None) == []

"""Negative feedback: hidden more than liked, or passed over more than chance allows."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from bowerbird.data.events import ACTION_CODE, Action, Event
from bowerbird.data.interactions import History
from bowerbird.data.times import DAY
from bowerbird.taste.graph import TasteGraph
from bowerbird.taste.profile.dislikes import find_disliked, hidden_items

MakeEvent = Callable[..., Event]


def history_with_impressions(clicked: dict[int, int], times: int) -> History:
    """Each item type (item // 10) shown `times` times (ten different items again and again).

    `clicked` gives for some types how many of their items are clicked.
    """
    items = [item_type * 10 + k % 10 for item_type in range(4) for k in range(times)]
    actions = [ACTION_CODE["impression"]] * len(items)
    for item_type, n in clicked.items():
        items += [item_type * 10 + k for k in range(n)]
        actions += [ACTION_CODE["click"]] * n
    return History(np.array(items), np.array(actions, np.int8), np.arange(len(items)) * DAY)


def test_hidden_items_latest_first(ada: TasteGraph, did: MakeEvent) -> None:
    ada.learn([did("ada", 30, Action.HIDE, day=7), did("ada", 31, Action.HIDE, day=8)])
    assert hidden_items(ada.state("ada")) == [31, 30]


def test_an_interest_is_disliked_where_more_is_hidden_than_liked(ada: TasteGraph, did: MakeEvent) -> None:
    ada.learn([did("ada", 30, Action.HIDE, day=7), did("ada", 12, Action.HIDE, day=7)])
    disliked = find_disliked(ada.state("ada"), ada.interests_of_items)
    assert [(interest.number, interest.hidden, interest.liked) for interest in disliked] == [
        (int(ada.interests_of_items.group[30]), 1, 0)
    ], "one hidden lamp among five liked ones is not a dislike of lamps"


def test_passed_over_is_more_than_chance(ada: TasteGraph) -> None:
    interests, state = ada.interests_of_items, ada.state("nobody")
    clear = find_disliked(state, interests, history_with_impressions({0: 9, 1: 9, 2: 9}, times=30))
    assert [(interest.number, interest.shown, interest.clicked) for interest in clear] == [
        (int(interests.group[30]), 30, 0)
    ]
    assert find_disliked(state, interests, history_with_impressions({0: 1, 1: 1, 2: 1}, times=10)) == [], (
        "these are too few clicks"
    )
    assert find_disliked(state, interests, history_with_impressions({}, times=50)) == [], (
        "nothing was clicked at all"
    )
    assert find_disliked(state, interests, None) == []

"""Walks visit items as often as the Markov chain says, and never go through the user themselves."""

from __future__ import annotations

import numpy as np
import pytest

from bowerbird.data.events import ACTION_CODE
from bowerbird.data.times import DAY, SECOND
from bowerbird.taste.state.user_states import UserStates
from bowerbird.taste.state.walk_kernel import RESTART
from bowerbird.taste.state.walks import STARTS, walk_starts

CLICK, HIDE, SAVE = (ACTION_CODE[name] for name in ("click", "hide", "save"))
LIKES = {"ann": [0, 1, 2], "bob": [1, 2, 3], "cy": [3, 4], "di": [4, 5, 6, 0], "eve": [7]}
N_ITEMS = 9


def states_of(likes: dict[str, list[int]], n_items: int = N_ITEMS) -> UserStates:
    states = UserStates(np.zeros(n_items, np.int64))
    for user, items in likes.items():
        for k, item in enumerate(items):
            states.learn_one(user, k * SECOND, item, CLICK)
    return states


def expected_visits(likes: dict[str, list[int]], start: int, steps: int) -> np.ndarray:
    """Expected visits of each item by a walk of `steps` steps from a start, by the transition matrix."""
    transition = np.zeros((N_ITEMS, N_ITEMS))
    for item in range(N_ITEMS):
        likers = [liked for liked in likes.values() if item in liked]
        for liked in likers:
            transition[item, liked] += 1 / len(likers) / len(liked)
    mass, visits = np.eye(N_ITEMS)[start], np.zeros(N_ITEMS)
    for _ in range(steps):
        arrived = mass @ transition
        visits += arrived
        mass = RESTART * np.eye(N_ITEMS)[start] + (1 - RESTART) * arrived
    return visits


@pytest.mark.slow
def test_visits_from_one_start_agree_with_the_markov_chain() -> None:
    steps = 1_000_000
    walk = states_of(LIKES).walk("nobody", np.array([1]), np.ones(1), steps, seed=3)
    visits = expected_visits(LIKES, 1, steps)
    visits_of_items = np.zeros(N_ITEMS)
    visits_of_items[walk.items] = walk.scores  # of one start: its visits
    assert walk.steps == steps
    assert visits_of_items == pytest.approx(visits, rel=0.05, abs=100)
    assert not visits_of_items[7:].any(), "nothing leads there"


def test_an_item_that_two_starts_visit_counts_more_than_the_sum() -> None:
    states, steps = states_of(LIKES), 100_000
    walk = states.walk("nobody", np.array([1, 5]), np.ones(2), 2 * steps, seed=1)
    roots = sum(np.sqrt(expected_visits(LIKES, start, steps)) for start in (1, 5))
    visits_of_items = np.zeros(N_ITEMS)
    visits_of_items[walk.items] = walk.scores
    assert visits_of_items == pytest.approx(roots**2, rel=0.05, abs=50)
    assert (np.diff(walk.scores) <= 0).all()


def test_a_walk_never_goes_through_the_user_themselves() -> None:
    likes = {"ann": [0, 1], "bob": [0, 2], "cy": [2, 3]}
    walk = states_of(likes).walk("ann", np.array([0]), np.ones(1), 5_000)
    assert set(walk.items.tolist()) == {0, 2, 3}
    nowhere = states_of(likes).walk("ann", np.array([1]), np.ones(1), 5_000)
    assert len(nowhere.items) == 0 and nowhere.steps == 0, "liked by no other user: it leads nowhere"


def test_the_way_to_an_item_is_by_items_that_lead_to_it() -> None:
    walk = states_of(LIKES).walk("nobody", np.array([1, 5]), np.array([1.0, 2.0]), 20_000)
    liked_sets = [set(liked) for liked in LIKES.values()]
    for item, start, through in zip(walk.items, walk.start, walk.through, strict=True):
        assert start in (1, 5)
        assert any({int(item), int(through)} <= liked for liked in liked_sets)


def test_the_same_walk_is_repeatable_and_leaves_no_state_behind() -> None:
    states = states_of(LIKES)
    first = states.walk("nobody", np.array([1]), np.ones(1), 3_000, seed=5)
    states.walk("nobody", np.array([4, 0]), np.ones(2), 3_000, seed=6)
    repeated = states.walk("nobody", np.array([1]), np.ones(1), 3_000, seed=5)
    fresh = states_of(LIKES).walk("nobody", np.array([1]), np.ones(1), 3_000, seed=5)
    for result in (repeated, fresh):
        for name in ("items", "scores", "start", "through"):
            assert getattr(result, name).tolist() == getattr(first, name).tolist()


def test_a_new_like_opens_a_way_immediately() -> None:
    states = states_of(LIKES)
    states.learn_one("bob", DAY, 7, SAVE)
    walk = states.walk("nobody", np.array([1]), np.ones(1), 5_000)
    assert 7 in walk.items


@pytest.mark.parametrize("starts", [[], [8]])
def test_a_walk_without_usable_starts_visits_nothing(starts: list[int]) -> None:
    walk = states_of(LIKES).walk("nobody", np.array(starts, np.int64), np.ones(len(starts)), 5_000)
    assert len(walk.items) == 0


def test_it_starts_from_the_latest_likes_that_were_not_hidden() -> None:
    states = states_of({"ann": list(range(40))}, n_items=60)
    states.learn_one("ann", DAY, 39, HIDE)
    states.learn_one("ann", DAY, 38, SAVE)
    items, weights = walk_starts(states.table.state("ann"), [1.0, 30.0])
    assert len(items) == STARTS and 39 not in items
    assert items[0] == 38 and weights[0] == weights.max()
    assert set(items.tolist()) == {*range(39 - STARTS, 39)}

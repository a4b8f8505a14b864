"""Walks go where the graph leads, as often as the chain says, and never through the person themselves."""

from __future__ import annotations

import numpy as np
import pytest

from bowerbird.data.events import ACTION_CODE
from bowerbird.taste.state.user_state import DAY, SECOND
from bowerbird.taste.state.user_states import Everyone
from bowerbird.taste.state.walks import RESTART, STARTS, starts_of

CLICK, HIDE, SAVE = (ACTION_CODE[name] for name in ("click", "hide", "save"))
LIKES = {"ann": [0, 1, 2], "bob": [1, 2, 3], "cy": [3, 4], "di": [4, 5, 6, 0], "eve": [7]}
N_ITEMS = 9


def everyone_of(likes: dict[str, list[int]], n_items: int = N_ITEMS) -> Everyone:
    everyone = Everyone(np.zeros(n_items, np.int64))
    for who, items in likes.items():
        for k, item in enumerate(items):
            everyone.learn_one(who, k * SECOND, item, CLICK)
    return everyone


def expected_visits(likes: dict[str, list[int]], start: int, steps: int) -> np.ndarray:
    """How often a walk of so many steps from a start comes to each item, by the chain's matrix."""
    step = np.zeros((N_ITEMS, N_ITEMS))
    for item in range(N_ITEMS):
        likers = [mine for mine in likes.values() if item in mine]
        for mine in likers:
            step[item, mine] += 1 / len(likers) / len(mine)
    here, visits = np.eye(N_ITEMS)[start], np.zeros(N_ITEMS)
    for _ in range(steps):
        arrived = here @ step
        visits += arrived
        here = RESTART * np.eye(N_ITEMS)[start] + (1 - RESTART) * arrived
    return visits


def test_one_start_is_visited_around_as_the_chain_says() -> None:
    steps = 1_000_000
    walked = everyone_of(LIKES).walk("nobody", np.array([1]), np.ones(1), steps, seed=3)
    visits = expected_visits(LIKES, 1, steps)
    found = np.zeros(N_ITEMS)
    found[walked.items] = walked.scores  # of one start: its visits
    assert walked.steps == steps
    assert found == pytest.approx(visits, rel=0.05, abs=100)
    assert not found[7:].any(), "nothing leads there"


def test_an_item_that_two_starts_reach_counts_more_than_the_sum() -> None:
    everyone, steps = everyone_of(LIKES), 100_000
    walked = everyone.walk("nobody", np.array([1, 5]), np.ones(2), 2 * steps, seed=1)
    roots = sum(np.sqrt(expected_visits(LIKES, start, steps)) for start in (1, 5))
    found = np.zeros(N_ITEMS)
    found[walked.items] = walked.scores
    assert found == pytest.approx(roots**2, rel=0.05, abs=50)
    assert (np.diff(walked.scores) <= 0).all()


def test_a_walk_never_goes_through_the_person_themselves() -> None:
    likes = {"ann": [0, 1], "bob": [0, 2], "cy": [2, 3]}
    walked = everyone_of(likes).walk("ann", np.array([0]), np.ones(1), 5_000)
    assert set(walked.items.tolist()) == {0, 2, 3}
    alone = everyone_of(likes).walk("ann", np.array([1]), np.ones(1), 5_000)
    assert len(alone.items) == 0 and alone.steps == 0, "nobody else likes it: it leads nowhere"


def test_the_way_is_told_by_items_that_really_lead_there() -> None:
    walked = everyone_of(LIKES).walk("nobody", np.array([1, 5]), np.array([1.0, 2.0]), 20_000)
    together = [set(mine) for mine in LIKES.values()]
    for item, start, through in zip(walked.items, walked.start, walked.through, strict=True):
        assert start in (1, 5)
        assert any({int(item), int(through)} <= mine for mine in together)


def test_the_same_walk_again_and_nothing_left_over_from_the_last() -> None:
    everyone = everyone_of(LIKES)
    first = everyone.walk("nobody", np.array([1]), np.ones(1), 3_000, seed=5)
    everyone.walk("nobody", np.array([4, 0]), np.ones(2), 3_000, seed=6)
    again = everyone.walk("nobody", np.array([1]), np.ones(1), 3_000, seed=5)
    other = everyone_of(LIKES).walk("nobody", np.array([1]), np.ones(1), 3_000, seed=5)
    for one in (again, other):
        for name in ("items", "scores", "start", "through"):
            assert getattr(one, name).tolist() == getattr(first, name).tolist()


def test_a_new_like_opens_a_way_at_once() -> None:
    everyone = everyone_of(LIKES)
    everyone.learn_one("bob", DAY, 7, SAVE)
    walked = everyone.walk("nobody", np.array([1]), np.ones(1), 5_000)
    assert 7 in walked.items


@pytest.mark.parametrize("starts", [[], [8]])
def test_from_nowhere_a_walk_meets_nothing(starts: list[int]) -> None:
    walked = everyone_of(LIKES).walk("nobody", np.array(starts, np.int64), np.ones(len(starts)), 5_000)
    assert len(walked.items) == 0


def test_it_starts_from_the_latest_likes_that_were_not_hidden() -> None:
    everyone = everyone_of({"ann": list(range(40))}, n_items=60)
    everyone.learn_one("ann", DAY, 39, HIDE)
    everyone.learn_one("ann", DAY, 38, SAVE)
    items, weights = starts_of(everyone.people.state("ann"), [1.0, 30.0])
    assert len(items) == STARTS and 39 not in items
    assert items[0] == 38 and weights[0] == weights.max()
    assert set(items.tolist()) == {*range(39 - STARTS, 39)}

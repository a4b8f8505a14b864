"""Collections as likes: of their owners, of a user of their own for an editor's, and never held-out ones."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bowerbird.data.collections import (
    COLLECTION_USER,
    Collection,
    build_training_events,
    select_training_sets,
)
from bowerbird.data.events import ACTION_CODE
from bowerbird.data.interactions import Interactions
from bowerbird.data.items import Catalogue, Item
from bowerbird.data.splits import Holdout

DAY = 86_400_000_000
START = 1_700_000_000_000_000
CATALOGUE = Catalogue.of(Item(name, title=name) for name in "abcdefgh")
OPEN = Holdout(None, 0.0)


def log(rows: Sequence[tuple[str, str, str, int]]) -> Interactions:
    """Events of (user, item, action, day), in order of time."""
    users = sorted({row[0] for row in rows})
    return Interactions(
        users,
        np.array([users.index(row[0]) for row in rows], np.int64),
        np.array([CATALOGUE.position[row[1]] for row in rows], np.int64),
        np.array([ACTION_CODE[row[2]] for row in rows], np.int8),
        np.array([START + row[3] * DAY for row in rows], np.int64),
        len(CATALOGUE),
        np.ones(len(rows), np.int32),
    )


def likes_of(events: Interactions) -> dict[str, list[str]]:
    """Liked items of each user, in order of time."""
    training: dict[str, list[str]] = {}
    for user, history in events.histories():
        training[events.users[user]] = [CATALOGUE.ids[item] for item in history.liked().items]
    return training


def first_excluded_user() -> str:
    return next(name for k in range(100) if Holdout(None, 0.1).is_held_out(name := f"user-{k}"))


def test_a_board_is_liked_by_its_owner_and_a_room_by_its_own_user() -> None:
    events = log([("ann", "a", "click", 0), ("bob", "b", "save", 1)])
    boards = [
        Collection("ann/attic", ("a", "c", "d"), user_id="ann"),
        Collection("cy/den", ("e", "unknown"), user_id="cy"),
        Collection("hall", ("f", "g"), kind="room"),
    ]
    training = likes_of(build_training_events(events, boards, CATALOGUE, OPEN))
    assert training == {
        "ann": ["c", "d", "a"],
        "bob": ["b"],
        "cy": ["e"],
        COLLECTION_USER + "hall": ["f", "g"],
    }
    assert [user for user in training if user.startswith(COLLECTION_USER)] == [COLLECTION_USER + "hall"]


def test_logged_items_of_an_owner_get_no_extra_save() -> None:
    events = log([("ann", "a", "hide", 0), ("ann", "b", "impression", 1), ("ann", "c", "save", 2)])
    boards = [Collection(name, ("a", "b", "c"), user_id="ann") for name in ("one", "two")]
    assert likes_of(build_training_events(events, boards, CATALOGUE, OPEN)) == {"ann": ["b", "c"]}


def test_collections_of_excluded_users_are_excluded() -> None:
    excluded_user = first_excluded_user()
    boards = [Collection("theirs", ("a", "b"), user_id=excluded_user), Collection("room", ("c", "d"))]
    events = log([("ann", "a", "click", 0), (excluded_user, "a", "click", 1)])
    holdout = Holdout(None, 0.1)
    assert [each.collection_id for each in select_training_sets(boards, events, CATALOGUE, holdout)] == [
        "room"
    ]
    assert excluded_user not in likes_of(build_training_events(events, boards, CATALOGUE, holdout))


def test_collections_do_not_leak_later_events_of_their_owner() -> None:
    holdout = Holdout(START + 5 * DAY, 0.0)
    events = log(
        [
            *(("ann", "a", "save", 1), ("ann", "b", "save", 9), ("ann", "a", "save", 9)),
            *(("late", "c", "view", 8), ("late", "d", "save", 9)),
        ]
    )
    boards = [
        Collection("ann/x", ("a", "b", "e"), user_id="ann"),
        Collection("late/x", ("c", "d", "f"), user_id="late"),
    ]
    (item_set,) = select_training_sets(boards, events, CATALOGUE, holdout)
    assert [CATALOGUE.ids[item] for item in item_set.items] == ["a", "e"]
    assert likes_of(build_training_events(events, boards, CATALOGUE, holdout)) == {"ann": ["e", "a"]}


def test_collections_come_before_all_events_and_a_second_apart() -> None:
    events = log([("ann", "a", "click", 3), ("bob", "b", "click", 4)])
    boards = [Collection("hall", ("c", "d", "e")), Collection("den", ("f",), user_id="bob")]
    training = build_training_events(events, boards, CATALOGUE, OPEN)
    assert (
        (np.diff(training.at) >= 0).all()
        and training.list_rank is not None
        and len(training.list_rank) == len(training)
    )
    first = training.where(training.at < events.at[0])
    assert len(first) == 4 and training.at[0] == events.at[0] - 3 * 1_000_000
    for _, history in first.histories():
        assert (np.diff(history.at) > 0).all(), "their times differ, so that each can be held out alone"


def test_a_store_without_events_trains_on_its_rooms() -> None:
    training = build_training_events(Interactions.empty(8), [Collection("hall", ("c", "a"))], CATALOGUE, OPEN)
    assert likes_of(training) == {COLLECTION_USER + "hall": ["c", "a"]} and (training.at >= 0).all()


def test_without_collections_nothing_changes() -> None:
    events = log([("ann", "a", "click", 3)])
    assert build_training_events(events, [], CATALOGUE, OPEN).at.tolist() == events.at.tolist()


@settings(max_examples=50)
@given(st.lists(st.tuples(st.sampled_from(["", "ann", "bob", "cy"]), st.lists(st.sampled_from("abcdefgh")))))
@pytest.mark.parametrize("holdout", [OPEN, Holdout(START + 2 * DAY, 0.0), Holdout(START + 2 * DAY, 0.5)])
def test_no_pair_is_duplicated_and_all_events_stay(
    holdout: Holdout, collections: list[tuple[str, list[str]]]
) -> None:
    events = log([("ann", "a", "save", 1), ("bob", "a", "view", 2), ("bob", "b", "save", 3)])
    boards = [Collection(str(k), tuple(items), user_id=user) for k, (user, items) in enumerate(collections)]
    training, events_before = (
        build_training_events(events, boards, CATALOGUE, holdout),
        holdout.training(events),
    )
    pairs = list(zip(training.user.tolist(), training.item.tolist(), strict=True))
    assert len(pairs) == len(set(pairs))
    assert set(events_before.at.tolist()) <= set(training.at.tolist())
    names = {training.users[user] for user in training.user.tolist()}
    assert not any(holdout.is_held_out(name) for name in names if not name.startswith(COLLECTION_USER))
    if holdout.until is not None:
        assert (training.at <= holdout.until).all()
        assert ("bob", "b") not in {(training.users[user], CATALOGUE.ids[item]) for user, item in pairs}

"""One meaning of "seen": an impression alone never hides an item; every event with feedback does."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from bowerbird.data.events import ACTION_CODE, ACTION_WEIGHT, ACTIONS, Action, Event
from bowerbird.data.interactions import History, Interactions
from bowerbird.data.splits import Holdout
from bowerbird.data.times import SECOND
from bowerbird.evaluate.prequential.queries import select_queries
from bowerbird.evaluate.protocols import Split, build_task
from bowerbird.recommend.config import TrainingConfig
from bowerbird.recommend.ranker.training_examples import build_folds
from bowerbird.recommend.recommender import Recommender
from bowerbird.taste.state.user_state import TasteState

from .conftest import START, clicks_of, events_of, group_vectors, plain_catalogue, publish_store

ITEMS, ITEM = 20, 7
SEEN = [action for action in ACTIONS if ACTION_WEIGHT[action] != 0]


def test_an_impression_is_the_only_event_that_does_not_make_an_item_seen() -> None:
    assert set(Action) - set(SEEN) == {Action.IMPRESSION}


def history(*events: tuple[int, Action]) -> History:
    """One event a minute."""
    items, actions = zip(*events, strict=True)
    codes = np.array([ACTION_CODE[action] for action in actions], np.int8)
    return History(np.array(items, np.int64), codes, np.arange(len(events)) * 60 * SECOND)


def log_of(first: Action, n_users: int = 12) -> Interactions:
    """User 0 clicks item 0, acts on `ITEM`, and clicks it at the end; other users click all over."""
    pairs = [(user, item) for user in range(1, n_users) for item in range(user % 2, ITEMS, 2)]
    other_users = clicks_of(pairs, ITEMS)
    span = int(other_users.at.max())
    own_events = [(0, Action.CLICK, 0.4), (ITEM, first, 0.6), (ITEM, Action.CLICK, 0.99)]
    at = np.array([int(share * span) + 1 for _, _, share in own_events])
    events = Interactions(
        other_users.users,
        np.concatenate([other_users.user, np.zeros(3, np.int64)]),
        np.concatenate([other_users.item, [item for item, _, _ in own_events]]),
        np.concatenate(
            [other_users.action, np.array([ACTION_CODE[action] for _, action, _ in own_events], np.int8)]
        ),
        np.concatenate([other_users.at, at]),
        ITEMS,
    )
    order = np.argsort(events.at, kind="stable")
    return Interactions(
        events.users, events.user[order], events.item[order], events.action[order], events.at[order], ITEMS
    )


@pytest.mark.parametrize("action", ACTIONS)
def test_seen_in_the_state_of_a_history(action: Action) -> None:
    state = TasteState.of(history((0, Action.CLICK), (ITEM, action)))
    assert state.unseen(ITEMS)[ITEM] == (action is Action.IMPRESSION)
    assert not state.unseen(ITEMS)[0]


@pytest.mark.parametrize("action", ACTIONS)
def test_seen_in_the_rankers_targets(action: Action) -> None:
    """Of users at a moment, what was only shown before may be liked next; what was seen is not predicted."""
    events = log_of(action)
    moments = [int(np.quantile(events.liked().at, share)) for share in TrainingConfig.moments]
    assert moments[-1] > 0.6 * events.at.max()
    examples = [example for fold in build_folds(events, TrainingConfig()) for example in fold.examples]
    for example in examples:
        assert example.state.unseen(ITEMS)[example.targets].all()
    examples_after = [
        example for example in examples if example.state.user_id == "u0" and example.asked_at == moments[-1]
    ]
    assert any(ITEM in example.targets for example in examples_after) == (action is Action.IMPRESSION)


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("split", list(Split))
def test_seen_in_the_targets_of_evaluation(action: Action, split: Split) -> None:
    events = log_of(action)
    until = int(0.8 * events.at.max()) if split is Split.GLOBAL_TIME else None
    holdout = Holdout(until, 0.0 if split is Split.GLOBAL_TIME else 1.0)
    task = build_task(events, holdout, split, n_given=None if split is Split.GLOBAL_TIME else 1)
    targets = dict(zip(task.users, task.targets, strict=True)).get("u0", np.zeros(0, np.int64))
    if split is Split.GLOBAL_TIME:
        assert (ITEM in targets) == (action is Action.IMPRESSION)
    for known in task.histories:
        assert len(known) == len(known.seen())


@pytest.mark.parametrize("action", ACTIONS)
def test_seen_in_the_targets_of_prequential_evaluation(action: Action) -> None:
    """The last click on the item is a first like where the item was only shown before."""
    events = log_of(action)
    (user,) = (number for number, name in enumerate(events.users) if name == "u0")
    queries = select_queries(events, int(0.8 * events.at.max()), max_queries=len(events))
    queried_pairs = {(int(events.user[row]), int(events.item[row])) for row in queries.rows}
    assert ((user, ITEM) in queried_pairs) == (action is Action.IMPRESSION)


@pytest.fixture(scope="module")
def recommender(tmp_path_factory: pytest.TempPathFactory) -> Recommender:
    """A store in which each of several users acted on `ITEM` in another way, after a click on item 1."""
    path, catalogue = tmp_path_factory.mktemp("seen") / "store", plain_catalogue(ITEMS)
    events = events_of(log_of(Action.VIEW), catalogue)
    for action in ACTIONS:
        events.append(Event(f"by {action.value}", "1", Action.CLICK, START))
        events.append(Event(f"by {action.value}", str(ITEM), action, START + timedelta(minutes=1)))
    store = publish_store(path, catalogue, group_vectors(ITEMS), events)
    return Recommender.open(store.snapshot())


@pytest.mark.parametrize("action", ACTIONS)
def test_seen_in_candidates_and_lists(recommender: Recommender, action: Action) -> None:
    live = recommender.taste.state(f"by {action.value}")
    offline = TasteState.of(history((1, Action.CLICK), (ITEM, action)))
    everything = np.ones(ITEMS, bool)
    for state in (live, offline):
        (candidates,) = recommender.ranker.candidates([state], [everything])
        assert candidates.query.eligible[ITEM] == (action is Action.IMPRESSION)
        assert (ITEM in candidates.positions) == (action is Action.IMPRESSION)
        recommended = {item.position for item in recommender.recommend(state, ITEMS)}
        assert (ITEM in recommended) == (action is Action.IMPRESSION)
        assert 1 not in recommended


def test_what_was_seen_long_ago_stays_seen(tmp_path: Path) -> None:
    """Also where it is older than the events that the taste graph stores individually."""
    n_items, catalogue = 400, plain_catalogue(400)
    first = history((3, Action.IMPRESSION), (4, Action.HIDE), (5, Action.VIEW))
    later = history(*((item, Action.CLICK) for item in range(100, 300)))
    busy = History(
        np.concatenate([first.items, later.items]),
        np.concatenate([first.actions, later.actions]),
        np.concatenate([first.at, later.at + 10**9]),
    )
    user = Interactions(["busy"], np.zeros(len(busy), np.int64), busy.items, busy.actions, busy.at, n_items)
    store = publish_store(tmp_path / "store", catalogue, group_vectors(n_items), events_of(user, catalogue))
    recommender = Recommender.open(store.snapshot())
    seen = {4, 5, *range(100, 300)}
    for state in (recommender.taste.state("busy"), TasteState.of(busy)):
        recommended = {item.position for item in recommender.recommend(state, n_items)}
        assert recommended == set(range(n_items)) - seen

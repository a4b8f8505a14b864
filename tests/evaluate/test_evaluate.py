"""Splits leave nothing behind that training could have seen; `evaluate` says who is best and by how much."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bowerbird.data.events import ACTION_CODE, Action
from bowerbird.data.interactions import History, Interactions
from bowerbird.data.items import Catalogue, Item
from bowerbird.data.splits import Holdout
from bowerbird.errors import InputError
from bowerbird.evaluate import Split, evaluate, task_of
from bowerbird.evaluate.baselines import EASE, IALS, ItemKNN, Popularity, RecentPopularity
from bowerbird.evaluate.evaluator import rank_eligible


def catalogue_of(n: int) -> Catalogue:
    return Catalogue.of(Item(str(k), f"item {k}") for k in range(n))


class Oracle:
    """Knows the answers."""

    name = "oracle"

    def __init__(self, targets: Sequence[np.ndarray]) -> None:
        self.targets = targets

    def fit(self, events: Interactions) -> None:
        self.seen = events

    def rank(self, histories: Sequence[History], n: int) -> np.ndarray:
        return np.array([[*found[:n], *[-1] * (n - len(found))] for found in self.targets])


def test_global_time_gives_the_past_and_asks_for_new_likes_of_the_future(random_likes: Interactions) -> None:
    holdout = Holdout(int(random_likes.at[200]), 0.1)
    task = task_of(random_likes, holdout, Split.GLOBAL_TIME)
    assert (task.training.at <= holdout.until).all()
    for user, history, wanted in zip(task.users, task.histories, task.targets, strict=True):
        whole = random_likes.history_of(user)
        later = set(whole.items[whole.at > holdout.until].tolist())
        assert (history.at <= holdout.until).all()
        assert set(wanted.tolist()) == later - set(history.items.tolist())


def test_new_users_are_the_held_out_people_and_training_has_none_of_them(random_likes: Interactions) -> None:
    holdout = Holdout(int(random_likes.at[250]), 0.3)
    task = task_of(random_likes, holdout, Split.NEW_USERS)
    assert task.users
    assert all(holdout.is_held_out(user) for user in task.users)
    assert not any(holdout.is_held_out(task.training.users[k]) for k in np.unique(task.training.user))
    for user, history in zip(task.users, task.histories, strict=True):
        assert len(history) == int(0.8 * len(random_likes.history_of(user)))


def test_only_likes_are_asked_for(random_likes: Interactions) -> None:
    actions = random_likes.action.copy()
    actions[::2] = ACTION_CODE[Action.VIEW]
    mixed = replace(random_likes, action=actions)
    task = task_of(mixed, Holdout(int(mixed.at[200]), 0.0), Split.GLOBAL_TIME)
    for user, wanted in zip(task.users, task.targets, strict=True):
        assert set(wanted.tolist()) <= set(mixed.liked().history_of(user).items.tolist())


def with_impressions(events: Interactions) -> Interactions:
    """Every third event becomes an impression."""
    actions = events.action.copy()
    actions[::3] = ACTION_CODE[Action.IMPRESSION]
    return replace(events, action=actions)


@pytest.mark.parametrize("split", list(Split))
def test_histories_hold_what_was_seen_and_users_ask_at_a_moment(
    random_likes: Interactions, split: Split
) -> None:
    """Nothing of a history is later than the moment, and nothing that is asked for earlier."""
    mixed = with_impressions(random_likes)
    holdout = Holdout(int(mixed.at[200]), 0.3)
    task = task_of(mixed, holdout, split)
    rows = zip(task.users, task.histories, task.targets, task.moments, strict=True)
    for user, history, wanted, moment in rows:
        whole = mixed.history_of(user)
        assert not (history.weights == 0).any()
        later = (
            whole.where(whole.at >= moment) if split is Split.NEW_USERS else whole.where(whole.at > moment)
        )
        assert set(wanted.tolist()) == set(later.liked().items.tolist()) - set(history.items.tolist())
        assert split is Split.NEW_USERS or moment == holdout.until
        assert len(history) == len(whole.where(np.isin(whole.at, later.at, invert=True)).seen())


def test_what_can_not_be_recommended_is_not_asked_for(random_likes: Interactions) -> None:
    eligible = np.arange(20) % 3 != 0
    holdout = Holdout(int(random_likes.at[200]), 0.2)
    for split in Split:
        whole = task_of(random_likes, holdout, split)
        task = task_of(random_likes, holdout, split, eligible=eligible)
        wanted = dict(zip(task.users, task.targets, strict=True))
        for user, targets in zip(whole.users, whole.targets, strict=True):
            assert wanted.get(user, np.zeros(0)).tolist() == targets[eligible[targets]].tolist()
        assert whole.eligible.all() and (task.eligible == eligible).all()


def test_no_ranker_is_credited_or_blamed_for_what_can_not_be_recommended(random_likes: Interactions) -> None:
    """Every arm's list is its own order without these items, filled up from behind."""
    eligible = np.arange(20) % 3 != 0
    task = task_of(random_likes, Holdout(int(random_likes.at[200]), 0.2), Split.NEW_USERS, eligible=eligible)
    ranker = ItemKNN()
    ranker.fit(task.training)
    for row, everything in zip(rank_eligible(ranker, task, 6), ranker.rank(task.histories, 20), strict=True):
        assert row.tolist() == [item for item in everything if item >= 0 and eligible[item]][:6]


@pytest.mark.parametrize("split", list(Split))
def test_what_is_known_are_the_training_events_and_the_histories(
    random_likes: Interactions, split: Split
) -> None:
    task = task_of(with_impressions(random_likes), Holdout(int(random_likes.at[200]), 0.3), split)

    def rows(events: Interactions) -> set[tuple[str, int, int, int]]:
        columns = zip(events.user, events.item, events.action, events.at, strict=True)
        return {(events.users[user], int(item), int(action), int(at)) for user, item, action, at in columns}

    expected = rows(task.training) | {
        (user, int(item), int(action), int(at))
        for user, history in zip(task.users, task.histories, strict=True)
        for item, action, at in zip(history.items, history.actions, history.at, strict=True)
    }
    assert rows(task.known) == expected
    assert len(expected) < len(random_likes)


@pytest.mark.parametrize("split", list(Split))
@pytest.mark.parametrize("make", [Popularity, RecentPopularity, ItemKNN, EASE, lambda: IALS(4)])
def test_held_out_events_change_no_ranking(random_likes: Interactions, split: Split, make) -> None:  # type: ignore[no-untyped-def]
    """The one leak that makes every figure worthless: what is asked for is changed, the rankings are not."""
    holdout = Holdout(int(random_likes.at[200]), 0.2)
    held = holdout.held_out_users(random_likes)[random_likes.user] | (random_likes.at > holdout.until)
    item = np.where(held, (random_likes.item + 7) % 20, random_likes.item)
    other = replace(random_likes, item=item)
    histories = task_of(random_likes, holdout, split).histories
    rankings = []
    for events in (random_likes, other):
        ranker = make()
        ranker.fit(task_of(events, holdout, split).training)
        rankings.append(ranker.rank(histories, 10).tolist())
    assert rankings[0] == rankings[1]


def test_the_oracle_is_best_and_every_number_can_be_written(random_likes: Interactions) -> None:
    holdout = Holdout(int(random_likes.at[200]), 0.1)
    task = task_of(random_likes, holdout, Split.GLOBAL_TIME)
    result = evaluate(
        [Popularity(), ItemKNN(), Oracle(task.targets)],
        random_likes,
        catalogue_of(20),
        holdout,
        Split.GLOBAL_TIME,
        k=20,
        ours=["oracle"],
    )
    oracle = result.arms[-1].metrics
    assert (oracle["recall@20"].mean, oracle["ndcg@20"].mean, oracle["mrr"].mean) == (1.0, 1.0, 1.0)
    assert {one.metric for one in result.comparisons} >= {"recall@20", "ndcg@20", "mrr"}
    assert all(one.difference.low > 0 for one in result.comparisons if one.metric == "ndcg@20")
    plain = result.as_dict()
    assert plain["people"] == len(task.users)
    assert plain["arms"][1]["settings"] == ItemKNN().settings
    assert plain["arms"][0]["metrics"]["coverage"]["low"] is None


@pytest.mark.parametrize(
    ("holdout", "split", "said"),
    [
        (Holdout(None, 0.0), Split.NEW_USERS, "new-users has no test people"),
        (Holdout(None, 0.1), Split.GLOBAL_TIME, "no moment held out"),
        (Holdout(2**62, 0.1), Split.GLOBAL_TIME, "nobody liked anything new"),
    ],
)
def test_a_split_without_test_people_says_so(
    random_likes: Interactions, holdout: Holdout, split: Split, said: str
) -> None:
    with pytest.raises(InputError, match=said):
        evaluate([Popularity()], random_likes, catalogue_of(20), holdout, split)


def test_known_people_are_said_apart_from_strangers(two_groups: Interactions) -> None:
    """Where people come late, the mean over those with a history stands beside the mean over all."""
    order = np.argsort(two_groups.user < 10, kind="stable")[::-1]  # people 10 and up come late, as strangers
    late = replace(
        two_groups, user=two_groups.user[order], item=two_groups.item[order], at=np.sort(two_groups.at)
    )
    holdout = Holdout(int(late.at[len(late) // 2 - 5]), 0.0)
    result = evaluate([Popularity(), ItemKNN()], late, catalogue_of(20), holdout, Split.GLOBAL_TIME, k=3)
    task = task_of(late, holdout, Split.GLOBAL_TIME)
    assert 0 < result.strangers < result.people
    for arm in result.arms:
        known = [
            recall
            for recall, history in zip(arm.per_person["recall@3"], task.histories, strict=True)
            if len(history)
        ]
        assert arm.metrics["recall@3, known people"].mean == pytest.approx(np.mean(known))


@given(st.lists(st.tuples(st.integers(0, 6), st.booleans()), min_size=2, max_size=20), st.integers(1, 4))
def test_so_many_liked_items_are_given_and_no_more(drawn: list[tuple[int, bool]], many: int) -> None:
    """Up to the event that makes them so many; the rest is asked for, without what was shown."""
    code = [ACTION_CODE[Action.CLICK if likes else Action.VIEW] for _, likes in drawn]
    items, n = np.array([item for item, _ in drawn], np.int64), len(drawn)
    events = Interactions(["u"], np.zeros(n, np.int64), items, np.array(code, np.int8), np.arange(n), 7)
    seen: set[int] = set()
    cut = 0
    while cut < n and len(seen) < many:
        seen |= {drawn[cut][0]} if drawn[cut][1] else set()
        cut += 1
    wanted = {item for item, likes in drawn[cut:] if likes} - {item for item, _ in drawn[:cut]}
    if not wanted:
        with pytest.raises(InputError, match="--given"):
            task_of(events, Holdout(None, 1.0), Split.NEW_USERS, many)
        return
    task = task_of(events, Holdout(None, 1.0), Split.NEW_USERS, many)
    assert len(task.histories[0]) == cut
    assert set(task.targets[0].tolist()) == wanted

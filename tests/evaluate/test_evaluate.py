"""Splits leak nothing into training; `evaluate` compares systems with their intervals."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bowerbird.data.events import ACTION_CODE, Action
from bowerbird.data.files.records import record_as_dict, record_from
from bowerbird.data.interactions import History, Interactions
from bowerbird.data.items import Catalogue, Item
from bowerbird.data.splits import Holdout
from bowerbird.errors import InputError
from bowerbird.evaluate import Evaluation, Split, build_task, evaluate
from bowerbird.evaluate.baselines import EASE, IALS, ItemKNN, Popularity, RecentPopularity
from bowerbird.evaluate.evaluator import compute_user_metrics, rank_eligible


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
        return np.array([[*items[:n], *[-1] * (n - len(items))] for items in self.targets])


def test_global_time_histories_are_the_past_and_targets_new_likes(random_likes: Interactions) -> None:
    holdout = Holdout(int(random_likes.at[200]), 0.1)
    task = build_task(random_likes, holdout, Split.GLOBAL_TIME)
    assert (task.training.at <= holdout.until).all()
    for user, history, targets in zip(task.users, task.histories, task.targets, strict=True):
        whole = random_likes.history_of(user)
        later = set(whole.items[whole.at > holdout.until].tolist())
        assert (history.at <= holdout.until).all()
        assert set(targets.tolist()) == later - set(history.items.tolist())


def test_new_users_are_held_out_and_not_in_training(random_likes: Interactions) -> None:
    holdout = Holdout(int(random_likes.at[250]), 0.3)
    task = build_task(random_likes, holdout, Split.NEW_USERS)
    assert task.users
    assert all(holdout.is_held_out(user) for user in task.users)
    assert not any(holdout.is_held_out(task.training.users[k]) for k in np.unique(task.training.user))
    for user, history in zip(task.users, task.histories, strict=True):
        assert len(history) == int(0.8 * len(random_likes.history_of(user)))


def test_only_likes_are_targets(random_likes: Interactions) -> None:
    actions = random_likes.action.copy()
    actions[::2] = ACTION_CODE[Action.VIEW]
    mixed = replace(random_likes, action=actions)
    task = build_task(mixed, Holdout(int(mixed.at[200]), 0.0), Split.GLOBAL_TIME)
    for user, targets in zip(task.users, task.targets, strict=True):
        assert set(targets.tolist()) <= set(mixed.liked().history_of(user).items.tolist())


def with_impressions(events: Interactions) -> Interactions:
    """Every third event becomes an impression."""
    actions = events.action.copy()
    actions[::3] = ACTION_CODE[Action.IMPRESSION]
    return replace(events, action=actions)


@pytest.mark.parametrize("split", list(Split))
def test_histories_are_seen_events_before_the_moment(random_likes: Interactions, split: Split) -> None:
    """No event of a history is later than the moment, and no target earlier."""
    mixed = with_impressions(random_likes)
    holdout = Holdout(int(mixed.at[200]), 0.3)
    task = build_task(mixed, holdout, split)
    rows = zip(task.users, task.histories, task.targets, task.moments, strict=True)
    for user, history, targets, moment in rows:
        whole = mixed.history_of(user)
        assert not (history.weights == 0).any()
        later = (
            whole.where(whole.at >= moment) if split is Split.NEW_USERS else whole.where(whole.at > moment)
        )
        assert set(targets.tolist()) == set(later.liked().items.tolist()) - set(history.items.tolist())
        assert split is Split.NEW_USERS or moment == holdout.until
        assert len(history) == len(whole.where(np.isin(whole.at, later.at, invert=True)).seen())


def test_ineligible_items_are_not_targets(random_likes: Interactions) -> None:
    eligible = np.arange(20) % 3 != 0
    holdout = Holdout(int(random_likes.at[200]), 0.2)
    for split in Split:
        whole = build_task(random_likes, holdout, split)
        task = build_task(random_likes, holdout, split, eligible=eligible)
        targets_of = dict(zip(task.users, task.targets, strict=True))
        for user, targets in zip(whole.users, whole.targets, strict=True):
            assert targets_of.get(user, np.zeros(0)).tolist() == targets[eligible[targets]].tolist()
        assert whole.eligible.all() and (task.eligible == eligible).all()


def test_ineligible_items_change_no_metric(random_likes: Interactions) -> None:
    """Every list is the ranker's order without these items, filled up from below."""
    eligible = np.arange(20) % 3 != 0
    task = build_task(
        random_likes, Holdout(int(random_likes.at[200]), 0.2), Split.NEW_USERS, eligible=eligible
    )
    ranker = ItemKNN()
    ranker.fit(task.training)
    for row, full in zip(rank_eligible(ranker, task, 6), ranker.rank(task.histories, 20), strict=True):
        assert row.tolist() == [item for item in full if item >= 0 and eligible[item]][:6]


@pytest.mark.parametrize("split", list(Split))
def test_known_events_are_the_training_events_and_the_histories(
    random_likes: Interactions, split: Split
) -> None:
    task = build_task(with_impressions(random_likes), Holdout(int(random_likes.at[200]), 0.3), split)

    def rows(events: Interactions) -> set[tuple[str, int, int, int]]:
        columns = zip(events.user, events.item, events.action, events.at, strict=True)
        return {(events.users[user], int(item), int(action), int(at)) for user, item, action, at in columns}

    expected = rows(task.training) | {
        (user, int(item), int(action), int(at))
        for user, history in zip(task.users, task.histories, strict=True)
        for item, action, at in zip(history.items, history.actions, history.at, strict=True)
    }
    assert rows(task.known_events) == expected
    assert len(expected) < len(random_likes)


@pytest.mark.parametrize("split", list(Split))
@pytest.mark.parametrize("make", [Popularity, RecentPopularity, ItemKNN, EASE, lambda: IALS(4)])
def test_held_out_events_change_no_ranking(random_likes: Interactions, split: Split, make) -> None:  # type: ignore[no-untyped-def]
    """The leak that would make every figure worthless: targets are changed, rankings must not change."""
    holdout = Holdout(int(random_likes.at[200]), 0.2)
    is_held_out = holdout.held_out_users(random_likes)[random_likes.user] | (random_likes.at > holdout.until)
    item = np.where(is_held_out, (random_likes.item + 7) % 20, random_likes.item)
    changed = replace(random_likes, item=item)
    histories = build_task(random_likes, holdout, split).histories
    rankings = []
    for events in (random_likes, changed):
        ranker = make()
        ranker.fit(build_task(events, holdout, split).training)
        rankings.append(ranker.rank(histories, 10).tolist())
    assert rankings[0] == rankings[1]


def test_the_oracle_is_best_and_the_report_is_complete(random_likes: Interactions) -> None:
    holdout = Holdout(int(random_likes.at[200]), 0.1)
    task = build_task(random_likes, holdout, Split.GLOBAL_TIME)
    result = evaluate(
        [Popularity(), ItemKNN(), Oracle(task.targets)],
        random_likes,
        catalogue_of(20),
        holdout,
        Split.GLOBAL_TIME,
        k=20,
        under_test=["oracle"],
    )
    oracle = result.systems[-1].metrics
    assert (oracle["recall@20"].mean, oracle["ndcg@20"].mean, oracle["mrr"].mean) == (1.0, 1.0, 1.0)
    assert {comparison.metric for comparison in result.comparisons} >= {"recall@20", "ndcg@20", "mrr"}
    assert all(c.difference.low > 0 for c in result.comparisons if c.metric == "ndcg@20")
    assert result.users == len(task.users)
    assert result.systems[1].settings == ItemKNN().settings
    assert result.systems[0].metrics["coverage"].low is None
    report = json.dumps(record_as_dict(result))
    read_again = record_from(json.loads(report), Evaluation, "the report")
    assert json.dumps(record_as_dict(read_again)) == report


@pytest.mark.parametrize(
    ("holdout", "split", "message"),
    [
        (Holdout(None, 0.0), Split.NEW_USERS, "new-users has no test users"),
        (Holdout(None, 0.1), Split.GLOBAL_TIME, "no moment held out"),
        (Holdout(2**62, 0.1), Split.GLOBAL_TIME, "no user liked anything new"),
    ],
)
def test_a_split_without_test_users_raises(
    random_likes: Interactions, holdout: Holdout, split: Split, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        evaluate([Popularity()], random_likes, catalogue_of(20), holdout, split)


def test_known_users_are_reported_apart_from_cold_start_users(two_groups: Interactions) -> None:
    """Where users arrive late, the mean over those with a history is given next to the mean over all."""
    order = np.argsort(two_groups.user < 10, kind="stable")[
        ::-1
    ]  # users 10 and up arrive late, without a history
    late = replace(
        two_groups, user=two_groups.user[order], item=two_groups.item[order], at=np.sort(two_groups.at)
    )
    holdout = Holdout(int(late.at[len(late) // 2 - 5]), 0.0)
    result = evaluate([Popularity(), ItemKNN()], late, catalogue_of(20), holdout, Split.GLOBAL_TIME, k=3)
    task = build_task(late, holdout, Split.GLOBAL_TIME)
    assert 0 < result.cold_start_users < result.users
    for ranker in (Popularity(), ItemKNN()):
        ranker.fit(task.training)
        values = compute_user_metrics(rank_eligible(ranker, task, 3), task, 3)["recall@3"]
        recalls = [recall for recall, history in zip(values, task.histories, strict=True) if len(history)]
        (system,) = (system for system in result.systems if system.name == ranker.name)
        assert system.metrics["recall@3, known users"].mean == pytest.approx(np.mean(recalls))


@given(st.lists(st.tuples(st.integers(0, 6), st.booleans()), min_size=2, max_size=20), st.integers(1, 4))
def test_n_liked_items_are_revealed(rows: list[tuple[int, bool]], n_given: int) -> None:
    """The history ends with the event that completes them; targets are later likes of unseen items."""
    code = [ACTION_CODE[Action.CLICK if likes else Action.VIEW] for _, likes in rows]
    items, n = np.array([item for item, _ in rows], np.int64), len(rows)
    events = Interactions(["u"], np.zeros(n, np.int64), items, np.array(code, np.int8), np.arange(n), 7)
    liked: set[int] = set()
    cut = 0
    while cut < n and len(liked) < n_given:
        liked |= {rows[cut][0]} if rows[cut][1] else set()
        cut += 1
    targets = {item for item, likes in rows[cut:] if likes} - {item for item, _ in rows[:cut]}
    if not targets:
        with pytest.raises(InputError, match="--n-given"):
            build_task(events, Holdout(None, 1.0), Split.NEW_USERS, n_given)
        return
    task = build_task(events, Holdout(None, 1.0), Split.NEW_USERS, n_given)
    assert len(task.histories[0]) == cut
    assert set(task.targets[0].tolist()) == targets

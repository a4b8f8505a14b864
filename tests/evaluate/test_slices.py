"""Slices of a test: each user and each target is in the right one, and the metrics are those of the slice."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bowerbird.data.events import ACTION_CODE, Action
from bowerbird.data.interactions import History, Interactions
from bowerbird.data.items import Catalogue, Item
from bowerbird.data.splits import Holdout
from bowerbird.evaluate import Split, build_task
from bowerbird.evaluate.protocols import Task
from bowerbird.evaluate.slices import Slice, compare_slices, define_slices

CLICK = ACTION_CODE[Action.CLICK]


def shop(prices: list[float | None], currency: str = "EUR") -> Catalogue:
    return Catalogue.of(
        Item(str(k), f"item {k}", price=price, currency="" if price is None else currency)
        for k, price in enumerate(prices)
    )


def history(*items: int) -> History:
    n = len(items)
    return History(np.array(items, np.int64), np.full(n, CLICK, np.int8), np.arange(n))


def task(histories: list[History], targets: list[list[int]], trained_items: list[int], n: int) -> Task:
    """User 0 is in the training events and clicked `trained_items`; the others are called `new 1`, …"""
    count = len(trained_items)
    item, action = np.array(trained_items, np.int64), np.full(count, CLICK, np.int8)
    training = Interactions(["old"], np.zeros(count, np.int64), item, action, np.arange(count), n)
    users = ["old", *(f"new {k}" for k in range(1, len(histories)))]
    arrays = [np.array(positions, np.int64) for positions in targets]
    return Task(training, users, histories, arrays, [count] * len(users), np.ones(n, bool))


@pytest.fixture
def three_users() -> Task:
    """A known user with two likes, a cold-start user, and a new user with five; items 8 and 9 are new."""
    histories = [history(0, 1), history(), history(0, 1, 2, 3, 4)]
    return task(histories, [[2, 9], [3], [8, 9]], list(range(8)), 10)


def by_name(slices: list[Slice]) -> dict[str, Slice]:
    return {test_slice.name: test_slice for test_slice in slices}


def test_users_are_grouped_by_what_is_known_of_them(three_users: Task) -> None:
    slices = by_name(define_slices(three_users, shop([None] * 10)))
    assert slices["users in training"].in_users.tolist() == [True, False, False]
    assert slices["cold-start users: no history"].in_users.tolist() == [False, True, False]
    assert slices["new users: history not in training"].in_users.tolist() == [False, False, True]
    assert slices["light users: 2 likes"].in_users.tolist() == [True, False, False]
    assert slices["heavy users: 5 likes"].in_users.tolist() == [False, False, True]


def test_a_slice_is_evaluated_on_its_own_targets_within_the_whole_ranking(three_users: Task) -> None:
    system = np.array([[9, 2, 5], [0, 1, 2], [5, 9, 8]])
    popular = np.array([[2, 3, 4], [3, 0, 1], [5, 6, 7]])
    weak = np.array([[7, 6, 5]] * 3)
    results = compare_slices(three_users, shop([None] * 10), system, {"popular": popular, "weak": weak}, k=2)
    slices = {result.name: result for result in results}
    new, known = slices["new items"], slices["items in training"]
    assert (new.users, known.users) == (2, 2)
    recall = {result.metric: result for result in new.results}["recall@2"]
    assert recall.value.mean == pytest.approx((1 + 1 / 2) / 2)  # 9 of [9]; 9 of [8, 9]
    assert recall.baseline_value.mean == 0
    recall = {result.metric: result for result in known.results}["recall@2"]
    assert (recall.value.mean, recall.baseline, recall.baseline_value.mean) == (0.5, "popular", 1.0)
    assert recall.ratio.mean == 0.5
    ndcg = {result.metric: result for result in known.results}["ndcg@2"]
    assert ndcg.value.mean == pytest.approx((1 / np.log2(3)) / 2)


def test_price_bands_hold_each_priced_target_once(three_users: Task) -> None:
    prices = [None, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0]
    slices = define_slices(three_users, shop(prices))
    bands = [band for band in slices if band.group == "price"]
    assert len(bands) == 3
    assert (sum(band.in_items.astype(int) for band in bands) == ~np.isnan(shop(prices).prices)).all()
    assert "EUR" in bands[0].name
    assert sum(len(targets) for band in bands for targets in band.targets(three_users)) == 5


def test_no_price_bands_in_several_currencies(three_users: Task) -> None:
    mixed = Catalogue.of(Item(str(k), "x", price=k, currency=("EUR", "USD")[k % 2]) for k in range(10))
    assert not [band for band in define_slices(three_users, mixed) if band.group == "price"]
    assert not [band for band in define_slices(three_users, shop([None] * 10)) if band.group == "price"]


def test_slices_of_the_whole_test_or_nothing_are_left_out() -> None:
    alike = task([history(0), history(1)], [[2], [3]], [0, 1, 2, 3], 4)
    alike = replace(alike, users=["new 1", "new 2"])
    assert define_slices(alike, shop([None] * 4)) == []


def test_slices_of_a_group_partition_the_test(random_likes: Interactions) -> None:
    """For each split: every user and every target is in exactly one slice of a group."""
    catalogue = shop([float(k) for k in range(20)])
    for split in Split:
        test = build_task(random_likes, Holdout(int(random_likes.at[150]), 0.3), split)
        slices = define_slices(test, catalogue)
        for group in {test_slice.group for test_slice in slices} - {"likes in history"}:
            by_slice = [test_slice.targets(test) for test_slice in slices if test_slice.group == group]
            for user, expected in enumerate(test.targets):
                targets = np.concatenate([slice_targets[user] for slice_targets in by_slice])
                assert sorted(targets.tolist()) == sorted(expected.tolist())

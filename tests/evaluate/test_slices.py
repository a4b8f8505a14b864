"""Parts of a test: each person and each target is in the right one, and the numbers are that part's."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bowerbird.data.events import ACTION_CODE, Action
from bowerbird.data.interactions import History, Interactions
from bowerbird.data.items import Catalogue, Item
from bowerbird.data.splits import Holdout
from bowerbird.evaluate import Split, task_of
from bowerbird.evaluate.protocols import Task
from bowerbird.evaluate.slices import Part, parts_of, slices_of

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
    """Person 0 was trained on and clicked `trained_items`; the others are called `new 1`, …"""
    count = len(trained_items)
    item, action = np.array(trained_items, np.int64), np.full(count, CLICK, np.int8)
    training = Interactions(["old"], np.zeros(count, np.int64), item, action, np.arange(count), n)
    users = ["old", *(f"new {k}" for k in range(1, len(histories)))]
    arrays = [np.array(positions, np.int64) for positions in targets]
    return Task(training, users, histories, arrays, [count] * len(users), np.ones(n, bool))


@pytest.fixture
def three() -> Task:
    """Somebody known with two likes, a stranger, and somebody new with five; items 8 and 9 are new."""
    histories = [history(0, 1), history(), history(0, 1, 2, 3, 4)]
    return task(histories, [[2, 9], [3], [8, 9]], list(range(8)), 10)


def by_name(parts: list[Part]) -> dict[str, Part]:
    return {part.name: part for part in parts}


def test_people_are_told_apart_by_what_is_known_of_them(three: Task) -> None:
    parts = by_name(parts_of(three, shop([None] * 10)))
    assert parts["people whom training knows"].who.tolist() == [True, False, False]
    assert parts["strangers: nothing is given"].who.tolist() == [False, True, False]
    assert parts["new people: training has not seen what is given"].who.tolist() == [False, False, True]
    assert parts["light people: 2 likes given"].who.tolist() == [True, False, False]
    assert parts["heavy people: 5 likes given"].who.tolist() == [False, False, True]


def test_a_slice_is_judged_on_its_own_targets_within_the_whole_ranking(three: Task) -> None:
    ours = np.array([[9, 2, 5], [0, 1, 2], [5, 9, 8]])
    popular = np.array([[2, 3, 4], [3, 0, 1], [5, 6, 7]])
    lesser = np.array([[7, 6, 5]] * 3)
    found = slices_of(three, shop([None] * 10), ours, {"popular": popular, "lesser": lesser}, k=2)
    slices = {one.name: one for one in found}
    new, known = slices["new items"], slices["items known in training"]
    assert (new.people, known.people) == (2, 2)
    recall = {one.metric: one for one in new.results}["recall@2"]
    assert recall.ours.mean == pytest.approx((1 + 1 / 2) / 2)  # 9 of [9]; 9 of [8, 9]
    assert recall.best.mean == 0
    recall = {one.metric: one for one in known.results}["recall@2"]
    assert (recall.ours.mean, recall.baseline, recall.best.mean) == (0.5, "popular", 1.0)
    assert recall.ratio.mean == 0.5
    gain = {one.metric: one for one in known.results}["ndcg@2"]
    assert gain.ours.mean == pytest.approx((1 / np.log2(3)) / 2)


def test_price_bands_hold_each_priced_target_once(three: Task) -> None:
    prices = [None, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0]
    bands = [part for part in parts_of(three, shop(prices)) if part.group == "price"]
    assert len(bands) == 3
    assert (sum(part.what.astype(int) for part in bands) == ~np.isnan(shop(prices).prices)).all()
    assert "EUR" in bands[0].name
    assert sum(len(one) for part in bands for one in part.targets(three)) == 5


def test_bands_in_several_currencies_would_compare_nothing(three: Task) -> None:
    mixed = Catalogue.of(Item(str(k), "x", price=k, currency=("EUR", "USD")[k % 2]) for k in range(10))
    assert not [part for part in parts_of(three, mixed) if part.group == "price"]
    assert not [part for part in parts_of(three, shop([None] * 10)) if part.group == "price"]


def test_what_holds_everybody_or_nobody_is_left_out() -> None:
    alike = task([history(0), history(1)], [[2], [3]], [0, 1, 2, 3], 4)
    alike = replace(alike, users=["new 1", "new 2"])
    assert parts_of(alike, shop([None] * 4)) == []


def test_parts_of_one_kind_divide_the_test(random_likes: Interactions) -> None:
    """Whatever the split: nobody, and no target, is in two parts of a kind, and none is in no part."""
    catalogue = shop([float(k) for k in range(20)])
    for split in Split:
        test = task_of(random_likes, Holdout(int(random_likes.at[150]), 0.3), split)
        parts = parts_of(test, catalogue)
        for group in {part.group for part in parts} - {"likes given"}:
            mine = [part.targets(test) for part in parts if part.group == group]
            for person, wanted in enumerate(test.targets):
                found = np.concatenate([targets[person] for targets in mine])
                assert sorted(found.tolist()) == sorted(wanted.tolist())

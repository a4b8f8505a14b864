"""A world of novelties: everybody likes what came lately, and the newest items nobody has liked yet."""

from __future__ import annotations

import copy
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from bowerbird.data.interactions import Interactions
from bowerbird.data.items import Catalogue, Item
from bowerbird.data.store import Store
from bowerbird.embed.index.vectors import normalize_rows
from bowerbird.recommend.config import TrainingConfig
from bowerbird.recommend.context import ItemContext, SourceContext
from bowerbird.recommend.meta import CompletionMeta, RankerInputs
from bowerbird.recommend.models.config import SourceConfig
from bowerbird.recommend.options import DEFAULT_OPTIONS
from bowerbird.recommend.ranker.files import read_ranker, write_ranker
from bowerbird.recommend.recommender import Recommender

from .conftest import DAY_US, EPOCH, clicks_of, events_of, publish_store

pytestmark = pytest.mark.slow

ITEMS, USERS, LAST_DAY, FRESH_DAYS, N = 240, 50, 100, 5, 10


def launch_day(item: int) -> int:
    """Two items a day, of either kind; those of the last twenty days come after the last event."""
    return item // 2


def catalogue() -> Catalogue:
    return Catalogue.of(
        Item(str(k), f"item {k}", created_at=EPOCH + timedelta(days=launch_day(k))) for k in range(ITEMS)
    )


def likes() -> Interactions:
    """Users like items of their own kind in the five days after the launch."""
    rng = np.random.default_rng(0)
    liked = []
    for user in range(USERS):
        for day in rng.choice(np.arange(FRESH_DAYS, LAST_DAY), 15, replace=False).tolist():
            fresh = [k for k in range(ITEMS) if day - FRESH_DAYS < launch_day(k) <= day and k % 2 == user % 2]
            liked.append((day, user, int(rng.choice(fresh))))
    days, users, items = np.array(sorted(set(liked))).T
    clicks = clicks_of(list(zip(users.tolist(), items.tolist(), strict=True)), ITEMS)
    return replace(clicks, at=days * DAY_US + DAY_US // 2 + np.arange(len(days)))


def vectors() -> np.ndarray:
    return normalize_rows(
        np.eye(2, 8)[np.arange(ITEMS) % 2] + np.random.default_rng(0).normal(0, 0.3, (ITEMS, 8))
    )


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    path = tmp_path_factory.mktemp("novelties") / "store"
    return publish_store(path, catalogue(), vectors(), events_of(likes(), catalogue()))


@pytest.fixture(scope="module")
def recommender(store: Store) -> Recommender:
    return Recommender.open(store.snapshot())


def lists_of(recommender: Recommender, use_reserve: bool = True) -> list[list[int]]:
    options = replace(DEFAULT_OPTIONS, use_reserve=use_reserve)
    states = [recommender.taste.state(f"u{user}") for user in range(USERS)]
    now = [(LAST_DAY + 20) * DAY_US] * USERS
    return [ranked.positions.tolist() for ranked in recommender.lists(states, N, options, now=now)]


def test_the_newest_items_of_their_kind_win(recommender: Recommender) -> None:
    is_young = recommender.ranker.context.is_young
    lists = lists_of(recommender)
    of_their_kind = [is_young[k] and k % 2 == user % 2 for user, row in enumerate(lists) for k in row]
    assert np.mean(of_their_kind) > 0.5


@pytest.mark.parametrize("share", [*TrainingConfig.young_shares, 1.0])
def test_a_served_list_holds_its_share(recommender: Recommender, share: float) -> None:
    ranker = copy.copy(recommender.ranker)
    ranker.config = replace(ranker.config, young_share=share)
    other = Recommender(recommender.catalogue, ranker, recommender.outcomes, recommender.taste)
    counts = [ranker.context.is_young[row].sum() for row in lists_of(other)]
    assert min(counts) >= int(share * N)
    assert min(ranker.context.is_young[row].sum() for row in lists_of(other, use_reserve=False)) < N


def test_the_saved_ranker_gives_the_same_lists(store: Store, recommender: Recommender) -> None:
    ranker = copy.copy(recommender.ranker)
    ranker.config = replace(ranker.config, young_share=1.0)
    inputs = RankerInputs("")
    meta = CompletionMeta(inputs=inputs, config=ranker.config, report=ranker.report, collections=0)
    version = store.publish(CompletionMeta.KIND, meta, lambda folder: write_ranker(folder, ranker))
    loaded = read_ranker(ranker.items, version, CompletionMeta)
    assert loaded.config == ranker.config
    lists = [
        lists_of(Recommender(recommender.catalogue, each, recommender.outcomes, recommender.taste))
        for each in (ranker, loaded)
    ]
    assert lists[0] == lists[1] != lists_of(recommender)


def test_young_is_what_nobody_liked_and_what_came_lately_or_who_knows_when() -> None:
    """Likes from day 0 to day 100: lately is the last tenth of them, from day 90."""
    days = (None, None, 5, 89, 91, 120)
    items = Catalogue.of(
        Item(str(k), created_at=None if day is None else EPOCH + timedelta(days=day))
        for k, day in enumerate(days)
    )
    clicks = clicks_of([(0, 0), (0, 0)], len(days))
    clicks = replace(clicks, at=np.array([0, 100]) * DAY_US)
    context = SourceContext.fit(clicks, ItemContext(items, np.eye(6, 8, dtype=np.float32)), SourceConfig())
    assert context.is_cold.tolist() == [False, True, True, True, True, True]
    assert context.is_young.tolist() == [False, True, False, False, True, True]

"""Two crowds with a known answer, random likes, and a shop whose users have simple tastes."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from bowerbird.data.events import ACTION_CODE, ACTIONS, Action, Event
from bowerbird.data.interactions import History, Interactions
from bowerbird.data.items import Catalogue, Item
from bowerbird.data.splits import Holdout
from bowerbird.data.store import Store
from bowerbird.embed.index.vectors import normalize_rows
from bowerbird.recommend.context import ItemContext
from bowerbird.recommend.ranker.hybrid import HybridRanker
from bowerbird.recommend.ranker.training import fit_ranker
from bowerbird.recommend.recommender import Recommender
from bowerbird.taste.state.user_state import TasteState
from factories import NOTHING_HELD_OUT, START, publish_vectors

DAY_US = 86_400_000_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
KINDS = (("striped", "shirt"), ("wooden", "lamp"), ("velvet", "sofa"), ("glass", "vase"))
OF_A_KIND = 30  # item k is of kind k // 30


def clicks_of(pairs: Sequence[tuple[int, int]], n_items: int) -> Interactions:
    """One click a day, in the order given; users are named u0, u1, …"""
    user, item = np.array(pairs, np.int64).reshape(-1, 2).T
    users = [f"u{k}" for k in range(int(user.max(initial=-1)) + 1)]
    codes = np.full(len(user), ACTION_CODE["click"], np.int8)
    return Interactions(users, user, item, codes, np.arange(len(user)) * DAY_US, n_items)


def history_of(*items: int, action: Action = Action.CLICK) -> History:
    """One event a second, in the order given."""
    code = np.full(len(items), ACTION_CODE[action], np.int8)
    return History(np.array(items, np.int64), code, np.arange(len(items)) * 10**6)


def publish_store(
    path: Path,
    catalogue: Catalogue,
    vectors: np.ndarray,
    events: Iterable[Event],
    holdout: Holdout = NOTHING_HELD_OUT,
) -> Store:
    """Create a store with these items, vectors and events."""
    store = Store.create(path)
    store.publish_catalogue(catalogue)
    publish_vectors(store, vectors, generic=vectors, holdout=holdout, seed=0)
    store.log.append(list(events))
    return store


def events_of(interactions: Interactions, catalogue: Catalogue) -> list[Event]:
    """Write arrays as events."""
    columns = (interactions.user, interactions.item, interactions.action, interactions.at)
    return [
        Event(
            interactions.users[user],
            catalogue.ids[item],
            ACTIONS[action],
            EPOCH + timedelta(microseconds=int(at)),
        )
        for user, item, action, at in zip(*columns, strict=True)
    ]


def plain_catalogue(n_items: int) -> Catalogue:
    return Catalogue.of(Item(str(k), f"item {k}", price=5.0 + k) for k in range(n_items))


def noise_vectors(n_items: int) -> np.ndarray:
    """Random vectors, without information."""
    return normalize_rows(np.random.default_rng(0).normal(size=(n_items, 8)))


def group_vectors(n_items: int) -> np.ndarray:
    """Noisy vectors that separate even items from odd ones."""
    group = np.eye(2, 8)[np.arange(n_items) % 2]
    return normalize_rows(group + np.random.default_rng(0).normal(0, 0.3, (n_items, 8)))


def ranker_on(events: Interactions, vectors: np.ndarray | None = None) -> HybridRanker:
    """Fit a ranker on events and `group_vectors`, or others."""
    vectors = group_vectors(events.n_items) if vectors is None else vectors
    return fit_ranker(ItemContext(plain_catalogue(events.n_items), vectors.astype(np.float32)), events)


def best_positions(
    ranker: HybridRanker, states: Sequence[TasteState], n: int, eligible: np.ndarray | None = None
) -> list[np.ndarray]:
    """Order each user's candidates by the ranker's scores alone, at most n of them, best first."""
    mask = np.ones(len(ranker.items), bool) if eligible is None else eligible
    best = []
    for candidates in ranker.candidates(states, [mask] * len(states), at_least=n):
        scores = ranker.score(candidates.features)
        best.append(candidates.positions[np.lexsort((candidates.positions, -scores))[:n]])
    return best


@pytest.fixture(scope="session")
def two_groups() -> Interactions:
    """Even users like even items, odd ones odd; the only unseen item of user k's own crowd is item k."""
    return clicks_of([(k, i) for k in range(20) for i in range(k % 2, 20, 2) if i != k], n_items=20)


@pytest.fixture(scope="session")
def large_groups() -> Interactions:
    """100 users who each like 12 of the 40 items of their crowd, in random order: enough to learn from."""
    rng = np.random.default_rng(0)
    pairs = [(k, int(2 * i + k % 2)) for k in range(100) for i in rng.permutation(40)[:12]]
    return clicks_of([pairs[row] for row in rng.permutation(len(pairs))], n_items=80)


@pytest.fixture(scope="session")
def few_users(two_groups: Interactions) -> HybridRanker:
    """A ranker that fuses its sources: too few users to train on."""
    return ranker_on(two_groups)


@pytest.fixture(scope="session")
def many_users(large_groups: Interactions) -> HybridRanker:
    """A ranker with a learned order: its vectors are random, and the fusion would trust them."""
    return ranker_on(large_groups, noise_vectors(large_groups.n_items))


@pytest.fixture(scope="session")
def groups_store(tmp_path_factory: pytest.TempPathFactory, large_groups: Interactions) -> Store:
    """The clicks of `large_groups` with random vectors: a learned order wins here."""
    path, catalogue = tmp_path_factory.mktemp("crowds") / "store", plain_catalogue(80)
    return publish_store(path, catalogue, noise_vectors(80), events_of(large_groups, catalogue))


@pytest.fixture
def random_likes() -> Callable[[int], Interactions]:
    """Likes of 40 users for 25 items by seed, some of them twice, one item without likes."""

    def likes(seed: int) -> Interactions:
        rng = np.random.default_rng(seed)
        return clicks_of(
            [(int(user), int(item)) for user, item in rng.integers(0, (40, 24), (300, 2))], n_items=25
        )

    return likes


def shop_items() -> list[Item]:
    """Prices rise within a kind from 10 to 97; items 29, 59, … are out of stock."""
    items = []
    for k in range(len(KINDS) * OF_A_KIND):
        (style, kind), number = KINDS[k // OF_A_KIND], k % OF_A_KIND
        items.append(
            Item(
                f"item-{k}",
                f"{style} {kind} no. {k}",
                price=10.0 + 3 * number,
                currency="EUR",
                attributes={"style": style, "type": kind},
                availability="out_of_stock" if number == OF_A_KIND - 1 else "in_stock",
            )
        )
    return items


def shop_events(n_users: int = 60) -> list[Event]:
    """User k clicks items of kind k % 4, and a few of the next kind; u0 likes lamps as well as shirts."""
    rng = np.random.default_rng(0)
    events = []
    for user in range(n_users):
        own_items = [(user % 4) * OF_A_KIND + int(i) for i in rng.permutation(OF_A_KIND)[:10]]
        other_items = [((user + 1) % 4) * OF_A_KIND + int(i) for i in rng.permutation(OF_A_KIND)[:4]]
        for step, item in enumerate(rng.permutation(own_items + other_items)):
            at = START + timedelta(days=3 * step, minutes=user)
            events.append(Event(f"u{user}", f"item-{item}", Action.CLICK, at))
    return events


def shop_vectors() -> np.ndarray:
    rng = np.random.default_rng(1)
    kind = np.arange(len(KINDS) * OF_A_KIND) // OF_A_KIND
    return np.eye(len(KINDS), 12)[kind] + rng.normal(0, 0.15, (len(kind), 12))


@pytest.fixture(scope="session")
def read_only_shop(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """The shop with its trained ranker, for tests that change nothing in it."""
    path = tmp_path_factory.mktemp("read_only") / "shop"
    store = publish_store(path, Catalogue.of(shop_items()), shop_vectors(), shop_events())
    Recommender.open(store.snapshot())
    return store


@pytest.fixture
def shop(tmp_path: Path, read_only_shop: Store) -> Store:
    """A copy of the shop, for tests that change it."""
    shutil.copytree(read_only_shop.path, tmp_path / "shop")
    return Store.open(tmp_path / "shop")


@pytest.fixture(scope="session")
def recommender(read_only_shop: Store) -> Recommender:
    return Recommender.open(read_only_shop.snapshot())

"""Two crowds with a known answer, random likes, and a shop whose people have plain tastes."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from bowerbird.data.events import ACTION_CODE, Action, Event
from bowerbird.data.interactions import Interactions
from bowerbird.data.items import Catalogue, Item
from bowerbird.data.store import Store
from bowerbird.recommend.recommender import Recommender

DAY_US = 86_400_000_000
START = datetime(2026, 1, 1, tzinfo=UTC)
KINDS = (("striped", "shirt"), ("wooden", "lamp"), ("velvet", "sofa"), ("glass", "vase"))
OF_A_KIND = 30  # item k is of kind k // 30


def clicks_of(pairs: Sequence[tuple[int, int]], n_items: int) -> Interactions:
    """One click a day, in the order given; people are named u0, u1, …"""
    user, item = np.array(pairs, np.int64).reshape(-1, 2).T
    users = [f"u{k}" for k in range(int(user.max(initial=-1)) + 1)]
    code = np.full(len(user), ACTION_CODE["click"], np.int8)
    return Interactions(users, user, item, code, np.arange(len(user)) * DAY_US, n_items)


@pytest.fixture
def two_crowds() -> Interactions:
    """Even people like even items, odd ones odd; what person k has not seen of their own crowd is item k."""
    return clicks_of([(k, i) for k in range(20) for i in range(k % 2, 20, 2) if i != k], n_items=20)


@pytest.fixture(scope="session")
def crowds_of_many() -> Interactions:
    """160 people who each like 12 of the 40 items of their crowd, in some order: enough to learn from."""
    rng = np.random.default_rng(0)
    drawn = [(k, int(2 * i + k % 2)) for k in range(160) for i in rng.permutation(40)[:12]]
    return clicks_of([drawn[row] for row in rng.permutation(len(drawn))], n_items=80)


@pytest.fixture
def crowds_store(tmp_path: Path, crowds_of_many: Interactions) -> Store:
    """The many people's clicks, with vectors that know nothing: an order that is learnt wins here."""
    store = Store.create(tmp_path / "crowds")
    store.publish_catalogue(Catalogue.of(Item(str(k), f"item {k}", price=5.0 + k) for k in range(80)))
    with store.publishing("vectors", {"holdout": {"until": None, "user_share": 0.0}}) as folder:
        np.save(folder / "vectors.npy", np.random.default_rng(0).normal(size=(80, 8)).astype(np.float16))
        (folder / "ids.json").write_text(json.dumps([str(k) for k in range(80)]))
    rows = zip(crowds_of_many.user, crowds_of_many.item, crowds_of_many.at, strict=True)
    store.log.append(
        [
            Event(f"u{user}", str(item), Action.CLICK, START + timedelta(microseconds=int(at)))
            for user, item, at in rows
        ]
    )
    return store


@pytest.fixture
def random_likes() -> Callable[[int], Interactions]:
    """Likes of 40 people for 25 items by seed, some of them twice, one item liked by nobody."""

    def likes(seed: int) -> Interactions:
        rng = np.random.default_rng(seed)
        return clicks_of([(int(p), int(i)) for p, i in rng.integers(0, (40, 24), (300, 2))], n_items=25)

    return likes


def shop_items() -> list[Item]:
    """Prices rise within a kind from 10 to 97; items 29, 59, … are out of stock."""
    items = []
    for k in range(len(KINDS) * OF_A_KIND):
        (style, kind), place = KINDS[k // OF_A_KIND], k % OF_A_KIND
        items.append(
            Item(
                f"item-{k}",
                f"{style} {kind} no. {k}",
                price=10.0 + 3 * place,
                currency="EUR",
                attributes={"style": style, "type": kind},
                availability="out_of_stock" if place == OF_A_KIND - 1 else "in_stock",
            )
        )
    return items


def shop_events(people: int = 60) -> list[Event]:
    """Person k clicks things of kind k % 4, and a few of the next kind; u0 likes lamps besides shirts."""
    rng = np.random.default_rng(0)
    events = []
    for person in range(people):
        mine = [(person % 4) * OF_A_KIND + int(i) for i in rng.permutation(OF_A_KIND)[:10]]
        other = [((person + 1) % 4) * OF_A_KIND + int(i) for i in rng.permutation(OF_A_KIND)[:4]]
        for step, item in enumerate(rng.permutation(mine + other)):
            at = START + timedelta(days=3 * step, minutes=person)
            events.append(Event(f"u{person}", f"item-{item}", Action.CLICK, at))
    return events


def open_shop(path: Path) -> Store:
    store = Store.create(path)
    store.publish_catalogue(Catalogue.of(shop_items()))
    rng = np.random.default_rng(1)
    kind = np.arange(len(KINDS) * OF_A_KIND) // OF_A_KIND
    rows = np.eye(len(KINDS), 12)[kind] + rng.normal(0, 0.15, (len(kind), 12))
    with store.publishing("vectors", {"holdout": {"until": None, "user_share": 0.0}}) as folder:
        np.save(folder / "vectors.npy", rows.astype(np.float16))
        (folder / "ids.json").write_text(json.dumps([item.item_id for item in shop_items()]))
    store.log.append(shop_events())
    return store


@pytest.fixture
def shop(tmp_path: Path) -> Store:
    return open_shop(tmp_path / "shop")


@pytest.fixture(scope="session")
def read_only_shop(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """The same shop, made once, for whoever changes nothing in it."""
    return open_shop(tmp_path_factory.mktemp("read_only") / "shop")


@pytest.fixture(scope="session")
def recommender(read_only_shop: Store) -> Recommender:
    return Recommender.open(read_only_shop.snapshot())

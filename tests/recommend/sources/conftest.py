"""A toy store with old and new items, and the sources fitted on it, as fitted and as loaded."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

import numpy as np
import pytest

from bowerbird.data.events import ACTIONS, Action, Event
from bowerbird.data.interactions import History
from bowerbird.data.items import Catalogue, Item
from bowerbird.data.store import Store
from bowerbird.embed.index.vectors import normalize_rows
from bowerbird.recommend.query import Query
from bowerbird.recommend.recommender import Recommender
from bowerbird.taste.state.user_state import TasteState

from ..conftest import START, publish_store

KINDS, OF_A_KIND, USERS = ("lamp", "sofa", "vase", "rug"), 40, 40
ITEMS = len(KINDS) * OF_A_KIND
NEVER_CHOSEN = np.arange(ITEMS) % OF_A_KIND >= 30
COLOURS = ("red", "blue", "green, white")


def shop_catalogue() -> Catalogue:
    return Catalogue.of(
        Item(
            f"item-{k}",
            f"{KINDS[k // OF_A_KIND]} no. {k}",
            price=10.0 + k,
            brand="Acme" if k % 5 else "Zenith",
            category=("Home", KINDS[k // OF_A_KIND]),
            attributes={"colour": COLOURS[k % 3], "number": str(k)},
        )
        for k in range(ITEMS)
    )


def shop_events() -> list[Event]:
    """Each user mostly chooses items of a kind and a colour, a few a week; now and then they hide one."""
    rng = np.random.default_rng(0)
    actions = (Action.VIEW, Action.CLICK, Action.CLICK, Action.SAVE, Action.PURCHASE, Action.HIDE)
    events = []
    for user in range(USERS):
        fits = 1.0 + 6 * (np.arange(ITEMS) // OF_A_KIND == user % 4) + 3 * (np.arange(ITEMS) % 3 == user % 3)
        weights = np.where(NEVER_CHOSEN, 0.0, fits)
        for step in range(16):
            at = START + timedelta(days=2.5 * step, minutes=int(rng.integers(600)))
            item = int(rng.choice(ITEMS, p=weights / weights.sum()))
            events.append(Event(f"u{user}", f"item-{item}", actions[int(rng.integers(6))], at))
    return events


LIKED = {event.item_id for event in shop_events() if event.action not in (Action.VIEW, Action.HIDE)}
COLD = np.array([f"item-{k}" not in LIKED for k in range(ITEMS)])
"""Items that nobody has liked."""
LATE = int((START + timedelta(days=50)).timestamp() * 1e6)


@pytest.fixture(scope="package")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    rng = np.random.default_rng(1)
    vectors = normalize_rows(np.eye(4, 16)[np.arange(ITEMS) // OF_A_KIND] + rng.normal(0, 0.25, (ITEMS, 16)))
    path = tmp_path_factory.mktemp("sources") / "store"
    return publish_store(path, shop_catalogue(), vectors, shop_events())


@pytest.fixture(scope="package")
def recommender(store: Store) -> Recommender:
    """With sources as they were fitted."""
    return Recommender.open(store.snapshot())


@pytest.fixture(scope="package")
def loaded(recommender: Recommender, store: Store) -> Recommender:
    """With sources as they were read from the store's files."""
    return Recommender.open(Store.open(store.path).snapshot())


def states_of(recommender: Recommender) -> Mapping[str, TasteState]:
    """Users with many likes and with few, one without likes, and an unknown one."""
    view = np.full(2, ACTIONS.index(Action.VIEW), np.int8)
    return {
        **{user: recommender.taste.state(user) for user in ("u0", "u1", "u7", "u18")},
        "one like": TasteState.of(History(np.array([3]), np.full(1, 2, np.int8), np.array([LATE]))),
        "only views": TasteState.of(History(np.array([3, 50]), view, np.array([LATE, LATE + 10**6]))),
        "nobody": TasteState("nobody"),
    }


def queries_of(recommender: Recommender, share: float = 1.0) -> dict[str, Query]:
    """Queries of these users, among all items or a random share of them."""
    eligible = np.random.default_rng(2).random(ITEMS) < share
    states = states_of(recommender)
    candidates = recommender.ranker.candidates(list(states.values()), [eligible] * len(states))
    return {user: user_candidates.query for user, user_candidates in zip(states, candidates, strict=True)}

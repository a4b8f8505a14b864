"""A toy shop: four types of items whose vectors lie apart, and a short way to write events."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

import factories
from bowerbird.data.events import Action, Event
from bowerbird.data.items import Catalogue, Item
from bowerbird.data.store import Store
from bowerbird.taste.graph import TasteGraph

TYPES = (
    ("striped", "cotton", "shirt"),
    ("plain", "wood", "lamp"),
    ("floral", "velvet", "sofa"),
    ("checked", "glass", "vase"),
)
ITEMS_PER_TYPE = 10  # item k is of type k // 10, so shirts are 0-9, lamps 10-19, …


def toy_catalogue() -> Catalogue:
    items = []
    for k in range(len(TYPES) * ITEMS_PER_TYPE):
        pattern, material, item_type = TYPES[k // ITEMS_PER_TYPE]
        attributes = {"pattern": pattern, "material": material, "type": item_type}
        items.append(Item(str(k), f"A {material} {item_type} no. {k}", price=10.0 + k, attributes=attributes))
    return Catalogue.of(items)


def publish_toy_vectors(store: Store) -> None:
    """One direction for each type, exactly: the groups have a known answer."""
    catalogue = store.catalogue()
    rows = np.eye(len(TYPES), 6)[np.arange(len(catalogue)) // ITEMS_PER_TYPE]
    factories.publish_vectors(store, rows)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store.create(tmp_path / "store")
    store.publish_catalogue(toy_catalogue())
    publish_toy_vectors(store)
    return store


@pytest.fixture
def publish_vectors() -> Callable[[Store], None]:
    return publish_toy_vectors


@pytest.fixture
def did() -> Callable[..., Event]:
    """`did("ada", 12, Action.SAVE, day=3)`."""

    def event(user: str, item: int | str, action: Action = Action.CLICK, day: float = 0.0) -> Event:
        return Event(user, str(item), action, datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=day))

    return event


@pytest.fixture
def ada(store: Store, did: Callable[..., Event]) -> TasteGraph:
    """Ada bought and saved lamps, looked at shirts; Bo likes sofas."""
    store.log.append(
        [
            *(did("ada", 10 + k, Action.SAVE, day=k) for k in range(4)),
            did("ada", 14, Action.PURCHASE, day=5),
            *(did("ada", k, Action.CLICK, day=6) for k in range(3)),
            *(did("bo", 20 + k, day=k) for k in range(5)),
        ]
    )
    return TasteGraph.open(store.snapshot())

"""A small shop whose every fact is known: home and fashion, 7 types, prices in steps."""

import itertools
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from bowerbird.assist.assistant import Assistant
from bowerbird.assist.parts import Parts
from bowerbird.data.events import Action, Event
from bowerbird.data.items import Catalogue, Item
from bowerbird.data.store import Store
from factories import publish_vectors

TYPES = {
    "Table lamp": "brass",
    "Floor lamp": "oak",
    "Rug": "wool",
    "Sofa": "linen",
    "T-shirt": "cotton",
    "Shirt": "cotton",
    "Sweater": "wool",
}
COLOURS = ("Red", "Green", "Blue", "Dark Blue", "Grey")
PATTERNS = ("Solid", "Stripe", "Floral")
STYLES = ("Mid-century", "Boho")


def shop_items() -> list[Item]:
    items = []
    for number, (kind, colour, pattern) in enumerate(itertools.product(TYPES, COLOURS, PATTERNS)):
        style = STYLES[number % 2]
        items.append(
            Item(
                item_id=f"i{number}",
                title=f"{('Fjord', 'Alma', 'Tove')[number % 3]} {style} {kind}".strip(),
                description=f"A {kind.lower()} for every reading corner.",
                price=None if number == 50 else 10.0 + (number * 7) % 90,
                currency="EUR",
                category=("Home" if "lamp" in kind or kind in ("Rug", "Sofa") else "Fashion", kind),
                attributes={
                    "color": colour,
                    "material": TYPES[kind],
                    "pattern": pattern,
                    "style": style,
                    "room": "Living room" if number % 2 else "Bedroom",
                },
                availability="out_of_stock" if number % 17 == 0 else "in_stock",
            )
        )
    return items


@pytest.fixture(scope="session")
def shop() -> Catalogue:
    return Catalogue.of(shop_items())


@pytest.fixture(scope="session")
def shop_store(tmp_path_factory: pytest.TempPathFactory, shop: Catalogue) -> Store:
    """A store with the shop and random vectors."""
    store = Store.create(Path(tmp_path_factory.mktemp("shop")) / "store")
    store.publish_catalogue(shop)
    return store


@pytest.fixture(scope="session")
def shop_vectors(shop: Catalogue) -> np.ndarray:
    matrix = np.random.default_rng(0).normal(size=(len(shop), 16)).astype(np.float32)
    return matrix / np.linalg.norm(matrix, axis=1, keepdims=True)


@pytest.fixture(scope="session")
def assistant(shop: Catalogue, shop_store: Store, shop_vectors: np.ndarray) -> Assistant:
    """An assistant over the shop; words are matched as words, since no backbone is loaded."""
    return assistant_over(shop, shop_store, shop_vectors)


def assistant_over(shop: Catalogue, store: Store, vectors: np.ndarray) -> Assistant:
    parts = Parts(store.snapshot(), shop, vectors)
    parts.__dict__["encoder"] = None
    return Assistant(parts)


@pytest.fixture
def store_with_users(tmp_path: Path, shop: Catalogue, shop_vectors: np.ndarray) -> Store:
    """The shop with vectors and events: user "u0" likes rugs, "u1" sofas, the others all sorts of things."""
    store = Store.create(tmp_path / "with_users")
    store.publish_catalogue(shop)
    publish_vectors(store, shop_vectors)
    start = datetime(2026, 1, 1, tzinfo=UTC)
    rng = np.random.default_rng(0)
    rugs, sofas = range(30, 45), range(45, 60)
    likes = [list(rugs)[:6], list(sofas)[:6], *(rng.permutation(len(shop))[:6].tolist() for _ in range(20))]
    store.log.append(
        [
            Event(f"u{user}", f"i{item}", Action.SAVE, start + timedelta(hours=step))
            for user, items in enumerate(likes)
            for step, item in enumerate(items)
        ]
    )
    return store

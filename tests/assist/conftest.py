"""A small shop whose every fact is known: home and fashion, 7 types, prices in steps."""

import itertools
from pathlib import Path

import numpy as np
import pytest

from bowerbird.data.items import Catalogue, Item
from bowerbird.data.store import Store

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

"""Small stores with a known answer; the one place that writes vectors as the product does."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bowerbird.data.events import Action, Event
from bowerbird.data.items import Catalogue, Item
from bowerbird.data.splits import Holdout
from bowerbird.data.store import Store
from bowerbird.embed.index.vectors import GENERIC_FILE, IDS_FILE, VECTORS_FILE

START = datetime(2026, 1, 1, tzinfo=UTC)
NOTHING_HELD_OUT = Holdout(None, 0.0)
LIKES_PER_USER = 8
COLOURS = ("red", "blue", "green", "grey")


def lamps_and_rugs(count: int) -> list[Item]:
    """Lamps and rugs in four colours, whose titles say both."""
    return [
        Item(
            f"i{number}",
            title=f"{COLOURS[number % 4]} {('lamp', 'rug')[number // 4 % 2]} {number}",
            category=(("Lamp", "Rug")[number // 4 % 2],),
            attributes={"color": COLOURS[number % 4]},
            price=10.0 + number,
            currency="EUR",
        )
        for number in range(count)
    ]


def toy_store(
    path: Path,
    items: int | Iterable[Item] = 60,
    users: int | Iterable[Event] = 0,
    vectors: ArrayLike | None = None,
    **published: Any,
) -> Store:
    """Create a store with items, their vectors and events.

    `items`: how many, or these. `users`: how many, each of whom likes items of one group (`toy_events`), or
    these events. `vectors` (items, D): by default `group_vectors`. Further arguments go to `publish_vectors`.
    """
    store = Store.create(path)
    store.publish_catalogue(toy_catalogue(items) if isinstance(items, int) else Catalogue.of(items))
    n_items = len(store.catalogue())
    publish_vectors(store, group_vectors(n_items) if vectors is None else vectors, **published)
    events = toy_events(users, n_items) if isinstance(users, int) else list(users)
    if events:
        store.log.append(events)
    return store


def toy_catalogue(count: int) -> Catalogue:
    """Items i0, i1, … with rising prices."""
    return Catalogue.of(Item(f"i{k}", f"thing {k}", price=5.0 + k, currency="EUR") for k in range(count))


def toy_events(users: int, n_items: int, seed: int = 0) -> list[Event]:
    """Even users save even items, odd users odd ones, one an hour."""
    rng = np.random.default_rng(seed)
    return [
        Event(f"u{user}", f"i{2 * item + user % 2}", Action.SAVE, START + timedelta(hours=step))
        for user in range(users)
        for step, item in enumerate(rng.permutation(n_items // 2)[:LIKES_PER_USER].tolist())
    ]


def group_vectors(n_items: int, dim: int = 8, noise: float = 0.2, seed: int = 1) -> NDArray[np.float64]:
    """Vectors (n_items, dim) in which even items are alike, and odd ones are."""
    group = np.eye(2, dim)[np.arange(n_items) % 2]
    return group + np.random.default_rng(seed).normal(0, noise, (n_items, dim))


def publish_vectors(
    store: Store,
    vectors: ArrayLike,
    generic: ArrayLike | None = None,
    holdout: Holdout = NOTHING_HELD_OUT,
    ids: Iterable[str] | None = None,
    **meta: Any,
) -> str:
    """Publish item vectors (items, D), in the catalogue's order; return the name of their version.

    `generic` (items, E) are the features of frozen backbones; `meta` are further fields of the version.
    """
    meta = {"holdout": {"until": holdout.until, "user_share": holdout.user_share}, **meta}
    with store.publishing("vectors", meta) as folder:
        np.save(folder / VECTORS_FILE, vectors if is_int8(vectors) else np.asarray(vectors, np.float16))
        if generic is not None:
            np.save(folder / GENERIC_FILE, np.asarray(generic, np.float32))
        (folder / IDS_FILE).write_text(json.dumps(list(ids or store.catalogue().ids)))
    return store.snapshot().names["vectors"]


def is_int8(vectors: ArrayLike) -> bool:
    """Whether vectors are quantised already."""
    return np.asarray(vectors).dtype == np.int8

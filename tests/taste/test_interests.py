"""Interests from vectors, with names in the catalogue's own words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from bowerbird.data.items import Catalogue, Item
from bowerbird.data.store import Store
from bowerbird.embed.index.vectors import load_vectors, normalize_rows
from bowerbird.taste.interests.interests import Interests
from bowerbird.taste.interests.saved_interests import interests_of
from factories import publish_vectors


def interests_from(store: Store) -> tuple[Interests, Catalogue]:
    catalogue = store.catalogue()
    return Interests.from_vectors(load_vectors(store.snapshot()).aligned(catalogue), catalogue), catalogue


def test_each_type_of_item_is_an_interest_of_its_own(store: Store) -> None:
    interests, _ = interests_from(store)
    groups_by_type = [set(interests.group[start : start + 10].tolist()) for start in range(0, 40, 10)]
    assert all(len(groups) == 1 for groups in groups_by_type)
    assert len(set.union(*groups_by_type)) == 4


def test_names_are_the_catalogues_own_words(store: Store) -> None:
    interests, _ = interests_from(store)
    names = [interests.names[interests.group[first]] for first in (0, 10, 20, 30)]
    assert names == [
        "striped · cotton · shirt",
        "plain · wood · lamp",
        "floral · velvet · sofa",
        "checked · glass · vase",
    ]


def test_attributes_that_all_items_share_name_nothing() -> None:
    types = ("lamp", "sofa")
    items = [
        Item(str(k), f"{types[k % 2]} {k}", attributes={"colour": "red", "type": types[k % 2]})
        for k in range(40)
    ]
    catalogue = Catalogue.of(items)
    interests = Interests.from_vectors(np.eye(2, dtype=np.float32)[np.arange(40) % 2], catalogue)
    assert interests.words[interests.group[0]] == ["lamp"]
    assert interests.words[interests.group[1]] == ["sofa"]


def test_names_are_unique_even_where_the_words_are_the_same() -> None:
    rng = np.random.default_rng(0)
    catalogue = Catalogue.of(Item(str(k), f"item {k}") for k in range(60))
    interests = Interests.from_vectors(normalize_rows(rng.normal(size=(60, 8))), catalogue)
    assert len(set(interests.names)) == len(interests) > 1


def test_items_without_a_vector_belong_to_no_group() -> None:
    matrix = np.eye(3, dtype=np.float32)[np.arange(12) % 3]
    matrix[5] = 0.0
    interests = Interests.from_vectors(matrix, Catalogue.of(Item(str(k), "x") for k in range(12)))
    assert interests.group[5] == -1
    assert (np.delete(interests.group, 5) >= 0).all()


def test_no_items_no_interests() -> None:
    assert len(Interests.from_vectors(np.zeros((0, 4), np.float32), Catalogue.of([]))) == 0
    assert (
        len(Interests.from_vectors(np.zeros((2, 4), np.float32), Catalogue.of([Item("a"), Item("b")]))) == 0
    )


def publish(store: Store, items: Sequence[Item], matrix: np.ndarray, aligned_with: Sequence[str] = ()) -> str:
    """Publish items and their vectors (items, D); return the version of the vectors."""
    store.publish_catalogue(Catalogue.of(items))
    return publish_vectors(store, matrix, aligned_with=list(aligned_with))


def test_interests_are_published_with_the_vectors_that_they_were_computed_from(tmp_path: Path) -> None:
    store = Store.create(tmp_path / "store")
    items = [Item(str(k), "x", attributes={"type": f"t{k % 3}"}) for k in range(30)]
    publish(store, items, np.eye(3)[np.arange(30) % 3])
    first = interests_of(store.snapshot())
    version = store.snapshot().names["interests"]
    reopened = interests_of(Store.open(store.path).snapshot())
    assert reopened.group.tolist() == first.group.tolist()
    assert (reopened.names, reopened.words) == (first.names, first.words)
    assert store.snapshot().names["interests"] == version, "they were read"
    store.publish_catalogue(Catalogue.of(replace(item, price=3.0) for item in items))
    assert store.snapshot().names["interests"] == version, "prices change no interests"
    publish(store, items, np.eye(3)[np.arange(30) % 3][::-1])
    assert "interests" not in store.snapshot().names, "those of other vectors are not used"
    assert interests_of(store.snapshot()).group[0] != -1


def test_a_process_that_cannot_publish_computes_interests_for_itself(tmp_path: Path) -> None:
    store = Store.create(tmp_path / "store")
    publish(store, [Item(str(k), "x") for k in range(30)], np.eye(3)[np.arange(30) % 3])
    with store.lock("bowerbird embed"):
        interests = interests_of(store.snapshot())
    assert len(interests) and "interests" not in store.snapshot().names


def test_interests_are_extended_to_vectors_of_the_same_space(tmp_path: Path) -> None:
    store = Store.create(tmp_path / "store")
    items = [Item(str(k), "x", attributes={"type": f"t{k % 3}"}) for k in range(30)]
    matrix = np.eye(3, dtype=np.float32)[np.arange(30) % 3]
    version = publish(store, items, matrix)
    first = interests_of(store.snapshot())
    # Most of the new items would give groups of their own, with other names.
    extended = items + [Item(f"n{k}", "y", attributes={"type": f"u{k}"}) for k in range(60)]
    larger = np.concatenate([matrix, matrix, matrix])
    larger += 0.1 * np.random.default_rng(0).normal(size=larger.shape).astype(np.float32)
    publish(store, extended, larger, aligned_with=[version])
    after = interests_of(store.snapshot())
    assert after.names == first.names and after.group[:30].tolist() == first.group.tolist()
    assert len(after.group) == 90 and (after.group[30:60] == after.group[:30]).all()
    publish(store, extended, larger)
    assert interests_of(store.snapshot()).names != first.names


def test_interests_keep_their_ids_while_they_mean_the_same(tmp_path: Path) -> None:
    """Trained again, in another space and with the items in another order; one type of item is gone."""
    store, rng = Store.create(tmp_path / "store"), np.random.default_rng(3)
    items = [Item(str(k), "x", attributes={"type": f"t{k % 9}"}) for k in range(90)]
    matrix = np.eye(9, dtype=np.float32)[np.arange(90) % 9]
    publish(store, items, matrix)
    before = interests_of(store.snapshot())
    id_before = {k: int(before.fine.ids[before.group[k]]) for k in range(90)}
    remaining = [k for k in rng.permutation(90).tolist() if k % 9]
    rotation = np.linalg.qr(rng.normal(size=(9, 9)))[0].astype(np.float32)
    publish(store, [items[k] for k in remaining], matrix[remaining] @ rotation)
    after = interests_of(store.snapshot())
    assert [int(after.fine.ids[group]) for group in after.group] == [id_before[k] for k in remaining]
    new = [Item(f"n{k}", "y", attributes={"type": "new"}) for k in range(90)]
    publish(store, new, matrix)
    replaced = interests_of(store.snapshot())
    ids = {*replaced.fine.ids.tolist(), *replaced.themes.ids.tolist()}
    assert ids.isdisjoint({*before.fine.ids.tolist(), *after.themes.ids.tolist()}), "nothing means the same"


def test_themes_unite_interests_that_lie_together() -> None:
    rng = np.random.default_rng(4)
    room_vectors = normalize_rows(
        rng.normal(size=(3, 24))
    )  # three rooms, each with four types of items near each other
    type_vectors = normalize_rows(
        np.repeat(room_vectors, 4, axis=0) + 0.5 * normalize_rows(rng.normal(size=(12, 24)))
    )
    matrix = type_vectors[np.arange(240) % 12].astype(np.float32)
    attributes = [{"type": f"kind {k % 12}", "style": f"room {k % 12 // 4}"} for k in range(240)]
    catalogue = Catalogue.of(Item(str(k), "x", attributes=attributes[k]) for k in range(240))
    interests = Interests.from_vectors(matrix, catalogue)
    themes = interests.theme_of_items
    for theme, name in enumerate(interests.themes.names):
        rooms_of_it = np.unique(np.flatnonzero(themes == theme) % 12 // 4)
        assert len(rooms_of_it) == 1, "a theme does not mix rooms"
        assert name.startswith(f"room {rooms_of_it[0]}")
    assert 3 <= len(interests.themes) < len(interests) / 2

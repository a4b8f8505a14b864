"""Groups grown from vectors, with names in the catalogue's own words."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from bowerbird.data.items import Catalogue, Item
from bowerbird.data.store import Store
from bowerbird.embed.index.vectors import load_vectors, normalize_rows
from bowerbird.taste.interests.interests import Interests
from bowerbird.taste.interests.saved_interests import interests_of


def grown(store: Store) -> tuple[Interests, Catalogue]:
    catalogue = store.catalogue()
    return Interests.grown(load_vectors(store.snapshot()).aligned(catalogue), catalogue), catalogue


def test_each_kind_of_thing_is_an_interest_of_its_own(store: Store) -> None:
    interests, _ = grown(store)
    kinds = [set(interests.group[start : start + 10].tolist()) for start in range(0, 40, 10)]
    assert all(len(groups) == 1 for groups in kinds)
    assert len(set.union(*kinds)) == 4


def test_names_are_the_catalogues_own_words(store: Store) -> None:
    interests, _ = grown(store)
    names = [interests.names[interests.group[first]] for first in (0, 10, 20, 30)]
    assert names == [
        "striped · cotton · shirt",
        "plain · wood · lamp",
        "floral · velvet · sofa",
        "checked · glass · vase",
    ]


def test_what_everything_shares_names_nothing() -> None:
    kinds = ("lamp", "sofa")
    items = [
        Item(str(k), f"{kinds[k % 2]} {k}", attributes={"colour": "red", "type": kinds[k % 2]})
        for k in range(40)
    ]
    catalogue = Catalogue.of(items)
    interests = Interests.grown(np.eye(2, dtype=np.float32)[np.arange(40) % 2], catalogue)
    assert interests.words[interests.group[0]] == ["lamp"]
    assert interests.words[interests.group[1]] == ["sofa"]


def test_names_are_unique_even_where_the_words_are_the_same() -> None:
    rng = np.random.default_rng(0)
    catalogue = Catalogue.of(Item(str(k), f"thing {k}") for k in range(60))
    interests = Interests.grown(normalize_rows(rng.normal(size=(60, 8))), catalogue)
    assert len(set(interests.names)) == len(interests) > 1


def test_items_without_a_vector_belong_to_no_group() -> None:
    matrix = np.eye(3, dtype=np.float32)[np.arange(12) % 3]
    matrix[5] = 0.0
    interests = Interests.grown(matrix, Catalogue.of(Item(str(k), "x") for k in range(12)))
    assert interests.group[5] == -1
    assert (np.delete(interests.group, 5) >= 0).all()


def test_no_items_no_interests() -> None:
    assert len(Interests.grown(np.zeros((0, 4), np.float32), Catalogue.of([]))) == 0
    assert len(Interests.grown(np.zeros((2, 4), np.float32), Catalogue.of([Item("a"), Item("b")]))) == 0


def published(
    store: Store, items: Sequence[Item], matrix: np.ndarray, aligned_with: Sequence[str] = ()
) -> str:
    """Put items and their vectors (items, D) in force; the name of the vectors."""
    store.publish_catalogue(Catalogue.of(items))
    meta = {"aligned_with": list(aligned_with), "holdout": {"until": None, "user_share": 0.0}}
    with store.publishing("vectors", meta) as folder:
        np.save(folder / "vectors.npy", matrix.astype(np.float16))
        (folder / "ids.json").write_text(json.dumps([item.item_id for item in items]))
    return store.snapshot().names["vectors"]


def test_groups_are_published_with_the_vectors_that_they_were_grown_from(tmp_path: Path) -> None:
    store = Store.create(tmp_path / "store")
    items = [Item(str(k), "x", attributes={"type": f"t{k % 3}"}) for k in range(30)]
    published(store, items, np.eye(3)[np.arange(30) % 3])
    first = interests_of(store.snapshot())
    name = store.snapshot().names["interests"]
    again = interests_of(Store.open(store.path).snapshot())
    assert again.group.tolist() == first.group.tolist()
    assert (again.names, again.words) == (first.names, first.words)
    assert store.snapshot().names["interests"] == name, "they were read"
    store.publish_catalogue(Catalogue.of(replace(item, price=3.0) for item in items))
    assert store.snapshot().names["interests"] == name, "prices change no interests"
    published(store, items, np.eye(3)[np.arange(30) % 3][::-1])
    assert "interests" not in store.snapshot().names, "those of other vectors are of no use"
    assert interests_of(store.snapshot()).group[0] != -1


def test_who_can_not_publish_grows_groups_for_themselves(tmp_path: Path) -> None:
    store = Store.create(tmp_path / "store")
    published(store, [Item(str(k), "x") for k in range(30)], np.eye(3)[np.arange(30) % 3])
    with store.lock("bowerbird embed"):
        grown = interests_of(store.snapshot())
    assert len(grown) and "interests" not in store.snapshot().names


def test_groups_go_on_with_vectors_of_the_same_space(tmp_path: Path) -> None:
    store = Store.create(tmp_path / "store")
    items = [Item(str(k), "x", attributes={"type": f"t{k % 3}"}) for k in range(30)]
    matrix = np.eye(3, dtype=np.float32)[np.arange(30) % 3]
    name = published(store, items, matrix)
    first = interests_of(store.snapshot())
    # Most of the new items would give groups of their own, with other names.
    more = items + [Item(f"n{k}", "y", attributes={"type": f"u{k}"}) for k in range(60)]
    larger = np.concatenate([matrix, matrix, matrix])
    larger += 0.1 * np.random.default_rng(0).normal(size=larger.shape).astype(np.float32)
    published(store, more, larger, aligned_with=[name])
    after = interests_of(store.snapshot())
    assert after.names == first.names and after.group[:30].tolist() == first.group.tolist()
    assert len(after.group) == 90 and (after.group[30:60] == after.group[:30]).all()
    published(store, more, larger)
    assert interests_of(store.snapshot()).names != first.names


def test_interests_keep_their_ids_while_they_mean_the_same(tmp_path: Path) -> None:
    """Trained anew, in another space and with the items in another order; one kind of things is gone."""
    store, rng = Store.create(tmp_path / "store"), np.random.default_rng(3)
    items = [Item(str(k), "x", attributes={"type": f"t{k % 9}"}) for k in range(90)]
    matrix = np.eye(9, dtype=np.float32)[np.arange(90) % 9]
    published(store, items, matrix)
    before = interests_of(store.snapshot())
    id_before = {k: int(before.fine.ids[before.group[k]]) for k in range(90)}
    kept = [k for k in rng.permutation(90).tolist() if k % 9]
    turn = np.linalg.qr(rng.normal(size=(9, 9)))[0].astype(np.float32)
    published(store, [items[k] for k in kept], matrix[kept] @ turn)
    after = interests_of(store.snapshot())
    assert [int(after.fine.ids[group]) for group in after.group] == [id_before[k] for k in kept]
    new = [Item(f"n{k}", "y", attributes={"type": "new"}) for k in range(90)]
    published(store, new, matrix)
    last = interests_of(store.snapshot())
    ids = {*last.fine.ids.tolist(), *last.themes.ids.tolist()}
    assert ids.isdisjoint({*before.fine.ids.tolist(), *after.themes.ids.tolist()}), "nothing means the same"


def test_ids_are_taken_from_what_an_older_bowerbird_kept(tmp_path: Path) -> None:
    """It kept interests in `taste/`, and said by `CURRENT` files what is in force."""
    store = Store.create(tmp_path / "store")
    items = [Item(str(k), "x", attributes={"type": f"t{k % 3}"}) for k in range(30)]
    vectors = published(store, items, np.eye(3)[np.arange(30) % 3])
    first, names = interests_of(store.snapshot()), store.snapshot().names
    kept = store.path / "interests" / names["interests"]
    numbered = json.loads((kept / "interests.json").read_text())
    with np.load(kept / "interests.npz") as arrays:
        np.savez(store.taste / "interests-0.npz", **{**arrays, "ids": arrays["ids"] + 100})
    key = f"{vectors}/{names['catalogue']}"
    (store.taste / "interests-0.json").write_text(json.dumps(numbered | {"key": key, "next_id": 200}))
    shutil.rmtree(store.path / "interests")
    (store.path / "versions.json").unlink()
    for kind in ("catalogue", "vectors"):
        (store.path / kind / "CURRENT").write_text(names[kind])
    again = interests_of(Store.open(store.path).snapshot())
    assert again.fine.ids.tolist() == (first.fine.ids + 100).tolist() and again.names == first.names
    assert not list(store.taste.glob("interests-*")) and not list(store.path.glob("*/CURRENT"))
    assert store.snapshot().names["vectors"] == vectors


def test_themes_unite_interests_that_lie_together() -> None:
    rng = np.random.default_rng(4)
    rooms = normalize_rows(
        rng.normal(size=(3, 24))
    )  # three rooms, each with four kinds of things near each other
    kinds = normalize_rows(np.repeat(rooms, 4, axis=0) + 0.5 * normalize_rows(rng.normal(size=(12, 24))))
    matrix = kinds[np.arange(240) % 12].astype(np.float32)
    attributes = [{"type": f"kind {k % 12}", "style": f"room {k % 12 // 4}"} for k in range(240)]
    catalogue = Catalogue.of(Item(str(k), "x", attributes=one) for k, one in enumerate(attributes))
    interests = Interests.grown(matrix, catalogue)
    themes = interests.theme_of_items
    for theme, name in enumerate(interests.themes.names):
        rooms_of_it = np.unique(np.flatnonzero(themes == theme) % 12 // 4)
        assert len(rooms_of_it) == 1, "a theme mixes no rooms"
        assert name.startswith(f"room {rooms_of_it[0]}")
    assert 3 <= len(interests.themes) < len(interests) / 2

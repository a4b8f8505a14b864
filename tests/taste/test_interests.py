"""Groups grown from vectors, with names in the catalogue's own words."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from bowerbird.data.items import Catalogue, Item
from bowerbird.data.store import Store
from bowerbird.embed.vectors import load_vectors, unit
from bowerbird.taste.interests import Interests
from bowerbird.taste.kept_interests import kept_interests


def grown(store: Store) -> tuple[Interests, Catalogue]:
    catalogue = store.catalogue()
    return Interests.grown(load_vectors(store).aligned(catalogue), catalogue), catalogue


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
    interests = Interests.grown(unit(rng.normal(size=(60, 8))), catalogue)
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


def test_groups_are_kept_on_disk_until_the_vectors_change(tmp_path: Path) -> None:
    catalogue = Catalogue.of(Item(str(k), "x", attributes={"type": f"t{k % 3}"}) for k in range(30))
    matrix = np.eye(3, dtype=np.float32)[np.arange(30) % 3]
    first = kept_interests(tmp_path, "v1", lambda: matrix, catalogue)
    again = kept_interests(tmp_path, "v1", lambda: np.zeros_like(matrix), catalogue)  # would have no groups
    assert again.group.tolist() == first.group.tolist()
    assert (again.names, again.words) == (first.names, first.words)
    assert kept_interests(tmp_path, "v2", lambda: matrix[::-1].copy(), catalogue).group[0] != -1
    assert len(list(tmp_path.glob("interests-*.npz"))) == 1, "old groups are removed"


def test_groups_go_on_with_vectors_of_the_same_space(tmp_path: Path) -> None:
    items = [Item(str(k), "x", attributes={"type": f"t{k % 3}"}) for k in range(30)]
    matrix = np.eye(3, dtype=np.float32)[np.arange(30) % 3]
    first = kept_interests(tmp_path, "v1/c1", lambda: matrix, Catalogue.of(items))
    # Most of the new items would give groups of their own, with other names.
    more = Catalogue.of(items + [Item(f"n{k}", "y", attributes={"type": f"u{k}"}) for k in range(60)])
    grown = np.concatenate([matrix, matrix, matrix])
    grown += 0.1 * np.random.default_rng(0).normal(size=grown.shape).astype(np.float32)

    def fits(key: str) -> bool:
        return key.startswith("v1/")

    after = kept_interests(tmp_path, "v2/c2", lambda: grown, more, fits)
    assert after.names == first.names and after.group[:30].tolist() == first.group.tolist()
    assert len(after.group) == 90 and (after.group[30:60] == after.group[:30]).all()
    other = kept_interests(tmp_path, "v3/c3", lambda: grown, more, fits)  # what is kept now is v2's
    assert other.names != first.names


def test_interests_keep_their_ids_while_they_mean_the_same(tmp_path: Path) -> None:
    """Trained anew, in another space and with the items in another order; one kind of things is gone."""
    rng = np.random.default_rng(3)
    items = [Item(str(k), "x", attributes={"type": f"t{k % 9}"}) for k in range(90)]
    matrix = np.eye(9, dtype=np.float32)[np.arange(90) % 9]
    before = kept_interests(tmp_path, "v1/c1", lambda: matrix, Catalogue.of(items))
    id_before = {k: int(before.fine.ids[before.group[k]]) for k in range(90)}
    kept = [k for k in rng.permutation(90).tolist() if k % 9]
    turn = np.linalg.qr(rng.normal(size=(9, 9)))[0].astype(np.float32)
    after = kept_interests(
        tmp_path, "v2/c2", lambda: matrix[kept] @ turn, Catalogue.of(items[k] for k in kept)
    )
    assert [int(after.fine.ids[group]) for group in after.group] == [id_before[k] for k in kept]
    new = [Item(f"n{k}", "y", attributes={"type": "new"}) for k in range(90)]
    last = kept_interests(tmp_path, "v3/c3", lambda: matrix, Catalogue.of(new))
    ids = {*last.fine.ids.tolist(), *last.themes.ids.tolist()}
    assert ids.isdisjoint({*before.fine.ids.tolist(), *after.themes.ids.tolist()}), "nothing means the same"


def test_themes_unite_interests_that_lie_together() -> None:
    rng = np.random.default_rng(4)
    rooms = unit(rng.normal(size=(3, 24)))  # three rooms, each with four kinds of things near each other
    kinds = unit(np.repeat(rooms, 4, axis=0) + 0.5 * unit(rng.normal(size=(12, 24))))
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

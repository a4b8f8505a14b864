"""Groups grown from vectors, with names in the catalogue's own words."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from bowerbird.data.items import Catalogue, Item
from bowerbird.data.store import Store
from bowerbird.embed.vectors import load_vectors, unit
from bowerbird.taste.interests import Interests


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
    first = Interests.loaded(tmp_path, "v1", lambda: matrix, catalogue)
    again = Interests.loaded(tmp_path, "v1", lambda: np.zeros_like(matrix), catalogue)  # would have no groups
    assert again.group.tolist() == first.group.tolist()
    assert (again.names, again.words) == (first.names, first.words)
    assert Interests.loaded(tmp_path, "v2", lambda: matrix[::-1].copy(), catalogue).group[0] != -1
    assert len(list(tmp_path.glob("interests-*.npz"))) == 1, "old groups are removed"


def test_groups_go_on_with_vectors_of_the_same_space(tmp_path: Path) -> None:
    items = [Item(str(k), "x", attributes={"type": f"t{k % 3}"}) for k in range(30)]
    matrix = np.eye(3, dtype=np.float32)[np.arange(30) % 3]
    first = Interests.loaded(tmp_path, "v1/c1", lambda: matrix, Catalogue.of(items))
    # Most of the new items would give groups of their own, with other names.
    more = Catalogue.of(items + [Item(f"n{k}", "y", attributes={"type": f"u{k}"}) for k in range(60)])
    grown = np.concatenate([matrix, matrix, matrix])
    grown += 0.1 * np.random.default_rng(0).normal(size=grown.shape).astype(np.float32)

    def fits(key: str) -> bool:
        return key.startswith("v1/")

    after = Interests.loaded(tmp_path, "v2/c2", lambda: grown, more, fits)
    assert after.names == first.names and after.group[:30].tolist() == first.group.tolist()
    assert len(after.group) == 90 and (after.group[30:60] == after.group[:30]).all()
    other = Interests.loaded(tmp_path, "v3/c3", lambda: grown, more, fits)  # what is kept now is v2's
    assert other.names != first.names

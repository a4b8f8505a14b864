"""Changes in a toy space with a known answer: axes of type, colour and length, and noise."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from bowerbird.data.items import Catalogue, Item
from bowerbird.embed.index.rows import Rows, unit
from bowerbird.embed.search.catalogue_words import ShopWords
from bowerbird.embed.search.modification import modification_of
from bowerbird.embed.search.refining import Refiner
from bowerbird.embed.search.type_votes import Kinds

TYPES, COLOURS, LENGTHS = ("Dress", "Skirt", "Coat"), ("red", "blue", "green", "black"), ("maxi", "mini")
EACH, DIM = 8, 24
N_STATED = len(TYPES) * len(COLOURS) * len(LENGTHS) * EACH


def world(silent: bool) -> tuple[list[Item], np.ndarray]:
    """Every mix of type, colour and length, `EACH` times; then once more, without facts if `silent`."""
    rng = np.random.default_rng(0)
    axes = np.linalg.qr(rng.normal(size=(DIM, DIM)))[0]
    mixes = list(itertools.product(range(len(TYPES)), range(len(COLOURS)), range(len(LENGTHS))))
    items, rows = [], []
    for copy in range(2 * EACH):
        for kind, colour, length in mixes:
            stated = copy < EACH or not silent
            facts = {"type": TYPES[kind], "colour": COLOURS[colour]} if stated else {}
            title = f"{LENGTHS[length]} {TYPES[kind]}".lower() if stated else "thing"
            items.append(
                Item(f"{TYPES[kind]}-{COLOURS[colour]}-{LENGTHS[length]}-{copy}", title, attributes=facts)
            )
            place = 1.5 * axes[kind] + axes[3 + colour] + axes[7 + length]
            rows.append(place + 0.06 * rng.normal(size=DIM))
    return items, unit(np.array(rows))


@pytest.fixture(scope="module", params=[False, True], ids=["stated", "silent"])
def refiner(request: pytest.FixtureRequest) -> Refiner:
    items, vectors = world(request.param)
    catalogue = Catalogue.of(items)
    shop = ShopWords.of(catalogue, np.arange(N_STATED))
    return Refiner(shop, catalogue, Rows(vectors), Rows(vectors))


def found(refiner: Refiner, start: str, text: str, n: int = 4) -> list[str]:
    """Kind, colour and length of the first unlearnt items for an item of them and a change."""
    catalogue, vectors = refiner._catalogue, refiner._rows.dense()
    at = catalogue.position[start]
    thing = refiner.picture(vectors[at], vectors[at])
    changed = refiner.changed(thing, refiner.modification(text), np.zeros(DIM, np.float32))
    pool = np.setdiff1d(np.arange(N_STATED, len(catalogue)), [at])
    ranked, scores = refiner.ranked(changed, pool, vectors[pool] @ changed.vector)
    assert (np.diff(scores) <= 0).all()
    return [catalogue.ids[row].rsplit("-", 1)[0] for row in ranked[:n]]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("but in blue", "Skirt-blue-mini"),
        ("is longer", "Skirt-red-maxi"),
        ("longer, and in green", "Skirt-green-maxi"),
        ("as a coat", "Coat-red-mini"),
        ("is red", "Skirt-red-mini"),
    ],
)
def test_what_is_named_changes_and_the_rest_stays(refiner: Refiner, text: str, expected: str) -> None:
    assert set(found(refiner, f"Skirt-red-mini-{EACH}", text)) == {expected}


def test_without_a_change_the_thing_itself_is_found(refiner: Refiner) -> None:
    assert set(found(refiner, f"Skirt-red-mini-{EACH}", "the same colour")) == {"Skirt-red-mini"}
    for text in ("is not red", "in a different colour"):
        first = found(refiner, f"Skirt-red-mini-{EACH}", text)
        assert all(one.startswith("Skirt") and "red" not in one and one.endswith("mini") for one in first)


def test_a_plain_sum_keeps_the_old_colour() -> None:
    """The test above can fail: the sum of the two vectors finds both colours."""
    items, vectors = world(silent=False)
    at = next(k for k, item in enumerate(items) if item.item_id == f"Skirt-red-mini-{EACH}")
    blue = np.mean([v for v, item in zip(vectors, items, strict=True) if "blue" in item.item_id], axis=0)
    best = np.argsort(-(vectors @ unit(vectors[at] + blue)))[:20]
    assert any("red" in items[row].item_id for row in best)


def test_an_unmet_wish_of_few_items_has_no_direction() -> None:
    items, vectors = world(silent=False)
    rare = [Item(f"r{k}", "dress with fringes") for k in range(3)]
    catalogue = Catalogue.of([*items, *rare])
    shop = ShopWords.of(catalogue)
    refiner = Refiner(shop, catalogue, Rows(np.vstack([vectors, vectors[:3]])), None)
    wishes = modification_of("has fringes", shop).wishes
    assert wishes and refiner._composer.aim(wishes[0]) is None
    assert np.allclose(refiner._composer.moved(vectors[5], wishes), vectors[5])


def test_nearest_pictures_vote_by_kind() -> None:
    pictures = np.eye(3, dtype=np.float32)[[0, 0, 0, 1, 2]]
    kinds = Kinds.of(Rows(pictures), np.arange(5), ["shoe", "shoe", "boot", "hat", ""])
    votes = kinds.votes(np.array([1.0, 0.2, 0.0], np.float32))
    assert votes["shoe"] == pytest.approx(2 * votes["boot"], rel=1e-5)
    assert sum(votes.values()) == pytest.approx(1) and votes["hat"] < 1e-5
    assert Kinds(np.zeros((0, 3)), []).votes(np.ones(3)) == {}

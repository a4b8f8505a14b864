"""Edits in a toy space with a known answer: axes of type, colour and length, and noise."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from bowerbird.data.items import Catalogue, Item
from bowerbird.embed.index.rows import VectorRows, normalize_rows
from bowerbird.embed.search.edits.catalogue_facts import CatalogueWords
from bowerbird.embed.search.edits.modification import parse_modification
from bowerbird.embed.search.reranking import Reranker
from bowerbird.embed.search.type_votes import TypeVotes

TYPES, COLOURS, LENGTHS = ("Dress", "Skirt", "Coat"), ("red", "blue", "green", "black"), ("maxi", "mini")
EACH, DIM = 8, 24
N_STATED = len(TYPES) * len(COLOURS) * len(LENGTHS) * EACH


def make_items(unstated: bool) -> tuple[list[Item], np.ndarray]:
    """Every mix of type, colour and length, `EACH` times; then once more, without facts if `unstated`."""
    rng = np.random.default_rng(0)
    axes = np.linalg.qr(rng.normal(size=(DIM, DIM)))[0]
    mixes = list(itertools.product(range(len(TYPES)), range(len(COLOURS)), range(len(LENGTHS))))
    items, rows = [], []
    for copy in range(2 * EACH):
        for item_type, colour, length in mixes:
            has_facts = copy < EACH or not unstated
            attributes = {"type": TYPES[item_type], "colour": COLOURS[colour]} if has_facts else {}
            title = f"{LENGTHS[length]} {TYPES[item_type]}".lower() if has_facts else "thing"
            items.append(
                Item(
                    f"{TYPES[item_type]}-{COLOURS[colour]}-{LENGTHS[length]}-{copy}",
                    title,
                    attributes=attributes,
                )
            )
            centre = 1.5 * axes[item_type] + axes[3 + colour] + axes[7 + length]
            rows.append(centre + 0.06 * rng.normal(size=DIM))
    return items, normalize_rows(np.array(rows))


@pytest.fixture(scope="module", params=[False, True], ids=["stated", "unstated"])
def reranker(request: pytest.FixtureRequest) -> Reranker:
    items, vectors = make_items(request.param)
    catalogue = Catalogue.of(items)
    words = CatalogueWords.of(catalogue, np.arange(N_STATED))
    return Reranker(words, catalogue, VectorRows(vectors), VectorRows(vectors))


def search(reranker: Reranker, item_id: str, text: str, n: int = 4) -> list[str]:
    """Type, colour and length of the first items outside of the sample, for one of them and an edit."""
    catalogue, vectors = reranker._catalogue, reranker._rows.dense()
    position = catalogue.position[item_id]
    query = reranker.compose_picture(vectors[position], vectors[position])
    edited = reranker.apply(query, reranker.parse(text), np.zeros(DIM, np.float32))
    candidates = np.setdiff1d(np.arange(N_STATED, len(catalogue)), [position])
    ranking, scores = reranker.rerank(edited, candidates, vectors[candidates] @ edited.vector)
    assert (np.diff(scores) <= 0).all()
    return [catalogue.ids[row].rsplit("-", 1)[0] for row in ranking[:n]]


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
def test_named_attributes_change_and_others_stay(reranker: Reranker, text: str, expected: str) -> None:
    assert set(search(reranker, f"Skirt-red-mini-{EACH}", text)) == {expected}


def test_without_an_edit_the_item_comes_first(reranker: Reranker) -> None:
    assert set(search(reranker, f"Skirt-red-mini-{EACH}", "the same colour")) == {"Skirt-red-mini"}
    for text in ("is not red", "in a different colour"):
        items = search(reranker, f"Skirt-red-mini-{EACH}", text)
        assert all(item.startswith("Skirt") and "red" not in item and item.endswith("mini") for item in items)


def test_a_plain_sum_keeps_the_old_colour() -> None:
    """The test above can fail: the sum of the two vectors finds both colours."""
    items, vectors = make_items(unstated=False)
    position = next(row for row, item in enumerate(items) if item.item_id == f"Skirt-red-mini-{EACH}")
    blue = np.mean(
        [vector for vector, item in zip(vectors, items, strict=True) if "blue" in item.item_id], axis=0
    )
    best = np.argsort(-(vectors @ normalize_rows(vectors[position] + blue)))[:20]
    assert any("red" in items[row].item_id for row in best)


def test_an_edit_of_few_items_has_no_direction() -> None:
    items, vectors = make_items(unstated=False)
    rare = [Item(f"r{k}", "dress with fringes") for k in range(3)]
    catalogue = Catalogue.of([*items, *rare])
    words = CatalogueWords.of(catalogue)
    reranker = Reranker(words, catalogue, VectorRows(np.vstack([vectors, vectors[:3]])), None)
    edits = parse_modification("has fringes", words).edits
    assert edits and reranker._composer.direction(edits[0]) is None
    assert np.allclose(reranker._composer.apply_edits(vectors[5], edits), vectors[5])


def test_nearest_pictures_vote_by_type() -> None:
    pictures = np.eye(3, dtype=np.float32)[[0, 0, 0, 1, 2]]
    types = TypeVotes.of(VectorRows(pictures), np.arange(5), ["shoe", "shoe", "boot", "hat", ""])
    votes = types.vote(np.array([1.0, 0.2, 0.0], np.float32))
    assert votes["shoe"] == pytest.approx(2 * votes["boot"], rel=1e-5)
    assert sum(votes.values()) == pytest.approx(1) and votes["hat"] < 1e-5
    assert TypeVotes(np.zeros((0, 3)), []).vote(np.ones(3)) == {}

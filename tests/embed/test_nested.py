"""The layout of vectors whose first quarter stands alone, on a world whose neighbourhoods are known."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from bowerbird.embed.index.rows import unit
from bowerbird.embed.train.matryoshka import layout
from bowerbird.embed.train.neighbours import Strings
from bowerbird.embed.train.objective import Lesson, Material
from bowerbird.embed.train.tower import Views

KINDS, CLUSTERS, OF_EACH, DIM = 15, 60, 8, 32
NOBODY = Strings(*(np.zeros(0, np.int64) for _ in range(3)))


def world() -> np.ndarray:
    """Clusters of several kinds. Kinds differ most, but say little of who is near whom; a quarter of the
    directions holds what clusters of one kind differ in, another quarter the kinds, and the rest noise."""
    rng = np.random.default_rng(0)
    kinds = 2 * rng.normal(size=(KINDS, DIM // 4))[np.arange(CLUSTERS) % KINDS]
    own, nothing = rng.normal(size=(CLUSTERS, DIM // 4)), np.zeros((CLUSTERS, DIM // 2))
    centres = np.repeat(np.concatenate([kinds, own, nothing], axis=1), OF_EACH, axis=0)
    vectors = unit(centres + 0.3 * rng.normal(size=centres.shape))
    return (vectors @ np.linalg.qr(rng.normal(size=(DIM, DIM)))[0]).astype(np.float32)


def in_own_cluster(queries: np.ndarray, vectors: np.ndarray) -> float:
    """Share of the nearest `OF_EACH` - 1 others that are of the same cluster."""
    scores = queries @ vectors.T
    np.fill_diagonal(scores, -np.inf)
    nearest = np.argsort(-scores, axis=1)[:, : OF_EACH - 1]
    return float((nearest // OF_EACH == np.arange(len(vectors))[:, None] // OF_EACH).mean())


@pytest.fixture(scope="module")
def turned() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The world, its items laid out, and the same by their texts alone."""
    vectors = world()
    vectors[5] = 0
    texts = unit(vectors + 0.1 * np.random.default_rng(1).normal(size=vectors.shape)).astype(np.float32)
    turn = layout(vectors, (np.zeros_like(vectors), texts), NOBODY, seed=0)
    return vectors, vectors @ turn, texts @ turn


def test_whole_vectors_lose_nothing(turned: tuple[np.ndarray, ...]) -> None:
    vectors, laid_out, _ = turned
    assert np.abs(laid_out - vectors).max() > 0.1
    np.testing.assert_allclose(laid_out @ laid_out.T, vectors @ vectors.T, atol=1e-5)


def test_a_quarter_of_the_dimensions_beats_as_many_components(turned: tuple[np.ndarray, ...]) -> None:
    vectors, laid_out, _ = turned
    centred = vectors - vectors.mean(axis=0)
    axes = np.linalg.svd(centred, full_matrices=False)[2]
    whole = in_own_cluster(vectors, vectors)
    by_components = in_own_cluster(*[unit(vectors @ axes[: DIM // 4].T)] * 2)
    by_quarter = in_own_cluster(*[unit(laid_out[:, : DIM // 4])] * 2)
    assert by_components < 0.83 * whole, "too easy: components would do"
    assert by_quarter > 0.9 * whole


def test_the_other_dimensions_follow_by_variance(turned: tuple[np.ndarray, ...]) -> None:
    variance = turned[1].var(axis=0)[DIM // 4 :]
    assert (np.diff(variance) < 1e-6).all()


def test_a_text_alone_finds_its_cluster_by_the_quarter(turned: tuple[np.ndarray, ...]) -> None:
    _, laid_out, texts = turned
    nearest = (unit(texts[:, : DIM // 4]) @ unit(laid_out[:, : DIM // 4]).T).argmax(axis=1)
    found = (nearest // OF_EACH == np.arange(len(texts)) // OF_EACH).mean()
    assert found > 0.85


def test_a_tower_is_turned_with_what_only_its_items_learned() -> None:
    rng = np.random.default_rng(0)
    torch.manual_seed(0)
    shown, told = (rng.normal(size=(40, width)).astype(np.float32) for width in (20, 30))
    shown[:3] = told[2:6] = 0
    lesson = Lesson(Material(Views.of(shown, told), NOBODY), DIM, rng)
    torch.nn.init.normal_(lesson.tower.fusion.weight)
    torch.nn.init.normal_(lesson.offset.weight)
    before = lesson.vectors()
    texts = lesson.tower.encode(lesson.views.shown(0, 1))
    lesson.lay_out(seed=0)
    assert np.abs(lesson.vectors() - before).max() > 0.1
    np.testing.assert_allclose(lesson.vectors() @ lesson.vectors().T, before @ before.T, atol=1e-5)
    asked = lesson.tower.encode(lesson.views.shown(0, 1))
    np.testing.assert_allclose(asked @ lesson.vectors().T, texts @ before.T, atol=1e-5)


@pytest.mark.parametrize("items", [0, 1, 3])
def test_hardly_any_items(items: int) -> None:
    vectors = world()[:items]
    turn = layout(vectors, (np.zeros_like(vectors), np.zeros_like(vectors)), NOBODY, seed=0)
    np.testing.assert_allclose(turn @ turn.T, np.eye(DIM), atol=1e-5)

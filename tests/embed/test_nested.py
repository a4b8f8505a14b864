"""The first quarter of the published dimensions, on a world whose neighbourhoods are known."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from bowerbird.embed.neighbours import Strings
from bowerbird.embed.nested import Nested, teach
from bowerbird.embed.rows import unit

CLUSTERS, OF_EACH, DIM = 60, 8, 32
NOBODY = Strings(*(np.zeros(0, np.int64) for _ in range(3)))


def world() -> np.ndarray:
    """Clusters in every direction alike, so that no few directions tell them apart."""
    rng = np.random.default_rng(0)
    centres = np.repeat(rng.normal(size=(CLUSTERS, DIM)), OF_EACH, axis=0)
    return unit(centres + 0.8 * rng.normal(size=centres.shape))


def in_own_cluster(queries: np.ndarray, vectors: np.ndarray) -> float:
    """Share of the nearest `OF_EACH` - 1 others that are of the same cluster."""
    scores = queries @ vectors.T
    np.fill_diagonal(scores, -np.inf)
    nearest = np.argsort(-scores, axis=1)[:, : OF_EACH - 1]
    return float((nearest // OF_EACH == np.arange(len(vectors))[:, None] // OF_EACH).mean())


@pytest.fixture(scope="module")
def taught() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The world, its items by their texts alone, and both as published."""
    torch.manual_seed(0)
    vectors = world()
    vectors[5] = 0
    texts = unit(vectors + 0.1 * np.random.default_rng(1).normal(size=vectors.shape))
    nested = Nested(DIM)
    assert nested.published(vectors) is vectors, "until it is taught nothing changes"
    teach(nested, vectors, (np.zeros_like(vectors), texts), NOBODY, seed=0)
    return vectors, nested.published(vectors), nested.published(texts)


def test_a_quarter_of_the_dimensions_says_nearly_what_all_say(taught: tuple[np.ndarray, ...]) -> None:
    vectors, published, _ = taught
    centred = vectors - vectors.mean(axis=0)
    axes = np.linalg.svd(centred, full_matrices=False)[2]
    whole = in_own_cluster(vectors, vectors)
    by_components = in_own_cluster(*[unit(vectors @ axes[: DIM // 4].T)] * 2)
    by_quarter = in_own_cluster(*[unit(published[:, : DIM // 4])] * 2)
    assert by_components < 0.7 * whole, "too easy: components would do"
    assert by_quarter > 0.8 * whole
    assert in_own_cluster(published, published) > 0.97 * whole


def test_lengths_and_nothing_stay(taught: tuple[np.ndarray, ...]) -> None:
    vectors, published, _ = taught
    np.testing.assert_allclose(np.linalg.norm(published, axis=1), vectors.any(axis=1), atol=1e-5)


def test_a_text_alone_finds_its_item_by_the_quarter(taught: tuple[np.ndarray, ...]) -> None:
    _, published, texts = taught
    scores = unit(texts[:, : DIM // 4]) @ unit(published[:, : DIM // 4]).T
    own = scores.diagonal()[:, None]
    assert np.median((scores >= own).sum(axis=1)) == 1


@pytest.mark.parametrize("items", [0, 1, 3])
def test_hardly_any_items(items: int) -> None:
    vectors = world()[:items]
    nested = Nested(DIM)
    teach(nested, vectors, (np.zeros_like(vectors), np.zeros_like(vectors)), NOBODY, seed=0)
    assert np.isfinite(nested.published(vectors)).all()

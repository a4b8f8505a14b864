"""The rotation that makes the first quarter of vectors useful alone, on vectors of known neighbourhoods."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from bowerbird.embed.config import EmbedConfig
from bowerbird.embed.index.rows import normalize_rows
from bowerbird.embed.train.matryoshka import fit_matryoshka_rotation
from bowerbird.embed.train.neighbours import InteractionSequences
from bowerbird.embed.train.objective import TowerTrainer, TrainingDataset
from bowerbird.embed.train.tower import ModalityFeatures

CATEGORIES, CLUSTERS, PER_CLUSTER, DIM = 15, 60, 8, 32
NO_LIKES = InteractionSequences(*(np.zeros(0, np.int64) for _ in range(3)))


def make_vectors() -> np.ndarray:
    """Clusters in several categories. Categories have most of the variance, but say little about neighbours.
    A quarter of the directions separates clusters of one category, another the categories, the rest is
    noise."""
    rng = np.random.default_rng(0)
    category_centres = 2 * rng.normal(size=(CATEGORIES, DIM // 4))[np.arange(CLUSTERS) % CATEGORIES]
    cluster_centres, no_signal = rng.normal(size=(CLUSTERS, DIM // 4)), np.zeros((CLUSTERS, DIM // 2))
    centres = np.repeat(
        np.concatenate([category_centres, cluster_centres, no_signal], axis=1), PER_CLUSTER, axis=0
    )
    vectors = normalize_rows(centres + 0.3 * rng.normal(size=centres.shape))
    return (vectors @ np.linalg.qr(rng.normal(size=(DIM, DIM)))[0]).astype(np.float32)


def cluster_precision(queries: np.ndarray, vectors: np.ndarray) -> float:
    """Share of the nearest `OF_EACH` - 1 others that are of the same cluster."""
    scores = queries @ vectors.T
    np.fill_diagonal(scores, -np.inf)
    nearest = np.argsort(-scores, axis=1)[:, : PER_CLUSTER - 1]
    return float((nearest // PER_CLUSTER == np.arange(len(vectors))[:, None] // PER_CLUSTER).mean())


@pytest.fixture(scope="module")
def rotated() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Vectors, the same rotated, and rotated vectors of the texts alone."""
    vectors = make_vectors()
    vectors[5] = 0
    texts = normalize_rows(vectors + 0.1 * np.random.default_rng(1).normal(size=vectors.shape)).astype(
        np.float32
    )
    rotation = fit_matryoshka_rotation(vectors, (np.zeros_like(vectors), texts), NO_LIKES, seed=0)
    return vectors, vectors @ rotation, texts @ rotation


def test_whole_vectors_lose_nothing(rotated: tuple[np.ndarray, ...]) -> None:
    vectors, rotated_vectors, _ = rotated
    assert np.abs(rotated_vectors - vectors).max() > 0.1
    np.testing.assert_allclose(rotated_vectors @ rotated_vectors.T, vectors @ vectors.T, atol=1e-5)


def test_a_quarter_of_the_dimensions_beats_as_many_components(rotated: tuple[np.ndarray, ...]) -> None:
    vectors, rotated_vectors, _ = rotated
    centred = vectors - vectors.mean(axis=0)
    axes = np.linalg.svd(centred, full_matrices=False)[2]
    whole = cluster_precision(vectors, vectors)
    by_components = cluster_precision(*[normalize_rows(vectors @ axes[: DIM // 4].T)] * 2)
    by_quarter = cluster_precision(*[normalize_rows(rotated_vectors[:, : DIM // 4])] * 2)
    assert by_components < 0.83 * whole, "too easy: components would do"
    assert by_quarter > 0.9 * whole


def test_the_other_dimensions_follow_by_variance(rotated: tuple[np.ndarray, ...]) -> None:
    variance = rotated[1].var(axis=0)[DIM // 4 :]
    assert (np.diff(variance) < 1e-6).all()


def test_a_text_alone_finds_its_cluster_by_the_quarter(rotated: tuple[np.ndarray, ...]) -> None:
    _, rotated_vectors, texts = rotated
    nearest = (
        normalize_rows(texts[:, : DIM // 4]) @ normalize_rows(rotated_vectors[:, : DIM // 4]).T
    ).argmax(axis=1)
    precision = (nearest // PER_CLUSTER == np.arange(len(texts)) // PER_CLUSTER).mean()
    assert precision > 0.85


def test_a_tower_is_rotated_with_its_offsets() -> None:
    rng = np.random.default_rng(0)
    torch.manual_seed(0)
    image, text = (rng.normal(size=(40, width)).astype(np.float32) for width in (20, 30))
    image[:3] = text[2:6] = 0
    trainer = TowerTrainer(
        TrainingDataset(ModalityFeatures.of(image, text), NO_LIKES), EmbedConfig(dim=DIM), rng
    )
    torch.nn.init.normal_(trainer.tower.fusion.weight)
    torch.nn.init.normal_(trainer.offset.weight)
    vectors = trainer.encode_items()
    text_vectors = trainer.tower.encode(trainer.features.mask(0, 1))
    trainer.order_dimensions(seed=0)
    assert np.abs(trainer.encode_items() - vectors).max() > 0.1
    np.testing.assert_allclose(
        trainer.encode_items() @ trainer.encode_items().T, vectors @ vectors.T, atol=1e-5
    )
    rotated_text_vectors = trainer.tower.encode(trainer.features.mask(0, 1))
    np.testing.assert_allclose(
        rotated_text_vectors @ trainer.encode_items().T, text_vectors @ vectors.T, atol=1e-5
    )


@pytest.mark.parametrize("items", [0, 1, 3])
def test_hardly_any_items(items: int) -> None:
    vectors = make_vectors()[:items]
    rotation = fit_matryoshka_rotation(
        vectors, (np.zeros_like(vectors), np.zeros_like(vectors)), NO_LIKES, seed=0
    )
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(DIM), atol=1e-5)

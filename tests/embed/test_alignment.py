"""The orthogonal map between two versions of a space."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bowerbird.embed.index.rows import normalize_rows
from bowerbird.embed.train.alignment import fit_rotation, rotate_tower
from bowerbird.embed.train.tower import ModalityFeatures, Tower

SEEDS = st.integers(0, 10_000)


def orthogonal(rng: np.random.Generator, dim: int) -> np.ndarray:
    return np.linalg.qr(rng.normal(size=(dim, dim)))[0].astype(np.float32)


@given(SEEDS, st.integers(2, 12))
@settings(max_examples=40)
def test_a_rotated_space_is_rotated_back(seed: int, dim: int) -> None:
    rng = np.random.default_rng(seed)
    old, rotation = normalize_rows(rng.normal(size=(20 * dim, dim))), orthogonal(rng, dim)
    np.testing.assert_allclose((old @ rotation) @ fit_rotation(old @ rotation, old), old, atol=1e-2)


@given(SEEDS)
@settings(max_examples=40)
def test_no_other_orthogonal_map_comes_nearer_and_similarities_stay(seed: int) -> None:
    rng = np.random.default_rng(seed)
    new, old = normalize_rows(rng.normal(size=(200, 6))), normalize_rows(rng.normal(size=(200, 6)))
    best = fit_rotation(new, old)
    np.testing.assert_allclose(best @ best.T, np.eye(6), atol=1e-5)
    best_cosines = (new @ best * old).sum()
    assert all((new @ orthogonal(rng, 6) * old).sum() <= best_cosines + 1e-3 * 200 for _ in range(20))


def test_directions_that_no_item_uses_are_not_rotated() -> None:
    rng = np.random.default_rng(0)
    in_three_directions = np.zeros((50, 8), np.float32)
    in_three_directions[:, :3] = normalize_rows(rng.normal(size=(50, 3)))
    rotation = np.eye(8, dtype=np.float32)
    rotation[:3, :3] = orthogonal(rng, 3)
    np.testing.assert_allclose(
        fit_rotation(in_three_directions @ rotation, in_three_directions), rotation.T, atol=1e-2
    )
    np.testing.assert_allclose(
        fit_rotation(in_three_directions[:0], in_three_directions[:0]), np.eye(8), atol=1e-6
    )


def test_a_rotated_tower_rotates_every_query() -> None:
    rng = np.random.default_rng(0)
    torch.manual_seed(0)
    features = ModalityFeatures.of(
        rng.normal(size=(30, 5)).astype(np.float32), rng.normal(size=(30, 7)).astype(np.float32)
    )
    tower = Tower(5, 7, 6)
    tower.initialize_from(features)
    torch.nn.init.normal_(tower.fusion.weight)
    extra = rng.normal(size=(30, 6)).astype(np.float32)
    vectors = tower.encode(features, torch.from_numpy(extra))
    rotation = orthogonal(rng, 6)
    tower.load_state_dict(rotate_tower(tower.state_dict(), rotation))
    np.testing.assert_allclose(
        tower.encode(features, torch.from_numpy(extra @ rotation)), vectors @ rotation, atol=1e-5
    )

"""The orthogonal map between two versions of a space."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bowerbird.embed.index.rows import unit
from bowerbird.embed.train.alignment import rotation, turned
from bowerbird.embed.train.tower import Tower, Views

SEEDS = st.integers(0, 10_000)


def orthogonal(rng: np.random.Generator, dim: int) -> np.ndarray:
    return np.linalg.qr(rng.normal(size=(dim, dim)))[0].astype(np.float32)


@given(SEEDS, st.integers(2, 12))
@settings(max_examples=40, deadline=None)
def test_a_turned_space_is_turned_back(seed: int, dim: int) -> None:
    rng = np.random.default_rng(seed)
    old, turn = unit(rng.normal(size=(20 * dim, dim))), orthogonal(rng, dim)
    np.testing.assert_allclose((old @ turn) @ rotation(old @ turn, old), old, atol=1e-2)


@given(SEEDS)
@settings(max_examples=40, deadline=None)
def test_no_other_orthogonal_map_comes_nearer_and_similarities_stay(seed: int) -> None:
    rng = np.random.default_rng(seed)
    new, old = unit(rng.normal(size=(200, 6))), unit(rng.normal(size=(200, 6)))
    best = rotation(new, old)
    np.testing.assert_allclose(best @ best.T, np.eye(6), atol=1e-5)
    closeness = (new @ best * old).sum()
    assert all((new @ orthogonal(rng, 6) * old).sum() <= closeness + 1e-3 * 200 for _ in range(20))


def test_directions_that_no_item_uses_stay() -> None:
    rng = np.random.default_rng(0)
    flat = np.zeros((50, 8), np.float32)
    flat[:, :3] = unit(rng.normal(size=(50, 3)))
    turn = np.eye(8, dtype=np.float32)
    turn[:3, :3] = orthogonal(rng, 3)
    np.testing.assert_allclose(rotation(flat @ turn, flat), turn.T, atol=1e-2)
    np.testing.assert_allclose(rotation(flat[:0], flat[:0]), np.eye(8), atol=1e-6)


def test_a_turned_tower_turns_every_query() -> None:
    rng = np.random.default_rng(0)
    torch.manual_seed(0)
    views = Views.of(rng.normal(size=(30, 5)).astype(np.float32), rng.normal(size=(30, 7)).astype(np.float32))
    tower = Tower(5, 7, 6)
    tower.start_from(views)
    torch.nn.init.normal_(tower.fusion.weight)
    extra = rng.normal(size=(30, 6)).astype(np.float32)
    before = tower.encode(views, torch.from_numpy(extra))
    turn = orthogonal(rng, 6)
    tower.load_state_dict(turned(tower.state_dict(), turn))
    np.testing.assert_allclose(tower.encode(views, torch.from_numpy(extra @ turn)), before @ turn, atol=1e-5)

"""Vectors as they lie on disk, against the vectors that were put there."""

from pathlib import Path

import numpy as np
import pytest

from bowerbird.embed.index.rows import Rows, int8_of, unit


@pytest.fixture
def vectors() -> np.ndarray:
    rows = unit(np.random.default_rng(0).normal(size=(50, 64)) * np.linspace(1, 0.05, 64))
    rows[7] = 0.0
    return rows


@pytest.mark.parametrize(("kept", "angle"), [("float16", 1e-3), ("int8", 1.5e-2)])
def test_kept_vectors_come_back_in_direction_and_length(
    tmp_path: Path, vectors: np.ndarray, kept: str, angle: float
) -> None:
    np.save(tmp_path / "v.npy", int8_of(vectors) if kept == "int8" else vectors.astype(np.float16))
    rows = Rows.opened(tmp_path / "v.npy")
    assert isinstance(rows.kept, np.memmap)
    back = rows[np.arange(50)]
    assert back.dtype == np.float32
    known = np.flatnonzero(rows.known)
    assert known.tolist() == [k for k in range(50) if k != 7]
    assert np.linalg.norm(back[known], axis=1) == pytest.approx(1.0, abs=1e-6)
    assert np.linalg.norm(back[known] - vectors[known], axis=1).max() < angle
    assert not back[7].any()


def test_in_another_order_with_some_missing(vectors: np.ndarray) -> None:
    rows = Rows(vectors, np.array([3, -1, 7, 0]))
    expected = np.stack([vectors[3], np.zeros(64), np.zeros(64), vectors[0]])
    assert rows.known.tolist() == [True, False, False, True]
    assert np.allclose(rows[np.arange(4)], expected, atol=1e-6)
    assert np.allclose(rows.dense(), expected, atol=1e-6)
    assert np.allclose(rows[np.array(3)], vectors[0], atol=1e-6)


def test_blocks_together_are_all_rows(vectors: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bowerbird.embed.index.rows.BLOCK", 16)  # the last one is short
    rows = Rows(vectors)
    assert [start for start, _ in rows.blocks()] == [0, 16, 32, 48]
    assert np.array_equal(rows.dense(), unit(vectors))
    assert Rows(vectors[:0]).dense().shape == (0, 64)

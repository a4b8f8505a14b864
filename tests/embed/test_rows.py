"""Stored vectors, against the vectors that were written."""

from pathlib import Path

import numpy as np
import pytest

from bowerbird.embed.index.rows import VectorRows, normalize_rows, quantize_int8


@pytest.fixture
def vectors() -> np.ndarray:
    rows = normalize_rows(np.random.default_rng(0).normal(size=(50, 64)) * np.linspace(1, 0.05, 64))
    rows[7] = 0.0
    return rows


@pytest.mark.parametrize(("precision", "angle"), [("float16", 1e-3), ("int8", 1.5e-2)])
def test_stored_vectors_keep_direction_and_length(
    tmp_path: Path, vectors: np.ndarray, precision: str, angle: float
) -> None:
    np.save(tmp_path / "v.npy", quantize_int8(vectors) if precision == "int8" else vectors.astype(np.float16))
    rows = VectorRows.open(tmp_path / "v.npy")
    assert isinstance(rows.stored, np.memmap)
    read_vectors = rows[np.arange(50)]
    assert read_vectors.dtype == np.float32
    with_vector = np.flatnonzero(rows.has_vector)
    assert with_vector.tolist() == [row for row in range(50) if row != 7]
    assert np.linalg.norm(read_vectors[with_vector], axis=1) == pytest.approx(1.0, abs=1e-6)
    assert np.linalg.norm(read_vectors[with_vector] - vectors[with_vector], axis=1).max() < angle
    assert not read_vectors[7].any()


def test_in_another_order_with_some_missing(vectors: np.ndarray) -> None:
    rows = VectorRows(vectors, np.array([3, -1, 7, 0]))
    expected = np.stack([vectors[3], np.zeros(64), np.zeros(64), vectors[0]])
    assert rows.has_vector.tolist() == [True, False, False, True]
    assert np.allclose(rows[np.arange(4)], expected, atol=1e-6)
    assert np.allclose(rows.dense(), expected, atol=1e-6)
    assert np.allclose(rows[np.array(3)], vectors[0], atol=1e-6)


def test_blocks_together_are_all_rows(vectors: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bowerbird.embed.index.rows.BLOCK", 16)  # the last one is short
    rows = VectorRows(vectors)
    assert [start for start, _ in rows.blocks()] == [0, 16, 32, 48]
    assert np.array_equal(rows.dense(), normalize_rows(vectors))
    assert VectorRows(vectors[:0]).dense().shape == (0, 64)

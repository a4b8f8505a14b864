"""Groups of vectors that lie close together: spherical k-means, and trees over its centres."""

from __future__ import annotations

import numpy as np

ROUNDS = 12  # of k-means
FINER, MOST_FINE = 8, 800
"""Centres for each group wanted, before Ward's method joins them: so many, and at most so many in all."""
SAMPLE = 20_000  # rows that the centres are found on


def spherical_means(rows: np.ndarray, count: int) -> np.ndarray:
    """Centres of length 1, (count, D), of rows (N, D) (Dhillon & Modha, 2001); drawn far apart at first, with
    a fixed seed."""
    if not count:
        return np.zeros((0, rows.shape[1]), np.float32)
    generator = np.random.default_rng(0)
    sample = rows[np.sort(generator.permutation(len(rows))[:SAMPLE])]
    centres = _far_apart(sample, count, generator)
    for _ in range(ROUNDS):
        group = nearest_centre(sample, centres)
        sums = np.zeros_like(centres)
        np.add.at(sums, group, sample)
        lengths = np.linalg.norm(sums, axis=1, keepdims=True)
        centres = np.where(lengths > 1e-6, sums / np.maximum(lengths, 1e-6), centres).astype(np.float32)
    return centres


def joined_means(rows: np.ndarray, count: int) -> np.ndarray:
    """Centres of length 1, at most `count`, (K, D), of rows (N, D): many by k-means, joined by Ward's method
    (Ward, 1963).

    k-means alone splits what is large and joins what is small; a tree over finer centres follows the gaps.
    """
    from scipy.cluster.hierarchy import fcluster, linkage

    if not count:
        return np.zeros((0, rows.shape[1]), np.float32)
    rows = rows[np.sort(np.random.default_rng(0).permutation(len(rows))[:SAMPLE])]
    fine = spherical_means(rows, min(len(rows), max(count, min(FINER * count, MOST_FINE))))
    if len(fine) <= count:
        return fine
    tree = fcluster(linkage(fine.astype(np.float64), "ward"), count, "maxclust")
    number = np.unique(tree, return_inverse=True)[1][nearest_centre(rows, fine)]
    sums = np.stack([rows[number == k].sum(axis=0) for k in range(number.max() + 1)])
    lengths = np.linalg.norm(sums, axis=1, keepdims=True)
    centres: np.ndarray = (sums / np.maximum(lengths, 1e-12))[lengths[:, 0] > 1e-6].astype(np.float32)
    return centres


def _far_apart(rows: np.ndarray, count: int, generator: np.random.Generator) -> np.ndarray:
    """k-means++ seeds (Arthur & Vassilvitskii, 2007): each drawn by its squared distance to those before."""
    chosen = [int(generator.integers(len(rows)))]
    distance = np.full(len(rows), np.inf)
    for _ in range(count - 1):
        distance = np.minimum(distance, np.maximum(0.0, 2 - 2 * (rows @ rows[chosen[-1]])))
        total = distance.sum()
        odds = distance / total if total > 0 else None
        chosen.append(int(generator.choice(len(rows), p=odds)))
    centres: np.ndarray = rows[chosen].astype(np.float32)
    return centres


def grouped(matrix: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """Number of the nearest centre of each item, (items,); -1 for items without a vector."""
    known = np.flatnonzero(matrix.any(axis=1))
    group = np.full(len(matrix), -1, np.int64)
    if len(known):
        group[known] = nearest_centre(matrix[known], centres)
    return group


def nearest_centre(rows: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """Number of the centre with the highest dot product, (N,)."""
    blocks = [(rows[start : start + 4096] @ centres.T).argmax(1) for start in range(0, len(rows), 4096)]
    return np.concatenate(blocks)


def united(centres: np.ndarray, count: int) -> np.ndarray:
    """Which of at most `count` larger groups each centre (K, D) belongs to, (K,) int64, numbered in the order
    of their first centre: average linkage of cosines (Sokal & Michener, 1958), cut where so many are left."""
    from scipy.cluster.hierarchy import fcluster, linkage

    if len(centres) < 2:
        return np.zeros(len(centres), np.int64)
    # Centres have length 1, so squared distances are 2 - 2 cosines; 0 of equal ones stays no trouble.
    tree = linkage(centres.astype(np.float64), "average", "sqeuclidean")
    found = fcluster(tree, count, "maxclust")
    _, first, inverse = np.unique(found, return_index=True, return_inverse=True)
    place: np.ndarray = np.argsort(np.argsort(first))[inverse].astype(np.int64)
    return place

"""Groups of vectors that lie close together: spherical k-means, and trees over its centres."""

from __future__ import annotations

import numpy as np

from bowerbird.data.arrays import FloatArray, IntArray
from bowerbird.taste.config import ClusteringConfig

DEFAULT = ClusteringConfig()


def spherical_kmeans(rows: FloatArray, count: int, config: ClusteringConfig = DEFAULT) -> FloatArray:
    """Centres of length 1, (count, D), of rows (N, D), by spherical k-means.

    Each centre is the normalised sum of its rows, c_k = Σ x / |Σ x| (Dhillon & Modha, "Concept Decompositions
    for Large Sparse Text Data Using Clustering", 2001). Seeded by k-means++ with a fixed random seed.
    """
    if not count:
        return np.zeros((0, rows.shape[1]), np.float32)
    generator = np.random.default_rng(0)
    sample = rows[np.sort(generator.permutation(len(rows))[: config.sample])]
    centres = _seed_centres(sample, count, generator)
    for _ in range(config.iterations):
        group = nearest_centre(sample, centres)
        sums = np.zeros_like(centres)
        np.add.at(sums, group, sample)
        lengths = np.linalg.norm(sums, axis=1, keepdims=True)
        # An empty group, or one whose rows cancel out, keeps its centre.
        centres = np.where(lengths > 1e-6, sums / np.maximum(lengths, 1e-6), centres).astype(np.float32)
    return centres


def ward_kmeans(rows: FloatArray, count: int, config: ClusteringConfig = DEFAULT) -> FloatArray:
    """Centres of length 1, at most `count`, (K, D), of rows (N, D): fine k-means centres, joined by Ward's
    method (Ward, "Hierarchical Grouping to Optimize an Objective Function", 1963).

    k-means alone splits large groups and joins small ones; a tree over finer centres follows the gaps.
    """
    from scipy.cluster.hierarchy import fcluster, linkage

    if not count:
        return np.zeros((0, rows.shape[1]), np.float32)
    rows = rows[np.sort(np.random.default_rng(0).permutation(len(rows))[: config.sample])]
    n_fine = max(count, min(config.fine_per_group * count, config.max_fine))
    fine = spherical_kmeans(rows, min(len(rows), n_fine), config)
    if len(fine) <= count:
        return fine
    cluster_of_centre = fcluster(linkage(fine.astype(np.float64), "ward"), count, "maxclust")
    number = np.unique(cluster_of_centre, return_inverse=True)[1][nearest_centre(rows, fine)]
    sums = np.stack([rows[number == k].sum(axis=0) for k in range(number.max() + 1)])
    lengths = np.linalg.norm(sums, axis=1, keepdims=True)
    centres: FloatArray = (sums / np.maximum(lengths, 1e-12))[lengths[:, 0] > 1e-6].astype(np.float32)
    return centres


def _seed_centres(rows: FloatArray, count: int, generator: np.random.Generator) -> FloatArray:
    """k-means++ seeds (Arthur & Vassilvitskii, 2007): each sampled with a probability proportional to its
    squared distance to the nearest earlier one."""
    seeds = [int(generator.integers(len(rows)))]
    distance = np.full(len(rows), np.inf)
    for _ in range(count - 1):
        # |x − c|² = 2 − 2·x·c for rows of length 1
        distance = np.minimum(distance, np.maximum(0.0, 2 - 2 * (rows @ rows[seeds[-1]])))
        total = distance.sum()
        probabilities = distance / total if total > 0 else None
        seeds.append(int(generator.choice(len(rows), p=probabilities)))
    centres: FloatArray = rows[seeds].astype(np.float32)
    return centres


def assign_groups(matrix: FloatArray, centres: FloatArray) -> IntArray:
    """Number of the nearest centre of each item, (items,); -1 for items without a vector."""
    has_vector = np.flatnonzero(matrix.any(axis=1))
    group = np.full(len(matrix), -1, np.int64)
    if len(has_vector):
        group[has_vector] = nearest_centre(matrix[has_vector], centres)
    return group


def nearest_centre(rows: FloatArray, centres: FloatArray) -> IntArray:
    """Number of the centre with the highest dot product, (N,)."""
    # In blocks: all products of a large catalogue would not fit into memory.
    blocks = [(rows[start : start + 4096] @ centres.T).argmax(1) for start in range(0, len(rows), 4096)]
    return np.concatenate(blocks)


def merge_centres(centres: FloatArray, count: int) -> IntArray:
    """Number of the larger group, of at most `count`, that each centre (K, D) belongs to, (K,) int64.

    By average linkage of cosines (Sokal & Michener, "A Statistical Method for Evaluating Systematic
    Relationships", 1958). Groups are numbered in the order of their first centre.
    """
    from scipy.cluster.hierarchy import fcluster, linkage

    if len(centres) < 2:
        return np.zeros(len(centres), np.int64)
    # Centres have length 1, so squared distances are 2 - 2 cosines; 0 of equal ones does no harm.
    tree = linkage(centres.astype(np.float64), "average", "sqeuclidean")
    cluster = fcluster(tree, count, "maxclust")
    _, first, inverse = np.unique(cluster, return_index=True, return_inverse=True)
    number: IntArray = np.argsort(np.argsort(first))[inverse].astype(np.int64)
    return number

"""Rotates the tower's vectors so that the first quarter of their dimensions is useful alone.

Whitened content spreads its information evenly over all directions: cut short after their principal
components, vectors lose much of their recall. So the first directions are learned: those along which
neighbourhoods are most like those of the whole vectors (a prefix that is useful by itself: Matryoshka;
Kusupati et al., NeurIPS 2022). The others follow by falling variance. All together they are a rotation, so
whole vectors lose nothing: every dot product stays the same.

The directions are learned by distillation: among items near each other, the softmax of their similarities
follows that of the whole vectors, for items, for their picture or text alone, and for means of a few items,
as user histories are. So they are learned even where the tower learned nothing from likes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch.nn.functional import log_softmax, normalize, softmax

from bowerbird.data.arrays import DoubleArray, FloatArray, IntArray
from bowerbird.embed.config import DEFAULTS, MatryoshkaConfig
from bowerbird.embed.train.neighbours import InteractionSequences
from bowerbird.progress import track


@dataclass(frozen=True)
class MatryoshkaBatch:
    """M different items, which are queries and candidates, and groups of them whose means are queries."""

    positions: torch.Tensor  # (M,) of the items
    groups: torch.Tensor  # (G, k) indices into `positions`


def fit_matryoshka_rotation(
    vectors: FloatArray,
    single_modality: tuple[FloatArray, FloatArray],
    sequences: InteractionSequences,
    seed: int,
    config: MatryoshkaConfig = DEFAULTS.matryoshka,
) -> FloatArray:
    """Fit the orthogonal R (D, D) for which the first quarter of `vectors @ R`, (N, D), is useful
    alone.

    `single_modality`: vectors of the items' pictures alone and of their texts alone, (N, D) each, zeros for
    items that lack one of the two. With fewer than three items there is nothing to learn from, and R is the
    identity.
    """
    usable = np.flatnonzero(vectors.any(axis=1))
    dim = vectors.shape[1]
    if len(usable) < 3:
        return np.eye(dim, dtype=np.float32)
    sequences = sequences.without(np.flatnonzero(~vectors.any(axis=1)), np.zeros(0, np.int64))
    rng, whole = np.random.default_rng(seed), torch.from_numpy(vectors)
    usable_vectors = vectors[usable].astype(np.float64)
    prefix_dim = dim // config.prefix_fraction
    spanning = torch.from_numpy(_sort_by_variance(usable_vectors, np.eye(dim))[:, :prefix_dim]).float()
    spanning.requires_grad_(True)
    steps = min(config.max_steps, max(config.min_steps, len(usable) // config.items_per_step))
    optimizer = torch.optim.Adam([spanning], lr=config.learning_rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, config.learning_rate, total_steps=steps, pct_start=config.warm_up / steps
    )
    modalities = [torch.from_numpy(modality) for modality in single_modality]
    for _ in track(range(steps), "ordering the dimensions"):
        batch = sample_batch(whole, usable, sequences, rng, config)
        axes = torch.linalg.qr(spanning)[0]  # an optimizer step leaves the axes neither unit nor orthogonal
        batch_modalities = [modality[batch.positions] for modality in modalities]
        loss = _distillation_loss(
            axes, whole[batch.positions], batch_modalities, batch.groups, config.temperature
        )
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
    basis, _ = np.linalg.qr(spanning.detach().double().numpy(), mode="complete")
    prefix_axes, other_axes = np.split(basis, [prefix_dim], axis=1)
    rotation = np.concatenate([prefix_axes, _sort_by_variance(usable_vectors, other_axes)], axis=1)
    return rotation.astype(np.float32)


def _sort_by_variance(vectors: DoubleArray, basis: DoubleArray) -> DoubleArray:
    """An orthonormal basis of the space of `basis` (D, K), by falling variance of `vectors` (N, D): PCA."""
    projected = (vectors - vectors.mean(axis=0)) @ basis
    sorted_basis: DoubleArray = basis @ np.linalg.eigh(projected.T @ projected)[1][:, ::-1]
    return sorted_basis


def sample_batch(
    whole: torch.Tensor,
    usable: IntArray,
    sequences: InteractionSequences,
    rng: np.random.Generator,
    config: MatryoshkaConfig = DEFAULTS.matryoshka,
) -> MatryoshkaBatch:
    """Sample groups of items, of one user's likes or at random, with their nearest items and random ones."""
    groups = np.stack(
        [
            _sample_group(usable, sequences if number % 2 else None, config.group_size, rng)
            for number in range(config.groups)
        ]
    )
    grouped = torch.from_numpy(groups)
    queries = torch.cat([whole[grouped.reshape(-1)], whole[grouped].mean(1)])
    nearest = (queries @ whole.T).topk(min(config.nearest, len(whole)), dim=1).indices.reshape(-1)
    random_items = torch.from_numpy(rng.choice(usable, config.random_items))
    positions = torch.unique(torch.cat([grouped.reshape(-1), nearest, random_items]))  # sorted
    return MatryoshkaBatch(positions, torch.searchsorted(positions, grouped))


def _sample_group(
    usable: IntArray, sequences: InteractionSequences | None, size: int, rng: np.random.Generator
) -> IntArray:
    """Sample the items of a group, (size,): likes around a random one of the same user, or any items."""
    if sequences is None or not len(sequences):
        return rng.choice(usable, size)
    like = int(rng.integers(len(sequences)))
    window = np.arange(max(0, like - 2 * size), min(len(sequences), like + 2 * size))
    window = window[sequences.owner[window] == sequences.owner[like]]
    items: IntArray = sequences.items[rng.choice(window, size)]
    return items


def _distillation_loss(
    axes: torch.Tensor,
    whole: torch.Tensor,
    modalities: list[torch.Tensor],
    groups: torch.Tensor,
    temperature: float,
) -> torch.Tensor:
    """Distance of neighbourhoods along the `axes` (D, K) from those of the whole vectors (M, D), in nats.

    KL divergence of the softmax over the M items, for queries of three kinds: each item (which does not find
    itself), each modality alone of it (which does), and the means of `groups` (G, k), which do not find their
    own.
    """
    size = len(whole)
    prefix = normalize(whole @ axes, dim=1)
    is_self = torch.eye(size, dtype=torch.bool)
    in_group = torch.zeros(len(groups), size, dtype=torch.bool).scatter_(1, groups, True)
    rows_with_modality = [torch.nonzero(modality.any(1))[:, 0] for modality in modalities]
    whole_queries = [
        normalize(whole[groups].mean(1), dim=1),
        whole,
        *(whole[rows] for rows in rows_with_modality),
    ]
    prefix_queries = [normalize(prefix[groups].mean(1), dim=1), prefix]
    prefix_queries += [
        normalize(modality[rows] @ axes, dim=1)
        for modality, rows in zip(modalities, rows_with_modality, strict=True)
    ]
    excluded = torch.cat(
        [in_group, is_self, *(torch.zeros_like(is_self[rows]) for rows in rows_with_modality)]
    )
    teacher = (torch.cat(whole_queries) @ whole.T / temperature).masked_fill(excluded, -1e4)
    student = (torch.cat(prefix_queries) @ prefix.T / temperature).masked_fill(excluded, -1e4)
    divergence = (softmax(teacher, 1) * (log_softmax(teacher, 1) - log_softmax(student, 1))).sum(1)
    kinds = torch.split(divergence, [len(groups), size, *map(len, rows_with_modality)])
    return torch.stack([kind.mean() for kind in kinds if len(kind)]).sum()

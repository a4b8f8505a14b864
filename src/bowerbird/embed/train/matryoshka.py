"""Turns the tower's vectors so that the first quarter of their dimensions stands alone.

Whitened content spreads what it knows evenly over all directions: cut short after their principal components,
vectors lose much of what they find. So the directions that come first are learnt: those along which
neighbourhoods are most like the whole vectors' (a beginning that is of use by itself: Matryoshka, Kusupati et
al., NeurIPS 2022). The others follow by falling variance. All together they are a rotation, so whole vectors
lose nothing: every product of two stays what it was.

The directions learn by distillation: among items near each other, the softmax of their similarities follows
that of the whole vectors, for items, for their picture or text alone, and for means of a few items, as
people's histories are. They learn also where likes taught the tower nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch.nn.functional import log_softmax, normalize, softmax

from bowerbird.embed.train.neighbours import Strings
from bowerbird.progress import track

SHORTEST = 4
"""The part that stands alone: one in so many dimensions."""
ITEMS_A_STEP, STEPS_AT_LEAST, STEPS_AT_MOST = 16, 200, 800
GROUPS, OF_GROUP = 4, 4
"""Means in a batch, and items of each; half of them from one person's likes."""
NEAREST, AT_RANDOM = 16, 128
"""So many of the nearest of each such item and mean are in the batch, and so many others."""
TEMPERATURE = 0.1
LEARNING_RATE, WARM_UP = 2e-3, 30


@dataclass(frozen=True)
class Batch:
    """M different items, all of which are candidates, and what asks for them."""

    rows: torch.Tensor  # (M,) positions
    groups: torch.Tensor  # (G, k) places in `rows`: whose mean asks


def layout(
    vectors: np.ndarray, alone: tuple[np.ndarray, np.ndarray], strings: Strings, seed: int
) -> np.ndarray:
    """The orthogonal R (D, D) float32 by which the first quarter of `vectors @ R`, (N, D), stands alone.

    `alone` are the vectors of the items' pictures alone and of their texts alone, (N, D) each, zeros where an
    item has not both. With fewer than three items there is nothing to learn from, and R is the identity.
    """
    usable = np.flatnonzero(vectors.any(axis=1))
    dim = vectors.shape[1]
    if len(usable) < 3:
        return np.eye(dim, dtype=np.float32)
    strings = strings.without(np.flatnonzero(~vectors.any(axis=1)), np.zeros(0, np.int64))
    rng, whole = np.random.default_rng(seed), torch.from_numpy(vectors)
    some = vectors[usable].astype(np.float64)
    spanning = torch.from_numpy(_by_variance(some, np.eye(dim))[:, : dim // SHORTEST]).float()
    spanning.requires_grad_(True)
    steps = min(STEPS_AT_MOST, max(STEPS_AT_LEAST, len(usable) // ITEMS_A_STEP))
    optimizer = torch.optim.Adam([spanning], lr=LEARNING_RATE)
    falling = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, LEARNING_RATE, total_steps=steps, pct_start=WARM_UP / steps
    )
    sides = [torch.from_numpy(side) for side in alone]
    for _ in track(range(steps), "laying out the dimensions"):
        batch = batch_of(whole, usable, strings, rng)
        first = torch.linalg.qr(spanning)[0]  # of length 1 and at right angles, whatever a step made of them
        loss = _distance(first, whole[batch.rows], [side[batch.rows] for side in sides], batch.groups)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        falling.step()
    whole_basis, _ = np.linalg.qr(spanning.detach().double().numpy(), mode="complete")
    first_axes, others = np.split(whole_basis, [dim // SHORTEST], axis=1)
    turn: np.ndarray = np.concatenate([first_axes, _by_variance(some, others)], axis=1)
    return turn.astype(np.float32)


def _by_variance(vectors: np.ndarray, basis: np.ndarray) -> np.ndarray:
    """An orthonormal basis of the same space as `basis` (D, K), by falling variance of `vectors` (N, D)."""
    seen = (vectors - vectors.mean(axis=0)) @ basis
    turned: np.ndarray = basis @ np.linalg.eigh(seen.T @ seen)[1][:, ::-1]
    return turned


def batch_of(whole: torch.Tensor, usable: np.ndarray, strings: Strings, rng: np.random.Generator) -> Batch:
    """A few groups of items, of one person's likes or by chance, with their neighbours, and others."""
    groups = np.stack([_group(usable, strings if k % 2 else None, rng) for k in range(GROUPS)])
    chosen = torch.from_numpy(groups)
    asking = torch.cat([whole[chosen.reshape(-1)], whole[chosen].mean(1)])
    near = (asking @ whole.T).topk(min(NEAREST, len(whole)), dim=1).indices.reshape(-1)
    others = torch.from_numpy(rng.choice(usable, AT_RANDOM))
    rows = torch.unique(torch.cat([chosen.reshape(-1), near, others]))  # sorted
    return Batch(rows, torch.searchsorted(rows, chosen))


def _group(usable: np.ndarray, strings: Strings | None, rng: np.random.Generator) -> np.ndarray:
    """Items whose mean is to find what theirs would, (k,): the likes around one, or any."""
    if strings is None or not len(strings):
        return rng.choice(usable, OF_GROUP)
    like = int(rng.integers(len(strings)))
    around = np.arange(max(0, like - 2 * OF_GROUP), min(len(strings), like + 2 * OF_GROUP))
    around = around[strings.owner[around] == strings.owner[like]]
    items: np.ndarray = strings.items[rng.choice(around, OF_GROUP)]
    return items


def _distance(
    axes: torch.Tensor, whole: torch.Tensor, alone: list[torch.Tensor], groups: torch.Tensor
) -> torch.Tensor:
    """How far neighbourhoods along the `axes` (D, K) are from those of the whole vectors (M, D), in nats.

    KL of the softmax over the M items of what asks: each item (that does not find itself), what each side
    alone says of it (which does), and the means of `groups` (G, k), which do not find their own.
    """
    size = len(whole)
    first = normalize(whole @ axes, dim=1)
    own = torch.eye(size, dtype=torch.bool)
    in_group = torch.zeros(len(groups), size, dtype=torch.bool).scatter_(1, groups, True)
    sides = [torch.nonzero(side.any(1))[:, 0] for side in alone]
    asked = [normalize(whole[groups].mean(1), dim=1), whole, *(whole[rows] for rows in sides)]
    asking = [normalize(first[groups].mean(1), dim=1), first]
    asking += [normalize(side[rows] @ axes, dim=1) for side, rows in zip(alone, sides, strict=True)]
    hidden = torch.cat([in_group, own, *(torch.zeros_like(own[rows]) for rows in sides)])
    wanted = (torch.cat(asked) @ whole.T / TEMPERATURE).masked_fill(hidden, -1e4)
    said = (torch.cat(asking) @ first.T / TEMPERATURE).masked_fill(hidden, -1e4)
    lost = (softmax(wanted, 1) * (log_softmax(wanted, 1) - log_softmax(said, 1))).sum(1)
    parts = torch.split(lost, [len(groups), size, *map(len, sides)])
    return torch.stack([part.mean() for part in parts if len(part)]).sum()

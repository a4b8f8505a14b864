"""Lays the tower's vectors out so that the first quarter of their dimensions stands alone.

Whitened content spreads what it knows evenly over all directions: cut short, its vectors lose most of what
they find, and no rotation mends that. So the first quarter of what is published is a map of its own, made to
say the same neighbourhoods as the tower's whole vector; the rest are the directions in which those differ
most, so that the whole says more than its beginning (Matryoshka, Kusupati et al., NeurIPS 2022).

The map learns by distillation: among items near each other, the softmax of its similarities follows that of
the tower's, for items, for their picture or text alone, and for means of a few items, as people's histories
are. It learns also where likes taught the tower nothing. Updates keep it as it is, and stay in its space.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn
from torch.nn.functional import gelu, log_softmax, normalize, softmax

from bowerbird.embed.neighbours import Strings
from bowerbird.progress import track

SHORTEST = 4
"""The part that stands alone: one in so many dimensions."""
WEIGHT = 0.25
"""What that part counts in the product of two whole vectors."""
HIDDEN = 512
ITEMS_A_STEP, STEPS_AT_LEAST, STEPS_AT_MOST = 16, 200, 800
GROUPS, OF_GROUP = 4, 4
"""Means in a batch, and items of each; half of them from one person's likes."""
NEAREST, AT_RANDOM = 16, 128
"""So many of the nearest of each such item and mean are in the batch, and so many others."""
TEMPERATURE = 0.1
LEARNING_RATE, WARM_UP = 2e-3, 30
BLOCK = 16_384


class Nested(nn.Module):
    """The map of the tower's vectors (N, D) to published ones, (N, D) of length 1, or 0 where theirs is."""

    def __init__(self, dim: int) -> None:
        """Until it is taught, nothing changes."""
        super().__init__()
        self.first = dim // SHORTEST
        self.register_buffer("taught", torch.zeros(()))
        self.register_buffer("rest", torch.zeros(dim, dim - self.first))
        self.straight = nn.Linear(dim, self.first, bias=False)
        self.inner = nn.Linear(dim, HIDDEN)
        self.outer = nn.Linear(HIDDEN, self.first, bias=False)
        nn.init.zeros_(self.outer.weight)
        self.requires_grad_(False)  # only `teach` changes it

    def beginning(self, vectors: torch.Tensor) -> torch.Tensor:
        """The part that stands alone, (N, D) -> (N, D / 4) of length 1."""
        # Rows have length 1; the inner layer is made for numbers of size 1.
        bent = self.outer(gelu(self.inner(vectors * vectors.shape[1] ** 0.5)))
        return normalize(self.straight(vectors) + bent, dim=1)

    @torch.inference_mode()
    def published(self, vectors: np.ndarray) -> np.ndarray:
        """(N, D) float32 -> (N, D) float32."""
        if not self.taught:
            return vectors
        parts = [np.zeros((0, vectors.shape[1]), np.float32)]
        for start in range(0, len(vectors), BLOCK):
            block = torch.from_numpy(vectors[start : start + BLOCK])
            rest = normalize(block @ self.rest, dim=1)
            whole = torch.cat([WEIGHT**0.5 * self.beginning(block), (1 - WEIGHT) ** 0.5 * rest], dim=1)
            parts.append((normalize(whole, dim=1) * block.any(dim=1, keepdim=True)).numpy())
        return np.concatenate(parts)

    taught: torch.Tensor
    rest: torch.Tensor


@dataclass(frozen=True)
class Batch:
    """M different items, all of which are candidates, and what asks for them."""

    rows: torch.Tensor  # (M,) positions
    groups: torch.Tensor  # (G, k) places in `rows`: whose mean asks


def teach(
    nested: Nested, vectors: np.ndarray, alone: tuple[np.ndarray, np.ndarray], strings: Strings, seed: int
) -> None:
    """Teach the map on the tower's vectors (N, D) of all items; `alone` are those of their pictures alone and
    their texts alone, (N, D) each, zeros where an item has not both."""
    usable = np.flatnonzero(vectors.any(axis=1))
    if len(usable) < 3:
        return
    strings = strings.without(np.flatnonzero(~vectors.any(axis=1)), np.zeros(0, np.int64))
    rng, whole = np.random.default_rng(seed), torch.from_numpy(vectors)
    some = whole[torch.from_numpy(usable)].double()
    _, axes = torch.linalg.eigh(some.T @ some - len(some) * torch.outer(some.mean(0), some.mean(0)))
    axes = axes.flip(1).float()  # by falling variance
    nested.rest.copy_(axes[:, : nested.rest.shape[1]])
    nested.straight.weight.data.copy_(axes[:, : nested.first].T)
    nested.requires_grad_(True)
    steps = min(STEPS_AT_MOST, max(STEPS_AT_LEAST, len(usable) // ITEMS_A_STEP))
    optimizer = torch.optim.Adam(nested.parameters(), lr=LEARNING_RATE)
    falling = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, LEARNING_RATE, total_steps=steps, pct_start=WARM_UP / steps
    )
    sides = [torch.from_numpy(side) for side in alone]
    for _ in track(range(steps), "laying out the dimensions"):
        batch = batch_of(whole, usable, strings, rng)
        loss = _distance(nested, whole[batch.rows], [side[batch.rows] for side in sides], batch.groups)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        falling.step()
    nested.requires_grad_(False)
    nested.taught.fill_(1.0)


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
    nested: Nested, whole: torch.Tensor, alone: list[torch.Tensor], groups: torch.Tensor
) -> torch.Tensor:
    """How far neighbourhoods in the first dimensions are from those of the tower's vectors (M, D), in nats.

    KL of the softmax over the M items of what asks: each item (that does not find itself), what each side
    alone says of it (which does), and the means of `groups` (G, k), which do not find their own.
    """
    size = len(whole)
    first = nested.beginning(whole)
    own = torch.eye(size, dtype=torch.bool)
    in_group = torch.zeros(len(groups), size, dtype=torch.bool).scatter_(1, groups, True)
    sides = [torch.nonzero(side.any(1))[:, 0] for side in alone]
    asked = [normalize(whole[groups].mean(1), dim=1), whole, *(whole[rows] for rows in sides)]
    asking = [normalize(first[groups].mean(1), dim=1), first]
    asking += [nested.beginning(side[rows]) for side, rows in zip(alone, sides, strict=True)]
    hidden = torch.cat([in_group, own, *(torch.zeros_like(own[rows]) for rows in sides)])
    wanted = (torch.cat(asked) @ whole.T / TEMPERATURE).masked_fill(hidden, -1e4)
    said = (torch.cat(asking) @ first.T / TEMPERATURE).masked_fill(hidden, -1e4)
    lost = (softmax(wanted, 1) * (log_softmax(wanted, 1) - log_softmax(said, 1))).sum(1)
    parts = torch.split(lost, [len(groups), size, *map(len, sides)])
    return torch.stack([part.mean() for part in parts if len(part)]).sum()

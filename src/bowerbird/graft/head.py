"""The retrieval head: from the language model's state at `<recommend>` back into item space.

    query = unit(skip · mean + (W state + b) ⊙ (1 + gain[outcome]) + shift[outcome])

`mean` is the recency-weighted mean of the history's vectors, the strongest simple recommender: the head
starts from it and adds what the language model knows. `W, b` come in closed form (ridge from states to the
next items' vectors), then everything is trained by a softmax over the whole catalogue. Nothing is sampled,
so no correction for sampling (logQ) is due.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn


class RetrievalHead(nn.Module):
    """(B, hidden) states, (B, dim) means of histories, (B,) outcomes → (B, dim) queries of length 1."""

    def __init__(self, hidden: int, dim: int, outcomes: int) -> None:
        super().__init__()
        self.centre: Tensor
        self.spread: Tensor
        self.register_buffer("centre", torch.zeros(hidden))
        self.register_buffer("spread", torch.ones(hidden))
        self.project = nn.Linear(hidden, dim)
        self.skip = nn.Parameter(torch.tensor(1.0))
        self.gain = nn.Embedding(outcomes, dim)
        self.shift = nn.Embedding(outcomes, dim)
        nn.init.zeros_(self.gain.weight)
        nn.init.zeros_(self.shift.weight)
        self.log_sharpness = nn.Parameter(torch.tensor(2.5))
        """Logarithm of the factor from cosine to logit; used in training only."""

    def forward(self, states: Tensor, means: Tensor, outcomes: Tensor) -> Tensor:
        return torch.nn.functional.normalize(
            self.skip * means + self.read(states) * (1 + self.gain(outcomes)) + self.shift(outcomes), dim=-1
        )

    def read(self, states: Tensor) -> Tensor:
        """What the state alone says, (B, dim), not normalised."""
        read: Tensor = self.project((states - self.centre) / self.spread)
        return read

    @torch.no_grad()
    def start_from(self, states: np.ndarray, weight: np.ndarray, bias: np.ndarray, skip: float) -> None:
        """Take a linear map found on standardised `states` (n, hidden): (hidden, dim) and (dim,)."""
        centre, spread = standard(states)
        self.centre.copy_(torch.from_numpy(centre))
        self.spread.copy_(torch.from_numpy(spread))
        self.project.weight.copy_(torch.from_numpy(weight.T))
        self.project.bias.copy_(torch.from_numpy(bias))
        self.skip.fill_(skip)


def standard(states: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and spread of each feature, the spread at least a thousandth of the largest."""
    spread = states.std(0)
    return states.mean(0), np.maximum(spread, 1e-3 * spread.max() + 1e-8)

"""From an item vector to one soft token: what the language model reads in an item's place.

    token = scale · unit(W v + b + MLP(v))

`W, b` come in closed form: a ridge regression from item vectors to the mean embedding of the telling words
that the catalogue says about the item, so an item is readable before any training step. The MLP's last layer
starts at zero (the gate), so training starts from that solution and, the language model being frozen, from
an unharmed model. `scale` is the typical norm of a token embedding: far longer soft tokens would drown words.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn


class Connector(nn.Module):
    """(n, dim) item vectors → (n, hidden) soft tokens."""

    def __init__(self, dim: int, hidden: int, token_norm: float = 1.0) -> None:
        super().__init__()
        self.linear = nn.Linear(dim, hidden)
        self.mlp = nn.Sequential(nn.Linear(dim, 2 * hidden), nn.GELU(), nn.Linear(2 * hidden, hidden))
        last = self.mlp[2]
        assert isinstance(last, nn.Linear)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)
        self.scale = nn.Parameter(torch.tensor(float(token_norm)))

    def forward(self, vectors: Tensor) -> Tensor:
        # Standing at the vectors' own scale (entries of about 1) makes one learning rate fit every width.
        raw = self.linear(vectors) + self.mlp(vectors * vectors.shape[-1] ** 0.5)
        unit = torch.nn.functional.normalize(raw, dim=-1)
        return self.scale * unit

    @torch.no_grad()
    def start_from(self, vectors: np.ndarray, words: np.ndarray, strength: float = 0.1) -> None:
        """Set `W, b` so that `vectors` (n, dim) map to `words` (n, hidden), means of word embeddings."""
        weight, bias = ridge(vectors, words, strength)
        self.linear.weight.copy_(torch.from_numpy(weight.T))
        self.linear.bias.copy_(torch.from_numpy(bias))


def ridge(inputs: np.ndarray, outputs: np.ndarray, strength: float) -> tuple[np.ndarray, np.ndarray]:
    """Ridge regression with an unpenalised intercept: weights (p, q) and intercept (q,), float32.

    `strength` is relative to the inputs' mean variance times their number, so it needs no retuning by scale.

    >>> weight, bias = ridge(np.array([[0.0], [1.0], [2.0]]), np.array([[1.0], [3.0], [5.0]]), strength=0.0)
    >>> weight.round(3).tolist(), bias.round(3).tolist()
    ([[2.0]], [1.0])
    """
    x, y = np.asarray(inputs, np.float64), np.asarray(outputs, np.float64)
    centre_x, centre_y = x.mean(0), y.mean(0)
    x, y = x - centre_x, y - centre_y
    gram = x.T @ x
    gram += np.eye(len(gram)) * (strength * np.trace(gram) / len(gram) + 1e-9)
    weight = np.linalg.solve(gram, x.T @ y)
    return weight.astype(np.float32), (centre_y - centre_x @ weight).astype(np.float32)

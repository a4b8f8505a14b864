"""The connector (projector): maps an item vector to the k soft tokens that the language model reads.

    token_j = scale_j · unit(W_j v + b_j + MLP(v)_j + kind_j)          j = 1 … k

`W, b` are initialised in closed form: a ridge regression from item vectors to the (IDF-weighted) mean
embeddings of the words of the item's caption, so an item is readable before any training step. The MLP's last
layer and the kind embeddings start at zero, so training starts exactly from that solution. `scale_j` is the
typical norm of a token embedding: much longer soft tokens would dominate the words in attention.

`kind_j` is an embedding of the token kind: items, user tastes, interests, collections and query pictures
share one vector space, but the language model must not confuse them.
"""

from __future__ import annotations

import hashlib
from enum import IntEnum

import numpy as np
import torch
from torch import Tensor, nn

from bowerbird.choices import MAX_TOKENS_PER_ITEM
from bowerbird.data.arrays import FloatArray
from bowerbird.errors import InputError


class TokenKind(IntEnum):
    """What a soft token's vector represents."""

    ITEM = 0
    TASTE = 1
    INTEREST = 2
    COLLECTION = 3
    PICTURE = 4


class Connector(nn.Module):
    """Maps (n, dim) vectors of (n,) kinds to (n, k, hidden) soft tokens."""

    def __init__(self, dim: int, hidden: int, token_norm: float = 1.0, tokens: int = 1) -> None:
        super().__init__()
        if not 1 <= tokens <= MAX_TOKENS_PER_ITEM:
            raise InputError(f"an item is 1 to {MAX_TOKENS_PER_ITEM} soft tokens, not {tokens}")
        self.hidden, self.tokens = hidden, tokens
        self.linear = nn.Linear(dim, tokens * hidden)
        self.mlp = nn.Sequential(
            nn.Linear(dim, 2 * hidden), nn.GELU(), nn.Linear(2 * hidden, tokens * hidden)
        )
        self.kind = nn.Embedding(len(TokenKind), tokens * hidden)
        last = self.mlp[2]
        assert isinstance(last, nn.Linear)
        for gate in (last.weight, last.bias, self.kind.weight):
            nn.init.zeros_(gate)
        self.scale = nn.Parameter(torch.full((tokens, 1), float(token_norm)))

    @property
    def fingerprint(self) -> str:
        """A hash of the weights: what was trained on other soft tokens is told by it."""
        digest = hashlib.blake2b(digest_size=8)
        for name, weight in sorted(self.state_dict().items()):
            digest.update(name.encode() + weight.cpu().numpy().tobytes())
        return digest.hexdigest()

    def forward(self, vectors: Tensor, kinds: Tensor | None = None) -> Tensor:
        """`kinds` (n,) int64 of `TokenKind`; None: all are items."""
        vectors = vectors.to(self.scale.device)
        # Scaling unit vectors to entries of about 1 lets one learning rate fit every width.
        projected = self.linear(vectors) + self.mlp(vectors * vectors.shape[-1] ** 0.5)
        projected = projected + (
            self.kind.weight[TokenKind.ITEM] if kinds is None else self.kind(kinds.to(vectors.device))
        )
        directions = torch.nn.functional.normalize(
            projected.unflatten(-1, (self.tokens, self.hidden)), dim=-1
        )
        return self.scale * directions

    @torch.no_grad()
    def initialise(self, vectors: FloatArray, words: FloatArray, strength: float = 0.1) -> None:
        """Fit `W, b` so that `vectors` (n, dim) map to `words` (n, k, hidden), means of word embeddings."""
        weight, bias = fit_ridge(vectors, words.reshape(len(words), -1), strength)
        self.linear.weight.copy_(torch.from_numpy(weight.T))
        self.linear.bias.copy_(torch.from_numpy(bias))


def fit_ridge(inputs: FloatArray, outputs: FloatArray, strength: float) -> tuple[FloatArray, FloatArray]:
    """Fit a ridge regression with an unpenalised intercept: weights (p, q) and intercept (q,), float32.

    Solves (XᵀX + λI) W = XᵀY on centred X, Y (Hoerl & Kennard, Technometrics 1970).

    λ is `strength` times the mean diagonal of XᵀX, so it does not depend on the inputs' scale or number.

    >>> x, y = np.array([[0.0], [1.0], [2.0]]), np.array([[1.0], [3.0], [5.0]])
    >>> weight, bias = fit_ridge(x, y, strength=0.0)
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

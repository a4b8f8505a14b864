"""SASRec: next-item prediction by causal self-attention over a user's likes (Kang & McAuley, ICDM 2018).

Trained with cross-entropy over all items instead of one sampled negative: with it SASRec is at least as good
as BERT4Rec (Klenitskiy & Vasilev, "Turning Dross Into Gold Loss", RecSys 2023).
The softmax runs over the items with training likes: of others it could only learn that they never come.

As published it needs many users to improve on popularity; with hundreds it hardly does (see docs/log.md). It
is therefore initialised with what is known before any training, and trained on what the tests measure:

- The output has a bias per item, initialised to the logarithm of its likes: popularity need not be learned.
- Item vectors start as the right singular vectors of the likes, attention as the plain mean of the liked
  items and the feed-forward layer as 0, so that the untrained network folds a history into a factor model.
- Every position predicts its next `horizon` likes with equal weights (1: the next like, as published).
- Earlier likes are left out of the softmax, as they are left out of every ranking.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from scipy.sparse.linalg import svds
from torch import nn

from bowerbird.data.arrays import FloatArray, IntArray
from bowerbird.data.interactions import Interactions
from bowerbird.evaluate.baselines.iterative import IterativeRanker

_STEP_POSITIONS = 300  # of the windows of one training step
_LOSS_POSITIONS = 100  # of those, sampled at each step: neighbours have nearly the same targets
_BATCH_HISTORIES = 256  # encoded in one forward pass


class SASRec(IterativeRanker):
    """`width` dimensions per item, `blocks` of attention over the last `length` likes; round = epoch."""

    name = "SASRec"
    max_rounds = 24
    validate_every = 1
    patience = 3

    def __init__(
        self,
        width: int = 64,
        dropout: float = 0.4,
        learning_rate: float = 1e-3,
        horizon: int = 5,
        length: int = 200,
        blocks: int = 1,
        seed: int = 0,
    ) -> None:
        self.width = width
        self.dropout = dropout
        self.learning_rate = learning_rate
        self.horizon = horizon
        """Number of next likes that each position of a sequence predicts; 1: the next, as published."""
        self.length = length
        self.blocks = blocks
        self.seed = seed

    @property
    def settings(self) -> Mapping[str, Any]:
        """Width, dropout, learning rate, horizon, length, blocks and rounds."""
        names = ("width", "dropout", "learning_rate", "horizon", "length", "blocks")
        return {**{name: getattr(self, name) for name in names}, **super().settings}

    def initialise(self, likes: Any, liked: Interactions) -> None:
        """Collect the sequences, and start the network as a factor model."""
        self._n_items = liked.n_items
        self._liked_items = np.unique(liked.item)
        self._number_of_item = np.full(liked.n_items, -1, np.int64)
        self._number_of_item[self._liked_items] = np.arange(len(self._liked_items))
        self._sequences = [self._to_numbers(history.items) for _, history in liked.histories()]
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            self._net = _Network(len(self._liked_items), self.width, self.blocks, self.dropout, self.length)
        if len(self._liked_items):
            self._net.initialise_from(likes[:, self._liked_items])
        self._optimizer = torch.optim.Adam(self._net.parameters(), lr=self.learning_rate, betas=(0.9, 0.98))
        self._rng = np.random.default_rng(self.seed)

    def train_round(self) -> None:
        """Train for one epoch."""
        self._net.train()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(self._rng.integers(2**31)))  # of dropout
            self._train_epoch()
        self._net.eval()

    def score_likes(self, likes: Sequence[IntArray]) -> FloatArray:
        """Encode each history and multiply with the item embeddings."""
        scores = np.zeros((len(likes), self._n_items), np.float32)
        sequences = [self._to_numbers(items)[-self.length :] for items in likes]
        with_likes = np.flatnonzero([len(sequence) > 0 for sequence in sequences])
        scores[np.ix_(with_likes, self._number_of_item < 0)] = np.finfo(np.float32).min
        for start in range(0, len(with_likes), _BATCH_HISTORIES):
            rows = with_likes[start : start + _BATCH_HISTORIES]
            batch = _pad([sequences[row] for row in rows], len(self._liked_items))
            last = torch.tensor([len(sequences[row]) - 1 for row in rows])
            with torch.no_grad():
                states = self._net(batch)[torch.arange(len(rows)), last]
                scores[np.ix_(rows, self._liked_items)] = self._net.logits(states).numpy()
        return scores

    def _train_epoch(self) -> None:
        windows = [window for sequence in self._sequences for window in self._cut_windows(sequence)]
        order = self._rng.permutation(len(windows))
        n_positions = np.cumsum([len(windows[k][0]) for k in order])
        # Batches of about `_STEP_POSITIONS` positions, however long the windows are.
        for batch in np.split(order, np.flatnonzero(np.diff(n_positions // _STEP_POSITIONS)) + 1):
            if not len(batch):
                continue
            loss = self._loss([windows[k] for k in batch])
            self._optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            self._optimizer.step()

    def _loss(self, windows: Sequence[tuple[IntArray, IntArray]]) -> torch.Tensor:
        """Mean over sampled positions of the mean -log p of their next likes."""
        padding = len(self._liked_items)
        inputs = _pad([items for items, _ in windows], padding)  # (B, T)
        targets = _pad([next_items for _, next_items in windows], padding)  # (B, T, horizon)
        rows, positions = torch.nonzero(inputs < padding, as_tuple=True)
        sample = torch.from_numpy(self._rng.permutation(len(rows))[:_LOSS_POSITIONS])
        rows, positions = rows[sample], positions[sample]
        logits = self._net.logits(self._net(inputs)[rows, positions])  # (S, liked items)
        # The items up to each position can't come again: out of the softmax.
        is_past = torch.arange(inputs.shape[1]) <= positions[:, None]
        past_items = torch.where(is_past, inputs[rows], padding)
        logits = nn.functional.pad(logits, (0, 1)).scatter(1, past_items, -1e9)[:, :padding]
        next_items = targets[rows, positions]
        is_target = next_items < padding
        log_p = torch.log_softmax(logits, dim=1).gather(1, next_items.clamp(max=padding - 1)) * is_target
        loss: torch.Tensor = -(log_p.sum(dim=1) / is_target.sum(dim=1)).mean()
        return loss

    def _cut_windows(self, sequence: IntArray) -> list[tuple[IntArray, IntArray]]:
        """Windows of `length`, the first cut at random: (n,) input items, (n, horizon) next items."""
        last = len(sequence) - 1
        if last < 1:
            return []
        next_positions = np.arange(last)[:, None] + np.arange(1, self.horizon + 1)
        next_items = np.where(
            next_positions <= last, sequence[np.minimum(next_positions, last)], len(self._liked_items)
        )
        cuts = np.arange(self._rng.integers(1, self.length + 1), last, self.length)
        return list(zip(np.split(sequence[:-1], cuts), np.split(next_items, cuts), strict=True))

    def _to_numbers(self, items: IntArray) -> IntArray:
        """Positions in the catalogue -> numbers among the liked items, each at its first occurrence."""
        numbers = self._number_of_item[items]
        numbers = numbers[numbers >= 0]
        first: IntArray = numbers[np.sort(np.unique(numbers, return_index=True)[1])]
        return first


def _pad(sequences: Sequence[IntArray], padding: int) -> torch.Tensor:
    """Stack sequences, padded at their ends: (B, longest, …) int64."""
    tensors = [torch.from_numpy(sequence) for sequence in sequences]
    return nn.utils.rnn.pad_sequence(tensors, batch_first=True, padding_value=padding)


class _Network(nn.Module):
    """Item numbers (B, T) -> states (B, T, width); the number `n_items` is padding, at the ends of rows."""

    def __init__(self, n_items: int, width: int, blocks: int, dropout: float, length: int) -> None:
        super().__init__()
        self.items = nn.Embedding(n_items + 1, width, padding_idx=n_items)
        self.positions = nn.Embedding(length, width)
        for embedding in (self.items, self.positions):
            nn.init.normal_(embedding.weight, std=width**-0.5)
        self.bias = nn.Parameter(torch.zeros(n_items))
        self.dropout = nn.Dropout(dropout)
        block = nn.TransformerEncoderLayer(width, 1, width, dropout, batch_first=True, norm_first=True)
        self.blocks = nn.TransformerEncoder(block, blocks, nn.LayerNorm(width), enable_nested_tensor=False)

    def forward(self, numbers: torch.Tensor) -> torch.Tensor:
        """Compute the states after each item of a batch of sequences."""
        positions = torch.arange(numbers.shape[1])
        mask = nn.Transformer.generate_square_subsequent_mask(len(positions))
        states = self.dropout(self.items(numbers) + self.positions(positions))
        output: torch.Tensor = self.blocks(states, mask=mask, is_causal=True)
        return output

    def logits(self, states: torch.Tensor) -> torch.Tensor:
        """States (..., width) -> (..., items)."""
        return states @ self.items.weight[:-1].T + self.bias

    @torch.no_grad()
    def initialise_from(self, likes: Any) -> None:
        """Start as a factor model of binary likes (P, items): popularity, and the mean of the liked items."""
        n_likers = np.maximum(np.asarray(likes.sum(axis=0), np.float64).ravel(), 1.0)
        self.bias.copy_(torch.from_numpy(np.log(n_likers)))
        width = self.items.embedding_dim
        rank = min(width, *(size - 1 for size in likes.shape))
        if rank > 0:
            # Columns of length 1: otherwise the first directions would repeat popularity.
            normalised = likes.multiply(1 / np.sqrt(n_likers)).tocsc()
            _, singular_values, items = svds(normalised, k=rank, random_state=0)
            vectors = items.T * np.sqrt(singular_values / singular_values.max())
            vectors /= np.linalg.norm(vectors, axis=1).mean()
            self.items.weight[:-1, :rank] = torch.from_numpy(vectors).float()
        for block in self.blocks.layers:
            queries_and_keys, values = block.self_attn.in_proj_weight.split([2 * width, width])
            queries_and_keys.mul_(0.1)  # close to equal weights
            nn.init.eye_(values)
            nn.init.eye_(block.self_attn.out_proj.weight)
            nn.init.zeros_(block.linear2.weight)

"""SASRec: what comes next, by causal self-attention over a person's likes (Kang & McAuley, ICDM 2018).

Trained with cross-entropy over all items instead of one sampled negative: with it SASRec is at least as good
as BERT4Rec (Klenitskiy & Vasilev, "Turning Dross Into Gold Loss", RecSys 2023).
The softmax runs over the items that training likes name: of others it could only learn that they never come.

As published it needs many people to get beyond popularity; with hundreds it hardly does (see docs/log.md). It
is therefore started from what is known before any training, and asked for what the tests ask for:

- The output has a bias an item, at first the logarithm of its likes: popularity need not be learnt.
- Item vectors start as the right singular vectors of the likes, attention as the plain mean of what was liked
  and the feed-forward part as nothing, so that the untrained network folds a history into a factor model.
- Every place is asked for its next `horizon` likes with equal weights (1: for the next like, as published).
- What was liked before is left out of the softmax, as it is of every ranking.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from scipy.sparse.linalg import svds
from torch import nn

from bowerbird.data.interactions import Interactions
from bowerbird.evaluate.baselines.rounds import RoundsRanker

_PLACES = 300  # of the windows of one step
_ASKED = 100  # of those places, drawn anew each time: neighbours ask for nearly the same
_HISTORIES = 256  # encoded at once


class SASRec(RoundsRanker):
    """`width` numbers an item, `blocks` of attention over the last `length` likes; a round is an epoch."""

    name = "SASRec"
    at_most = 24
    every = 1
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
        """How many next likes each place of a sequence is asked for; 1: for the next, as published."""
        self.length = length
        self.blocks = blocks
        self.seed = seed

    @property
    def settings(self) -> Mapping[str, Any]:
        names = ("width", "dropout", "learning_rate", "horizon", "length", "blocks")
        return {**{name: getattr(self, name) for name in names}, **super().settings}

    def start(self, likes: Any, liked: Interactions) -> None:
        self._n_items = liked.n_items
        self._known = np.unique(liked.item)
        self._number = np.full(liked.n_items, -1, np.int64)
        self._number[self._known] = np.arange(len(self._known))
        self._sequences = [self._numbers(history.items) for _, history in liked.histories()]
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            self._net = _Network(len(self._known), self.width, self.blocks, self.dropout, self.length)
        if len(self._known):
            self._net.start_from(likes[:, self._known])
        self._optimizer = torch.optim.Adam(self._net.parameters(), lr=self.learning_rate, betas=(0.9, 0.98))
        self._rng = np.random.default_rng(self.seed)

    def advance(self) -> None:
        self._net.train()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(self._rng.integers(2**31)))  # of dropout
            self._epoch()
        self._net.eval()

    def score_likes(self, likes: Sequence[np.ndarray]) -> np.ndarray:
        scores = np.zeros((len(likes), self._n_items), np.float32)
        numbers = [self._numbers(items)[-self.length :] for items in likes]
        told = np.flatnonzero([len(items) > 0 for items in numbers])
        scores[np.ix_(told, self._number < 0)] = np.finfo(np.float32).min
        for start in range(0, len(told), _HISTORIES):
            rows = told[start : start + _HISTORIES]
            batch = _padded([numbers[row] for row in rows], len(self._known))
            last = torch.tensor([len(numbers[row]) - 1 for row in rows])
            with torch.no_grad():
                states = self._net(batch)[torch.arange(len(rows)), last]
                scores[np.ix_(rows, self._known)] = self._net.logits(states).numpy()
        return scores

    def _epoch(self) -> None:
        windows = [part for one in self._sequences for part in self._windows(one)]
        order = self._rng.permutation(len(windows))
        places = np.cumsum([len(windows[k][0]) for k in order])
        for some in np.split(order, np.flatnonzero(np.diff(places // _PLACES)) + 1):
            if not len(some):
                continue
            loss = self._loss([windows[k] for k in some])
            self._optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            self._optimizer.step()

    def _loss(self, windows: Sequence[tuple[np.ndarray, np.ndarray]]) -> torch.Tensor:
        """Mean over some places of the mean -log p of their later likes."""
        filler = len(self._known)
        given = _padded([shown for shown, _ in windows], filler)  # (B, T)
        wanted = _padded([later for _, later in windows], filler)  # (B, T, horizon)
        rows, places = torch.nonzero(given < filler, as_tuple=True)
        drawn = torch.from_numpy(self._rng.permutation(len(rows))[:_ASKED])
        rows, places = rows[drawn], places[drawn]
        logits = self._net.logits(self._net(given)[rows, places])  # (asked, known items)
        before = torch.arange(given.shape[1]) <= places[:, None]
        seen = torch.where(before, given[rows], filler)
        logits = nn.functional.pad(logits, (0, 1)).scatter(1, seen, -1e9)[:, :filler]
        later = wanted[rows, places]
        there = later < filler
        gains = torch.log_softmax(logits, dim=1).gather(1, later.clamp(max=filler - 1)) * there
        loss: torch.Tensor = -(gains.sum(dim=1) / there.sum(dim=1)).mean()
        return loss

    def _windows(self, sequence: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
        """A sequence in pieces of `length`, cut first at random: (n,) given, (n, horizon) later ones."""
        last = len(sequence) - 1
        if last < 1:
            return []
        places = np.arange(last)[:, None] + np.arange(1, self.horizon + 1)
        later = np.where(places <= last, sequence[np.minimum(places, last)], len(self._known))
        cuts = np.arange(self._rng.integers(1, self.length + 1), last, self.length)
        return list(zip(np.split(sequence[:-1], cuts), np.split(later, cuts), strict=True))

    def _numbers(self, items: np.ndarray) -> np.ndarray:
        """Positions in the catalogue -> numbers among the known items, each where it comes first."""
        numbers = self._number[items]
        numbers = numbers[numbers >= 0]
        kept: np.ndarray = numbers[np.sort(np.unique(numbers, return_index=True)[1])]
        return kept


def _padded(sequences: Sequence[np.ndarray], filler: int) -> torch.Tensor:
    """Sequences side by side, filled up behind: (B, longest, …) int64."""
    rows = [torch.from_numpy(one) for one in sequences]
    return nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=filler)


class _Network(nn.Module):
    """Item numbers (B, T) -> states (B, T, width); `n_items` is filler, which stands behind."""

    def __init__(self, n_items: int, width: int, blocks: int, dropout: float, length: int) -> None:
        super().__init__()
        self.items = nn.Embedding(n_items + 1, width, padding_idx=n_items)
        self.places = nn.Embedding(length, width)
        for table in (self.items, self.places):
            nn.init.normal_(table.weight, std=width**-0.5)
        self.bias = nn.Parameter(torch.zeros(n_items))
        self.dropout = nn.Dropout(dropout)
        block = nn.TransformerEncoderLayer(width, 1, width, dropout, batch_first=True, norm_first=True)
        self.blocks = nn.TransformerEncoder(block, blocks, nn.LayerNorm(width), enable_nested_tensor=False)

    def forward(self, numbers: torch.Tensor) -> torch.Tensor:
        places = torch.arange(numbers.shape[1])
        mask = nn.Transformer.generate_square_subsequent_mask(len(places))
        states = self.dropout(self.items(numbers) + self.places(places))
        out: torch.Tensor = self.blocks(states, mask=mask, is_causal=True)
        return out

    def logits(self, states: torch.Tensor) -> torch.Tensor:
        """States (..., width) -> (..., items)."""
        return states @ self.items.weight[:-1].T + self.bias

    @torch.no_grad()
    def start_from(self, likes: Any) -> None:
        """Start as a factor model of binary likes (P, items): popularity, and the mean of what was liked."""
        people = np.maximum(np.asarray(likes.sum(axis=0), np.float64).ravel(), 1.0)
        self.bias.copy_(torch.from_numpy(np.log(people)))
        width = self.items.embedding_dim
        rank = min(width, *(size - 1 for size in likes.shape))
        if rank > 0:
            # Each column of length 1: else the first directions tell popularity once more.
            _, strength, items = svds(likes.multiply(1 / np.sqrt(people)).tocsc(), k=rank, random_state=0)
            vectors = items.T * np.sqrt(strength / strength.max())
            vectors /= np.linalg.norm(vectors, axis=1).mean()
            self.items.weight[:-1, :rank] = torch.from_numpy(vectors).float()
        for block in self.blocks.layers:
            queries_and_keys, values = block.self_attn.in_proj_weight.split([2 * width, width])
            queries_and_keys.mul_(0.1)  # near to equal weights
            nn.init.eye_(values)
            nn.init.eye_(block.self_attn.out_proj.weight)
            nn.init.zeros_(block.linear2.weight)

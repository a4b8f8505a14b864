"""SASRec: the next item by causal self-attention over a person's likes (Kang & McAuley, ICDM 2018).

Trained with cross-entropy over all items instead of one sampled negative: with it SASRec is at least as good
as BERT4Rec (Klenitskiy & Vasilev, "Turning Dross Into Gold Loss", RecSys 2023).
The softmax runs over the items that training likes name: of others it could only learn that they never come.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from bowerbird.data.interactions import Interactions
from bowerbird.evaluate.baselines.rounds import RoundsRanker

_EPOCHS_A_ROUND = 2
_WINDOWS = 12  # of one step
_HISTORIES = 256  # encoded at once


class SASRec(RoundsRanker):
    """`width` numbers an item, `blocks` of attention over the last `length` likes; a round is two epochs."""

    name = "SASRec"
    at_most = 24
    every = 2
    patience = 4

    def __init__(
        self,
        width: int = 64,
        dropout: float = 0.4,
        learning_rate: float = 5e-3,
        horizon: int = 20,
        length: int = 50,
        blocks: int = 1,
        seed: int = 0,
    ) -> None:
        self.width = width
        self.dropout = dropout
        self.learning_rate = learning_rate
        self.horizon = horizon
        """Each place of a sequence is asked for one of so many next likes; 1: for the next, as published."""
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
        self._optimizer = torch.optim.Adam(self._net.parameters(), lr=self.learning_rate, betas=(0.9, 0.98))
        self._rng = np.random.default_rng(self.seed)

    def advance(self) -> None:
        self._net.train()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(self._rng.integers(2**31)))  # of dropout
            for _ in range(_EPOCHS_A_ROUND):
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
                scores[np.ix_(rows, self._known)] = (states @ self._net.items.weight[:-1].T).numpy()
        return scores

    def _epoch(self) -> None:
        windows = [part for one in self._sequences for part in self._windows(one)]
        order = self._rng.permutation(len(windows))
        for start in range(0, len(order), _WINDOWS):
            some = [windows[k] for k in order[start : start + _WINDOWS]]
            given, wanted = (_padded(part, len(self._known)) for part in zip(*some, strict=True))
            asked = wanted < len(self._known)
            logits = self._net(given)[asked] @ self._net.items.weight[:-1].T
            loss = nn.functional.cross_entropy(logits, wanted[asked])
            self._optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            self._optimizer.step()

    def _windows(self, sequence: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
        """A sequence cut into pieces of `length`, cut first at random, and a later like for each place."""
        last = len(sequence) - 1
        if last < 1:
            return []
        left = np.minimum(last - np.arange(last), self.horizon)
        later = sequence[np.arange(last) + self._rng.integers(1, left + 1)]
        cuts = np.arange(self._rng.integers(1, self.length + 1), last, self.length)
        return list(zip(np.split(sequence[:-1], cuts), np.split(later, cuts), strict=True))

    def _numbers(self, items: np.ndarray) -> np.ndarray:
        """Positions in the catalogue -> numbers among the known items, the unknown left out."""
        numbers = self._number[items]
        kept: np.ndarray = numbers[numbers >= 0]
        return kept


def _padded(sequences: Sequence[np.ndarray], filler: int) -> torch.Tensor:
    """Sequences side by side, filled up behind: (B, longest) int64."""
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
        self.dropout = nn.Dropout(dropout)
        block = nn.TransformerEncoderLayer(width, 1, width, dropout, batch_first=True, norm_first=True)
        self.blocks = nn.TransformerEncoder(block, blocks, nn.LayerNorm(width), enable_nested_tensor=False)

    def forward(self, numbers: torch.Tensor) -> torch.Tensor:
        places = torch.arange(numbers.shape[1])
        mask = nn.Transformer.generate_square_subsequent_mask(len(places))
        states = self.dropout(self.items(numbers) + self.places(places))
        out: torch.Tensor = self.blocks(states, mask=mask, is_causal=True)
        return out

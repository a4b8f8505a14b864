"""The trained part of the request head: reads a conversation's states and scores the catalogue.

The state after the header of the wanted reply asks; it attends over the turns' states and the named items
(multi-head attention, Vaswani et al., NeurIPS 2017). An item enters as the language model's state at its soft
token, its vector, and a residual embedding of its id. The result z is projected into item space:

    score(i) = scale · ⟨unit(P z + Σ_m a_m v_m), v_i⟩ + ⟨Q z, u_i⟩ + b_i

with item vectors v and the attention a_m paid to the named items m and to the user's taste. Residual
embeddings u start at zero, the bias b at the logarithm of popularity. In training half of the named items
come without their ids' embeddings: an item that no dialogue names is still read, and found, by its vector.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from bowerbird.graft.head.config import ItemInput, RequestHeadConfig
from bowerbird.graft.head.encoding import EncodedConversation

ID_DROPOUT = 0.5
"""Share of named items whose id is hidden in training."""
N_AGES = 8
"""Ages of a turn that are told apart: 1, 2, 3, … and all earlier ones."""


@dataclass(frozen=True, eq=False)
class ReaderBatch:
    """Conversations padded to the longest; entries are turns, then named items."""

    end: Tensor
    """(batch, hidden) float32."""
    states: Tensor
    """(batch, entries, hidden) float32."""
    facts: Tensor
    """(batch, entries, 3) int64: role, sentiment, age."""
    items: Tensor
    """(batch, entries) int64: positions of named items, -1 at turns."""
    is_padding: Tensor
    """(batch, entries) bool."""
    taste: Tensor
    """(batch, hidden) float32."""
    taste_vectors: Tensor
    """(batch, dim) float32; zeros without a taste."""


def collate(conversations: Sequence[EncodedConversation], item_input: ItemInput) -> ReaderBatch:
    """Pad conversations to a batch; named items are entries of their own unless they are cut out."""
    uses_items = item_input is not ItemInput.NONE
    lengths = [len(each.turns) + uses_items * len(each.mentions) for each in conversations]
    shape = (len(conversations), max(1, max(lengths)))
    hidden = conversations[0].end.shape[-1]
    states = np.zeros((*shape, hidden), np.float32)
    facts, items = np.zeros((*shape, 3), np.int64), np.full(shape, -1)
    is_padding = np.arange(shape[1])[None] >= np.array(lengths)[:, None]
    for row, each in enumerate(conversations):
        n = len(each.turns)
        states[row, :n], facts[row, :n] = each.turns, each.turn_facts
        if uses_items:
            stop = n + len(each.items)
            states[row, n:stop], facts[row, n:stop] = each.mentions, each.mention_facts
            items[row, n:stop] = each.items
    end, taste, taste_vectors = (
        np.stack([getattr(each, name) for each in conversations]).astype(np.float32)
        for name in ("end", "taste", "taste_vector")
    )
    arrays = (end, states, facts, items, is_padding, taste, taste_vectors)
    return ReaderBatch(*(torch.from_numpy(array) for array in arrays))


class RequestHead(nn.Module):
    """Scores all items of a catalogue for encoded conversations."""

    vectors: Tensor

    def __init__(self, hidden: int, vectors: NDArray[np.float32], config: RequestHeadConfig) -> None:
        """`hidden`: width of the language model's states; `vectors` (items, dim) of the catalogue."""
        super().__init__()
        n_items, dim = vectors.shape
        width = config.width
        self.item_input = config.item_input
        self.register_buffer("vectors", torch.from_numpy(np.ascontiguousarray(vectors)), persistent=False)
        self.read_end = nn.Sequential(nn.LayerNorm(hidden), nn.Linear(hidden, width))
        self.read_state = nn.Sequential(nn.LayerNorm(hidden), nn.Linear(hidden, width))
        self.read_vector = nn.Linear(dim, width)
        self.item_embedding = nn.Embedding(n_items, width)
        self.taste_kind = nn.Parameter(torch.zeros(width))
        self.facts = nn.ModuleList(nn.Embedding(size, width) for size in (2, 2, 3, N_AGES))
        self.attention = nn.MultiheadAttention(width, config.heads, config.dropout, batch_first=True)
        self.norm = nn.LayerNorm(width)
        self.mlp = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width)
        )
        self.final_norm = nn.LayerNorm(width)
        self.dropout = nn.Dropout(config.dropout)
        self.to_vector = nn.Linear(width, dim)
        self.to_residual = nn.Linear(width, width)
        self.item_residual = nn.Embedding(n_items, width)
        self.bias = nn.Parameter(torch.zeros(n_items))
        self.scale = nn.Parameter(torch.tensor(10.0))
        for table in (self.item_embedding, self.item_residual, *self.facts):
            nn.init.normal_(table.weight, std=0.02)
        nn.init.zeros_(self.item_residual.weight)

    def extend_state(self, state: dict[str, Tensor]) -> dict[str, Tensor]:
        """The weights of a head of fewer items, for this one: others are scored by their vectors.

        Their bias is the median of the trained items.
        """
        n_new = len(self.bias) - len(state["bias"])
        tables = {
            name: nn.functional.pad(state[name], (0, 0, 0, n_new))
            for name in ("item_embedding.weight", "item_residual.weight")
        }
        return state | tables | {"bias": torch.cat([state["bias"], state["bias"].median().repeat(n_new)])}

    def forward(self, batch: ReaderBatch) -> Tensor:
        """Scores (batch, items)."""
        query = self.read_end(batch.end)[:, None]
        entries = torch.cat([query, self._taste_entry(batch), self._entries(batch)], 1)
        has_taste = batch.taste_vectors.any(1, keepdim=True)
        is_padding = torch.cat([torch.zeros_like(has_taste), ~has_taste, batch.is_padding], 1)
        attended, weights = self.attention(
            self.norm(query), self.dropout(self.norm(entries)), entries, is_padding
        )
        state = (query + attended)[:, 0]
        state = self.dropout(self.final_norm(state + self.mlp(state)))
        direction = self.to_vector(state)
        if self.item_input is ItemInput.SOFT_TOKENS:
            direction = direction + self._mean_vector(batch.items, weights[:, 0, 2:])
            direction = direction + weights[:, 0, 1:2] * batch.taste_vectors
        direction = nn.functional.normalize(direction, dim=-1)
        by_vector = self.scale * direction @ self.vectors.T
        scores: Tensor = by_vector + self.to_residual(state) @ self.item_residual.weight.T + self.bias
        return scores

    def _mean_vector(self, items: Tensor, weights: Tensor) -> Tensor:
        """Mean of the named items' vectors by attention, (batch, dim); turns (-1) count as zero."""
        weights = weights * (items >= 0)
        mean: Tensor = (weights[:, None] @ self.vectors[items.clamp(min=0)])[:, 0]
        return mean

    def _taste_entry(self, batch: ReaderBatch) -> Tensor:
        """The user's taste as an entry, (batch, 1, width)."""
        vectors = batch.taste_vectors * batch.taste_vectors.shape[1] ** 0.5
        entry: Tensor = self.read_state(batch.taste) + self.read_vector(vectors) + self.taste_kind
        return entry[:, None]

    def _entries(self, batch: ReaderBatch) -> Tensor:
        is_item = (batch.items >= 0)[..., None]
        entries: Tensor = self.read_state(batch.states)
        if self.item_input is ItemInput.SOFT_TOKENS:
            rows = batch.items.clamp(min=0)
            vectors = self.vectors[rows] * self.vectors.shape[1] ** 0.5
            shows_id = torch.rand(rows.shape) >= ID_DROPOUT if self.training else torch.ones(rows.shape)
            as_item = self.read_vector(vectors) + self.item_embedding(rows) * shows_id[..., None]
            entries = entries + is_item * as_item
        role, sentiment, age = batch.facts.unbind(-1)
        values = ((batch.items >= 0).long(), role, sentiment, age.clamp(1, N_AGES) - 1)
        for table, value in zip(self.facts, values, strict=True):
            entries = entries + table(value)
        return entries

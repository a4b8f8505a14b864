"""The context network: named items and words of a conversation to scores of all items.

An item's vector is an embedding of its id plus a projection of the words of its text, so that items which no
dialogue names have one too. The words of conversations and of items share their embeddings.
"""

from __future__ import annotations

import torch
from torch import nn

from bowerbird.conversations.sources.network_inputs import MAX_MENTIONS, N_BAGS, N_MENTION_KINDS, Bag

MENTION_DROPOUT = 0.15
"""Share of named items that a training step leaves out."""


class ContextNetwork(nn.Module):
    """N items, D width. Scores are inner products of the context's vector and the items', plus a bias."""

    def __init__(self, item_bag: Bag, n_words: int, log_popularity: torch.Tensor, width: int, dropout: float):
        super().__init__()
        self.n_items = len(log_popularity)
        self._item_words, self._item_starts = item_bag
        self.item = nn.Embedding(self.n_items, width)
        self.word = nn.EmbeddingBag(max(n_words, 1), width, mode="mean")
        self.kind = nn.Embedding(N_MENTION_KINDS, width)
        self.age = nn.Embedding(MAX_MENTIONS, width)
        self.attention = nn.Sequential(nn.Linear(width, width // 2), nn.Tanh(), nn.Linear(width // 2, 1))
        self.from_item_words = nn.Linear(width, width, bias=False)
        self.from_mentions = nn.Linear(width, width)
        self.from_bags = nn.ModuleList(nn.Linear(width, width, bias=False) for _ in range(N_BAGS))
        self.refine = nn.Sequential(
            nn.LayerNorm(width),
            nn.Linear(width, 2 * width),
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Linear(2 * width, width),
        )
        self.dropout = nn.Dropout(dropout)
        self.bias = nn.Parameter(log_popularity.clone())
        self._initialise()

    def _initialise(self) -> None:
        nn.init.normal_(self.item.weight, std=0.05)
        nn.init.normal_(self.word.weight, std=0.1)
        nn.init.normal_(self.kind.weight, std=0.02)
        nn.init.normal_(self.age.weight, std=0.02)

    def extend_state(self, state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """The weights of a network of fewer items, for this one: the others are scored by their words.

        Their bias is the median of the trained items.
        """
        n_new = self.n_items - len(state["bias"])
        ids = nn.functional.pad(state["item.weight"], (0, 0, 0, n_new))
        bias = torch.cat([state["bias"], state["bias"].median().repeat(n_new)])
        return state | {"item.weight": ids, "bias": bias}

    def item_vectors(self) -> torch.Tensor:
        """Vectors of all items, (N, D)."""
        texts = self.from_item_words(self.word(self._item_words, self._item_starts))
        vectors: torch.Tensor = self.item.weight + texts
        return vectors

    def forward(
        self,
        items: torch.Tensor,
        kinds: torch.Tensor,
        bags: list[Bag],
        vectors: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Logits of all items, (B, N); `items` and `kinds` (B, M), -1 where there is no mention.

        `vectors` (N, D) spare computing those of the items again.
        """
        vectors = self.item_vectors() if vectors is None else vectors
        context = self.from_mentions(self._pool_mentions(vectors, items, kinds))
        for layer, bag in zip(self.from_bags, bags, strict=True):
            context = context + layer(self.dropout(self.word(*bag)))
        query = self.dropout(context + self.refine(context))
        logits: torch.Tensor = query @ vectors.T + self.bias
        return logits

    def _pool_mentions(self, vectors: torch.Tensor, items: torch.Tensor, kinds: torch.Tensor) -> torch.Tensor:
        """Attention over the named items and one empty slot, (B, D)."""
        is_named = items >= 0
        if self.training:
            is_named = is_named & (torch.rand(items.shape) > MENTION_DROPOUT)
        mentioned = self.dropout(vectors[items.clamp(min=0)])  # (B, M, D)
        mentioned = mentioned + self.kind(kinds) + self.age.weight[: items.shape[1]]
        logits = self.attention(mentioned).squeeze(-1).masked_fill(~is_named, -1e4)  # (B, M)
        weights = torch.softmax(torch.cat([logits, torch.zeros(len(logits), 1)], dim=1), dim=1)[:, :-1]
        pooled: torch.Tensor = ((weights * is_named).unsqueeze(-1) * mentioned).sum(dim=1)
        return pooled

"""LightGCN: user and item vectors smoothed over the graph of likes (He et al., SIGIR 2020), by PyG.

Trained as published, with the BPR loss and the L2 norm of the unsmoothed vectors, but on all likes in each
step: with tens of thousands of likes, a step over the graph costs as much as a batch.

A user known by history only joins the graph by edges to their likes. Each layer gives them the sum of those
items' vectors of the previous layer, so their vector is exact except for their own unsmoothed vector, which
is taken as 0, and for what they would contribute to their items.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch_geometric.nn import LightGCN as Graph
from torch_geometric.nn.conv.gcn_conv import gcn_norm

from bowerbird.data.arrays import FloatArray, IntArray
from bowerbird.data.interactions import Interactions
from bowerbird.evaluate.baselines.iterative import IterativeRanker
from bowerbird.evaluate.baselines.scoring import recency_weighted_matrix

_STEPS_PER_ROUND = 10


class LightGCN(IterativeRanker):
    """`width` dimensions per node, `layers` of smoothing; one round is ten steps over all likes."""

    name = "LightGCN"
    max_rounds = 30
    validate_every = 2
    patience = 3

    def __init__(
        self, width: int = 64, layers: int = 2, l2: float = 1e-4, learning_rate: float = 0.02, seed: int = 0
    ) -> None:
        self.width = width
        self.layers = layers
        self.l2 = l2
        self.learning_rate = learning_rate
        self.seed = seed

    @property
    def settings(self) -> Mapping[str, Any]:
        """Width, layers, penalty, learning rate and rounds."""
        names = ("width", "layers", "l2", "learning_rate")
        return {**{name: getattr(self, name) for name in names}, **super().settings}

    def initialise(self, likes: Any, liked: Interactions) -> None:
        """Build the normalised graph and draw embeddings."""
        self._n_users, self._n_items = likes.shape
        self._liked_items = np.flatnonzero(np.asarray(likes.sum(axis=0)).ravel() > 0)
        edges = likes[:, self._liked_items].tocoo()
        self._user = torch.from_numpy(edges.row.astype(np.int64))
        self._item = torch.from_numpy(edges.col.astype(np.int64)) + self._n_users
        n_nodes = self._n_users + len(self._liked_items)
        edge_ends = torch.stack([torch.cat([self._user, self._item]), torch.cat([self._item, self._user])])
        coordinates, weights = gcn_norm(edge_ends, None, n_nodes, add_self_loops=False)
        adjacency = torch.sparse_coo_tensor(coordinates, weights, (n_nodes, n_nodes))
        self._graph = adjacency.coalesce().to_sparse_csr()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            self._net = Graph(n_nodes, self.width, self.layers, normalize=False)
            torch.nn.init.normal_(self._net.embedding.weight, std=0.1)
        self._optimizer = torch.optim.Adam(self._net.parameters(), lr=self.learning_rate)
        self._rng = np.random.default_rng(self.seed)

    def train_round(self) -> None:
        """Take gradient steps of the BPR loss, one sampled negative for each like."""
        for _ in range(_STEPS_PER_ROUND):
            sampled = self._rng.integers(
                self._n_users, self._n_users + len(self._liked_items), len(self._user)
            )
            negative = torch.from_numpy(sampled)
            vectors = self._net.get_embedding(self._graph)
            margin = (vectors[self._user] * (vectors[self._item] - vectors[negative])).sum(dim=1)
            unsmoothed = self._net.embedding.weight
            squared_norm = (
                unsmoothed[self._user] ** 2 + unsmoothed[self._item] ** 2 + unsmoothed[negative] ** 2
            ).sum(dim=1)
            # softplus(-x) = -log sigmoid(x), the BPR loss
            loss = torch.nn.functional.softplus(-margin).mean() + self.l2 / 2 * squared_norm.mean()
            self._optimizer.zero_grad()
            loss.backward()
            self._optimizer.step()

    def score_likes(self, likes: Sequence[IntArray]) -> FloatArray:
        """Score by the sum of the liked items' smoothed vectors."""
        scores = np.full((len(likes), self._n_items), np.finfo(np.float32).min, np.float32)
        histories = recency_weighted_matrix(likes, self._n_items, None)[:, self._liked_items]
        inputs, outputs = self._smooth_items()
        scores[:, self._liked_items] = (histories @ inputs) @ outputs.T
        scores[np.diff(histories.indptr) == 0] = 0.0
        return scores

    def _smooth_items(self) -> tuple[FloatArray, FloatArray]:
        """Vectors of the liked items: Σ of all layers but the last, over √likes; and the smoothed vectors.

        A new user's vector is the sum of the former over their likes, up to a factor that does not change the
        order of scores.
        """
        with torch.no_grad():
            vectors, layers = self._net.embedding.weight.detach(), []
            for convolve in self._net.convs:
                layers.append(vectors[self._n_users :])
                vectors = convolve(vectors, self._graph)
            outputs = self._net.get_embedding(self._graph)[self._n_users :]
        n_likes = torch.bincount(self._item - self._n_users, minlength=len(self._liked_items))
        inputs = torch.stack(layers).sum(dim=0) / n_likes[:, None].sqrt()
        return inputs.numpy(), outputs.numpy()

"""LightGCN: vectors of people and items smoothed over the graph of likes (He et al., SIGIR 2020), by PyG.

Trained as published, with BPR's loss and the L2 norm of the unsmoothed vectors, but on all likes in each
step: with tens of thousands of likes a step over the graph costs as much as a batch.

A person known by history only joins the graph by edges to their likes. Each layer gives them the sum of those
items' vectors one layer below, so their vector is exact but for their own unsmoothed one, which is taken as
0, and but for what they would add to their items.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch_geometric.nn import LightGCN as Graph
from torch_geometric.nn.conv.gcn_conv import gcn_norm

from bowerbird.data.interactions import Interactions
from bowerbird.evaluate.baselines.rounds import RoundsRanker
from bowerbird.evaluate.baselines.scoring import given_matrix

_STEPS_A_ROUND = 10


class LightGCN(RoundsRanker):
    """`width` numbers a node, `layers` of smoothing; one round is ten steps over all likes."""

    name = "LightGCN"
    at_most = 30
    every = 2
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
        names = ("width", "layers", "l2", "learning_rate")
        return {**{name: getattr(self, name) for name in names}, **super().settings}

    def start(self, likes: Any, liked: Interactions) -> None:
        people, self._n_items = likes.shape
        self._known = np.flatnonzero(np.asarray(likes.sum(axis=0)).ravel() > 0)
        edges = likes[:, self._known].tocoo()
        self._person = torch.from_numpy(edges.row.astype(np.int64))
        self._item = torch.from_numpy(edges.col.astype(np.int64)) + people
        self._people, nodes = people, people + len(self._known)
        ends = torch.stack([torch.cat([self._person, self._item]), torch.cat([self._item, self._person])])
        places, weights = gcn_norm(ends, None, nodes, add_self_loops=False)
        self._graph = torch.sparse_coo_tensor(places, weights, (nodes, nodes)).coalesce().to_sparse_csr()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            self._net = Graph(nodes, self.width, self.layers, normalize=False)
            torch.nn.init.normal_(self._net.embedding.weight, std=0.1)
        self._optimizer = torch.optim.Adam(self._net.parameters(), lr=self.learning_rate)
        self._rng = np.random.default_rng(self.seed)

    def advance(self) -> None:
        for _ in range(_STEPS_A_ROUND):
            drawn = self._rng.integers(self._people, self._people + len(self._known), len(self._person))
            other = torch.from_numpy(drawn)
            vectors = self._net.get_embedding(self._graph)
            margin = (vectors[self._person] * (vectors[self._item] - vectors[other])).sum(dim=1)
            bare = self._net.embedding.weight
            touched = (bare[self._person] ** 2 + bare[self._item] ** 2 + bare[other] ** 2).sum(dim=1)
            loss = torch.nn.functional.softplus(-margin).mean() + self.l2 / 2 * touched.mean()
            self._optimizer.zero_grad()
            loss.backward()
            self._optimizer.step()

    def score_likes(self, likes: Sequence[np.ndarray]) -> np.ndarray:
        scores = np.full((len(likes), self._n_items), np.finfo(np.float32).min, np.float32)
        given = given_matrix(likes, self._n_items, None)[:, self._known]
        below, final = self._layers()
        scores[:, self._known] = (given @ below) @ final.T
        scores[np.diff(given.indptr) == 0] = 0.0
        return scores

    def _layers(self) -> tuple[np.ndarray, np.ndarray]:
        """Known items' vectors: all layers but the last, summed, over the root of the likes; and the final.

        A new person's vector is the sum of the first over their likes; the common factor orders nothing.
        """
        with torch.no_grad():
            now, layers = self._net.embedding.weight.detach(), []
            for convolve in self._net.convs:
                layers.append(now[self._people :])
                now = convolve(now, self._graph)
            final = self._net.get_embedding(self._graph)[self._people :]
        likes = torch.bincount(self._item - self._people, minlength=len(self._known))
        below = torch.stack(layers).sum(dim=0) / likes[:, None].sqrt()
        return below.numpy(), final.numpy()

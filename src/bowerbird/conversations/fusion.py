"""Fusion: a weighted sum of the sources' scores, whose weights depend on how many items were named.

The weights maximise the likelihood of what was recommended in dialogues that the sources were not fitted on,
with the softmax over all items that were not named (multinomial logistic regression); none is
below zero, which would rank against a source.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from bowerbird.conversations.contexts import ConversationContext, DialogueExample
from bowerbird.data.arrays import FloatArray, IntArray

LOG_SCALE = frozenset(["network", "popularity", "request_head"])
"""Sources whose scores are on the scale of log-probabilities; others are sums of similarities."""
BASELINES = frozenset(["popularity", "request-text"])
"""Sources that are only evaluated: with them in the sum recall was lower (docs/log.md). The network reads the
same words, and its bias holds popularity."""
MOST_NAMED = 3
"""Contexts with this many named items or more share their weights."""
STEPS = 60
START_WEIGHT = 0.3
GROUP_PENALTY = 0.02
"""Pulls the weights of a number of named items towards the common ones."""
EXCLUDED = -1e9


@dataclass(frozen=True)
class Fusion:
    """Weights of each source, by the number of named items: 0, 1, 2, 3 or more."""

    weights: Mapping[str, tuple[float, ...]]

    def scores(
        self, source_scores: Mapping[str, FloatArray], contexts: Sequence[ConversationContext]
    ) -> FloatArray:
        """Fused scores of all items, (contexts, items) float32."""
        groups = count_named(contexts)
        total = np.zeros_like(next(iter(source_scores.values())))
        for name, weights in self.weights.items():
            if name in source_scores:
                total += np.array(weights, np.float32)[groups][:, None] * rescale(name, source_scores[name])
        return total


def count_named(contexts: Sequence[ConversationContext]) -> IntArray:
    """Number of named items of each context, at most `MOST_NAMED`, (contexts,) int64."""
    return np.array([min(len(context.mentioned_items), MOST_NAMED) for context in contexts], np.int64)


def rescale(name: str, scores: FloatArray) -> FloatArray:
    """Bring a source's scores to a common scale, row by row."""
    if name in LOG_SCALE:
        return np.asarray(scores - scores.max(axis=1, keepdims=True), np.float32)
    spread = scores.std(axis=1, keepdims=True) + 1e-6
    return np.asarray(np.log1p(np.maximum(scores, 0) / spread), np.float32)


def fit_fusion(source_scores: Mapping[str, FloatArray], examples: Sequence[DialogueExample]) -> Fusion:
    """Fit the weights on examples that no source was fitted on."""
    names = list(source_scores)
    contexts = [example.context for example in examples]
    groups = torch.from_numpy(count_named(contexts))
    features = torch.stack(
        [torch.from_numpy(rescale(name, source_scores[name])) for name in names]
    )  # (S, N, items)
    targets = torch.zeros(features.shape[1:])
    excluded = torch.zeros(features.shape[1:])
    for row, example in enumerate(examples):
        excluded[row, example.context.mentioned_items] = EXCLUDED
        targets[row, list(example.targets)] = 1 / len(example.targets)
    shared = torch.full((len(names),), START_WEIGHT, requires_grad=True)
    by_group = torch.zeros(MOST_NAMED + 1, len(names), requires_grad=True)
    optimiser = torch.optim.Adam([shared, by_group], lr=0.05)
    for _ in range(STEPS):
        weights = (shared + by_group)[groups]  # (N, S)
        total = excluded + torch.einsum("snc,ns->nc", features, weights)
        log_likelihood = (targets * torch.log_softmax(total, dim=1).clamp(min=-50)).sum() / len(examples)
        loss = GROUP_PENALTY * by_group.square().sum() - log_likelihood
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        with torch.no_grad():  # projected, so that a weight at zero may rise again
            shared.clamp_(min=0)
            by_group.copy_(torch.maximum(by_group, -shared))
    fitted = (shared + by_group).detach().numpy()
    return Fusion({name: tuple(fitted[:, column].tolist()) for column, name in enumerate(names)})

"""Loss functions of the tower."""

from __future__ import annotations

import torch
from torch.nn.functional import cross_entropy, kl_div, log_softmax, softmax


def neighbour_loss(
    anchors: torch.Tensor,
    partners: torch.Tensor,
    pairs: torch.Tensor,
    log_frequency: torch.Tensor,
    temperature: float,
    hard_negatives: tuple[torch.Tensor, torch.Tensor] | None = None,
) -> torch.Tensor:
    """InfoNCE over the partners of a batch: (B, D), (B, D), pairs (B, 2) positions, log_frequency (items,).

    The loss is the cross-entropy of softmax(a · pⱼ / τ - log qⱼ) at the own partner, where qⱼ is the share of
    the likes of item j. In-batch negatives arrive in proportion to their popularity; without the correction
    the tower learns to push popular items away (logQ correction; Yi et al., RecSys 2019). `hard_negatives`:
    one more negative for each anchor, vectors (B, D) and positions (B,), which are sampled by their likes as
    well.
    """
    logits = anchors @ partners.T / temperature - log_frequency[pairs[:, 1]][None, :]
    # The same item again, or the anchor itself, is not a negative.
    is_same = (pairs[:, 1][:, None] == pairs[:, 1][None, :]) | (pairs[:, 0][:, None] == pairs[:, 1][None, :])
    is_same.fill_diagonal_(False)
    logits = logits.masked_fill(is_same, float("-inf"))
    if hard_negatives is not None:
        vectors, items = hard_negatives
        hard_logits = (anchors * vectors).sum(1) / temperature - log_frequency[items]
        hard_logits = hard_logits.masked_fill((items[:, None] == pairs).any(1), float("-inf"))
        logits = torch.cat([logits, hard_logits[:, None]], 1)
    return cross_entropy(logits, torch.arange(len(pairs)))


def same_item_loss(images: torch.Tensor, texts: torch.Tensor, temperature: float) -> torch.Tensor:
    """Symmetric InfoNCE of items' pictures and texts (CLIP; Radford et al., 2021): (B, D), (B, D)."""
    logits, targets = images @ texts.T / temperature, torch.arange(len(images))
    return (cross_entropy(logits, targets) + cross_entropy(logits.T, targets)) / 2


def content_loss(learned: torch.Tensor, content: torch.Tensor, temperature: float) -> torch.Tensor:
    """How much the neighbourhoods of B items moved: KL of their similarities' softmax, (B, D), (B, D)."""
    diagonal = torch.eye(len(learned), dtype=torch.bool)
    student = (learned @ learned.T / temperature).masked_fill(diagonal, -1e4)
    teacher = (content @ content.T / temperature).masked_fill(diagonal, -1e4)
    return kl_div(log_softmax(student, 1), softmax(teacher, 1), reduction="batchmean")


def anchor_loss(vectors: torch.Tensor, anchors: torch.Tensor) -> torch.Tensor:
    """How far B items moved from their previous vectors, (B, D) of length 1 each: the mean of 1 - cosine."""
    return (1 - (vectors * anchors).sum(1)).mean()

"""What the ranker chooses on validation examples: the weights of its orders, and places for young items."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from bowerbird.data.arrays import BoolArray, FloatArray, IntArray, RealArray
from bowerbird.evaluate.metrics import ndcg_of_gains
from bowerbird.recommend.config import TrainingConfig
from bowerbird.recommend.meta import RankerReport
from bowerbird.recommend.ranker.fusion import blend, fuse_sources
from bowerbird.recommend.ranker.hybrid import HybridRanker
from bowerbird.recommend.ranker.trees import Trees
from bowerbird.recommend.rerank.reserve import Reserve
from bowerbird.recommend.rerank.session import rerank_by_session


@dataclass(frozen=True)
class LabelledCandidates:
    """The candidates of one example."""

    features: FloatArray  # (C, features)
    labels: BoolArray  # (C,): liked next
    n_targets: int
    session: IntArray | None
    """(C,) ranks by the session that goes on; None outside of one."""
    is_young: BoolArray  # (C,)
    is_of_new_user: bool


@dataclass(frozen=True)
class LearnedOrder:
    """What training gives: trees where they beat the plain fusion, and the weights next to them."""

    trees: Trees | None = None
    content_weight: float = 1.0
    session_weight: float = 0.0
    young_share: float = 0.0
    report: RankerReport = field(default_factory=RankerReport)


def choose_order(
    ranker: HybridRanker, trees: Trees, validation: Sequence[LabelledCandidates]
) -> LearnedOrder:
    """Choose the weight of content that serves validation users best, and the learned order if it helps."""
    config = ranker.config.training
    terms = [term for source in ranker.sources for term in source.fusion]
    fused = {
        weight: [fuse_sources(example.features, ranker.columns, terms, weight) for example in validation]
        for weight in config.content_weights
    }
    ndcg = {weight: _mean_ndcg(scores, validation, config) for weight, scores in fused.items()}
    weight = max(ndcg, key=lambda candidate: ndcg[candidate])
    blended = [
        blend(trees(example.features), scores, ranker.config.learned_weight)
        for example, scores in zip(validation, fused[weight], strict=True)
    ]
    ndcg_learned = _mean_ndcg(blended, validation, config)
    is_better = ndcg_learned >= ndcg[weight]
    scores = blended if is_better else fused[weight]
    session_weight = _choose_session_weight(scores, validation, config)
    young_share = choose_young_share(
        [
            rerank_by_session(values, example.session, session_weight)
            for values, example in zip(scores, validation, strict=True)
        ],
        validation,
        config,
    )
    report = RankerReport(
        order="lambdarank" if is_better else "fusion",
        content_weight=weight,
        session_weight=session_weight,
        young_share=young_share,
        ndcg_learned=ndcg_learned,
        ndcg_fusion=ndcg[weight],
    )
    return LearnedOrder(trees if is_better else None, weight, session_weight, young_share, report)


def _choose_session_weight(
    scores: Sequence[RealArray], validation: Sequence[LabelledCandidates], config: TrainingConfig
) -> float:
    """Choose the weight of a session that serves those validation users best who are in one."""
    pairs = [pair for pair in zip(scores, validation, strict=True) if pair[1].session is not None]
    if len(pairs) < config.min_in_group:
        return 0.0
    examples = [example for _, example in pairs]
    ndcg = {
        weight: _mean_ndcg(
            [rerank_by_session(values, example.session, weight) for values, example in pairs],
            examples,
            config,
        )
        for weight in config.session_weights
    }
    return max(ndcg, key=lambda candidate: ndcg[candidate])


def choose_young_share(
    scores: Sequence[RealArray], validation: Sequence[LabelledCandidates], config: TrainingConfig
) -> float:
    """Choose the share of places for young items that gains most on validation examples and costs little.

    None without users after a moment: nothing else says what becomes of items when they are young.
    """
    if sum(not example.is_of_new_user for example in validation) < config.min_in_group:
        return 0.0
    orders = [np.argsort(-values, kind="stable") for values in scores]
    ndcg, valued = (
        {
            share: _mean_ndcg_reserved(orders, validation, share, value, config.cutoff)
            for share in config.young_shares
        }
        for value in (1.0, config.young_value)
    )
    allowed = [share for share in config.young_shares if ndcg[share] >= (1 - config.young_cost) * ndcg[0.0]]
    return max(allowed, key=lambda share: valued[share])  # of equal ones the smallest


def _mean_ndcg_reserved(
    orders: Sequence[IntArray],
    examples: Sequence[LabelledCandidates],
    share: float,
    value: float,
    cutoff: int,
) -> float:
    """Mean nDCG with a share of places for young items, whose likes count `value` times."""
    total = 0.0
    for order, example in zip(orders, examples, strict=True):
        rows = Reserve(example.is_young, share).choose(order, cutoff)
        gains = example.labels[rows] * np.where(example.is_young[rows], value, 1.0)
        total += ndcg_of_gains(gains, example.n_targets, cutoff)
    return total / len(examples)


def _mean_ndcg(
    scores: Sequence[RealArray], examples: Sequence[LabelledCandidates], config: TrainingConfig
) -> float:
    ndcg = [
        ndcg_of_gains(example.labels[np.argsort(-values, kind="stable")], example.n_targets, config.cutoff)
        for values, example in zip(scores, examples, strict=True)
    ]
    return float(np.mean(ndcg))

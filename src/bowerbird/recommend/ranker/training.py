"""How the ranker learns its order, and what it chooses on validation examples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from bowerbird.data.interactions import Interactions
from bowerbird.recommend.context import ItemContext, SourceConfig
from bowerbird.recommend.models.coengagement import CoEngagement, history_matrix
from bowerbird.recommend.ranker.fusion import blend, fuse_sources
from bowerbird.recommend.ranker.hybrid import HybridRanker, RankerConfig
from bowerbird.recommend.ranker.training_examples import USER_FOLDS, TrainingFold, build_folds
from bowerbird.recommend.ranker.trees import Trees
from bowerbird.recommend.ranks import top_positions
from bowerbird.recommend.rerank.session import rerank_by_session, session_ranks

RIDGES = (30.0, 100.0, 300.0, 1000.0)
CONTENT_WEIGHTS = (0.1, 0.3, 1.0, 3.0)
SESSION_WEIGHTS = (0.0, 0.1, 0.25, 0.5)
MIN_IN_SESSION = 20  # validation users in a session; fewer can't choose its weight
MIN_EXAMPLES = 100  # fewer can't teach a ranker
VALIDATION_SHARE = 4  # one example in so many is kept for validation
MAX_NEGATIVES = 300  # candidates of one example that were not liked, as far as the ranker learns from them
RIDGE_EXAMPLES = 300
LIGHTGBM = {
    "objective": "lambdarank",
    "learning_rate": 0.05,
    "num_leaves": 15,
    "min_data_in_leaf": 100,
    "lambda_l2": 10.0,
    "lambdarank_truncation_level": 30,
    "num_threads": 2,
    "verbosity": -1,
    "seed": 0,
    "deterministic": True,
}
ROUNDS = 150
CUTOFF = 20  # of nDCG and recall on validation examples


@dataclass(frozen=True)
class LabelledCandidates:
    """The candidates of one example."""

    features: np.ndarray  # (C, features)
    labels: np.ndarray  # (C,) bool: liked next
    n_targets: int
    session: np.ndarray | None
    """(C,) ranks by the session that goes on; None outside of one."""


@dataclass(frozen=True)
class LearnedOrder:
    """What training gives: trees where they beat the plain fusion, and the weights next to them."""

    trees: Trees | None = None
    content_weight: float = 1.0
    session_weight: float = 0.0
    report: dict[str, Any] = field(default_factory=lambda: {"order": "fusion"})


def fit_ranker(
    items: ItemContext, events: Interactions, folds: Sequence[TrainingFold] | None = None
) -> HybridRanker:
    """Learn the sources and their common order from training events; `folds` are users' by default."""
    folds = build_folds(events) if folds is None else folds
    ranker = HybridRanker(items, RankerConfig(source=SourceConfig(choose_ridge(folds))))
    learned = learn_order(ranker, folds, items.catalogue.launched <= events.at.max(initial=0))
    ranker.trees, ranker.report = learned.trees, learned.report
    ranker.config = replace(
        ranker.config, content_weight=learned.content_weight, session_weight=learned.session_weight
    )
    ranker.fit_sources(events)
    return ranker


def choose_ridge(folds: Sequence[TrainingFold]) -> float:
    """Choose the λ of co-engagement with the highest recall@20 on validation users.

    On the latest moment and one part of the new users: both kinds of user, at a fraction of the time.
    """
    chosen = folds[-USER_FOLDS - 1 : -USER_FOLDS + 1]
    if sum(len(fold.examples) for fold in chosen) < MIN_EXAMPLES:
        return RIDGES[1]
    recalls = [sum(_recall_of_ridge(fold, ridge) for fold in chosen) for ridge in RIDGES]
    return RIDGES[int(np.argmax(recalls))]


def learn_order(ranker: HybridRanker, folds: Sequence[TrainingFold], on_sale: np.ndarray) -> LearnedOrder:
    """Train LambdaRank on the folds' candidates, and keep it if it beats the fusion on validation examples.

    `on_sale` (n,) bool: what came after the training nobody could like; it must not teach that new items are
    disliked.
    """
    if sum(len(fold.examples) for fold in folds) < MIN_EXAMPLES:
        return LearnedOrder()
    import lightgbm  # takes as long as the rest of a cold start, and only training needs it

    train, validation = _label(ranker, folds, on_sale)
    if len(train) < MIN_EXAMPLES // 4 or not validation:
        return LearnedOrder()
    rows = np.concatenate([example.features for example in train])
    labels = np.concatenate([example.labels for example in train]).astype(int)
    data = lightgbm.Dataset(rows, labels, group=[len(example.labels) for example in train])
    trees = Trees.of(lightgbm.train(LIGHTGBM, data, num_boost_round=ROUNDS))
    return _choose_blend(ranker, trees, validation)


def _label(
    ranker: HybridRanker, folds: Sequence[TrainingFold], on_sale: np.ndarray
) -> tuple[list[LabelledCandidates], list[LabelledCandidates]]:
    """Candidates of all examples with their labels, for training and for validation."""
    rng = np.random.default_rng(0)
    train: list[LabelledCandidates] = []
    validation: list[LabelledCandidates] = []
    number = 0
    for fold in folds:
        ranker.fit_sources(fold.events)
        states = [example.state for example in fold.examples]
        for example, candidates in zip(
            fold.examples, ranker.candidates(states, [on_sale] * len(states)), strict=True
        ):
            labels = np.isin(candidates.positions, example.targets)
            session = session_ranks(
                candidates.positions, candidates.query.liked, example.asked_at, ranker.items.vectors
            )
            labelled = LabelledCandidates(candidates.features, labels, len(example.targets), session)
            if number % VALIDATION_SHARE == 0:
                validation.append(labelled)
            elif labels.any():
                train.append(_sample_negatives(labelled, rng))
            number += 1
    return train, validation


def _sample_negatives(example: LabelledCandidates, rng: np.random.Generator) -> LabelledCandidates:
    """All that was liked, and a part of what was not: enough to learn from, in a fraction of the time."""
    negatives = rng.permutation(np.flatnonzero(~example.labels))[:MAX_NEGATIVES]
    rows = np.sort(np.concatenate([np.flatnonzero(example.labels), negatives]))
    return LabelledCandidates(example.features[rows], example.labels[rows], example.n_targets, None)


def _choose_blend(
    ranker: HybridRanker, trees: Trees, validation: Sequence[LabelledCandidates]
) -> LearnedOrder:
    """Choose the weight of content that serves validation users best, and the learned order if it helps."""
    terms = [term for source in ranker.sources for term in source.fusion]
    fused = {
        weight: [fuse_sources(example.features, ranker.columns, terms, weight) for example in validation]
        for weight in CONTENT_WEIGHTS
    }
    ndcg = {weight: _mean_ndcg(scores, validation) for weight, scores in fused.items()}
    weight = max(ndcg, key=lambda candidate: ndcg[candidate])
    blended = [
        blend(trees(example.features), scores)
        for example, scores in zip(validation, fused[weight], strict=True)
    ]
    ndcg_learned = _mean_ndcg(blended, validation)
    is_better = ndcg_learned >= ndcg[weight]
    session_weight = _choose_session_weight(blended if is_better else fused[weight], validation)
    report = {
        "content_weight": weight,
        "session_weight": session_weight,
        "ndcg@20_learned": ndcg_learned,
        "ndcg@20_fusion": ndcg[weight],
        "order": "lambdarank" if is_better else "fusion",
    }
    return LearnedOrder(trees if is_better else None, weight, session_weight, report)


def _choose_session_weight(scores: Sequence[np.ndarray], validation: Sequence[LabelledCandidates]) -> float:
    """Choose the weight of a session that serves those validation users best who are in one."""
    pairs = [pair for pair in zip(scores, validation, strict=True) if pair[1].session is not None]
    if len(pairs) < MIN_IN_SESSION:
        return 0.0
    examples = [example for _, example in pairs]
    ndcg = {
        weight: _mean_ndcg(
            [rerank_by_session(values, example.session, weight) for values, example in pairs], examples
        )
        for weight in SESSION_WEIGHTS
    }
    return max(ndcg, key=lambda candidate: ndcg[candidate])


def _mean_ndcg(scores: Sequence[np.ndarray], examples: Sequence[LabelledCandidates]) -> float:
    pairs = zip(scores, examples, strict=True)
    return float(np.mean([_ndcg(values, example.labels, example.n_targets) for values, example in pairs]))


def _ndcg(scores: np.ndarray, labels: np.ndarray, n_targets: int) -> float:
    """nDCG@20 of one user's candidates; targets that no source proposed count as missed."""
    order = np.argsort(-scores, kind="stable")[:CUTOFF]
    discount = 1 / np.log2(np.arange(2, CUTOFF + 2))
    return float((labels[order] * discount[: len(order)]).sum() / discount[: min(CUTOFF, n_targets)].sum())


def _recall_of_ridge(fold: TrainingFold, ridge: float) -> float:
    """Sum over a fold's users of recall@20 by co-engagement alone."""
    model, total = CoEngagement.fit(fold.events, ridge), 0.0
    examples = fold.examples[:RIDGE_EXAMPLES]
    liked = [example.state.history.liked().items for example in examples]
    scores = model.scores(history_matrix(liked, fold.events.n_items))
    for example, values in zip(examples, scores, strict=True):
        top = top_positions(values, example.state.unseen(len(values)), CUTOFF)
        total += np.isin(top, example.targets).sum() / min(CUTOFF, len(example.targets))
    return total

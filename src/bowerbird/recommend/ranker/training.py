"""How the ranker learns its order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from bowerbird.data.arrays import BoolArray, FloatArray, IntArray
from bowerbird.data.interactions import Interactions
from bowerbird.data.ranks import top_positions
from bowerbird.recommend.config import RankerConfig, TrainingConfig
from bowerbird.recommend.context import ItemContext
from bowerbird.recommend.models.coengagement import CoEngagement, history_matrix
from bowerbird.recommend.models.config import CoEngagementConfig
from bowerbird.recommend.ranker.hybrid import CandidateSet, HybridRanker
from bowerbird.recommend.ranker.training_examples import (
    TrainingExample,
    TrainingFold,
    build_folds,
)
from bowerbird.recommend.ranker.trees import Trees
from bowerbird.recommend.ranker.validation import (
    LabelledCandidates,
    LearnedOrder,
    choose_order,
)
from bowerbird.recommend.rerank.session import session_ranks


def fit_ranker(
    items: ItemContext,
    events: Interactions,
    folds: Sequence[TrainingFold] | None = None,
    config: RankerConfig | None = None,
) -> HybridRanker:
    """Learn the sources and their common order from training events; `folds` are users' by default.

    Trees by LambdaRank (Burges, 2010), blended with reciprocal-rank fusion (Cormack et al., SIGIR 2009).
    """
    config = config or RankerConfig()
    folds = build_folds(events, config.training) if folds is None else folds
    coengagement = replace(config.source.coengagement, ridge=choose_ridge(folds, config))
    source_config = replace(config.source, coengagement=coengagement)
    ranker = HybridRanker(items, replace(config, source=source_config))
    learned = learn_order(ranker, folds)
    ranker.trees, ranker.report = learned.trees, learned.report
    ranker.config = replace(
        ranker.config,
        content_weight=learned.content_weight,
        session_weight=learned.session_weight,
        young_share=learned.young_share,
    )
    ranker.fit_sources(events)
    return ranker


def choose_ridge(folds: Sequence[TrainingFold], config: RankerConfig) -> float:
    """Choose the λ of co-engagement with the highest recall@20 on validation users.

    On the latest moment and one part of the new users: both kinds of user, at a fraction of the time.
    """
    training = config.training
    chosen = folds[-training.user_folds - 1 : -training.user_folds + 1]
    if sum(len(fold.examples) for fold in chosen) < training.min_examples:
        return config.source.coengagement.ridge
    recalls = [
        sum(
            _recall_of_ridge(fold, replace(config.source.coengagement, ridge=ridge), training)
            for fold in chosen
        )
        for ridge in training.ridges
    ]
    return training.ridges[int(np.argmax(recalls))]


def learn_order(ranker: HybridRanker, folds: Sequence[TrainingFold]) -> LearnedOrder:
    """Train LambdaRank on the folds' candidates, and keep it if it beats the fusion on validation ones."""
    config = ranker.config.training
    if sum(len(fold.examples) for fold in folds) < config.min_examples:
        return LearnedOrder()
    import lightgbm  # takes as long as the rest of a cold start, and only training needs it

    train, validation = _label(ranker, folds)
    if len(train) < config.min_examples // 4 or not validation:
        return LearnedOrder()
    rows = np.concatenate([features for features, _ in train])
    labels = np.concatenate([labels for _, labels in train]).astype(int)
    data = lightgbm.Dataset(rows, labels, group=[len(labels) for _, labels in train])
    trees = Trees.of(lightgbm.train(_lightgbm_parameters(config), data, num_boost_round=config.rounds))
    return choose_order(ranker, trees, validation)


def _lightgbm_parameters(config: TrainingConfig) -> dict[str, Any]:
    return {
        "objective": "lambdarank",
        "learning_rate": config.learning_rate,
        "num_leaves": config.num_leaves,
        "min_data_in_leaf": config.min_data_in_leaf,
        "lambda_l2": config.lambda_l2,
        "lambdarank_truncation_level": config.truncation,
        "num_threads": 2,
        "verbosity": -1,
        "seed": 0,
        "deterministic": True,
    }


def _label(
    ranker: HybridRanker, folds: Sequence[TrainingFold]
) -> tuple[list[tuple[FloatArray, BoolArray]], list[LabelledCandidates]]:
    """Label the candidates of all examples: for training features and labels of some, for validation all."""
    config, rng = ranker.config.training, np.random.default_rng(0)
    train: list[tuple[FloatArray, BoolArray]] = []
    validation: list[LabelledCandidates] = []
    number = 0
    for fold in folds:
        ranker.fit_sources(fold.events)
        states = [example.state for example in fold.examples]
        eligible = _eligible(fold, ranker.items.catalogue.launched)
        for example, candidates in zip(fold.examples, ranker.candidates(states, eligible), strict=True):
            labels = np.isin(candidates.positions, example.targets)
            if number % config.validation_every == 0:
                validation.append(_for_validation(ranker, fold, example, candidates, labels))
            elif labels.any():
                rows = _sample_rows(labels, config.max_negatives, rng)
                train.append((candidates.features[rows], labels[rows]))
            number += 1
    return train, validation


def _for_validation(
    ranker: HybridRanker,
    fold: TrainingFold,
    example: TrainingExample,
    candidates: CandidateSet,
    labels: BoolArray,
) -> LabelledCandidates:
    positions, liked = candidates.positions, candidates.query.liked
    return LabelledCandidates(
        candidates.features,
        labels,
        len(example.targets),
        session_ranks(positions, liked, example.asked_at, ranker.items.vectors, ranker.config.session),
        ranker.context.is_young[positions],
        fold.is_of_new_users,
    )


def _eligible(fold: TrainingFold, launched: IntArray) -> list[BoolArray]:
    """Give the items that each example's user could like, (n,) bool each.

    What came later nobody could like; it must not teach that new items are disliked.
    """
    by_end: dict[int, BoolArray] = {}
    for example in fold.examples:
        if example.until not in by_end:
            by_end[example.until] = launched <= example.until
    return [by_end[example.until] for example in fold.examples]


def _sample_rows(labels: BoolArray, max_negatives: int, rng: np.random.Generator) -> IntArray:
    """All that was liked, and a part of what was not: enough to learn from, in a fraction of the time."""
    negatives = rng.permutation(np.flatnonzero(~labels))[:max_negatives]
    return np.sort(np.concatenate([np.flatnonzero(labels), negatives]))


def _recall_of_ridge(fold: TrainingFold, config: CoEngagementConfig, training: TrainingConfig) -> float:
    """Sum over a fold's users of recall@20 by co-engagement alone."""
    model, cutoff, total = CoEngagement.fit(fold.events, config), training.cutoff, 0.0
    examples = fold.examples[: training.ridge_examples]
    liked = [example.state.history.liked().items for example in examples]
    scores = model.scores(history_matrix(liked, fold.events.n_items))
    for example, values in zip(examples, scores, strict=True):
        top = top_positions(values, example.state.unseen(len(values)), cutoff)
        total += np.isin(top, example.targets).sum() / min(cutoff, len(example.targets))
    return total

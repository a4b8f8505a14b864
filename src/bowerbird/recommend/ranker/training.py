"""How the ranker learns its order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from bowerbird.data.interactions import Interactions
from bowerbird.data.ranks import top_positions
from bowerbird.recommend.context import ItemContext, SourceConfig
from bowerbird.recommend.models.coengagement import CoEngagement, history_matrix
from bowerbird.recommend.ranker.hybrid import CandidateSet, HybridRanker, RankerConfig
from bowerbird.recommend.ranker.training_examples import (
    USER_FOLDS,
    TrainingExample,
    TrainingFold,
    build_folds,
)
from bowerbird.recommend.ranker.trees import Trees
from bowerbird.recommend.ranker.validation import (
    CUTOFF,
    LabelledCandidates,
    LearnedOrder,
    choose_order,
)
from bowerbird.recommend.rerank.session import session_ranks

RIDGES = (30.0, 100.0, 300.0, 1000.0)
MIN_EXAMPLES = 100  # fewer can't teach a ranker
VALIDATION_SHARE = 4  # one example in so many is kept for validation
MAX_NEGATIVES = 100  # candidates of one example that were not liked, as far as the ranker learns from them
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


def fit_ranker(
    items: ItemContext, events: Interactions, folds: Sequence[TrainingFold] | None = None
) -> HybridRanker:
    """Learn the sources and their common order from training events; `folds` are users' by default."""
    folds = build_folds(events) if folds is None else folds
    ranker = HybridRanker(items, RankerConfig(source=SourceConfig(choose_ridge(folds))))
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


def choose_ridge(folds: Sequence[TrainingFold]) -> float:
    """Choose the λ of co-engagement with the highest recall@20 on validation users.

    On the latest moment and one part of the new users: both kinds of user, at a fraction of the time.
    """
    chosen = folds[-USER_FOLDS - 1 : -USER_FOLDS + 1]
    if sum(len(fold.examples) for fold in chosen) < MIN_EXAMPLES:
        return RIDGES[1]
    recalls = [sum(_recall_of_ridge(fold, ridge) for fold in chosen) for ridge in RIDGES]
    return RIDGES[int(np.argmax(recalls))]


def learn_order(ranker: HybridRanker, folds: Sequence[TrainingFold]) -> LearnedOrder:
    """Train LambdaRank on the folds' candidates, and keep it if it beats the fusion on validation ones."""
    if sum(len(fold.examples) for fold in folds) < MIN_EXAMPLES:
        return LearnedOrder()
    import lightgbm  # takes as long as the rest of a cold start, and only training needs it

    train, validation = _label(ranker, folds)
    if len(train) < MIN_EXAMPLES // 4 or not validation:
        return LearnedOrder()
    rows = np.concatenate([features for features, _ in train])
    labels = np.concatenate([labels for _, labels in train]).astype(int)
    data = lightgbm.Dataset(rows, labels, group=[len(labels) for _, labels in train])
    trees = Trees.of(lightgbm.train(LIGHTGBM, data, num_boost_round=ROUNDS))
    return choose_order(ranker, trees, validation)


def _label(
    ranker: HybridRanker, folds: Sequence[TrainingFold]
) -> tuple[list[tuple[np.ndarray, np.ndarray]], list[LabelledCandidates]]:
    """Label the candidates of all examples: for training features and labels of some, for validation all."""
    rng = np.random.default_rng(0)
    train: list[tuple[np.ndarray, np.ndarray]] = []
    validation: list[LabelledCandidates] = []
    number = 0
    for fold in folds:
        ranker.fit_sources(fold.events)
        states = [example.state for example in fold.examples]
        eligible = _eligible(fold, ranker.items.catalogue.launched)
        for example, candidates in zip(fold.examples, ranker.candidates(states, eligible), strict=True):
            labels = np.isin(candidates.positions, example.targets)
            if number % VALIDATION_SHARE == 0:
                validation.append(_for_validation(ranker, fold, example, candidates, labels))
            elif labels.any():
                rows = _sample_rows(labels, rng)
                train.append((candidates.features[rows], labels[rows]))
            number += 1
    return train, validation


def _for_validation(
    ranker: HybridRanker,
    fold: TrainingFold,
    example: TrainingExample,
    candidates: CandidateSet,
    labels: np.ndarray,
) -> LabelledCandidates:
    positions, liked = candidates.positions, candidates.query.liked
    return LabelledCandidates(
        candidates.features,
        labels,
        len(example.targets),
        session_ranks(positions, liked, example.asked_at, ranker.items.vectors),
        ranker.context.is_young[positions],
        fold.is_of_new_users,
    )


def _eligible(fold: TrainingFold, launched: np.ndarray) -> list[np.ndarray]:
    """Give the items that each example's user could like, (n,) bool each.

    What came later nobody could like; it must not teach that new items are disliked.
    """
    by_end: dict[int, np.ndarray] = {}
    for example in fold.examples:
        if example.until not in by_end:
            by_end[example.until] = launched <= example.until
    return [by_end[example.until] for example in fold.examples]


def _sample_rows(labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """All that was liked, and a part of what was not: enough to learn from, in a fraction of the time."""
    negatives = rng.permutation(np.flatnonzero(~labels))[:MAX_NEGATIVES]
    return np.sort(np.concatenate([np.flatnonzero(labels), negatives]))


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

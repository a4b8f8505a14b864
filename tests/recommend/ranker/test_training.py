"""What the ranker learns from, and what it chooses on validation users."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from bowerbird.data.interactions import Interactions
from bowerbird.data.items import Catalogue, Item
from bowerbird.recommend.config import RankerConfig, TrainingConfig
from bowerbird.recommend.context import ItemContext
from bowerbird.recommend.meta import RankerReport
from bowerbird.recommend.ranker.hybrid import CandidateSet, HybridRanker
from bowerbird.recommend.ranker.training import choose_ridge, learn_order
from bowerbird.recommend.ranker.training_examples import TrainingFold, build_folds
from bowerbird.recommend.recommender import Recommender

from ..conftest import EPOCH, noise_vectors, ranker_on

RIDGE_EXAMPLES = TrainingConfig.ridge_examples
RIDGES = TrainingConfig.ridges
MOMENTS = TrainingConfig.moments
USER_FOLDS = TrainingConfig.user_folds
CONTENT_WEIGHTS = TrainingConfig.content_weights
CUTOFF = TrainingConfig.cutoff
SESSION_WEIGHTS = TrainingConfig.session_weights
YOUNG_SHARES = TrainingConfig.young_shares


def test_the_learned_order_is_used_where_it_was_better_than_the_fusion(
    many_users: HybridRanker, recommender: Recommender
) -> None:
    for ranker in (many_users, recommender.ranker):
        report = ranker.report
        assert report.ndcg_learned is not None and report.ndcg_fusion is not None, "these are users enough"
        is_better = report.ndcg_learned >= report.ndcg_fusion
        assert (report.order == "lambdarank") == is_better == (ranker.trees is not None)
        assert ranker.config.content_weight == report.content_weight in CONTENT_WEIGHTS
        assert ranker.config.session_weight == report.session_weight in SESSION_WEIGHTS
        assert ranker.config.young_share == report.young_share in YOUNG_SHARES
        assert ranker.config.source.coengagement.ridge in RIDGES
    assert many_users.report.order == "lambdarank"


def test_few_users_teach_no_order(two_groups: Interactions) -> None:
    assert ranker_on(two_groups).report == RankerReport()


def test_folds_hold_their_examples_back(large_groups: Interactions) -> None:
    """Of users at a moment nothing later is learned from, of new users nothing at all."""
    folds = build_folds(large_groups, TrainingConfig())
    assert len(folds) == len(MOMENTS) + USER_FOLDS
    ends = [
        *(fold.examples[0].asked_at for fold in folds[1 : len(MOMENTS)]),
        large_groups.at.max(),
    ]
    for number, fold in enumerate(folds):
        active = {fold.events.users[user] for user in np.unique(fold.events.user)}
        for example in fold.examples:
            history = large_groups.history_of(example.state.user_id)
            later = set(history.liked().items[history.liked().at > example.state.last_at].tolist())
            assert set(example.targets.tolist()) <= later
            liked = history.liked().where(np.isin(history.liked().items, example.targets))
            assert set(liked.items[liked.at <= example.until].tolist()) == set(example.targets.tolist())
            if number < len(MOMENTS):
                assert not fold.is_of_new_users and example.until == ends[number]
                assert fold.events.at.max() <= example.asked_at
                assert (history.at[np.isin(history.items, example.targets)] > example.asked_at).all()
            else:
                assert fold.is_of_new_users and example.until == history.liked().at[-1]
                assert example.state.user_id not in active
                assert example.state.last_at < example.asked_at
    new_users = [{example.state.user_id for example in fold.examples} for fold in folds[len(MOMENTS) :]]
    assert sum(len(users) for users in new_users) == len(set().union(*new_users)), "each in one fold"


def test_new_users_are_included_after_one_like_and_after_many(large_groups: Interactions) -> None:
    counts = {
        len(example.state.history.liked())
        for fold in build_folds(large_groups, TrainingConfig())[len(MOMENTS) :]
        for example in fold.examples
    }
    assert {1, 5} <= counts and max(counts) >= 8


class RecordingRanker(HybridRanker):
    """Notes each user's candidates."""

    def __init__(self, items: ItemContext) -> None:
        super().__init__(items)
        self.recorded: list[set[int]] = []

    def candidates(self, *args: Any, **kwargs: Any) -> Iterator[CandidateSet]:
        for candidates in super().candidates(*args, **kwargs):
            self.recorded.append(set(candidates.positions.tolist()))
            yield candidates


@pytest.mark.slow
def test_what_is_launched_later_is_no_negative(large_groups: Interactions) -> None:
    """Nobody could like it. Item k is launched after k 80ths of the log, whatever its likes say."""
    launched = np.arange(80) * int(large_groups.at.max()) // 80
    catalogue = Catalogue.of(
        Item(str(k), f"item {k}", created_at=EPOCH + timedelta(microseconds=int(at)))
        for k, at in enumerate(launched)
    )
    folds = build_folds(large_groups, TrainingConfig())
    ranker = RecordingRanker(ItemContext(catalogue, noise_vectors(80).astype(np.float32)))
    learn_order(ranker, folds)
    examples = [example for fold in folds for example in fold.examples]
    for example, positions in zip(examples, ranker.recorded, strict=True):
        eligible = (launched <= example.until) & example.state.unseen(80)
        assert positions == set(np.flatnonzero(eligible).tolist())
    assert len({len(positions) for positions in ranker.recorded}) > 20


def recall_of_ridge(folds: Sequence[TrainingFold], ridge: float) -> float:
    """Mean recall@20 by the textbook's EASE, user by user."""
    recalls = []
    for fold in folds:
        likes, liked = np.zeros((len(fold.events.users), fold.events.n_items)), fold.events.liked()
        likes[liked.user, liked.item] = 1.0
        inverse = np.linalg.inv(likes.T @ likes + ridge * np.eye(likes.shape[1]))
        model = -inverse / np.diag(inverse)[None, :]
        np.fill_diagonal(model, 0.0)
        for example in fold.examples[:RIDGE_EXAMPLES]:
            history = np.zeros(likes.shape[1])
            history[example.state.history.liked().items] = 1.0
            scores = np.where(example.state.unseen(likes.shape[1]), history @ model, -np.inf)
            hits = np.isin(np.argsort(-scores, kind="stable")[:CUTOFF], example.targets).sum()
            recalls.append(hits / min(CUTOFF, len(example.targets)))
    return float(np.mean(recalls))


def test_the_ridge_is_the_one_with_the_highest_recall(large_groups: Interactions) -> None:
    folds = build_folds(large_groups, TrainingConfig())
    chosen = choose_ridge(folds, RankerConfig())
    recalls = {ridge: recall_of_ridge(folds[-USER_FOLDS - 1 : -USER_FOLDS + 1], ridge) for ridge in RIDGES}
    assert len(set(recalls.values())) > 1
    assert recalls[chosen] == pytest.approx(max(recalls.values()), abs=0.002)
    assert choose_ridge([], RankerConfig()) == RIDGES[1], "too few to choose by"

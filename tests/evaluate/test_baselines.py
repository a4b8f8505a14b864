"""Every ranker satisfies one contract; vectorised formulas agree with slow, obviously correct ones."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
import torch

from bowerbird.data.events import ACTION_CODE, Action
from bowerbird.data.interactions import History, Interactions
from bowerbird.data.splits import Holdout
from bowerbird.evaluate.baselines import (
    BPR,
    EASE,
    IALS,
    Effort,
    GenericMax,
    GenericMean,
    ItemKNN,
    Popularity,
    RecentPopularity,
    Tuned,
    standard_baselines,
)
from bowerbird.evaluate.baselines.deep.lightgcn import LightGCN
from bowerbird.evaluate.baselines.deep.sasrec import SASRec
from bowerbird.evaluate.baselines.iterative import IterativeRanker
from bowerbird.evaluate.baselines.scoring import recency_weighted_matrix, top_n
from bowerbird.evaluate.protocols import Split
from bowerbird.evaluate.ranker import Ranker

NO_HOLDOUT = Holdout(None, 0.0)


def liked(*items: int) -> History:
    n = len(items)
    return History(np.array(items, np.int64), np.full(n, ACTION_CODE[Action.CLICK], np.int8), np.arange(n))


def group_vectors() -> np.ndarray:
    """Items of the same group lie close together."""
    rng = np.random.default_rng(1)
    vectors = np.eye(2)[np.arange(20) % 2] + rng.normal(0, 0.05, (20, 2))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


class RankerContract:
    """What every ranker must do."""

    def make(self) -> Ranker:
        raise NotImplementedError

    def test_never_ranks_items_of_the_history(self, random_likes: Interactions) -> None:
        ranker = self.make()
        ranker.fit(random_likes)
        histories = [history for _, history in random_likes.histories()]
        for history, ranking in zip(histories, ranker.rank(histories, 10), strict=True):
            assert not set(ranking.tolist()) & set(history.items.tolist())

    def test_excludes_disliked_and_merely_viewed_items_too(self, two_groups: Interactions) -> None:
        ranker = self.make()
        ranker.fit(two_groups)
        codes = [ACTION_CODE[a] for a in (Action.CLICK, Action.HIDE, Action.VIEW)]
        history = History(np.array([0, 2, 4]), np.array(codes, np.int8), np.arange(3))
        assert not {0, 2, 4} & set(ranker.rank([history], 20)[0].tolist())

    def test_fills_with_minus_one_where_the_catalogue_ends(self, two_groups: Interactions) -> None:
        ranker = self.make()
        ranker.fit(two_groups)
        ranking = ranker.rank([liked(*range(0, 18))], 5)
        assert ranking.dtype == np.int64
        assert sorted(ranking[0, :2].tolist()) == [18, 19]
        assert ranking[0, 2:].tolist() == [-1, -1, -1]

    def test_a_cold_start_user_gets_n_different_items(self, two_groups: Interactions) -> None:
        ranker = self.make()
        ranker.fit(two_groups)
        ranking = ranker.rank([History.empty()], 5)
        assert len(set(ranking[0].tolist()) - {-1}) == 5

    def test_the_same_events_give_the_same_ranking(self, random_likes: Interactions) -> None:
        histories = [history.where(np.arange(len(history)) < 4) for _, history in random_likes.histories()]
        first, second = self.make(), self.make()
        first.fit(random_likes)
        second.fit(random_likes)
        assert first.rank(histories, 10).tolist() == second.rank(histories, 10).tolist()

    def test_no_users_and_no_events_are_handled(self, two_groups: Interactions) -> None:
        ranker = self.make()
        ranker.fit(two_groups)
        assert ranker.rank([], 5).shape == (0, 5)
        ranker.fit(two_groups.where(np.zeros(len(two_groups), bool)))
        assert ranker.rank([liked(3)], 5).shape == (1, 5)


class PersonalRankerContract(RankerContract):
    """And what every personalised ranker must find."""

    @pytest.mark.parametrize("user", [4, 7])
    def test_finds_the_missing_item(self, two_groups: Interactions, user: int) -> None:
        ranker = self.make()
        ranker.fit(two_groups)
        history = two_groups.history_of(f"u{user}")
        assert ranker.rank([history], 1).tolist() == [[user]]


class TestPopularity(RankerContract):
    def make(self) -> Ranker:
        return Popularity()

    def test_counts_users_not_events(self) -> None:
        same_user = [(0, 1)] * 5
        events = _events([*same_user, (0, 2), (1, 2)], n_items=3)
        ranker = self.make()
        ranker.fit(events)
        assert ranker.rank([History.empty()], 3).tolist() == [[2, 1, 0]]


class TestRecentPopularity(RankerContract):
    def make(self) -> Ranker:
        return RecentPopularity(7.0)

    def test_a_short_half_life_prefers_the_latest(self) -> None:
        events = _events([(0, 1), (1, 1), (2, 1), (3, 2)], n_items=3)  # one a day
        ranking = {}
        for days in (0.5, 1000.0):
            ranker = RecentPopularity(days)
            ranker.fit(events)
            ranking[days] = ranker.rank([History.empty()], 2).tolist()[0]
        assert ranking == {0.5: [2, 1], 1000.0: [1, 2]}


class TestItemKNN(PersonalRankerContract):
    def make(self) -> Ranker:
        return ItemKNN()

    @pytest.mark.parametrize(("neighbours", "shrink", "a"), [(3, 0.0, 0.5), (5, 10.0, 0.5), (5, 2.0, 0.3)])
    def test_scores_agree_with_loops(
        self, random_likes: Interactions, neighbours: int, shrink: float, a: float
    ) -> None:
        ranker, x = ItemKNN(neighbours, shrink, a), _dense(random_likes)
        ranker.fit(random_likes)
        n = x.shape[1]
        similar = np.zeros((n, n))
        for i in range(n):
            for j in range(n):
                root = x[:, i].sum() ** (1 - a) * x[:, j].sum() ** a
                similar[i, j] = x[:, i] @ x[:, j] / (root + shrink) if i != j and root else 0
        for i in range(n):
            similar[i, sorted(range(n), key=lambda j: (-similar[i, j], j))[neighbours:]] = 0
        assert np.allclose(ranker.score(_sparse(x[:6])), x[:6] @ similar.T, atol=1e-5)


class TestEASE(PersonalRankerContract):
    def make(self) -> Ranker:
        return EASE(5.0)

    @pytest.mark.parametrize("max_items", [8000, 30])
    def test_scores_agree_with_inverting_the_matrix(self, random_likes: Interactions, max_items: int) -> None:
        """By the user-user matrix (fewer users than items) and by the item-item matrix."""
        events = random_likes.where(random_likes.user < 15) if max_items == 8000 else random_likes
        ranker, x = EASE(5.0, None, max_items), _dense(events)
        ranker.fit(events)
        assert ranker._by_users == (max_items == 8000)
        inverse = np.linalg.inv(x.T @ x + 5.0 * np.eye(x.shape[1]))
        weights = np.eye(x.shape[1]) - inverse / np.diag(inverse)
        np.fill_diagonal(weights, 0)
        outside = x == 0  # items of the history are never ranked
        scores = ranker.score(_sparse(x))
        assert np.allclose(scores[outside], (x @ weights)[outside], atol=1e-4)

    def test_with_few_weights_it_ranks_the_most_liked(self, random_likes: Interactions) -> None:
        ranker = EASE(5.0, max_items=10)
        ranker.fit(random_likes)
        counts = _dense(random_likes).sum(axis=0)
        scored = np.flatnonzero(ranker.score(_sparse(_dense(random_likes))).any(axis=0))
        assert len(scored) == 10
        assert counts[scored].min() >= np.sort(counts)[-10]


class TestIALS(PersonalRankerContract):
    def make(self) -> Ranker:
        return IALS(factors=4, l2=0.1)

    def test_raises_no_warnings(self, two_groups: Interactions) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            self.make().fit(two_groups)


class TestGenericMean(PersonalRankerContract):
    def make(self) -> Ranker:
        return GenericMean(group_vectors())

    def test_items_without_a_vector_come_last(self, two_groups: Interactions) -> None:
        matrix = group_vectors()
        matrix[[2, 3]] = 0
        ranker = GenericMean(matrix)
        ranker.fit(two_groups)
        assert set(ranker.rank([liked(0)], 19)[0, -2:].tolist()) == {2, 3}


class TestGenericMax(PersonalRankerContract):
    def make(self) -> Ranker:
        return GenericMax(group_vectors())

    def test_finds_the_second_interest_that_a_mean_blurs(self) -> None:
        angles = np.deg2rad([0, 90, 2, 88, 45])  # likes lie at 0° and 90°
        matrix = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
        events = _events([(0, 0)], n_items=5)
        mean, nearest = GenericMean(matrix), GenericMax(matrix)
        mean.fit(events)
        nearest.fit(events)
        assert mean.rank([liked(0, 1)], 1).tolist() == [[4]]
        assert set(nearest.rank([liked(0, 1)], 2)[0].tolist()) == {2, 3}


class TestBPR(PersonalRankerContract):
    def make(self) -> Ranker:
        return BPR(factors=8, epochs=200)

    def test_popularity_is_learned_although_sampling_divides_it_out(self) -> None:
        """Users like by popularity alone: the right order is that of popularity."""
        rng = np.random.default_rng(0)
        share = 1 / np.arange(1, 21)
        pairs = [(p, int(i)) for p in range(300) for i in rng.choice(20, 4, False, share / share.sum())]
        events = _events(pairs, n_items=20)
        ranker = BPR(factors=4, epochs=100, scale=0.0)  # scores of an average user
        ranker.fit(events)
        popular = np.argsort(-np.bincount(events.item, minlength=20))
        assert set(ranker.rank([liked(int(popular[0]))], 4)[0].tolist()) == set(popular[1:5].tolist())


class TestLightGCN(PersonalRankerContract):
    def make(self) -> Ranker:
        ranker = LightGCN(width=8)
        ranker.rounds = 10
        return ranker

    def test_layers_agree_with_the_formula(self, random_likes: Interactions) -> None:
        """A new user's vector, per layer: sum of e_i / sqrt(likes of i), with e_i of the previous layer."""
        ranker = LightGCN(width=4, layers=2)
        ranker.rounds = 2
        ranker.fit(random_likes)
        x = _dense(random_likes)
        n_users, n = x.shape
        graph = np.block([[np.zeros((n_users, n_users)), x], [x.T, np.zeros((n, n))]])
        smooth = graph / np.sqrt(np.outer(graph.sum(0), graph.sum(0)))
        e0 = ranker._net.embedding.weight.detach().numpy()
        e1, e2 = smooth @ e0, smooth @ smooth @ e0
        user_vector = ((e0 + e1)[n_users:] / np.sqrt(x.sum(0))[:, None])[[1, 5]].sum(axis=0)
        scores = ranker.score_likes([np.array([1, 5])])
        assert np.allclose(scores[0], user_vector @ (e0 + e1 + e2)[n_users:].T / 3, atol=1e-4)


class TestSASRec(PersonalRankerContract):
    def make(self) -> Ranker:
        ranker = SASRec(width=16, dropout=0.2, learning_rate=1e-2)
        ranker.rounds = 10
        return ranker

    def test_the_next_item_depends_on_the_last_like(self) -> None:
        """All users walk around a circle of 12 items: after i comes i + 1, wherever the walk began."""
        pairs = [(user, (user + step) % 12) for step in range(6) for user in range(48)]
        ranker = SASRec(width=16, dropout=0.0, learning_rate=1e-2, horizon=1)
        ranker.rounds = 30
        ranker.fit(_events(pairs, n_items=12))
        rankings = ranker.rank([liked(3, 4, 5), liked(9, 10, 11), liked(7)], 1)
        assert rankings.ravel().tolist() == [6, 0, 8]

    def test_every_position_predicts_the_next_likes(self, random_likes: Interactions) -> None:
        ranker = SASRec(length=3, horizon=2)
        ranker.rounds = 0
        ranker.fit(random_likes)
        padding = len(np.unique(random_likes.item))
        for n in (2, 3, 4, 5, 10, 11):
            windows = ranker._cut_windows(np.arange(n))
            next_items = np.concatenate([targets for _, targets in windows])
            assert next_items[:, 0].tolist() == list(range(1, n))
            assert next_items[:, 1].tolist() == [*range(2, n), padding]
            assert np.concatenate([inputs for inputs, _ in windows]).tolist() == list(range(n - 1))
            assert max(len(inputs) for inputs, _ in windows) <= 3

    def test_loss_agrees_with_writing_it_out(self, random_likes: Interactions) -> None:
        """Mean of -log p over the next likes of each position, p over items not liked before it."""
        ranker = SASRec(width=8, dropout=0.0, horizon=2)
        ranker.rounds = 1
        ranker.fit(random_likes)
        sequence = np.array([4, 0, 7, 2])
        losses = []
        for position in range(3):
            states = ranker._net(torch.from_numpy(sequence[None, : position + 1]))
            logits = ranker._net.logits(states[0, -1]).detach().numpy().astype(np.float64)
            logits[sequence[: position + 1]] = -np.inf
            log_p = logits - np.log(np.exp(logits).sum())
            losses.append(-log_p[sequence[position + 1 : position + 3]].mean())
        windows = [(sequence[:-1], np.array([[0, 7], [7, 2], [2, ranker._net.items.num_embeddings - 1]]))]
        assert ranker._loss(windows).item() == pytest.approx(np.mean(losses), rel=1e-5)

    def test_before_training_it_ranks_by_popularity_and_co_likes(self, two_groups: Interactions) -> None:
        ranker = SASRec(width=8)
        ranker.rounds = 0
        ranker.fit(two_groups)
        ranker._net.eval()
        ranking = ranker.rank([liked(0, 2, 4, 6), liked(1, 3, 5, 7)], 6)
        assert (ranking % 2 == np.array([[0], [1]])).all()


class TestTuned(PersonalRankerContract):
    def make(self) -> Ranker:
        return Tuned(
            ItemKNN, {"neighbours": (1, 100), "shrink": (0.0, 10.0)}, NO_HOLDOUT, Split.NEW_USERS, budget=9
        )

    def test_chooses_the_better_settings_and_reports_the_search(self, random_likes: Interactions) -> None:
        def make(sign: float = -1.0) -> Sign:
            return Sign(sign)

        for split in Split:
            ranker = Tuned(make, {"sign": (-2.0, -1.0, 2.0)}, NO_HOLDOUT, split, budget=9)
            ranker.fit(random_likes)
            assert ranker.settings["sign"] == 2.0
            assert (ranker.tuning.n_trials, ranker.tuning.at_grid_edge) == (3, ["sign"])

    def test_tries_no_more_than_its_budget(self, random_likes: Interactions) -> None:
        grid = {"neighbours": (1, 5, 20, 100), "shrink": (0.0, 1.0, 10.0)}
        ranker = Tuned(ItemKNN, grid, NO_HOLDOUT, Split.NEW_USERS, budget=3)
        ranker.fit(random_likes)
        assert ranker.tuning.n_trials == 3

    def test_early_stopping_keeps_the_best_round(self, random_likes: Interactions) -> None:
        scores = iter([0.1, 0.2, 0.5, 0.4, 0.3, 0.2, 0.9])
        ranker = RoundCounter()
        assert ranker.fit_with_early_stopping(random_likes, lambda: next(scores)) == 0.5
        assert (ranker.n_rounds, ranker.settings) == (5, {"rounds": 2})
        ranker.fit(random_likes)
        assert ranker.n_rounds == 2

    def test_every_baseline_has_a_name_of_its_own(self) -> None:
        vectors = np.eye(3, dtype=np.float32)
        for effort, neural in ((Effort.QUICK, []), (Effort.ALL, ["LightGCN", "SASRec"])):
            baselines = standard_baselines(vectors, NO_HOLDOUT, Split.NEW_USERS, effort=effort)
            assert [baseline.name for baseline in baselines] == [
                *("popularity", "recent popularity", "ItemKNN", "EASE", "iALS", "BPR"),
                *("generic, mean of history", *neural, "generic, max similarity"),
            ]


class Sign(GenericMean):
    """Ranks items similar to the history first, or dissimilar ones, depending on its sign."""

    def __init__(self, sign: float) -> None:
        rng = np.random.default_rng(0)
        group = np.eye(3)[np.arange(20) % 3] + rng.normal(0, 0.01, (20, 3))  # as `random_likes` are sampled
        super().__init__(group.astype(np.float32), "sign")
        self.sign = sign

    @property
    def settings(self) -> Mapping[str, float]:
        return {"sign": self.sign}

    def score(self, histories: Any) -> np.ndarray:
        return self.sign * super().score(histories)


class RoundCounter(IterativeRanker):
    """Counts its rounds."""

    name, max_rounds, validate_every, patience = "round counter", 10, 1, 3

    def initialise(self, likes: Any, liked: Interactions) -> None:
        self.n_rounds = 0

    def train_round(self) -> None:
        self.n_rounds += 1

    def score_likes(self, likes: Sequence[np.ndarray]) -> np.ndarray:
        return np.zeros((len(likes), 20), np.float32)


def test_older_likes_weigh_less() -> None:
    matrix = recency_weighted_matrix(
        [np.array([3, 1, 3, 0]), np.empty(0, np.int64)], 5, half_life=1.0
    ).toarray()
    assert matrix.tolist() == [[1.0, 0.25, 0, 0.5, 0], [0.0] * 5]
    assert recency_weighted_matrix([np.array([3, 1, 3])], 5, None).toarray().tolist() == [[0, 1.0, 0, 1.0, 0]]


def test_top_n_agrees_with_sorting_all_items() -> None:
    rng = np.random.default_rng(0)
    scores = rng.integers(0, 5, (50, 30)).astype(np.float32)  # many ties
    scores[rng.random(scores.shape) < 0.3] = -np.inf
    order = rng.permutation(30)
    tie_rank = np.argsort(order)
    for n in (1, 7, 30, 40):
        for row, ranking in zip(scores, top_n(scores, n, order), strict=True):
            expected = sorted(np.flatnonzero(row > -np.inf), key=lambda i: (-row[i], tie_rank[i]))[:n]
            assert ranking.tolist() == expected + [-1] * (n - len(expected))


def _events(pairs: list[tuple[int, int]], n_items: int) -> Interactions:
    user, item = np.array(pairs, np.int64).T
    code = np.full(len(user), ACTION_CODE[Action.CLICK], np.int8)
    users = [f"u{k}" for k in range(int(user.max()) + 1)]
    return Interactions(users, user, item, code, np.arange(len(user)) * 86_400_000_000, n_items)


def _dense(events: Interactions) -> np.ndarray:
    x = np.zeros((len(np.unique(events.user)), events.n_items), np.float32)
    x[events.user, events.item] = 1
    return x


def _sparse(x: np.ndarray):  # type: ignore[no-untyped-def]
    from scipy import sparse

    return sparse.csr_matrix(x)

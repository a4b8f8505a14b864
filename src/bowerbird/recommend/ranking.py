"""The ranking model: candidates from several sources, ordered by a gradient-boosted ranker.

Sources: co-engagement, low-rank tastes, what follows what, nearest to one liked item, nearest to all of them,
nearest among items that nobody has liked yet, beside what was liked in the order of ids, what a person leans
to by facets among what sells, popular at the moment, popular with beginners. LightGBM's
LambdaRank (Burges, 2010) orders their union. It learns on people and moments set aside inside the training
events (see `lessons`); what it reads was fitted without them, as it will be for the people it serves. Its
order has three times the say of a plain fusion of reciprocal ranks (Cormack et al., SIGIR 2009), which knows
no cold start and no drift, where a quarter of these people are better served so; they also decide how much
content counts within the fusion.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bowerbird.data.interactions import History, Interactions
from bowerbird.data.items import Catalogue
from bowerbird.embed.index import ItemIndex
from bowerbird.embed.rows import Rows
from bowerbird.recommend.candidates import Values, best_of, sought
from bowerbird.recommend.coengagement import CoEngagement, history_matrix, like_matrix
from bowerbird.recommend.facets import Facets, Leanings
from bowerbird.recommend.features import (
    NAMES,
    Signals,
    World,
    near_by_all,
    rows_of,
    said_by,
    signals_of,
    similarities,
)
from bowerbird.recommend.follows import Follows
from bowerbird.recommend.lessons import FOLDS, Example, Lesson, lessons_of
from bowerbird.recommend.lowrank import LowRank
from bowerbird.recommend.neighbours import Neighbours
from bowerbird.recommend.popularity import Popularity
from bowerbird.recommend.ranks import highest, places_of
from bowerbird.recommend.session import VISIT_SAY, near_visit, visit_of
from bowerbird.recommend.shelf import ON_SHELF, next_to, shelf_places
from bowerbird.recommend.trees import Trees

PER_SOURCE = 200  # candidates of each source
RIDGES = (30.0, 100.0, 300.0, 1000.0)
LEAST_EXAMPLES = 100  # fewer can't teach a ranker
TESTED_SHARE = 4  # one example in so many judges how much the learnt order counts
NEGATIVES = 300  # candidates of one example that were not liked, as far as the ranker learns from them
CHUNK = 64  # people scored at once
FUSION_K = 60.0
LEARNT_SAY = 3.0  # of the learnt order, beside 1 for the fused one
CONTENT_WEIGHTS = (0.1, 0.3, 1.0, 3.0)
"""Of content in the fusion, beside 1 for what people do together."""
LEARNING = {
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


@dataclass(frozen=True)
class Met:
    """One example with its candidates, as they are when it is met."""

    rows: np.ndarray  # (C, features)
    wanted: np.ndarray  # (C,) bool
    n_targets: int


class OurRanker:
    """Learns from training events, ranks the whole catalogue for anybody with a history."""

    def __init__(
        self,
        matrix: np.ndarray | Rows,
        catalogue: Catalogue,
        name: str = "ours",
        sides: tuple[np.ndarray | Rows, ...] = (),
        index: ItemIndex | None = None,
    ) -> None:
        """`matrix` (items, D): the catalogue's vectors, rows of length 1 or 0. `sides`: its untrained content
        by facts, text and picture (items, W) each; where there are none, the vectors stand for each.

        With an `index` only the candidates are looked at (see `candidates`), else every item is.
        """
        self.index = index
        self.name = name
        # The same memory: a memory map's own indexing is slow in small pieces.
        self.matrix = np.asarray(matrix) if isinstance(matrix, np.ndarray) else matrix
        self.sides = sides or (matrix,) * 3
        self.prices = catalogue.prices
        self.launched = catalogue.launched
        self.catalogue = catalogue
        self.places: np.ndarray  # (items,) in the order of ids; only learning needs it
        self.neighbours: tuple[Neighbours, Neighbours] | None = None
        """Lists of all items and of those that nobody has liked yet, where there are many; only who serves
        has them, since they are of one world."""
        self.world: World
        self.trees: Trees | None = None
        self.settings: dict[str, Any] = {}

    # -- learning -----------------------------------------------------------------------------------------

    def fit(self, events: Interactions) -> None:
        """Learn the sources and the ranker from training events."""
        self.places = shelf_places(self.catalogue.ids)
        self.facets = Facets.of(self.catalogue)
        lessons = lessons_of(events)
        # The latest moment and one part of the newcomers: both kinds of person, at a fraction of the time.
        ridge = self._best_ridge(lessons[-FOLDS - 1 : -FOLDS + 1])
        self.settings = {"ridge": ridge, "content_weight": 1.0, "order": "fusion"}
        self.trees = None
        if sum(len(lesson.examples) for lesson in lessons) >= LEAST_EXAMPLES:
            self._learn_order(lessons, ridge, self.launched <= events.at.max())
        self.world = self._world(events, ridge)

    def earlier(self, events: Interactions) -> OurRanker:
        """The same ranker at a time when only some of its training events were there.

        Without the learnt order, which has seen what people liked later.
        """
        other = copy.copy(self)
        other.world, other.trees = self._world(events, self.settings["ridge"]), None
        other.neighbours = None
        return other

    def _world(self, events: Interactions, ridge: float) -> World:
        return World(
            self.matrix,
            self.sides,
            self.prices,
            self._seen_first(events),
            CoEngagement.fitted(events, ridge),
            LowRank.fitted(like_matrix(events)),
            Follows.fitted(events),
            popularity := Popularity.of(events, self.places),
            Leanings.fitted(self.facets, popularity.total),
        )

    def _seen_first(self, events: Interactions) -> np.ndarray:
        first = np.full(len(self.matrix), np.inf)
        np.minimum.at(first, events.item, events.at.astype(np.float64))
        known = self.launched > np.iinfo(np.int64).min
        first[known] = self.launched[known]
        return np.where(np.isfinite(first), first, np.nan)

    def _best_ridge(self, lessons: Sequence[Lesson]) -> float:
        """The λ with the highest recall@20 on the people of some lessons."""
        if sum(len(lesson.examples) for lesson in lessons) < LEAST_EXAMPLES:
            return RIDGES[1]
        found = [sum(_hits_of(lesson, ridge) for lesson in lessons) for ridge in RIDGES]
        return RIDGES[int(np.argmax(found))]

    def _learn_order(self, lessons: Sequence[Lesson], ridge: float, on_sale: np.ndarray) -> None:
        import lightgbm

        rng = np.random.default_rng(0)
        taught, tests = [], []
        # `on_sale`: what came later nobody could like; it must not teach that new items are disliked.
        for number, (example, candidates, signals) in enumerate(self._met(lessons, ridge, on_sale)):
            wanted = np.isin(candidates, example.targets)
            met = Met(rows_of(signals, candidates, self.world), wanted, len(example.targets))
            if number % TESTED_SHARE == 0:
                tests.append(met)
            elif wanted.any():
                taught.append(_thinned(met, rng))
        if len(taught) < LEAST_EXAMPLES // 4 or not tests:
            return
        rows, labels = (np.concatenate([getattr(one, name) for one in taught]) for name in ("rows", "wanted"))
        groups = [len(one.wanted) for one in taught]
        data = lightgbm.Dataset(rows, labels.astype(int), group=groups)
        booster = lightgbm.train(LEARNING, data, num_boost_round=ROUNDS)
        self._choose_blend(Trees.of(booster), tests)

    def _choose_blend(self, trees: Trees, tests: Sequence[Met]) -> None:
        """Take the weight of content that serves tested people best; the learnt order if it helps them."""
        fusions = {weight: [_fusion(met.rows, weight) for met in tests] for weight in CONTENT_WEIGHTS}
        marks = {weight: _mark(scores, tests) for weight, scores in fusions.items()}
        weight = max(marks, key=lambda one: marks[one])
        blended = [
            _blended(trees(met.rows), order) for met, order in zip(tests, fusions[weight], strict=True)
        ]
        learnt = _mark(blended, tests)
        self.settings |= {
            "content_weight": weight,
            "ndcg@20_learnt": learnt,
            "ndcg@20_fusion": marks[weight],
            "order": "lambdarank" if learnt >= marks[weight] else "fusion",
        }
        self.trees = trees if learnt >= marks[weight] else None

    def _met(
        self, lessons: Sequence[Lesson], ridge: float, on_sale: np.ndarray
    ) -> Iterator[tuple[Example, np.ndarray, Signals]]:
        """Every example with its candidates and the signals that the model of its lesson has for it."""
        for lesson in lessons:
            self.world = self._world(lesson.events, ridge)
            met = self.met([one.history for one in lesson.examples], on_sale)
            for example, (candidates, signals) in zip(lesson.examples, met, strict=True):
                yield example, candidates, signals

    # -- ranking ------------------------------------------------------------------------------------------

    def rank(self, histories: Sequence[History], n: int) -> np.ndarray:
        """The best n items for each history, (B, n) int64, -1 where fewer are left; never an item seen."""
        return self.rank_scored(histories, n)[0]

    def rank_scored(
        self,
        histories: Sequence[History],
        n: int,
        allowed: np.ndarray | None = None,
        now: int | None = None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """As `rank`, among `allowed` (items,) bool; with scores, (B, n) float32, -inf where none is left.

        At `now` (microseconds) visits that go on have their say (see `session`); without it there are none.
        """
        positions = np.full((len(histories), n), -1, np.int64)
        scores = np.full((len(histories), n), -np.inf, np.float32)
        for row, (candidates, signals) in enumerate(self.met(histories, allowed, max(n, PER_SOURCE))):
            values = self.at_moment(self.scores(candidates, signals), candidates, signals, now)
            best = np.lexsort((candidates, -values))[:n]
            positions[row, : len(best)] = candidates[best]
            scores[row, : len(best)] = values[best]
        return positions, scores

    def met(
        self,
        histories: Sequence[History],
        allowed: np.ndarray | None,
        per_source: int = PER_SOURCE,
        beside: Sequence[np.ndarray] | None = None,
    ) -> Iterator[tuple[np.ndarray, Signals]]:
        """For each person the candidates, (C,) positions ascending, and what is known of them.

        `beside` are positions for each person that are candidates whether a source names them or not.
        """
        also = beside if beside is not None else [np.zeros(0, np.int64)] * len(histories)
        for start in range(0, len(histories), CHUNK):
            part = list(histories[start : start + CHUNK])
            others = also[start : start + CHUNK]
            if self.index is not None:
                for one, more in zip(part, others, strict=True):
                    yield sought(one, self.world, self.index, allowed, per_source, more)
                continue
            all_signals = signals_of(part, self.world, content=self.neighbours is None)
            for history, signals, more in zip(part, all_signals, others, strict=True):
                open_ = np.ones(len(self.matrix), bool) if allowed is None else allowed.copy()
                open_[history.items] = False
                if self.neighbours is not None and len(signals.recent):
                    signals = self._with_near(signals, open_, per_source)
                found = self._candidates(signals, open_, per_source)
                found = np.union1d(found, more) if len(more) else found
                yield found, self._told_exactly(signals, found)

    def scores(self, candidates: np.ndarray, signals: Signals) -> np.ndarray:
        """The ranker's scores of candidates, (C,)."""
        if not len(candidates):
            return np.zeros(0, np.float32)
        return self.scores_of(rows_of(signals, candidates, self.world))

    def scores_of(self, rows: np.ndarray) -> np.ndarray:
        """The ranker's scores of candidates by their features, (C, features) -> (C,)."""
        fusion = _fusion(rows, self.settings["content_weight"])
        if self.trees is None or not len(rows):
            return fusion
        return _blended(self.trees(rows), fusion)

    def at_moment(
        self, scores: np.ndarray, candidates: np.ndarray, signals: Signals, now: int | None
    ) -> np.ndarray:
        """Scores of candidates (C,) as a visit that goes on at `now` wants them; unchanged outside of one."""
        visit = History.empty() if now is None else visit_of(signals.liked, now)
        if not len(visit) or not len(candidates):
            return scores
        near = near_visit(candidates, visit, self.world)
        return fused([(1.0, places_of(scores)), (VISIT_SAY, places_of(near))])

    def _by_facets(self, signals: Signals, open_: np.ndarray, per_source: int) -> list[np.ndarray]:
        """What a person leans to among what sells or lies beside it; and variants of what they liked."""
        popularity = self.world.popularity
        leaning = self.world.leanings.to_all(signals.leaning)
        shelf = popularity.shelf(popularity.end, popularity.lately)
        new = open_ & self.world.cold
        near = next_to(signals.recent.items, popularity.places, popularity.by_place)
        return [
            highest(leaning + shelf, open_, per_source),
            highest(leaning + shelf, new, per_source),
            highest(leaning + 3 * shelf, new, per_source),
            highest(leaning + popularity.log_now, open_, per_source),
            near[open_[near]],
        ]

    def _with_near(self, signals: Signals, open_: np.ndarray, per_source: int) -> Signals:
        """Signals that know what is near by vectors, as far as sources of so many items need it."""
        assert self.neighbours is not None
        recent, world = signals.recent, self.world
        everything, new = self.neighbours
        near = everything.nearest(recent.items, open_, per_source)
        near_new = new.nearest(recent.items, open_ & world.cold, 2 * per_source)
        if near is None or near_new is None:
            nearest, mean = near_by_all(recent, world)
            return replace(signals, nearest=nearest, mean=mean)
        mean = world.matrix @ (said_by(recent) @ world.matrix[recent.items])
        return replace(signals, nearest=np.maximum(near, near_new), mean=mean)

    def _told_exactly(self, signals: Signals, candidates: np.ndarray) -> Signals:
        """The same signals, where those that were known of some items only are known of the candidates."""
        if self.neighbours is None or not len(signals.recent):
            return signals
        (similar,) = similarities((self.world.matrix,), signals.recent.items, candidates)
        nearest, mean = similar.max(axis=0), said_by(signals.recent) @ similar
        return replace(signals, nearest=Values(candidates, nearest), mean=Values(candidates, mean))

    def _candidates(self, signals: Signals, open_: np.ndarray, per_source: int) -> np.ndarray:
        """Positions that some source names, in order, (C,). Sources hold only what they have reason for."""
        popularity = self.world.popularity
        sources = [
            popularity.leading(open_, per_source // 2, signals.at, *kind) for kind in popularity.trends
        ]
        sources.append(popularity.leading_now(open_, per_source // 2))
        if len(signals.liked):
            crowd = (signals.coengagement, signals.low_rank, signals.follows)
            sources += [highest(one, open_, per_source, above=0.0) for one in crowd]
            sources += [highest(one, open_, per_source) for one in (signals.nearest, signals.mean)]
            new = open_ & self.world.cold
            near = highest(signals.nearest, new, 2 * per_source)
            on_shelf = signals.nearest[near] + ON_SHELF * popularity.shelf(signals.at)[near]
            sources += [
                best_of(scores, near, per_source // 2) for scores in (signals.nearest[near], on_shelf)
            ]
            sources += self._by_facets(signals, open_, per_source)
        named = np.zeros(len(self.matrix), bool)
        named[np.concatenate(sources)] = True
        if np.count_nonzero(named) < per_source:  # a small or narrow choice: whatever is left, by popularity
            named[popularity.leading_now(open_, per_source)] = True
        return np.flatnonzero(named)


def _thinned(met: Met, rng: np.random.Generator) -> Met:
    """All that was liked, and some of what was not: enough to learn from, in a fraction of the time."""
    others = np.flatnonzero(~met.wanted)
    kept = np.sort(np.concatenate([np.flatnonzero(met.wanted), rng.permutation(others)[:NEGATIVES]]))
    return Met(met.rows[kept], met.wanted[kept], met.n_targets)


CROWD = ("coengagement_rank", "low_rank_rank", "follows_rank")
CONTENT = ("content_max_rank", "content_mean_rank")
TREND = ("lately_rank", "lately_today_rank", "beginners_today_rank")


def _fusion(rows: np.ndarray, content_weight: float) -> np.ndarray:
    """Weighted reciprocal rank fusion of the sources, (C, features) -> (C,) float32."""

    def places(name: str) -> np.ndarray:
        found: np.ndarray = np.expm1(rows[:, NAMES.index(name)])
        return found

    content = np.stack([places(name) for name in CONTENT])
    parts = [(0.15, places(name)) for name in TREND]
    if not np.isnan(content).any():  # a person of whom something is known
        # Of an item that nobody has liked yet, what people do together says nothing: content speaks for it.
        crowd = [np.where(np.isnan(one), content.mean(axis=0), one) for one in map(places, CROWD)]
        parts += [(weight, one) for weight, one in zip((1.0, 0.5, 0.5), crowd, strict=True)]
        parts += [(content_weight, one) for one in content]
        parts.append((0.5, places("facets_rank")))
    return fused(parts)


def _blended(learnt: np.ndarray, fusion: np.ndarray) -> np.ndarray:
    """Learnt and fused order, the learnt one with `LEARNT_SAY` times the say, (C,)."""
    return fused([(LEARNT_SAY, places_of(learnt)), (1.0, places_of(fusion))])


def fused(parts: Sequence[tuple[float, np.ndarray]]) -> np.ndarray:
    """Orders fused by weighted reciprocal ranks: a weight and places from 0 (C,) of each, (C,) float32."""
    both = np.zeros(len(parts[0][1]))
    for weight, place in parts:
        both += weight / (FUSION_K + place)
    return both.astype(np.float32)


def _mark(scores: Sequence[np.ndarray], tests: Sequence[Met]) -> float:
    return float(
        np.mean([_gain(one, met.wanted, met.n_targets) for one, met in zip(scores, tests, strict=True)])
    )


def _gain(scores: np.ndarray, wanted: np.ndarray, n_targets: int, k: int = 20) -> float:
    """nDCG@k of one person's candidates; targets that no source named count as missed."""
    order = np.argsort(-scores, kind="stable")[:k]
    discount = 1 / np.log2(np.arange(2, k + 2))
    return float((wanted[order] * discount[: len(order)]).sum() / discount[: min(k, n_targets)].sum())


def _hits_of(lesson: Lesson, ridge: float) -> float:
    """Sum over a lesson's people of recall@20 by co-engagement alone."""
    together, hits = CoEngagement.fitted(lesson.events, ridge), 0.0
    judged = lesson.examples[:300]
    known = [example.history.liked().items for example in judged]
    for start in range(0, len(judged), CHUNK):
        part = together.scores(history_matrix(known[start : start + CHUNK], lesson.events.n_items))
        for example, scores in zip(judged[start : start + CHUNK], part, strict=True):
            scores[example.history.items] = -np.inf
            top = np.argpartition(-scores, min(20, len(scores) - 1))[:20]
            hits += np.isin(top, example.targets).sum() / min(20, len(example.targets))
    return hits

"""The ranking model: candidates from several sources, ordered by a gradient-boosted ranker.

Sources: co-engagement, nearest to one liked item, nearest to all of them, the same among items that nobody
has liked yet, lately popular. LightGBM's LambdaRank (Burges, 2010) orders their union. It learns on people
and moments set aside inside the training events: for these, the co-engagement it sees was fitted without
them, as it will be for the people it serves. On a quarter of these people it must beat reciprocal rank fusion
of the sources (Cormack et al., SIGIR 2009), or the fusion is used.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bowerbird.data.interactions import History, Interactions
from bowerbird.data.items import Catalogue
from bowerbird.embed.index import ItemIndex
from bowerbird.embed.rows import Rows
from bowerbird.recommend.candidates import sought
from bowerbird.recommend.coengagement import CoEngagement, history_matrix
from bowerbird.recommend.features import Signals, World, places_of, rows_of, signals_of
from bowerbird.recommend.popularity import Popularity

PER_SOURCE = 120  # candidates of each source
RIDGES = (30.0, 100.0, 300.0, 1000.0)
LEAST_EXAMPLES = 40  # people; fewer can't teach a ranker
MOST_EXAMPLES = 1500
FOLDS = 4  # parts of the people, each met once as newcomers
TESTED_SHARE = 4  # one example in so many judges whether the learnt order is better
CHUNK = 64  # people scored at once
FUSION_K = 60.0
LEARNING = {
    "objective": "lambdarank",
    "learning_rate": 0.05,
    "num_leaves": 15,
    "min_data_in_leaf": 50,
    "lambda_l2": 10.0,
    "lambdarank_truncation_level": 30,
    "num_threads": 2,
    "verbosity": -1,
    "seed": 0,
    "deterministic": True,
}
ROUNDS = 150


@dataclass(frozen=True)
class Example:
    """A person as the model would have met them: what they had liked, and what they liked next."""

    history: History
    targets: np.ndarray


@dataclass(frozen=True)
class Lesson:
    """Events to fit the sources on, and people to learn the order from, whose targets those events lack."""

    events: Interactions
    examples: list[Example]


class OurRanker:
    """Learns from training events, ranks the whole catalogue for anybody with a history."""

    def __init__(
        self,
        matrix: np.ndarray | Rows,
        catalogue: Catalogue,
        name: str = "ours",
        index: ItemIndex | None = None,
    ) -> None:
        """`matrix` (items, D): the catalogue's vectors, rows of length 1 or 0.

        With an `index` only the candidates are looked at (see `candidates`), else every item is.
        """
        self.index = index
        self.name = name
        self.matrix = matrix
        self.prices = catalogue.prices
        self.launched = catalogue.launched
        self.world: World
        self.booster: Any = None
        self.settings: dict[str, Any] = {}

    # -- learning -----------------------------------------------------------------------------------------

    def fit(self, events: Interactions) -> None:
        """Learn the sources and the ranker from training events."""
        lessons = _lessons(events)
        ridge = self._best_ridge(lessons[:2])
        self.settings = {"ridge": ridge, "order": "fusion"}
        self.booster = None
        if sum(len(lesson.examples) for lesson in lessons) >= LEAST_EXAMPLES:
            self._learn_order(lessons, ridge, self.launched <= events.at.max())
        self.world = self._world(events, ridge)

    def _world(self, events: Interactions, ridge: float) -> World:
        together = CoEngagement.fitted(events, ridge)
        return World(self.matrix, self.prices, together, Popularity.of(events))

    def _best_ridge(self, lessons: Sequence[Lesson]) -> float:
        """The λ with the highest recall@20 on the people of some lessons."""
        if sum(len(lesson.examples) for lesson in lessons) < LEAST_EXAMPLES:
            return RIDGES[1]
        found = [sum(_hits_of(lesson, ridge) for lesson in lessons) for ridge in RIDGES]
        return RIDGES[int(np.argmax(found))]

    def _learn_order(self, lessons: Sequence[Lesson], ridge: float, on_sale: np.ndarray) -> None:
        import lightgbm

        rows, labels, groups, fused, tests = [], [], [], [], []
        # `on_sale`: what came later nobody could like; it must not teach that new items are disliked.
        for number, (example, candidates, signals) in enumerate(self._met(lessons, ridge, on_sale)):
            wanted = np.isin(candidates, example.targets)
            if number % TESTED_SHARE:
                if wanted.any():
                    rows.append(rows_of(signals, candidates, self.world))
                    labels.append(wanted)
                    groups.append(len(candidates))
            else:
                tests.append((rows_of(signals, candidates, self.world), wanted, len(example.targets)))
                fused.append(_fusion(signals, candidates, self.world))
        if len(groups) < LEAST_EXAMPLES // 4 or not tests:
            return
        data = lightgbm.Dataset(np.concatenate(rows), np.concatenate(labels).astype(int), group=groups)
        booster = lightgbm.train(LEARNING, data, num_boost_round=ROUNDS)
        blends = [_blended(booster.predict(x), f) for f, (x, _, _) in zip(fused, tests, strict=True)]
        learnt = np.mean([_gain(b, hit, total) for b, (_, hit, total) in zip(blends, tests, strict=True)])
        plain = np.mean([_gain(f, hit, total) for f, (_, hit, total) in zip(fused, tests, strict=True)])
        self.settings |= {"ndcg@20_learnt": float(learnt), "ndcg@20_fusion": float(plain)}
        if learnt >= plain:
            self.booster = booster
            self.settings["order"] = "lambdarank"

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
        self, histories: Sequence[History], n: int, allowed: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """As `rank`, among `allowed` (items,) bool; with scores, (B, n) float32, -inf where none is left."""
        positions = np.full((len(histories), n), -1, np.int64)
        scores = np.full((len(histories), n), -np.inf, np.float32)
        for row, (candidates, signals) in enumerate(self.met(histories, allowed, max(n, PER_SOURCE))):
            values = self.scores(candidates, signals)
            best = np.lexsort((candidates, -values))[:n]
            positions[row, : len(best)] = candidates[best]
            scores[row, : len(best)] = values[best]
        return positions, scores

    def met(
        self, histories: Sequence[History], allowed: np.ndarray | None, per_source: int = PER_SOURCE
    ) -> Iterator[tuple[np.ndarray, Signals]]:
        """For each person the candidates, (C,) positions, and what is known of them."""
        for start in range(0, len(histories), CHUNK):
            part = list(histories[start : start + CHUNK])
            if self.index is not None:
                yield from (sought(one, self.world, self.index, allowed, per_source) for one in part)
                continue
            for history, signals in zip(part, signals_of(part, self.world), strict=True):
                yield self._candidates(signals, history, allowed, per_source), signals

    def scores(self, candidates: np.ndarray, signals: Signals) -> np.ndarray:
        """The ranker's scores of candidates, (C,)."""
        if not len(candidates):
            return np.zeros(0, np.float32)
        if self.booster is None or not len(signals.liked):
            return _fusion(signals, candidates, self.world)
        learnt = self.booster.predict(rows_of(signals, candidates, self.world), num_threads=1)
        return _blended(learnt, _fusion(signals, candidates, self.world))

    def _candidates(
        self,
        signals: Signals,
        history: History,
        allowed: np.ndarray | None = None,
        per_source: int = PER_SOURCE,
    ) -> np.ndarray:
        """Positions that some source names, in order, (C,). Sources hold only what they have reason for."""
        open_ = np.ones(len(self.matrix), bool) if allowed is None else allowed.copy()
        open_[history.items] = False
        cold = self.world.cold
        popular = self.world.popularity.now
        sources = [_best(popular, open_, per_source // 2)]
        if len(signals.liked):
            sources += [
                _best(signals.coengagement, open_ & (signals.coengagement > 0), per_source),
                _best(signals.nearest, open_, per_source),
                _best(signals.mean, open_, per_source),
                _best(signals.nearest, open_ & cold, per_source // 2),
            ]
        found = np.unique(np.concatenate(sources))
        if len(found) < per_source:  # a small or narrow choice: whatever is left, by popularity
            found = np.union1d(found, _best(popular, open_, per_source))
        return found


def _best(scores: np.ndarray, open_: np.ndarray, count: int) -> np.ndarray:
    rows = np.flatnonzero(open_)
    if len(rows) <= count:
        return rows
    found: np.ndarray = rows[np.argpartition(-scores[rows], count)[:count]]
    return found


def _fusion(signals: Signals, candidates: np.ndarray, world: World) -> np.ndarray:
    """Reciprocal rank fusion of the sources, (C,): the order where no ranker could be learnt."""
    sources = [world.popularity.now]
    if len(signals.liked):
        sources += [signals.coengagement, signals.nearest, signals.mean]
    total = np.zeros(len(candidates), np.float32)
    places = [places_of(source[candidates]).astype(np.float32) for source in sources]
    if len(places) > 1:
        # Of an item that nobody has liked yet, what people do together says nothing: content speaks for it.
        cold = world.popularity.total[candidates] == 0
        places[1][cold] = (places[2] + places[3])[cold] / 2
    for number, place in enumerate(places):
        weight = 0.3 if number == 0 and len(places) > 1 else 1.0
        total += weight / (FUSION_K + place)
    return total


def _blended(learnt: np.ndarray, fused: np.ndarray) -> np.ndarray:
    """Learnt and fused order with equal say, (C,): fusion knows no cold start, no drift, and no leak."""
    both: np.ndarray = 1 / (FUSION_K + places_of(learnt)) + 1 / (FUSION_K + places_of(fused))
    return both.astype(np.float32)


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


def _lessons(events: Interactions) -> list[Lesson]:
    """Parts of the training events, each with people whose next likes it knows nothing of.

    First everybody after a moment with a seventh of the likes behind it; then each quarter of the people as
    newcomers, met with the first 80 % of their likes. So the ranker learns from both kinds of person that it
    will meet, and from everybody.
    """
    liked = events.liked()
    if not len(liked):
        return []
    moment = int(np.quantile(liked.at, 6 / 7))
    fold = np.array([int(_hashed(user) * FOLDS) for user in events.users], dtype=np.int64)
    later: list[Example] = []
    new: list[list[Example]] = [[] for _ in range(FOLDS)]
    for person, history in events.histories():
        mine = history.liked()
        _add_example(later, history, mine, int(np.searchsorted(mine.at, moment, side="right")))
        _add_example(new[fold[person]], history, mine, int(len(mine) * 0.8))
    before = events.at <= moment
    lessons = [Lesson(events.where(before), _some(later, MOST_EXAMPLES // 2))]
    for number, examples in enumerate(new):
        # Up to the moment here too: whoever is served likes things that came after the last training.
        others = events.where(before & (fold[events.user] != number))
        lessons.append(Lesson(others, _some(examples, MOST_EXAMPLES // 2 // FOLDS)))
    return [lesson for lesson in lessons if len(lesson.events.liked()) and lesson.examples]


def _add_example(examples: list[Example], history: History, liked: History, cut: int) -> None:
    """A person met after their first `cut` likes, if they liked something then and something new later."""
    known = set(liked.items[:cut].tolist())
    targets = [item for item in dict.fromkeys(liked.items[cut:].tolist()) if item not in known]
    if targets and cut:
        before = history.where(history.at <= liked.at[cut - 1])
        # Several likes of one moment: what is to be found must not be among what is given.
        given = set(before.items.tolist())
        targets = [item for item in targets if item not in given]
        if targets:
            examples.append(Example(before, np.array(targets, np.int64)))


def _some(examples: list[Example], most: int) -> list[Example]:
    chosen = np.random.default_rng(0).permutation(len(examples))[:most]
    return [examples[row] for row in chosen]


def _hashed(user: str) -> float:
    """A number in [0, 1) that is the same for a person on every machine, and not the holdout's."""
    digest = hashlib.blake2b(user.encode(), digest_size=8, person=b"ranker").digest()
    return int.from_bytes(digest, "big") / 2**64

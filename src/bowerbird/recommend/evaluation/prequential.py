"""Prequential evaluation of a store's recommender, updated in real time, daily, weekly or never."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from bowerbird.data.arrays import BoolArray, IntArray
from bowerbird.data.articles.variants import Articles
from bowerbird.data.files.durable import write_atomically
from bowerbird.data.files.records import write_record
from bowerbird.data.interactions import Interactions
from bowerbird.data.snapshot import StoreSnapshot
from bowerbird.data.store import Store
from bowerbird.data.times import DAY
from bowerbird.embed.index.vectors import load_vectors
from bowerbird.errors import InputError
from bowerbird.evaluate.prequential.comparison import PrequentialEvaluation, evaluate_slices
from bowerbird.evaluate.prequential.queries import MAX_QUERIES, Queries, select_queries
from bowerbird.evaluate.prequential.replay import (
    DAILY,
    FROZEN,
    REAL_TIME,
    WEEKLY,
    PrequentialSystem,
    RealTimePopularity,
    compute_target_ranks,
)
from bowerbird.evaluate.results import TrainedModels
from bowerbird.recommend.evaluation.holdout import build_graph
from bowerbird.recommend.recommender import Recommender
from bowerbird.report.prequential import draw_prequential

SCHEDULES = {"real time": REAL_TIME, "daily": DAILY, "weekly": WEEKLY, "frozen": FROZEN}
POPULARITY = "popularity, real time"


class RankingCache:
    """The rankings of the last query, so that systems that have observed the same events rank once."""

    def __init__(self) -> None:
        self._query: tuple[str, int, bytes] = ("", 0, b"")
        self._rankings: dict[int, IntArray] = {}

    def for_query(self, user_id: str, at: int, eligible: BoolArray) -> dict[int, IntArray]:
        """Rankings of one query, by the number of events observed before it."""
        query = (user_id, at, eligible.tobytes())
        if query != self._query:
            self._query, self._rankings = query, {}
        return self._rankings


class PrequentialRecommender:
    """The served recommender over a taste graph of its own, which knows only the observed events."""

    def __init__(self, recommender: Recommender, cache: RankingCache) -> None:
        """`cache` is shared by the systems of an evaluation."""
        self.graph = build_graph(recommender.taste, Interactions.empty(len(recommender.catalogue)))
        self._recommender = recommender.with_graph(self.graph)
        self._cache = cache
        self._n_observed = 0

    def observe(self, events: Interactions) -> None:
        """Update the taste graph with events."""
        self.graph.learn_interactions(events)
        self._n_observed += len(events)

    def predict(self, user_id: str, at: int, eligible: BoolArray, n: int) -> IntArray:
        """Rank for a user as a server would at that moment."""
        rankings = self._cache.for_query(user_id, at, eligible)
        if self._n_observed not in rankings:
            state = self.graph.state(user_id)
            ranked_list = next(self._recommender.lists([state], n, now=[at], eligible=eligible))
            rankings[self._n_observed] = ranked_list.positions
        return rankings[self._n_observed]


def as_datetime(at: int) -> datetime:
    """Convert microseconds since 1970 UTC."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=at)


@dataclass(frozen=True)
class PrequentialTest:
    """What a store's systems are evaluated on: the log, the moment of training, the queries after it."""

    events: Interactions
    start: int
    queries: Queries
    available_queries: int
    launched: IntArray
    articles: Articles | None = None
    """In a catalogue with variants: any variant of the liked item counts."""

    @property
    def dates_only(self) -> bool:
        """Whether no event has a time of day."""
        return not (self.events.at % DAY).any()

    @classmethod
    def from_snapshot(
        cls, snapshot: StoreSnapshot, max_queries: int = MAX_QUERIES, seed: int = 0
    ) -> PrequentialTest:
        """Raises `InputError` where the vectors were trained on all events, or there are no later likes."""
        holdout = load_vectors(snapshot).holdout
        if holdout.until is None:
            raise InputError(
                "no events were held out from training: train with `bowerbird embed STORE --holdout default`"
            )
        catalogue = snapshot.catalogue
        events = Interactions.of(snapshot.store.log.read(), catalogue)
        articles = catalogue.articles if catalogue.articles.has_variants else None
        first_likes = events  # of an article, whichever variant it was
        if articles is not None:
            first_likes = replace(events, item=articles.first_positions[events.item])
        queries = select_queries(first_likes, holdout.until, max_queries=max_queries, seed=seed)
        available = select_queries(first_likes, holdout.until, max_queries=len(events))
        return cls(events, holdout.until, queries, len(available), catalogue.launched, articles)

    def summarise(self, ranks: Mapping[str, IntArray], trained: TrainedModels) -> PrequentialEvaluation:
        """Summarise each system's target ranks, (Q,) or (models, Q); `trained` names the models."""
        return PrequentialEvaluation(
            start=self.start,
            until=int(self.events.at[self.queries.rows[-1]]),
            dates_only=self.dates_only,
            available_queries=self.available_queries,
            slices=evaluate_slices(self.queries, ranks, self.dates_only),
            trained=trained,
        )


def replay_log(recommender: Recommender, test: PrequentialTest) -> dict[str, IntArray]:
    """Compute the rank of the liked items in each system's lists, (Q,) by system."""
    cache = RankingCache()
    systems = {
        name: PrequentialSystem(PrequentialRecommender(recommender, cache), schedule)
        for name, schedule in SCHEDULES.items()
    }
    systems[POPULARITY] = PrequentialSystem(RealTimePopularity(len(recommender.catalogue)), REAL_TIME)
    return compute_target_ranks(systems, test.events, test.queries, test.start, test.launched, test.articles)


def evaluate_prequential(
    store: Store, max_queries: int = MAX_QUERIES, seed: int = 0
) -> PrequentialEvaluation:
    """Evaluate the store's recommender along its log, updated in real time, daily, weekly and never.

    Writes `prequential.json` and a picture, `prequential.svg`, to the store's reports. Of more than
    `max_queries` queries a sample is taken with `seed`. Raises `StoreError` where the store has no vectors,
    `InputError` where there are no queries.
    """
    snapshot = store.snapshot()
    recommender, vectors = Recommender.open(snapshot), load_vectors(snapshot)
    test = PrequentialTest.from_snapshot(snapshot, max_queries, seed)
    ranks = replay_log(recommender, test)
    seeds = [] if vectors.meta.seed is None else [vectors.meta.seed]
    result = test.summarise(ranks, TrainedModels(vectors.version, seeds))
    write_record(store.reports / "prequential.json", result)
    write_atomically(store.reports / "prequential.svg", draw_prequential(result).encode())
    return result

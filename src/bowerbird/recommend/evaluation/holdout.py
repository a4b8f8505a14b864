"""Evaluates the served recommender: the same lists that `recommend` and the server return.

`bowerbird.evaluate` does not know stores; this module opens one and hands over the systems under test.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from bowerbird.data.arrays import IntArray
from bowerbird.data.files.records import record_as_dict, write_record
from bowerbird.data.interactions import History, Interactions
from bowerbird.data.store import Store
from bowerbird.embed.index.vectors import load_vectors
from bowerbird.evaluate.baselines import Effort, GenericMax, GenericMean, standard_baselines
from bowerbird.evaluate.evaluator import evaluate
from bowerbird.evaluate.protocols import Split, Task
from bowerbird.evaluate.ranker import Ranker
from bowerbird.evaluate.results import Evaluation, TrainedModels
from bowerbird.recommend.options import DEFAULT_OPTIONS, RecommendOptions
from bowerbird.recommend.recommendation import RankedList
from bowerbird.recommend.recommender import Recommender
from bowerbird.taste.graph import TasteGraph
from bowerbird.taste.state.user_state import TasteState

NAME = "bowerbird"
ABLATIONS: Mapping[str, RecommendOptions] = {
    "bowerbird, without walks": replace(DEFAULT_OPTIONS, use_walks=False),
    "bowerbird, without diversity": replace(DEFAULT_OPTIONS, diversity=0.0),
    "bowerbird, without outcomes": replace(DEFAULT_OPTIONS, use_outcomes=False),
    "bowerbird, without session": replace(DEFAULT_OPTIONS, use_session=False),
    "bowerbird, without reserve": replace(DEFAULT_OPTIONS, use_reserve=False),
}
"""Each a row of the report: what one component adds to the served list."""


class ServedRanker:
    """The recommender as it is served, for the users of a test.

    Its ranker was trained on the same events as the baselines: all but the vectors' holdout. Its taste graph
    knows what a server would know when the users ask: the training events and their histories.
    """

    def __init__(
        self, recommender: Recommender, name: str = NAME, options: RecommendOptions = DEFAULT_OPTIONS
    ) -> None:
        self.name = name
        self._recommender = recommender
        self._options = options

    @property
    def settings(self) -> Mapping[str, Any]:
        """What the published ranker chose in training."""
        return record_as_dict(self._recommender.ranker.report)

    def fit(self, events: Interactions) -> None:
        """Do nothing: the published ranker is already trained."""

    def rank(self, histories: Sequence[History], n: int) -> IntArray:
        """Rank users who are known by their histories only, as `recommend --histories` does."""
        states = [TasteState.of(history) for history in histories]
        return _positions(self._recommender.lists(states, n, self._options), len(states), n)

    def rank_task(self, task: Task, n: int) -> IntArray:
        """Give the lists that a server would have given, (P, n) positions, -1 where fewer remain."""
        recommender = self._recommender.with_graph(build_graph(self._recommender.taste, task.known_events))
        states = [recommender.taste.state(user) for user in task.users]
        lists = recommender.lists(states, n, self._options, now=task.moments)
        return _positions(lists, len(states), n)


def _positions(lists: Iterable[RankedList], count: int, n: int) -> IntArray:
    ranking = np.full((count, n), -1, np.int64)
    for row, ranked in zip(ranking, lists, strict=True):
        row[: len(ranked.rows)] = ranked.positions
    return ranking


def build_graph(taste: TasteGraph, events: Interactions) -> TasteGraph:
    """Build a taste graph of the same store as `taste`, that knows only `events`."""
    graph = TasteGraph(taste.store, taste.catalogue, taste.interests_of_items)
    graph.learn_interactions(events)
    return graph


def evaluate_store(
    store: Store,
    splits: Sequence[Split],
    k: int = 20,
    n_given: int | None = None,
    effort: Effort = Effort.QUICK,
) -> list[Evaluation]:
    """Evaluate on each split and write `evaluation-<split>[-given-<n>].json` to the store's reports.

    `n_given` is that of `bowerbird.evaluate.task_of`. The holdout is the one that the vectors were trained
    with. Raises `StoreError` where the store has no vectors, `InputError` where a split has no test users.
    """
    snapshot = store.snapshot()
    recommender = Recommender.open(snapshot)
    catalogue, vectors = snapshot.catalogue, load_vectors(snapshot)
    holdout = vectors.holdout
    events = Interactions.of(store.log.read(), catalogue)
    matrix, generic = vectors.aligned(catalogue), vectors.generic(catalogue)
    trained = TrainedModels(vectors.version, [] if vectors.meta.seed is None else [vectors.meta.seed])
    results = []
    for split in splits:
        under_test: list[Ranker] = [
            ServedRanker(recommender),
            *(ServedRanker(recommender, name, options) for name, options in ABLATIONS.items()),
            GenericMean(matrix, "bowerbird: vectors only, mean"),
            GenericMax(matrix, "bowerbird: vectors only, max"),
        ]
        baselines = standard_baselines(generic, holdout, split, k, n_given, effort)
        names = [ranker.name for ranker in under_test]
        rankers = [*baselines, *under_test]
        result = evaluate(rankers, events, catalogue, holdout, split, k, names, n_given, trained)
        suffix = "" if n_given is None else f"-given-{n_given}"
        write_record(store.reports / f"evaluation-{split.value}{suffix}.json", result)
        results.append(result)
    return results

"""Tunes the settings of baselines on a part of the training events, split as the test is."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from bowerbird.data.arrays import IntArray
from bowerbird.data.interactions import History, Interactions
from bowerbird.data.splits import Holdout
from bowerbird.errors import InputError
from bowerbird.evaluate.baselines.iterative import IterativeRanker
from bowerbird.evaluate.baselines.scoring import ScoringRanker
from bowerbird.evaluate.metrics import ndcg_at
from bowerbird.evaluate.protocols import Split, Task, build_task, validation_holdout
from bowerbird.evaluate.results import Tuning

Grid = Mapping[str, Sequence[Any]]
"""Values of each setting, in order from one end of its range to the other; the default among them."""


class Tuned:
    """A ranker with the settings of the best nDCG@`k` on validation users, fitted to all training events.

    Coordinate descent over the grid from the defaults: the best value of one setting after the other,
    repeated until none improves or `budget` settings were tried. Where the training events are too few for a
    validation split, the defaults are used.
    """

    def __init__(
        self,
        make: Callable[..., ScoringRanker],
        grid: Grid,
        holdout: Holdout,
        split: Split,
        k: int = 20,
        n_given: int | None = None,
        *,
        budget: int,
    ) -> None:
        self._make, self._grid, self._budget = make, grid, budget
        self._holdout, self._split, self._k, self._n_given = holdout, split, k, n_given
        self.best = make()
        self.name = self.best.name
        self._defaults = {name: self.best.settings[name] for name in grid}
        self._scores: dict[tuple[Any, ...], float] = {}
        self._seconds = 0.0

    @property
    def settings(self) -> Mapping[str, Any]:
        """The chosen settings."""
        return self.best.settings

    @property
    def tuning(self) -> Tuning:
        """The cost of the search, its grid and its best score."""
        settings = self.best.settings
        return Tuning(
            n_trials=len(self._scores),
            seconds=round(self._seconds, 1),
            ndcg=max(self._scores.values(), default=None),
            grid={name: list(values) for name, values in self._grid.items()},
            at_grid_edge=[
                name
                for name, values in self._grid.items()
                if settings[name] in (values[0], values[-1]) and settings[name] not in (None, 0, 1)
            ],
        )

    def fit(self, events: Interactions) -> None:
        """Search settings on a validation split, then fit the best ranker to all training events."""
        start = time.perf_counter()
        self._scores = {}
        self.best = self._search(events)
        self._seconds = time.perf_counter() - start
        self.best.fit(events)

    def rank(self, histories: Sequence[History], n: int) -> IntArray:
        """Rank with the chosen settings."""
        return self.best.rank(histories, n)

    def _search(self, events: Interactions) -> ScoringRanker:
        best = self._make(**self._defaults)
        try:
            validation = validation_holdout(events, self._holdout, self._split)
            task = build_task(events, validation, self._split, self._n_given)
        except InputError:
            return best
        best_score, has_improved = self._validate(best, task), True
        while has_improved:
            has_improved = False
            for name, values in self._grid.items():
                for value in values:
                    settings = {key: best.settings[key] for key in self._grid} | {name: value}
                    if tuple(settings.values()) in self._scores or len(self._scores) >= self._budget:
                        continue
                    candidate = self._make(**settings)
                    if (score := self._validate(candidate, task)) > best_score:
                        best, best_score, has_improved = candidate, score, True
        return best

    def _validate(self, candidate: ScoringRanker, task: Task) -> float:
        """Fit a candidate and give its mean nDCG@k on the validation task."""

        def compute_ndcg() -> float:
            ranking = candidate.rank(task.histories, self._k)
            return float(np.nanmean(ndcg_at(ranking, task.targets, self._k)))

        if isinstance(candidate, IterativeRanker):
            score = candidate.fit_with_early_stopping(task.training, compute_ndcg)
        else:
            candidate.fit(task.training)
            score = compute_ndcg()
        self._scores[tuple(candidate.settings[name] for name in self._grid)] = score
        return score

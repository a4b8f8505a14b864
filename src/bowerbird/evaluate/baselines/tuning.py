"""Baselines with settings chosen fairly: on a part of the training events, split as the test is."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from bowerbird.data.interactions import History, Interactions
from bowerbird.data.splits import Holdout
from bowerbird.errors import InputError
from bowerbird.evaluate.baselines.rounds import RoundsRanker
from bowerbird.evaluate.baselines.scoring import ScoringRanker
from bowerbird.evaluate.metrics import ndcg_at
from bowerbird.evaluate.protocols import Split, Task, task_of, validation_holdout

Grid = Mapping[str, Sequence[Any]]
"""Values of each setting, in order from one end of its range to the other; the default among them."""


class Tuned:
    """The best settings of a ranker by nDCG@`k` on validation people, then fitted to all.

    Coordinate descent over the grid from the defaults: the best value of one setting after the other, again
    until nothing gets better or `budget` settings were tried. Where training is too small for a validation
    part, the defaults are taken.
    """

    def __init__(
        self,
        make: Callable[..., ScoringRanker],
        grid: Grid,
        holdout: Holdout,
        split: Split,
        k: int = 20,
        given: int | None = None,
        *,
        budget: int,
    ) -> None:
        self._make, self._grid, self._budget = make, grid, budget
        self._holdout, self._split, self._k, self._given = holdout, split, k, given
        self.chosen = make()
        self.name = self.chosen.name
        self._defaults = {name: self.chosen.settings[name] for name in grid}
        self._marks: dict[tuple[Any, ...], float] = {}
        self._seconds = 0.0

    @property
    def settings(self) -> Mapping[str, Any]:
        """The chosen settings, and under `tuning` what choosing them took and how far the grid went.

        `at_the_end` names settings whose chosen value is an end of its range: a wider one might be better. It
        leaves out those whose end is the end of what makes sense (`None`, 0 and 1).
        """
        chosen = self.chosen.settings
        tuning = {
            "tried": len(self._marks),
            "seconds": round(self._seconds, 1),
            "ndcg": max(self._marks.values(), default=None),
            "grid": {name: list(values) for name, values in self._grid.items()},
            "at_the_end": [
                name
                for name, values in self._grid.items()
                if chosen[name] in (values[0], values[-1]) and chosen[name] not in (None, 0, 1)
            ],
        }
        return {**chosen, "tuning": tuning}

    def fit(self, events: Interactions) -> None:
        start = time.perf_counter()
        self._marks = {}
        self.chosen = self._search(events)
        self._seconds = time.perf_counter() - start
        self.chosen.fit(events)

    def rank(self, histories: Sequence[History], n: int) -> np.ndarray:
        return self.chosen.rank(histories, n)

    def _search(self, events: Interactions) -> ScoringRanker:
        best = self._make(**self._defaults)
        try:
            part = validation_holdout(events, self._holdout, self._split)
            task = task_of(events, part, self._split, self._given)
        except InputError:
            return best
        mark, better = self._try(best, task), True
        while better:
            better = False
            for name, values in self._grid.items():
                for value in values:
                    settings = {key: best.settings[key] for key in self._grid} | {name: value}
                    if tuple(settings.values()) in self._marks or len(self._marks) >= self._budget:
                        continue
                    candidate = self._make(**settings)
                    if (now := self._try(candidate, task)) > mark:
                        best, mark, better = candidate, now, True
        return best

    def _try(self, candidate: ScoringRanker, task: Task) -> float:
        def mark() -> float:
            ranking = candidate.rank(task.histories, self._k)
            return float(np.nanmean(ndcg_at(ranking, task.targets, self._k)))

        if isinstance(candidate, RoundsRanker):
            result = candidate.fit_watched(task.training, mark)
        else:
            candidate.fit(task.training)
            result = mark()
        self._marks[tuple(candidate.settings[name] for name in self._grid)] = result
        return result

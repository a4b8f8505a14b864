"""Baselines with settings chosen fairly: on a part of the training events, split as the test is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from bowerbird.data.interactions import History, Interactions
from bowerbird.data.splits import Holdout
from bowerbird.errors import InputError
from bowerbird.evaluate.baselines.ease import EASE
from bowerbird.evaluate.baselines.ials import IALS
from bowerbird.evaluate.baselines.itemknn import ItemKNN
from bowerbird.evaluate.baselines.popularity import Popularity, RecentPopularity
from bowerbird.evaluate.baselines.scoring import ScoringRanker
from bowerbird.evaluate.metrics import ndcg_at
from bowerbird.evaluate.protocols import Split, task_of, validation_holdout


class Tuned:
    """The best of several settings of one ranker, by nDCG@`k` on validation people, then fitted to all.

    Where training is too small for a validation part, the first candidate is taken.
    """

    def __init__(
        self, candidates: Sequence[ScoringRanker], holdout: Holdout, split: Split, k: int = 20
    ) -> None:
        self.name = candidates[0].name
        self._candidates, self._holdout, self._split, self._k = candidates, holdout, split, k
        self.chosen = candidates[0]

    @property
    def settings(self) -> Mapping[str, Any]:
        """The chosen settings."""
        return self.chosen.settings

    def fit(self, events: Interactions) -> None:
        self.chosen = self._candidates[self._best(events)]
        self.chosen.fit(events)

    def rank(self, histories: Sequence[History], n: int) -> np.ndarray:
        return self.chosen.rank(histories, n)

    def _best(self, events: Interactions) -> int:
        try:
            task = task_of(events, validation_holdout(events, self._holdout, self._split), self._split)
        except InputError:
            return 0
        marks = []
        for candidate in self._candidates:
            candidate.fit(task.training)
            marks.append(
                float(np.nanmean(ndcg_at(candidate.rank(task.histories, self._k), task.targets, self._k)))
            )
        return int(np.argmax(marks))


def classical_baselines(holdout: Holdout, split: Split, k: int = 20) -> list[Popularity | Tuned]:
    """Popularity, and recent popularity, ItemKNN, EASE and iALS tuned each over a small grid."""
    grids: list[list[ScoringRanker]] = [
        [RecentPopularity(days) for days in (30.0, 7.0, 90.0, 365.0, 3650.0)],
        [ItemKNN(size, shrink) for size in (100, 20, 400) for shrink in (10.0, 0.0, 50.0)],
        [EASE(l2) for l2 in (200.0, 50.0, 500.0, 1000.0)],
        [IALS(factors, l2, alpha) for factors in (64, 16) for l2 in (1.0, 10.0) for alpha in (10.0, 2.0)],
    ]
    return [Popularity(), *(Tuned(grid, holdout, split, k) for grid in grids)]

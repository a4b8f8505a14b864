"""Training of the outcome models, on a later part of the training events than their features know.

As for the ranker's training examples, the sources behind the features were fitted on earlier events. The
models read features, not the ranker's scores: those were trained on later likes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np

from bowerbird.data.arrays import BoolArray, DoubleArray, FloatArray, IntArray
from bowerbird.data.events import Action
from bowerbird.data.interactions import Interactions
from bowerbird.evaluate.calibration import CalibrationReport, OutcomeReport
from bowerbird.recommend.config import OutcomeConfig
from bowerbird.recommend.outcomes.calibration import Platt, report_calibration
from bowerbird.recommend.outcomes.probabilities import Outcomes
from bowerbird.recommend.outcomes.slates import (
    DEFAULT_CONFIG,
    OUTCOMES,
    Conditioning,
    Slate,
    offer,
    session_starts,
    shown_slates,
)
from bowerbird.recommend.ranker.hybrid import HybridRanker
from bowerbird.recommend.ranker.trees import Trees
from bowerbird.taste.state.user_state import TasteState


@dataclass(frozen=True)
class TrainingRows:
    """Items on slates, one per row, n of them."""

    rows: FloatArray
    """(n, features + 1): the ranker's features and the rank."""
    happened: BoolArray
    """(n, OUTCOMES)"""
    at: IntArray
    """(n,) microseconds"""
    user: IntArray
    """(n,)"""

    @classmethod
    def concatenate(cls, parts: Sequence[TrainingRows]) -> TrainingRows:
        """Concatenate the rows of several parts, in their order."""
        nonempty = [rows for rows in parts if len(rows.at)]
        if not nonempty:
            empty = np.zeros(0, np.int64)
            return cls(np.zeros((0, 0), np.float32), np.zeros((0, len(OUTCOMES)), bool), empty, empty)
        return cls(
            *(np.concatenate([getattr(rows, column.name) for rows in nonempty]) for column in fields(cls))
        )


def fit_outcomes(ranker: HybridRanker, events: Interactions) -> Outcomes:
    """Fit models of outcomes on the features of a fitted ranker, from the same training events.

    The periods after the moments of the ranker's own training examples but the last train the models; the
    last period calibrates them.
    """
    config = ranker.config.outcomes
    conditioning, slates = slates_of(events, config)
    liked = events.liked()
    if not len(liked):
        return Outcomes(config=config)
    moments = [int(np.quantile(liked.at, share)) for share in ranker.config.training.moments]
    parts = []
    for start, end in zip(moments, [*moments[1:], int(events.at.max())], strict=True):
        in_period = [slate for slate in slates if start < slate.at <= end]
        earlier = ranker.fitted_before(events.where(events.at <= start))
        parts.append(build_rows(earlier, _sample(in_period, config), events, config))
    max_rank = max((int(slate.ranks.max(initial=0)) for slate in slates), default=0)
    outcomes = Outcomes(conditioning, max_rank, config=config)
    return _fit_models(outcomes, TrainingRows.concatenate(parts[:-1]), parts[-1])


def slates_of(
    events: Interactions, config: OutcomeConfig = DEFAULT_CONFIG
) -> tuple[Conditioning, list[Slate]]:
    """Collect the lists that were shown, where enough outcomes followed to train on; else the session
    starts."""
    lists = shown_slates(events, config)
    n_acted_on = sum(int(slate.happened.any(axis=1).sum()) for slate in lists)
    if n_acted_on >= 3 * config.min_outcomes:
        return Conditioning.SHOWN, lists
    return Conditioning.SESSION, session_starts(events, config)


def build_rows(
    ranker: HybridRanker,
    slates: Sequence[Slate],
    events: Interactions,
    config: OutcomeConfig = DEFAULT_CONFIG,
) -> TrainingRows:
    """Build training rows for the items of slates, as the ranker (fitted before all of them) sees them.

    A user's state is their history before the slate; `events` hold the outcomes. At the start of a session
    the ranker's best items are offered.
    """
    histories = dict(events.histories())
    states = [
        TasteState.of(
            histories[slate.user].where(histories[slate.user].at < slate.at), events.users[slate.user]
        )
        for slate in slates
    ]
    everything = [np.ones(len(ranker.items), bool)] * len(slates)
    shown_items = [slate.items for slate in slates]
    parts = []
    for slate, candidates in zip(
        slates, ranker.candidates(states, everything, extra=shown_items), strict=True
    ):
        if len(slate.items):
            rows = np.searchsorted(candidates.positions, slate.items)
        else:
            rows = np.argsort(-ranker.score(candidates.features), kind="stable")[: config.max_offered]
            slate = offer(slate, candidates.positions[rows], histories[slate.user], config)
        table = np.column_stack([candidates.features[rows], slate.ranks])
        n = len(rows)
        parts.append(TrainingRows(table, slate.happened, np.full(n, slate.at), np.full(n, slate.user)))
    return TrainingRows.concatenate(parts)


def _sample(slates: list[Slate], config: OutcomeConfig) -> list[Slate]:
    """Sample slates evenly, up to the limit, in their order."""
    limit = config.max_lists if any(len(slate.items) for slate in slates) else config.max_sessions
    sampled_rows = np.random.default_rng(0).permutation(len(slates))[:limit]
    return [slates[row] for row in np.sort(sampled_rows)]


def _fit_models(outcomes: Outcomes, training: TrainingRows, later: TrainingRows) -> Outcomes:
    """Add a model of each outcome that happened often enough, calibrated on `later` rows."""
    models: dict[Action, tuple[Trees, Platt]] = {}
    reports: dict[str, CalibrationReport] = {}
    absent: dict[str, str] = {}
    for column, outcome in enumerate(OUTCOMES):
        in_training, afterwards = training.happened[:, column], later.happened[:, column]
        if min(in_training.sum(), afterwards.sum()) < outcomes.config.min_outcomes:
            absent[outcome.value] = (
                f"happened {int(in_training.sum())} times in the training period and "
                f"{int(afterwards.sum())} times after it; {outcomes.config.min_outcomes} are needed in each"
            )
            continue
        trees, predicted = _train_trees(training.rows, in_training, later.rows, outcomes.config)
        models[outcome] = trees, Platt.fit(predicted, afterwards)
        reports[outcome.value] = report_calibration(models[outcome][1], predicted, afterwards, later.at)
    conditioning = outcomes.conditioning.value
    report = OutcomeReport(conditioning, len(training.at), len(later.at), absent, reports)
    return replace(outcomes, models=models, report=report)


def _train_trees(
    rows: FloatArray, happened: BoolArray, later: FloatArray, config: OutcomeConfig
) -> tuple[Trees, DoubleArray]:
    """Train one outcome's trees; also gives the probabilities that they predict for later rows."""
    import lightgbm  # only training needs it, and it takes long to import

    parameters = {
        "objective": "binary",
        "learning_rate": config.learning_rate,
        "num_leaves": config.num_leaves,
        "min_data_in_leaf": config.min_data_in_leaf,
        "lambda_l2": config.lambda_l2,
        "num_threads": 2,
        "verbosity": -1,
        "seed": 0,
        "deterministic": True,
    }
    data = lightgbm.Dataset(rows, happened.astype(int))
    booster = lightgbm.train(parameters, data, num_boost_round=config.rounds)
    return Trees.of(booster), booster.predict(later)

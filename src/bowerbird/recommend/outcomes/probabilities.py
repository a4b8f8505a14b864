"""The probability of each outcome for each recommendation: click, save, purchase.

What a probability means depends on what the log holds, and `conditioning` says which it is:

- `shown`, where the log has impressions: the probability that the user acts on the item within a day of being
  shown it and before being shown it again, for an item without earlier feedback, at the rank at which it is
  recommended (ranks below the lowest logged one count as that one).
- `session`, where it has none: the probability that the user acts on the item within seven days of the start
  of a session, whether it is shown or not. A session starts when the log first shows the user to be active; a
  log of purchases alone knows only sessions that ended in one, so its probabilities are those of buyers.

One small LightGBM model per outcome reads the ranker's features and the rank, and Platt's correction (see
`calibration`) is fitted on a later part of the training events. As for the ranker's training examples, the
sources behind the features were fitted on earlier events. The models read features, not the ranker's scores:
those were trained on later likes. Outcomes that the log holds too rarely have no probability at all.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np

from bowerbird.data.events import Action
from bowerbird.data.interactions import Interactions
from bowerbird.recommend.outcomes.calibration import Platt, calibration_error, log_loss, reliability
from bowerbird.recommend.outcomes.slates import (
    OUTCOMES,
    SESSION_DAYS,
    SHOWN_DAYS,
    Conditioning,
    Slate,
    offer,
    session_starts,
    shown_slates,
)
from bowerbird.recommend.ranker.hybrid import HybridRanker
from bowerbird.recommend.ranker.training_examples import MOMENTS
from bowerbird.recommend.ranker.trees import Trees
from bowerbird.taste.state.user_state import TasteState

MIN_OUTCOMES = 20
"""Of each kind in the training rows, and again in the calibration rows; with fewer the outcome is left
out."""
MAX_LISTS, MAX_SESSIONS = 1500, 300
"""Slates sampled from each period; a session is offered `MAX_OFFERED` items, a list has about a dozen."""
MAX_OFFERED = 100
LIGHTGBM_PARAMS = {
    "objective": "binary",
    "learning_rate": 0.05,
    "num_leaves": 7,
    "min_data_in_leaf": 100,
    "lambda_l2": 10.0,
    "num_threads": 2,
    "verbosity": -1,
    "seed": 0,
    "deterministic": True,
}
BOOSTING_ROUNDS = 100
FILE = "outcomes.json"


@dataclass(frozen=True)
class TrainingRows:
    """Items on slates, one per row: features and rank (n, features + 1), outcomes (n, OUTCOMES) bool, time
    (n,) in microseconds, user (n,)."""

    rows: np.ndarray
    happened: np.ndarray
    at: np.ndarray
    user: np.ndarray

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


@dataclass(frozen=True)
class Outcomes:
    """Models of the outcomes that a log holds often enough; none at all where it is too small."""

    conditioning: Conditioning = Conditioning.SESSION
    max_rank: int = 0
    """The lowest (largest) rank that was logged; 0 where none was."""
    models: Mapping[Action, tuple[Trees, Platt]] = field(default_factory=dict)
    report: Mapping[str, Any] = field(
        default_factory=lambda: {"absent": dict.fromkeys(OUTCOMES, "no events")}
    )
    """Number of training rows, and calibration on the last period of the training time; under `absent` the
    outcomes without a probability, and why."""

    @property
    def meaning(self) -> dict[str, Any]:
        """What the probabilities are conditional on, within how many days, and which outcomes have none and
        why."""
        days = SHOWN_DAYS if self.conditioning is Conditioning.SHOWN else SESSION_DAYS
        return {
            "conditioning": self.conditioning.value,
            "within_days": days,
            "absent": dict(self.report["absent"]),
        }

    @classmethod
    def fit(cls, ranker: HybridRanker, events: Interactions) -> Outcomes:
        """Fit on the features of a fitted ranker, from the same training events."""
        conditioning, slates = slates_of(events)
        liked = events.liked()
        if not len(liked):
            return cls()
        moments = [int(np.quantile(liked.at, share)) for share in MOMENTS]
        parts = []
        for start, end in zip(moments, [*moments[1:], int(events.at.max())], strict=True):
            in_part = [slate for slate in slates if start < slate.at <= end]
            parts.append(
                build_rows(ranker.fitted_before(events.where(events.at <= start)), _sample(in_part), events)
            )
        trained_on = TrainingRows.concatenate(parts[:-1])
        max_rank = max((int(slate.ranks.max(initial=0)) for slate in slates), default=0)
        return _fit_models(conditioning, max_rank, trained_on, parts[-1])

    def probabilities(
        self,
        features: np.ndarray,
        ranks: np.ndarray,
        calibrated: bool = True,
        only: Action | None = None,
    ) -> dict[Action, np.ndarray]:
        """Predict each outcome's probability, or that of one, (C,), by the items' features (C, features) and
        ranks (C,) from 1."""
        if not len(features):
            return {outcome: np.zeros(0) for outcome in self.models}
        table = np.column_stack([features, np.clip(ranks, 0, self.max_rank)])
        probabilities = {}
        for outcome, (trees, correction) in self.models.items():
            if only not in (None, outcome):
                continue
            predicted = 1 / (1 + np.exp(-trees(table)))
            probabilities[outcome] = correction(predicted) if calibrated else predicted
        return probabilities

    def save(self, folder: Path) -> None:
        """Write everything into a version's folder as `FILE`."""
        models = {
            outcome.value: {**vars(correction), "booster": trees.text}
            for outcome, (trees, correction) in self.models.items()
        }
        content = {
            "conditioning": self.conditioning.value,
            "max_rank": self.max_rank,
            "models": models,
            "report": self.report,
        }
        (folder / FILE).write_text(json.dumps(content))

    @classmethod
    def load(cls, folder: Path) -> Outcomes:
        """Read what `save` wrote. Raises `OSError`, `ValueError` or `KeyError` where it did not."""
        content = json.loads((folder / FILE).read_text())
        models = {}
        for name, saved in content["models"].items():
            models[Action(name)] = Trees(saved["booster"]), Platt(saved["slope"], saved["shift"])
        return cls(Conditioning(content["conditioning"]), content["max_rank"], models, content["report"])


def slates_of(events: Interactions) -> tuple[Conditioning, list[Slate]]:
    """Collect the lists that were shown, where enough outcomes followed to train on; else the session
    starts."""
    lists = shown_slates(events)
    n_acted_on = sum(int(slate.happened.any(axis=1).sum()) for slate in lists)
    return (
        (Conditioning.SHOWN, lists)
        if n_acted_on >= 3 * MIN_OUTCOMES
        else (Conditioning.SESSION, session_starts(events))
    )


def build_rows(ranker: HybridRanker, slates: Sequence[Slate], events: Interactions) -> TrainingRows:
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
            rows = np.argsort(-ranker.score(candidates.features), kind="stable")[:MAX_OFFERED]
            slate = offer(slate, candidates.positions[rows], histories[slate.user])
        table = np.column_stack([candidates.features[rows], slate.ranks])
        n = len(rows)
        parts.append(TrainingRows(table, slate.happened, np.full(n, slate.at), np.full(n, slate.user)))
    return TrainingRows.concatenate(parts)


def _sample(slates: list[Slate]) -> list[Slate]:
    """Sample slates evenly, up to the limit, in their order."""
    limit = MAX_LISTS if any(len(slate.items) for slate in slates) else MAX_SESSIONS
    sampled_rows = np.random.default_rng(0).permutation(len(slates))[:limit]
    return [slates[row] for row in np.sort(sampled_rows)]


def _fit_models(
    conditioning: Conditioning, max_rank: int, trained_on: TrainingRows, later: TrainingRows
) -> Outcomes:
    import lightgbm

    models: dict[Action, tuple[Trees, Platt]] = {}
    report: dict[str, Any] = {
        "conditioning": conditioning.value,
        "trained": len(trained_on.at),
        "calibrated": len(later.at),
    }
    report["absent"] = {}
    for column, outcome in enumerate(OUTCOMES):
        happened = [rows.happened[:, column] for rows in (trained_on, later)]
        fewest = min(int(rows.sum()) for rows in happened)
        if fewest < MIN_OUTCOMES:
            report["absent"][outcome.value] = (
                f"happened {int(happened[0].sum())} times in the training period and "
                f"{int(happened[1].sum())} times after it; {MIN_OUTCOMES} are needed in each"
            )
            continue
        data = lightgbm.Dataset(trained_on.rows, happened[0].astype(int))
        booster = lightgbm.train(LIGHTGBM_PARAMS, data, num_boost_round=BOOSTING_ROUNDS)
        predicted = booster.predict(later.rows)
        models[outcome] = Trees.of(booster), Platt.fit(predicted, happened[1])
        report[outcome.value] = {
            "rate": float(happened[1].mean()),
            **vars(models[outcome][1]),
            **_evaluate_calibration(predicted, happened[1], later.at),
        }
    return Outcomes(conditioning, max_rank, models, report)


def _evaluate_calibration(predicted: np.ndarray, happened: np.ndarray, at: np.ndarray) -> dict[str, Any]:
    """Measure a correction fitted on the earlier half of the rows on the later half."""
    later = at > np.median(at)
    corrected = Platt.fit(predicted[~later], happened[~later])(predicted[later])
    raw, observed = predicted[later], happened[later]
    return {
        "rows": int(later.sum()),
        "happened": int(observed.sum()),
        "calibration_error": calibration_error(corrected, observed),
        "calibration_error_uncalibrated": calibration_error(raw, observed),
        "log_loss": log_loss(corrected, observed),
        "log_loss_uncalibrated": log_loss(raw, observed),
        "log_loss_of_the_rate": log_loss(np.full(len(observed), happened[~later].mean()), observed),
        "curve": reliability(corrected, observed).round(5).tolist(),
    }

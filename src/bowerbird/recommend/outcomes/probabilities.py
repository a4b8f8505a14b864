"""The chance of each outcome for each recommendation: click, save, purchase.

What a chance means depends on what the log holds, and `given` says which it is:

- `shown`, where the log has impressions: the chance that the person does it to the item within a day of
  being shown it and before being shown it again, for an item they had not dealt with before, at the place at
  which it stands in the answer (deeper than any logged place: at the deepest).
- `visit`, where it has none: the chance that the person does it to the item within seven days of the
  beginning of a visit, whether it is shown or not. A visit is a moment at which the log knows the person was
  there; a log of purchases alone knows only session_starts that ended in one, so its probabilities are those
  of buyers.

One small LightGBM model an outcome reads the ranker's features and the place, and Platt's correction (see
`calibration`) is fitted on a later part of the training events. As for the ranker's lessons, the sources
behind the features were fitted on what came before. Features, not the learnt order: that has seen what people
liked later. Outcomes that the log holds too rarely have no chance at all; nothing is guessed.
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

LEAST_HAPPENED = 20
"""Of an outcome in the events that teach, and again in those that calibrate; with fewer it is left out."""
MOST_LISTS, MOST_VISITS = 1500, 300
"""Occasions met in each part of the time; a visit is offer `MAX_OFFERED` items, a list has a dozen."""
MAX_OFFERED = 100
LEARNING = {
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
ROUNDS = 100
FILE = "outcomes.json"


@dataclass(frozen=True)
class TrainingRows:
    """Items on slates, one a row: features and place (n, features + 1), what happened (n, OUTCOMES),
    when (n,) microseconds, to whom (n,)."""

    rows: np.ndarray
    happened: np.ndarray
    at: np.ndarray
    user: np.ndarray

    @classmethod
    def joined(cls, parts: Sequence[TrainingRows]) -> TrainingRows:
        """All cases of some parts, in their order."""
        some = [one for one in parts if len(one.at)]
        if not some:
            nothing = np.zeros(0, np.int64)
            return cls(np.zeros((0, 0), np.float32), np.zeros((0, len(OUTCOMES)), bool), nothing, nothing)
        return cls(*(np.concatenate([getattr(one, part.name) for one in some]) for part in fields(cls)))


@dataclass(frozen=True)
class Outcomes:
    """Models of the outcomes that a log holds often enough; none at all where it is too small."""

    given: Conditioning = Conditioning.SESSION
    deepest: int = 0
    """The deepest place that was logged; 0 where none was."""
    models: Mapping[Action, tuple[Trees, Platt]] = field(default_factory=dict)
    report: Mapping[str, Any] = field(
        default_factory=lambda: {"absent": dict.fromkeys(OUTCOMES, "no events")}
    )
    """What was learnt from how much, and how well it is calibrated on the last part of the training time;
    under `absent` the outcomes that have no chance, and why."""

    @property
    def meaning(self) -> dict[str, Any]:
        """What the probabilities take for granted, within how many days, and which outcomes have none, and
        why.
        """
        days = SHOWN_DAYS if self.given is Conditioning.SHOWN else SESSION_DAYS
        return {"given": self.given.value, "within_days": days, "absent": dict(self.report["absent"])}

    @classmethod
    def fit(cls, ranker: HybridRanker, events: Interactions) -> Outcomes:
        """Learn beside a fitted ranker, from the same training events."""
        given, slates = slates_of(events)
        liked = events.liked()
        if not len(liked):
            return cls()
        moments = [int(np.quantile(liked.at, share)) for share in MOMENTS]
        parts = []
        for start, end in zip(moments, [*moments[1:], int(events.at.max())], strict=True):
            met = [one for one in slates if start < one.at <= end]
            parts.append(
                build_rows(ranker.fitted_before(events.where(events.at <= start)), _some(met), events)
            )
        taught = TrainingRows.joined(parts[:-1])
        deepest = max((int(one.ranks.max(initial=0)) for one in slates), default=0)
        return _fitted(given, deepest, taught, parts[-1])

    def probabilities(
        self,
        rows: np.ndarray,
        places: np.ndarray,
        calibrated: bool = True,
        only: Action | None = None,
    ) -> dict[Action, np.ndarray]:
        """Each outcome's probability, or that of one, (C,), by the items' features (C, features) and places
        (C,) from 1."""
        if not len(rows):
            return {one: np.zeros(0) for one in self.models}
        table = np.column_stack([rows, np.clip(places, 0, self.deepest)])
        found = {}
        for outcome, (trees, correction) in self.models.items():
            if only not in (None, outcome):
                continue
            said = 1 / (1 + np.exp(-trees(table)))
            found[outcome] = correction(said) if calibrated else said
        return found

    def save(self, folder: Path) -> None:
        """Write everything into a version's folder as `FILE`."""
        models = {
            outcome.value: {**vars(correction), "booster": trees.text}
            for outcome, (trees, correction) in self.models.items()
        }
        said = {"given": self.given.value, "deepest": self.deepest, "models": models, "report": self.report}
        (folder / FILE).write_text(json.dumps(said))

    @classmethod
    def load(cls, folder: Path) -> Outcomes:
        """Read what `save` wrote. Raises `OSError`, `ValueError` or `KeyError` where it did not."""
        kept = json.loads((folder / FILE).read_text())
        models = {}
        for name, one in kept["models"].items():
            models[Action(name)] = Trees(one["booster"]), Platt(one["slope"], one["shift"])
        return cls(Conditioning(kept["given"]), kept["deepest"], models, kept["report"])


def slates_of(events: Interactions) -> tuple[Conditioning, list[Slate]]:
    """Lists that were shown, where enough came of them to learn from; else session_starts."""
    lists = shown_slates(events)
    came = sum(int(one.happened.any(axis=1).sum()) for one in lists)
    return (
        (Conditioning.SHOWN, lists)
        if came >= 3 * LEAST_HAPPENED
        else (Conditioning.SESSION, session_starts(events))
    )


def build_rows(ranker: HybridRanker, slates: Sequence[Slate], events: Interactions) -> TrainingRows:
    """The items of slates as the ranker (fitted before all of them) sees them; `events` know what came.

    A person is what they had done before the occasion. At a visit the ranker's best items are offer.
    """
    histories = dict(events.histories())
    states = [
        TasteState.of(
            histories[slate.user].where(histories[slate.user].at < slate.at), events.users[slate.user]
        )
        for slate in slates
    ]
    everything = [np.ones(len(ranker.items), bool)] * len(slates)
    shown = [slate.items for slate in slates]
    parts = []
    for slate, candidates in zip(slates, ranker.candidates(states, everything, extra=shown), strict=True):
        if len(slate.items):
            rows = np.searchsorted(candidates.positions, slate.items)
        else:
            rows = np.argsort(-ranker.score(candidates.features), kind="stable")[:MAX_OFFERED]
            slate = offer(slate, candidates.positions[rows], histories[slate.user])
        table = np.column_stack([candidates.features[rows], slate.ranks])
        n = len(rows)
        parts.append(TrainingRows(table, slate.happened, np.full(n, slate.at), np.full(n, slate.user)))
    return TrainingRows.joined(parts)


def _some(slates: list[Slate]) -> list[Slate]:
    """At most as many as are met, drawn evenly, in their order."""
    most = MOST_LISTS if any(len(one.items) for one in slates) else MOST_VISITS
    kept = np.random.default_rng(0).permutation(len(slates))[:most]
    return [slates[row] for row in np.sort(kept)]


def _fitted(given: Conditioning, deepest: int, taught: TrainingRows, later: TrainingRows) -> Outcomes:
    import lightgbm

    models: dict[Action, tuple[Trees, Platt]] = {}
    report: dict[str, Any] = {"given": given.value, "taught": len(taught.at), "calibrated": len(later.at)}
    report["absent"] = {}
    for column, outcome in enumerate(OUTCOMES):
        happened = [one.happened[:, column] for one in (taught, later)]
        least = min(int(one.sum()) for one in happened)
        if least < LEAST_HAPPENED:
            report["absent"][outcome.value] = (
                f"happened {int(happened[0].sum())} times where it could be learnt and "
                f"{int(happened[1].sum())} times after that; {LEAST_HAPPENED} are needed in both"
            )
            continue
        data = lightgbm.Dataset(taught.rows, happened[0].astype(int))
        booster = lightgbm.train(LEARNING, data, num_boost_round=ROUNDS)
        said = booster.predict(later.rows)
        models[outcome] = Trees.of(booster), Platt.fitted(said, happened[1])
        report[outcome.value] = {
            "rate": float(happened[1].mean()),
            **vars(models[outcome][1]),
            **_measured(said, happened[1], later.at),
        }
    return Outcomes(given, deepest, models, report)


def _measured(said: np.ndarray, happened: np.ndarray, at: np.ndarray) -> dict[str, Any]:
    """How well a correction fitted on the earlier half of some cases does on the later one."""
    later = at > np.median(at)
    corrected = Platt.fitted(said[~later], happened[~later])(said[later])
    raw, came = said[later], happened[later]
    return {
        "cases": int(later.sum()),
        "happened": int(came.sum()),
        "calibration_error": calibration_error(corrected, came),
        "calibration_error_uncalibrated": calibration_error(raw, came),
        "log_loss": log_loss(corrected, came),
        "log_loss_uncalibrated": log_loss(raw, came),
        "log_loss_of_the_rate": log_loss(np.full(len(came), happened[~later].mean()), came),
        "curve": reliability(corrected, came).round(5).tolist(),
    }

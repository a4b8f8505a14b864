"""The probability of each outcome for each recommendation: click, save, purchase.

What a probability means depends on what the log holds, and `conditioning` says which it is:

- `shown`, where the log has impressions: the probability that the user acts on the item within a day of being
  shown it and before being shown it again, for an item without earlier feedback, at the rank at which it is
  recommended (ranks below the lowest logged one count as that one).
- `session`, where it has none: the probability that the user acts on the item within seven days of the start
  of a session, whether it is shown or not. A session starts when the log first shows the user to be active; a
  log of purchases alone knows only sessions that ended in one, so its probabilities are those of buyers.

One small LightGBM model per outcome reads the ranker's features and the rank; Platt's correction (see
`calibration`) follows. Outcomes that the log holds too rarely have no probability at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from bowerbird.data.arrays import DoubleArray, FloatArray, IntegerArray
from bowerbird.data.events import Action
from bowerbird.data.files.records import read_record, write_record
from bowerbird.evaluate.calibration import OutcomeReport
from bowerbird.recommend.config import OutcomeConfig
from bowerbird.recommend.outcomes.calibration import Platt
from bowerbird.recommend.outcomes.slates import OUTCOMES, Conditioning
from bowerbird.recommend.ranker.trees import Trees

FILE = "outcomes.json"


@dataclass(frozen=True)
class SavedModel:
    """One outcome's model in `FILE`."""

    booster: str
    """Text of the LightGBM model."""
    correction: Platt


@dataclass(frozen=True)
class SavedOutcomes:
    """What `FILE` holds."""

    conditioning: Conditioning
    max_rank: int
    models: Mapping[Action, SavedModel]
    report: OutcomeReport
    config: OutcomeConfig


@dataclass(frozen=True)
class Outcomes:
    """Models of the outcomes that a log holds often enough; none at all where it is too small."""

    conditioning: Conditioning = Conditioning.SESSION
    max_rank: int = 0
    """The lowest (largest) rank that was logged; 0 where none was."""
    models: Mapping[Action, tuple[Trees, Platt]] = field(default_factory=dict)
    report: OutcomeReport = field(
        default_factory=lambda: OutcomeReport(absent=dict.fromkeys(OUTCOMES, "no events"))
    )
    """Calibration on the last period of the training time."""
    config: OutcomeConfig = field(default_factory=OutcomeConfig)

    @property
    def meaning(self) -> dict[str, Any]:
        """What the probabilities are conditional on, within how many days, and which outcomes have none and
        why."""
        is_shown = self.conditioning is Conditioning.SHOWN
        return {
            "conditioning": self.conditioning.value,
            "within_days": self.config.shown_days if is_shown else self.config.session_days,
            "absent": dict(self.report.absent),
        }

    def probabilities(
        self,
        features: FloatArray,
        ranks: IntegerArray,
        calibrated: bool = True,
        only: Action | None = None,
    ) -> dict[Action, DoubleArray]:
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
            outcome: SavedModel(trees.text, correction)
            for outcome, (trees, correction) in self.models.items()
        }
        saved = SavedOutcomes(self.conditioning, self.max_rank, models, self.report, self.config)
        write_record(folder / FILE, saved)

    @classmethod
    def load(cls, folder: Path) -> Outcomes:
        """Read what `save` wrote. Raises `StoreError` or `ValueError` where it did not."""
        saved = read_record(folder / FILE, SavedOutcomes)
        models = {
            outcome: (Trees(model.booster), model.correction) for outcome, model in saved.models.items()
        }
        return cls(saved.conditioning, saved.max_rank, models, saved.report, saved.config)

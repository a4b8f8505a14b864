"""Baselines that train in rounds, with early stopping on a validation score."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from typing import Any

from bowerbird.data.interactions import Interactions
from bowerbird.evaluate.baselines.scoring import ScoringRanker


class IterativeRanker(ScoringRanker):
    """A `ScoringRanker` whose `learn` is one `initialise` and `rounds` times `train_round`."""

    max_rounds: int
    validate_every: int
    """Rounds between two validations."""
    patience: int
    """Validations in a row without a new best after which training stops."""
    rounds: int | None = None
    """Rounds of the next fit; None: `max_rounds`."""

    @property
    def settings(self) -> Mapping[str, Any]:
        """The number of rounds."""
        return {"rounds": self.max_rounds if self.rounds is None else self.rounds}

    @abstractmethod
    def initialise(self, likes: Any, liked: Interactions) -> None:
        """Start again from an untrained model of the training likes; arguments as those of `learn`."""

    @abstractmethod
    def train_round(self) -> None:
        """Train for one round."""

    def learn(self, likes: Any, liked: Interactions) -> None:
        """Train for the chosen number of rounds."""
        self.initialise(likes, liked)
        if not len(liked):
            return
        for _ in range(self.max_rounds if self.rounds is None else self.rounds):
            self.train_round()

    def fit_with_early_stopping(self, events: Interactions, validate: Callable[[], float]) -> float:
        """Fit, and keep the number of rounds with the highest `validate()` for later fits.

        Returns the best validation score.
        """
        self.rounds = 0
        self.fit(events)
        best_score, n_without_gain = validate(), 0
        for n_rounds in range(1, self.max_rounds + 1):
            self.train_round()
            if n_rounds % self.validate_every:
                continue
            score = validate()
            if score > best_score:
                best_score, self.rounds, n_without_gain = score, n_rounds, 0
            else:
                n_without_gain += 1
            if n_without_gain == self.patience:
                break
        return best_score

"""Baselines that learn in rounds, so that validation can say when to stop."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from typing import Any

from bowerbird.data.interactions import Interactions
from bowerbird.evaluate.baselines.scoring import ScoringRanker


class RoundsRanker(ScoringRanker):
    """A `ScoringRanker` whose `learn` is one `start` and `rounds` times `advance`."""

    at_most: int
    """Rounds at most."""
    every: int
    """Rounds between two looks at validation."""
    patience: int
    """Looks in a row without a new best after which it stops."""
    rounds: int | None = None
    """Rounds of the next fit; None: `at_most`."""

    @property
    def settings(self) -> Mapping[str, Any]:
        return {"rounds": self.at_most if self.rounds is None else self.rounds}

    @abstractmethod
    def start(self, likes: Any, liked: Interactions) -> None:
        """Forget everything and get ready for the training likes, as `learn` is given them."""

    @abstractmethod
    def advance(self) -> None:
        """One round of learning."""

    def learn(self, likes: Any, liked: Interactions) -> None:
        self.start(likes, liked)
        if not len(liked):
            return
        for _ in range(self.at_most if self.rounds is None else self.rounds):
            self.advance()

    def fit_watched(self, events: Interactions, mark: Callable[[], float]) -> float:
        """Fit while `mark` says how good it is; keep the best number of rounds for later fits.

        Returns the best mark.
        """
        self.rounds = 0
        self.fit(events)
        best, waited = mark(), 0
        for done in range(1, self.at_most + 1):
            self.advance()
            if done % self.every:
                continue
            now = mark()
            if now > best:
                best, self.rounds, waited = now, done, 0
            else:
                waited += 1
            if waited == self.patience:
                break
        return best

"""What an adaptation of backbones has reached, kept beside the versions so that a killed run goes on."""

from __future__ import annotations

import io
import pickle
import shutil
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch

from bowerbird.data.store import write_atomically
from bowerbird.embed.train.validation import Quality

KEEP_SECONDS = 60.0
"""A killed run loses this much work at most."""
Parameters = Mapping[str, torch.Tensor]


@dataclass(frozen=True)
class Reachable:
    """A place in the training that can be returned to."""

    round: int
    """Rounds that are over."""
    step: int
    """Steps of the round after them."""
    weights: dict[str, torch.Tensor]
    optimizer: dict[str, Any]
    best: dict[str, torch.Tensor]
    best_round: int
    """0 for the frozen backbones."""
    history: list[Quality]
    """Of the frozen backbones, and after each round."""

    @classmethod
    def first(cls, trained: Parameters, frozen: Quality) -> Reachable:
        weights = _copied(trained)
        return cls(0, 0, weights, {}, weights, 0, [frozen])

    def at(self, step: int, trained: Parameters, optimizer: torch.optim.Optimizer) -> Reachable:
        """After so many steps of the round that is under way."""
        return replace(self, step=step, weights=_copied(trained), optimizer=optimizer.state_dict())

    def after_round(self, quality: Quality, better: float) -> Reachable:
        """With the judgement of the weights of `at`; the best must beat the frozen ones by a factor, and
        whatever was best before."""
        least = self.history[0].score * better if not self.best_round else self.history[self.best_round].score
        over = replace(self, round=self.round + 1, step=0, history=[*self.history, quality])
        return replace(over, best=self.weights, best_round=over.round) if quality.score > least else over

    def restore(self, trained: Parameters, optimizer: torch.optim.Optimizer) -> None:
        """Put the trained parameters and the optimizer where they were."""
        with torch.no_grad():
            for name, parameter in trained.items():
                parameter.copy_(self.weights[name])
        if self.optimizer:
            optimizer.load_state_dict(self.optimizer)


class Unfinished:
    """The file of a training that is under way, named by what it learns from."""

    def __init__(self, folder: Path, inputs: str) -> None:
        self._folder = folder / ".unfinished"
        self._path = self._folder / f"{inputs}.pt"
        self._kept = time.monotonic()

    def read(self) -> Reachable | None:
        """Where the last run of the same inputs was; None where there is none, or it can't be read."""
        try:
            kept = torch.load(self._path, map_location="cpu", weights_only=True)
            return Reachable(**kept | {"history": [Quality(**one) for one in kept["history"]]})
        except (OSError, RuntimeError, KeyError, TypeError, EOFError, pickle.UnpicklingError):
            return None

    @property
    def due(self) -> bool:
        """Whether it is time to keep what was reached."""
        return time.monotonic() - self._kept >= KEEP_SECONDS

    def keep(self, state: Reachable) -> None:
        content = io.BytesIO()
        # Shallow: `asdict` would copy every tensor.
        torch.save(vars(state) | {"history": [asdict(one) for one in state.history]}, content)
        self._folder.mkdir(parents=True, exist_ok=True)
        write_atomically(self._path, content.getvalue())
        self._kept = time.monotonic()

    def remove(self) -> None:
        """What was unfinished, of these inputs and of others, is of no use any more."""
        shutil.rmtree(self._folder, ignore_errors=True)


def _copied(trained: Parameters) -> dict[str, torch.Tensor]:
    return {name: one.detach().cpu().clone() for name, one in trained.items()}

"""Checkpoints of the fine-tuning of backbones, so that a killed run resumes."""

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

from bowerbird.data.files.durable import write_atomically
from bowerbird.embed.meta import Quality

CHECKPOINT_SECONDS = 60.0
"""Time between checkpoints: a killed run loses at most this much work."""
Parameters = Mapping[str, torch.Tensor]


@dataclass(frozen=True)
class Checkpoint:
    """A state of the training that can be restored."""

    round: int
    """Finished rounds."""
    step: int
    """Finished steps of the current round."""
    weights: dict[str, torch.Tensor]
    optimizer: dict[str, Any]
    best: dict[str, torch.Tensor]
    best_round: int
    """0 for the frozen backbones."""
    history: list[Quality]
    """Validation quality of the frozen backbones, and after each round."""

    @classmethod
    def initial(cls, trained: Parameters, frozen: Quality) -> Checkpoint:
        """The checkpoint before the first step; `frozen` is the quality of the frozen backbones."""
        # The optimizer changes tensors in place, so a checkpoint must own its copies.
        weights = _copy_to_cpu(trained)
        return cls(0, 0, weights, {}, weights, 0, [frozen])

    def at_step(self, step: int, trained: Parameters, optimizer: torch.optim.Optimizer) -> Checkpoint:
        """Copy the state after `step` steps of the current round."""
        return replace(self, step=step, weights=_copy_to_cpu(trained), optimizer=optimizer.state_dict())

    def after_round(self, quality: Quality, min_gain: float) -> Checkpoint:
        """Finish a round whose weights have the validation `quality`.

        The weights become the best ones if they score higher than the best so far, and at least `min_gain`
        times as high as the frozen backbones.
        """
        # Only the first better round must beat the margin: later ones compete with adapted backbones.
        threshold = self.history[self.best_round].score * (1.0 if self.best_round else min_gain)
        finished = replace(self, round=self.round + 1, step=0, history=[*self.history, quality])
        if quality.score > threshold:
            return replace(finished, best=self.weights, best_round=finished.round)
        return finished

    def restore(self, trained: Parameters, optimizer: torch.optim.Optimizer) -> None:
        """Load this state into the trained parameters and the optimizer."""
        with torch.no_grad():
            for name, parameter in trained.items():
                parameter.copy_(self.weights[name])
        if self.optimizer:
            optimizer.load_state_dict(self.optimizer)


class CheckpointFile:
    """The checkpoint file of a training, named after a hash of its inputs."""

    def __init__(self, folder: Path, inputs: str) -> None:
        self._folder = folder / ".checkpoints"
        self._path = self._folder / f"{inputs}.pt"
        self._last_save = time.monotonic()

    def read(self) -> Checkpoint | None:
        """Read the checkpoint of the last run on the same inputs; None if there is none or it is broken."""
        try:
            saved = torch.load(self._path, map_location="cpu", weights_only=True)
            return Checkpoint(**saved | {"history": [Quality(**quality) for quality in saved["history"]]})
        except (OSError, RuntimeError, KeyError, TypeError, EOFError, pickle.UnpicklingError):
            # Broken or of another bowerbird: that costs time, training starts again.
            return None

    @property
    def is_due(self) -> bool:
        """Whether it is time for the next checkpoint."""
        return time.monotonic() - self._last_save >= CHECKPOINT_SECONDS

    def save(self, checkpoint: Checkpoint) -> None:
        """Replace the file atomically."""
        content = io.BytesIO()
        # `vars` is shallow: `asdict` would copy every tensor.
        history = [asdict(quality) for quality in checkpoint.history]
        torch.save(vars(checkpoint) | {"history": history}, content)
        self._folder.mkdir(parents=True, exist_ok=True)
        write_atomically(self._path, content.getvalue())
        self._last_save = time.monotonic()

    def remove(self) -> None:
        """Remove the checkpoints of these inputs and of all others."""
        shutil.rmtree(self._folder, ignore_errors=True)


def _copy_to_cpu(trained: Parameters) -> dict[str, torch.Tensor]:
    return {name: parameter.detach().cpu().clone() for name, parameter in trained.items()}

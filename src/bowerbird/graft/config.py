"""Settings of a graft's training."""

from __future__ import annotations

from dataclasses import dataclass

from bowerbird.errors import InputError
from bowerbird.graft.adapter import AdaptationMode
from bowerbird.graft.connector import MOST_TOKENS


@dataclass(frozen=True)
class GraftConfig:
    """How to graft a store's vectors into a language model."""

    base: str = "smollm2-135m"
    """A backbone of `bowerbird models list`, `hf:org/name`, or a folder: a decoder or a Qwen-VL model."""
    minutes: float = 3.0
    """Time for training, loading excluded."""
    steps: int | None = None
    """Training steps at most; None: as many as the time allows. 0 keeps the closed-form connector."""
    seed: int = 0
    batch: int = 16
    """Questions in one pass through the language model."""
    accumulate: int = 1
    """Passes whose gradients are added up for one step."""
    tokens: int = 1
    """Soft tokens an item, 1 to 8."""
    adapt: AdaptationMode = AdaptationMode.FROZEN
    """What of the language model itself is trained: nothing, low-rank additions, or everything."""

    def __post_init__(self) -> None:
        if self.minutes <= 0 or (self.steps is not None and self.steps < 0):
            raise InputError(
                f"minutes must be above 0 and steps at least 0, not {self.minutes} and {self.steps}"
            )
        if self.batch < 1 or self.accumulate < 1:
            raise InputError(
                f"batch and accumulate must be at least 1, not {self.batch} and {self.accumulate}"
            )
        if not 1 <= self.tokens <= MOST_TOKENS:
            raise InputError(f"an item is 1 to {MOST_TOKENS} soft tokens, not {self.tokens}")

"""Settings of a graft's training."""

from __future__ import annotations

from dataclasses import dataclass, field

from bowerbird.errors import InputError
from bowerbird.graft.adapter import AdaptationMode
from bowerbird.graft.connector import MAX_TOKENS_PER_ITEM
from bowerbird.graft.head.config import RequestHeadConfig


@dataclass(frozen=True)
class GraftConfig:
    """How to graft a store's vectors into a language model."""

    base: str = "smollm2-135m"
    """A backbone of `bowerbird models list`, `hf:org/name`, or a folder: a decoder or a Qwen-VL model."""
    minutes: float = 3.0
    """Training time, excluding model loading."""
    steps: int | None = None
    """Maximum training steps; None: as many as the time allows. 0 keeps the closed-form connector."""
    seed: int = 0
    batch: int = 16
    """Questions per pass through the language model."""
    accumulate: int = 1
    """Gradient accumulation: passes per optimiser step."""
    tokens: int = 1
    """Soft tokens per item, 1 to 8."""
    adapt: AdaptationMode = AdaptationMode.FROZEN
    """Which weights of the language model itself are trained: none, low-rank additions, or all."""

    head: RequestHeadConfig = field(default_factory=RequestHeadConfig)
    """The request head, which is trained where the store has dialogues."""

    def __post_init__(self) -> None:
        if self.minutes <= 0 or (self.steps is not None and self.steps < 0):
            raise InputError(
                f"minutes must be above 0 and steps at least 0, not {self.minutes} and {self.steps}"
            )
        if self.batch < 1 or self.accumulate < 1:
            raise InputError(
                f"batch and accumulate must be at least 1, not {self.batch} and {self.accumulate}"
            )
        if not 1 <= self.tokens <= MAX_TOKENS_PER_ITEM:
            raise InputError(f"an item is 1 to {MAX_TOKENS_PER_ITEM} soft tokens, not {self.tokens}")

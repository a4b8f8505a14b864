"""Settings of a graft's training."""

from __future__ import annotations

from dataclasses import dataclass

from bowerbird.errors import InputError


@dataclass(frozen=True)
class GraftConfig:
    """How to graft a store's vectors into a language model."""

    base: str = "smollm2-135m"
    """A backbone of `bowerbird models list`, `hf:org/name`, or a folder with a Hugging Face decoder."""
    minutes: float = 4.0
    """Time for the slow parts, loading excluded: captions 70 %, people's sequences 20 %, head 10 %."""
    steps: int | None = None
    """Caption steps at most; None: as many as the time allows. 0 keeps the closed-form connector."""
    seed: int = 0
    history: int = 20
    """How many of a person's last liked items the language model reads."""
    batch: int = 16
    """Captions, or people's windows, in one pass through the language model."""

    def __post_init__(self) -> None:
        if self.minutes <= 0 or (self.steps is not None and self.steps < 0):
            raise InputError(
                f"minutes must be above 0 and steps at least 0, not {self.minutes} and {self.steps}"
            )
        if self.history < 1 or self.batch < 1:
            raise InputError(f"history and batch must be at least 1, not {self.history} and {self.batch}")

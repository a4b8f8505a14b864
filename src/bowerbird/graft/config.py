"""Hyper-parameters of a graft's training, and the `meta.json` of its versions.

Light to import: versions are read without torch.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from bowerbird.choices import MAX_TOKENS_PER_ITEM, AdaptationMode
from bowerbird.config import setting
from bowerbird.data.splits import Holdout
from bowerbird.data.versions.meta import VersionMeta
from bowerbird.errors import InputError


@dataclass(frozen=True)
class GraftConfig:
    """How to graft a store's vectors into a language model."""

    base: str = setting(
        "smollm2-135m",
        "A backbone of `bowerbird models list`, `hf:org/name`, or a folder: a decoder or a Qwen-VL model",
    )
    minutes: float = setting(3.0, "Training time, excluding model loading", "minutes")
    steps: int | None = setting(
        None,
        "Training steps, at most; None: as many as the time allows; 0 keeps the closed-form connector",
        "batches",
    )
    seed: int = setting(0, "Seed of the initial weights and the questions")
    batch: int = setting(16, "Questions per pass through the language model", "questions")
    accumulate: int = setting(1, "Gradient accumulation: passes per optimiser step", "batches")
    tokens: int = setting(1, "Soft tokens per item, 1 to 8", "tokens")
    adapt: AdaptationMode = setting(
        AdaptationMode.FROZEN,
        "Weights of the language model itself that are trained: none, low-rank additions, or all",
    )

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


@dataclass(frozen=True, kw_only=True)
class GraftMeta(VersionMeta):
    """A connector from one version of the vectors to one language model, and its adapter."""

    KIND = "graft"

    config: GraftConfig = field(default_factory=GraftConfig)
    base: str
    base_fingerprint: str
    """Hash of the language model's architecture and weights."""
    base_type: str
    """Name of its class."""
    hidden: int
    """Width of its token embeddings."""
    dim: int
    """Width of an item vector."""
    tokens: int
    """Soft tokens per item."""
    adapt: AdaptationMode = AdaptationMode.FROZEN
    vectors: str
    """Version of the vectors that the connector reads."""
    markers: dict[str, int] = field(default_factory=dict)
    """Ids of the tokens whose embeddings soft tokens replace, by what they stand for."""
    holdout: Holdout | None = None
    metrics: dict[str, float] = field(default_factory=dict)
    """On held-out items, by name."""
    alignment_steps: int = 0
    seconds: float = 0.0
    loading_seconds: float = 0.0
    peak_memory_mb: float = 0.0

"""What `meta.json` says of versions of the vectors and of fine-tuned backbones."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

from bowerbird.data.splits import Holdout
from bowerbird.data.versions.meta import VersionMeta
from bowerbird.embed.config import DEFAULTS, FINETUNE_DEFAULTS, EmbedConfig, FinetuneConfig
from bowerbird.embed.update_report import UpdateReport


@dataclass(frozen=True)
class Quality:
    """How well the mean of a user's likes finds the user's next likes, and a text its picture.

    A gain is a mean of 1 / log2(1 + rank). None if there are no targets.
    """

    warm: float | None = None
    """Gain over targets that are in the training set."""
    cold: float | None = None
    """Gain over targets that are in no training pair."""
    recall_at_100: float | None = None
    across: float | None = None
    """Cross-modal gain: picture by text and text by picture, among items whose match was not trained on."""

    @property
    def score(self) -> float:
        """The geometric mean of the gains: halving one is compensated by doubling another."""
        gains = [gain for gain in (self.warm, self.cold, self.across) if gain is not None]
        return math.exp(sum(map(math.log, gains)) / len(gains))

    def rounded(self) -> Quality:
        """The same with five digits, for `meta.json`."""
        values = (getattr(self, each.name) for each in fields(self))
        return Quality(*(None if value is None else round(value, 5) for value in values))


@dataclass(frozen=True)
class TrainingMetrics:
    """Validation of one training. Users: those of the validation set."""

    users: int = 0
    learned_weight: float = 0.0
    """Weight of what was learned; of an update, the way from the old weights (0) to the new ones (1)."""
    generic: Quality | None = None
    """Of the frozen features."""
    untrained: Quality | None = None
    """Of the tower before training."""
    previous: Quality | None = None
    """Of the tower before an update."""
    tower: Quality | None = None
    first_quarter: Quality | None = None
    """Of the first quarter of the dimensions alone."""

    def qualities(self) -> dict[str, Quality | None]:
        """The qualities by name, in the order of declaration."""
        names = ("generic", "untrained", "previous", "tower", "first_quarter")
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True)
class SeedSummary:
    """Means and standard deviations over several trainings; None where a training has none."""

    seeds: tuple[int, ...]
    learned_weights: tuple[float, ...] = ()
    mean: dict[str, Quality | None] | None = None
    deviation: dict[str, Quality | None] | None = None


@dataclass(frozen=True)
class StageSeconds:
    """Wall time, in seconds."""

    features: float
    training: float


@dataclass(frozen=True, kw_only=True)
class BackbonesMeta(VersionMeta):
    """Fine-tuned backbones, or the finding that fine-tuning did not help."""

    KIND = "backbones"

    config: FinetuneConfig = FINETUNE_DEFAULTS
    inputs: str = ""
    """Hash of the data and the settings."""
    bases: dict[str, str]
    """Name of the pretrained backbone, by modality."""
    identities: dict[str, str]
    """Hash of the trained tensors, by modality; empty if fine-tuning did not help."""
    device: str
    rounds: int
    """Finished rounds."""
    best_round: int
    """0 if the frozen backbones are better."""
    users: int
    """Validation users."""
    validated_items: int
    frozen: Quality
    adapted: Quality
    """Of the best round."""
    scores: tuple[float, ...]
    """Of the frozen backbones, and after each round."""
    seconds: float

    @property
    def is_better(self) -> bool:
        """Whether the fine-tuned backbones are better than the frozen ones."""
        return self.best_round > 0


@dataclass(frozen=True, kw_only=True)
class VectorsMeta(VersionMeta):
    """Item vectors."""

    KIND = "vectors"

    config: EmbedConfig = DEFAULTS
    items: int = 0
    dim: int = 0
    seed: int | None = None
    backbones: dict[str, str] | None = None
    """Encoders of `image` and `text`."""
    language: str | None = None
    """Of the catalogue, a code of `text.languages`; None if unknown."""
    finetuning: BackbonesMeta | None = None
    """None if no fine-tuning was requested."""
    holdout: Holdout | None = None
    modality_widths: tuple[int, int, int] | None = None
    """Dimensions of facts, text and picture."""
    likes: int = 0
    """Likes that were trained on, or validated."""
    epochs: int = 0
    metrics: TrainingMetrics = TrainingMetrics()
    over_seeds: SeedSummary | None = None
    inputs: str = ""
    """Hash of everything that the training read; empty for an update."""
    likes_hash: str = ""
    trained_until: int = 0
    """Time of the latest like, in microseconds since 1970."""
    validation_thresholds: tuple[float, float] | None = None
    """Highest split numbers of users and items in the validation set: those above were trained on."""
    updated_from: str = ""
    aligned_with: tuple[str, ...] = ()
    """Versions in whose space these vectors lie."""
    update: UpdateReport | None = None
    full_training: StageSeconds | None = None
    """Of the training from scratch that an update goes back to."""
    seconds: StageSeconds | None = None
    peak_memory_mb: int = 0

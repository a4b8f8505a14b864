"""What `meta.json` of a ranker and of a completer says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from bowerbird.data.splits import Holdout
from bowerbird.data.versions.meta import VersionMeta
from bowerbird.evaluate.calibration import OutcomeReport
from bowerbird.recommend.config import RankerConfig

FORMAT = 5
"""Grows when older files can't be read any more; they are trained again then."""


@dataclass(frozen=True)
class RankerInputs:
    """What a ranker is trained on. Not live events, nor what items cost: those change answers, not it."""

    vectors: str
    items: str = ""
    """Fingerprint of the catalogue's items."""
    collections: str = ""
    """Name of the version; empty where there is none."""
    log_generation: int = 0
    """Grows with every import and erasure."""
    sources: Sequence[str] = ()
    """Names of the candidate sources."""
    format: int = 0
    """`FORMAT` at the time; 0 of rankers that did not say."""

    def without_learned(self) -> RankerInputs:
        """Leave out what may have grown since, where somebody went back to a ranker."""
        return replace(self, collections="", log_generation=0)


@dataclass(frozen=True)
class RankerReport:
    """What training chose, and how well it did on the ranker's own validation examples."""

    order: str = "fusion"
    """`lambdarank` where the trees beat the plain fusion, else `fusion`."""
    content_weight: float | None = None
    session_weight: float | None = None
    young_share: float | None = None
    ndcg_learned: float | None = None
    """Mean nDCG at the config's `cutoff`; None where there were too few examples."""
    ndcg_fusion: float | None = None


@dataclass(frozen=True, kw_only=True)
class RankerMeta(VersionMeta):
    """A ranker of users' items."""

    KIND = "ranker"

    inputs: RankerInputs
    config: RankerConfig
    report: RankerReport = field(default_factory=RankerReport)
    holdout: Holdout
    outcomes: OutcomeReport = field(default_factory=OutcomeReport)


@dataclass(frozen=True, kw_only=True)
class CompletionMeta(VersionMeta):
    """A ranker of what sets miss."""

    KIND = "completion"

    inputs: RankerInputs
    config: RankerConfig
    report: RankerReport
    collections: int
    """Sets that it was trained on."""

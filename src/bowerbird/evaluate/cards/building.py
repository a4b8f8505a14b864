"""Builds the model card of a version.

Collected from `meta.json` of the vectors and of the ranker, the evaluations in the store's reports, and the
events themselves. Only evaluations of this version are included, so a card grows with every
`bowerbird evaluate`, and a new training starts a new card. Nothing in it is written by hand.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from bowerbird.data.files.records import decode_record, read_record
from bowerbird.data.interactions import Interactions
from bowerbird.data.items import Catalogue
from bowerbird.data.snapshot import StoreSnapshot
from bowerbird.data.splits import Holdout
from bowerbird.data.versions.meta import VersionMeta
from bowerbird.data.versions.version import META_FILE, Version
from bowerbird.errors import StoreError
from bowerbird.evaluate.calibration import OutcomeReport
from bowerbird.evaluate.cards.card import DataSummary, ModelCard, RankerSummary, SeedResults, VectorsSummary
from bowerbird.evaluate.cards.limits import list_limits
from bowerbird.evaluate.results import Evaluation


@dataclass(frozen=True)
class EvaluatedInputs:
    """What the ranker was trained on."""

    vectors: str = ""


@dataclass(frozen=True, kw_only=True)
class EvaluatedRanker(VersionMeta):
    """What a card shows of the ranker's `meta.json`."""

    KIND = "ranker"

    inputs: EvaluatedInputs = EvaluatedInputs()
    report: dict[str, Any] = field(default_factory=dict)
    outcomes: OutcomeReport | None = None


def build_card(snapshot: StoreSnapshot, licences: Mapping[str, str]) -> ModelCard:
    """Build the contents of a card from what a store holds.

    `licences`: the licence of each backbone by name, as far as it is known.
    Raises `StoreError` where the store has no vectors.
    """
    store, version = snapshot.store, snapshot.version("vectors")
    if version is None:
        raise StoreError(
            f"the store {store.path} has no vectors to describe in a card: run `bowerbird embed`"
        )
    catalogue = snapshot.catalogue
    events = Interactions.of(store.log.read(), catalogue)
    vectors = decode_record(version.raw_meta, VectorsSummary, version.path / META_FILE)
    card = ModelCard(
        version=version.name,
        data=_summarise_data(events, catalogue, vectors.holdout),
        vectors=vectors,
        licences={name: licences.get(name) for name in (vectors.backbones or {}).values()},
        ranker=_summarise_ranker(snapshot.version("ranker"), version.name),
        evaluations=_read_evaluations(store.reports, version.name),
        seeds=_read_seeds(store.reports, version.name),
    )
    return replace(card, limits=list_limits(card))


def _summarise_data(events: Interactions, catalogue: Catalogue, holdout: Holdout) -> DataSummary:
    training = holdout.training(events)
    is_held_out = holdout.held_out_users(events)
    return DataSummary(
        items=len(catalogue),
        items_without_price=int(np.isnan(catalogue.prices).sum()),
        items_never_liked_in_training=len(catalogue) - len(np.unique(training.liked().item)),
        events=len(events),
        likes=len(events.liked()),
        users=len(np.unique(events.user)),
        first_event=_format_date(int(events.at.min())) if len(events) else None,
        last_event=_format_date(int(events.at.max())) if len(events) else None,
        held_out_after=None if holdout.until is None else _format_date(holdout.until),
        held_out_users=int(is_held_out[np.unique(events.user)].sum()),
        training_events=len(training),
        training_users=len(np.unique(training.user)),
    )


def _format_date(at: int) -> str:
    """Microseconds since 1970 UTC as a date."""
    return datetime.fromtimestamp(at / 1e6, UTC).date().isoformat()


def _summarise_ranker(version: Version | None, vectors: str) -> RankerSummary | None:
    """The published ranker, if it was trained on these vectors."""
    meta = None if version is None else version.read_meta(EvaluatedRanker)
    if version is None or meta is None or meta.inputs.vectors != vectors:
        return None
    return RankerSummary(version.name, meta.report, meta.outcomes)


def _read_evaluations(reports: Path, vectors: str) -> list[Evaluation]:
    """The evaluations of these vectors, in the order of their names."""
    paths = sorted(reports.glob("evaluation-*.json"))
    evaluations = [read_record(path, Evaluation) for path in paths]
    return [evaluation for evaluation in evaluations if evaluation.trained.vectors == vectors]


def _read_seeds(reports: Path, vectors: str) -> SeedResults | None:
    """The results over several seeds, if they were measured on these vectors."""
    path = reports / "seeds.json"
    if not path.exists():
        return None
    results = read_record(path, SeedResults)
    return results if results.vectors == vectors and len(results.seeds) > 1 else None

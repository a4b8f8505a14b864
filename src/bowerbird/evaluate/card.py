"""The model card of a version: what it was made from and how good it was measured to be.

Collected from what the stages wrote: `meta.json` of the vectors and of the ranker, the evaluations in the
store's reports, and the events themselves. Only evaluations of this very version count, so a card grows with
every `bowerbird evaluate`, and a new training begins a new one. Nothing in it is written by hand.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from bowerbird.data.interactions import Interactions
from bowerbird.data.items import Catalogue
from bowerbird.data.snapshot import StoreSnapshot
from bowerbird.data.splits import Holdout
from bowerbird.data.store import Version, write_atomically
from bowerbird.errors import StoreError
from bowerbird.evaluate.card_limits import limits_of
from bowerbird.evaluate.card_text import card_text

TRAINING = (
    *("seed", "dim", "epochs", "backbones", "holdout", "likes", "metrics", "over_seeds", "seconds"),
    "peak_memory_mb",
)
"""What of the vectors' `meta.json` a card tells."""


def write_card(snapshot: StoreSnapshot, licences: Mapping[str, str]) -> Path:
    """Write `reports/card-<vectors version>.md`, and the same as `.json`; the Markdown's path.

    `licences`: that of each backbone by name, as far as they are known.
    Raises `StoreError` where the store has no vectors.
    """
    card = card_of(snapshot, licences)
    path = snapshot.store.reports / f"card-{card['version']}.md"
    write_atomically(path.with_suffix(".json"), json.dumps(card, ensure_ascii=False, indent=1).encode())
    write_atomically(path, card_text(card).encode())
    return path


def card_of(snapshot: StoreSnapshot, licences: Mapping[str, str]) -> dict[str, Any]:
    """Everything that a card says, as JSON takes it."""
    store, vectors = snapshot.store, snapshot.version("vectors")
    if vectors is None:
        raise StoreError(f"the store {store.path} has no vectors to write a card of: run `bowerbird embed`")
    catalogue = snapshot.catalogue
    events = Interactions.of(store.log.read(), catalogue)
    holdout = Holdout(**vectors.meta["holdout"])
    card: dict[str, Any] = {
        "version": vectors.name,
        "data": _data(events, catalogue, holdout),
        "vectors": {name: vectors.meta[name] for name in TRAINING if name in vectors.meta},
        "licences": {name: licences.get(name) for name in vectors.meta.get("backbones", {}).values()},
        "ranker": _ranker(snapshot.version("ranker"), vectors.name),
        "evaluations": _evaluations(store.reports, vectors.name),
        "seeds": _seeds(store.reports, vectors.name),
    }
    return {**card, "limits": limits_of(card)}


def _data(events: Interactions, catalogue: Catalogue, holdout: Holdout) -> dict[str, Any]:
    training = holdout.training(events)
    held = holdout.held_out_users(events)
    return {
        "items": len(catalogue),
        "items_without_price": int(np.isnan(catalogue.prices).sum()),
        "items_never_liked_in_training": len(catalogue) - len(np.unique(training.liked().item)),
        "events": len(events),
        "likes": len(events.liked()),
        "people": len(np.unique(events.user)),
        "from": _day(int(events.at.min())) if len(events) else None,
        "to": _day(int(events.at.max())) if len(events) else None,
        "held_out_after": None if holdout.until is None else _day(holdout.until),
        "held_out_people": int(held[np.unique(events.user)].sum()),
        "training_events": len(training),
        "training_people": len(np.unique(training.user)),
    }


def _day(at: int) -> str:
    """Microseconds since 1970 UTC as a date."""
    return datetime.fromtimestamp(at / 1e6, UTC).date().isoformat()


def _ranker(version: Version | None, vectors: str) -> dict[str, Any] | None:
    """The published ranker, where it was learnt from these vectors."""
    if version is None or version.meta.get("inputs", {}).get("vectors") != vectors:
        return None
    meta = version.meta
    return {
        "version": version.name,
        "settings": meta.get("report", {}),
        "calibration": meta.get("outcomes"),
    }


def _evaluations(reports: Path, vectors: str) -> list[dict[str, Any]]:
    """The evaluations of these vectors, in the order of their names."""
    found = [json.loads(path.read_text()) for path in sorted(reports.glob("evaluation-*.json"))]
    return [one for one in found if one.get("trained", {}).get("vectors") == vectors]


def _seeds(reports: Path, vectors: str) -> dict[str, Any] | None:
    """What `benchmarks/bench_quality.py` measured over several seeds, where it started from these vectors."""
    path = reports / "seeds.json"
    if not path.exists():
        return None
    found: dict[str, Any] = json.loads(path.read_text())
    return found if found.get("vectors") == vectors and len(found["seeds"]) > 1 else None

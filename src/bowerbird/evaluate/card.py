"""The model card of a version: what it was trained on and how it was evaluated.

Collected from `meta.json` of the vectors and of the ranker, the evaluations in the store's reports, and the
events themselves. Only evaluations of this version are included, so a card grows with every
`bowerbird evaluate`, and a new training starts a new card. Nothing in it is written by hand.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from bowerbird.data.durable import write_atomically
from bowerbird.data.interactions import Interactions
from bowerbird.data.items import Catalogue
from bowerbird.data.snapshot import StoreSnapshot
from bowerbird.data.splits import Holdout
from bowerbird.data.versions import Version
from bowerbird.errors import StoreError
from bowerbird.evaluate.card_limits import list_limits
from bowerbird.evaluate.card_text import render_card

TRAINING_KEYS = (
    *("seed", "dim", "epochs", "backbones", "holdout", "likes", "metrics", "over_seeds", "seconds"),
    "peak_memory_mb",
)
"""Keys of the vectors' `meta.json` that a card shows."""


def write_card(snapshot: StoreSnapshot, licences: Mapping[str, str]) -> Path:
    """Write `reports/card-<vectors version>.md`, and the same as `.json`; return the Markdown's path.

    `licences`: the licence of each backbone by name, as far as it is known.
    Raises `StoreError` where the store has no vectors.
    """
    card = build_card(snapshot, licences)
    path = snapshot.store.reports / f"card-{card['version']}.md"
    write_atomically(path.with_suffix(".json"), json.dumps(card, ensure_ascii=False, indent=1).encode())
    write_atomically(path, render_card(card).encode())
    return path


def build_card(snapshot: StoreSnapshot, licences: Mapping[str, str]) -> dict[str, Any]:
    """Build the contents of a card, ready for JSON."""
    store, vectors = snapshot.store, snapshot.version("vectors")
    if vectors is None:
        raise StoreError(
            f"the store {store.path} has no vectors to describe in a card: run `bowerbird embed`"
        )
    catalogue = snapshot.catalogue
    events = Interactions.of(store.log.read(), catalogue)
    holdout = Holdout(**vectors.meta["holdout"])
    card: dict[str, Any] = {
        "version": vectors.name,
        "data": _summarise_data(events, catalogue, holdout),
        "vectors": {name: vectors.meta[name] for name in TRAINING_KEYS if name in vectors.meta},
        "licences": {name: licences.get(name) for name in vectors.meta.get("backbones", {}).values()},
        "ranker": _summarise_ranker(snapshot.version("ranker"), vectors.name),
        "evaluations": _read_evaluations(store.reports, vectors.name),
        "seeds": _read_seeds(store.reports, vectors.name),
    }
    return {**card, "limits": list_limits(card)}


def _summarise_data(events: Interactions, catalogue: Catalogue, holdout: Holdout) -> dict[str, Any]:
    training = holdout.training(events)
    is_held_out = holdout.held_out_users(events)
    return {
        "items": len(catalogue),
        "items_without_price": int(np.isnan(catalogue.prices).sum()),
        "items_never_liked_in_training": len(catalogue) - len(np.unique(training.liked().item)),
        "events": len(events),
        "likes": len(events.liked()),
        "users": len(np.unique(events.user)),
        "from": _format_date(int(events.at.min())) if len(events) else None,
        "to": _format_date(int(events.at.max())) if len(events) else None,
        "held_out_after": None if holdout.until is None else _format_date(holdout.until),
        "held_out_users": int(is_held_out[np.unique(events.user)].sum()),
        "training_events": len(training),
        "training_users": len(np.unique(training.user)),
    }


def _format_date(at: int) -> str:
    """Microseconds since 1970 UTC as a date."""
    return datetime.fromtimestamp(at / 1e6, UTC).date().isoformat()


def _summarise_ranker(version: Version | None, vectors: str) -> dict[str, Any] | None:
    """The published ranker, if it was trained on these vectors."""
    if version is None or version.meta.get("inputs", {}).get("vectors") != vectors:
        return None
    meta = version.meta
    return {
        "version": version.name,
        "settings": meta.get("report", {}),
        "calibration": meta.get("outcomes"),
    }


def _read_evaluations(reports: Path, vectors: str) -> list[dict[str, Any]]:
    """The evaluations of these vectors, in the order of their names."""
    evaluations = [json.loads(path.read_text()) for path in sorted(reports.glob("evaluation-*.json"))]
    return [
        evaluation
        for evaluation in evaluations
        # Reports written before the keys were renamed are left out until they are evaluated again.
        if evaluation.get("trained", {}).get("vectors") == vectors and "systems" in evaluation
    ]


def _read_seeds(reports: Path, vectors: str) -> dict[str, Any] | None:
    """The results of `benchmarks/bench_quality.py` over several seeds, if it was run on these vectors."""
    path = reports / "seeds.json"
    if not path.exists():
        return None
    results: dict[str, Any] = json.loads(path.read_text())
    return results if results.get("vectors") == vectors and len(results["seeds"]) > 1 else None

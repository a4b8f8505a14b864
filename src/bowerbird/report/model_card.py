"""A model card as Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from bowerbird.data.files.durable import write_atomically
from bowerbird.data.files.records import write_record
from bowerbird.data.snapshot import StoreSnapshot
from bowerbird.evaluate.cards.building import build_card
from bowerbird.evaluate.cards.card import ModelCard, RankerSummary
from bowerbird.evaluate.cards.limits import describe_task, settings_at_grid_edge
from bowerbird.evaluate.results import Evaluation
from bowerbird.report.rendering import render

SINGLE_VALUES = ("dim", "seed", "epochs", "likes", "seconds")
"""Fields of the summary of the vectors."""


def write_card(snapshot: StoreSnapshot, licences: Mapping[str, str]) -> Path:
    """Write `reports/card-<vectors version>.md`, and the same as `.json`; return the Markdown's path.

    `licences`: the licence of each backbone by name, as far as it is known.
    Raises `StoreError` where the store has no vectors.
    """
    card = build_card(snapshot, licences)
    path = snapshot.store.reports / f"card-{card.version}.md"
    write_record(path.with_suffix(".json"), card)
    write_atomically(path, render_card(card).encode())
    return path


def render_card(card: ModelCard) -> str:
    """Render the whole card; what was not measured is listed at its end and not in its tables."""
    return render(
        "model_card.md",
        card=card,
        settings=[*_list_vector_settings(card), *_list_ranker_settings(card.ranker)],
        describe_task=describe_task,
        format_settings=_format_settings,
        settings_at_grid_edge=settings_at_grid_edge,
        measured_metrics=_measured_metrics,
        plain_text=plain_text,
    )


def _list_vector_settings(card: ModelCard) -> Iterator[tuple[str, str]]:
    vectors = card.vectors
    for modality, name in (vectors.backbones or {}).items():
        yield f"{modality} backbone", f"{name}, licence: {card.licences.get(name) or 'unknown'}"
    for name in SINGLE_VALUES:
        value = getattr(vectors, name)
        if value is not None:
            yield name, plain_text(value)
    if vectors.peak_memory_mb is not None:
        yield "peak memory", f"{vectors.peak_memory_mb:,} MB"
    for name, value in (vectors.metrics or {}).items():
        yield f"validation in training, {name}", plain_text(value)
    if vectors.over_seeds is not None and len(vectors.over_seeds.seeds) > 1:
        for name, value in vars(vectors.over_seeds).items():
            yield f"training over seeds, {name}", plain_text(value)


def _list_ranker_settings(ranker: RankerSummary | None) -> Iterator[tuple[str, str]]:
    if ranker is not None:
        yield "ranker", ranker.version
        for name, value in ranker.settings.items():
            yield f"ranker, {name}", plain_text(value)


def _measured_metrics(evaluation: Evaluation) -> list[str]:
    """Metrics that are above 0 for some system."""
    systems = evaluation.systems
    return [name for name in systems[0].metrics if any(system.metrics[name].mean for system in systems)]


def _format_settings(evaluation: Evaluation) -> list[tuple[str, str]]:
    """Each ranker's settings and what choosing them cost."""
    lines = []
    for system in evaluation.systems:
        settings = plain_text(system.settings)
        if system.tuning is not None:
            search = f"best of {system.tuning.n_trials} trials in {system.tuning.seconds:.0f} s"
            settings = f"{settings}; {search}" if settings else search
        if settings:
            lines.append((system.name, settings))
    return lines


def plain_text(value: Any) -> str:
    """Format a value in a readable form.

    >>> plain_text({"a": 0.123456, "b": None}), plain_text(12345), plain_text([1, 2])
    ('a 0.1235, b –', '12,345', '1, 2')
    """
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {plain_text(nested)}" for key, nested in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(plain_text(element) for element in value)
    if value is None:
        return "–"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:.4g}"

"""Prequential evaluation as one picture: each slice of the queries is a group of dots with whiskers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bowerbird.report.markup import text

WIDTH, LEFT, RIGHT, ROW, GAP = 760, 150, 110, 18, 40  # units of the drawing
METRIC = "ndcg@10"
_STYLE = (
    "text{fill:#1f2328;font-size:12px}.title{font-size:13px;font-weight:600}"
    ".small{font-size:11px;fill:#57606a}.end{text-anchor:end}line,circle{stroke:#8c959f;fill:#8c959f}"
    ".live{stroke:#1a7f37;fill:#1a7f37}"
)


def freshness_picture(parts: Sequence[Mapping[str, Any]]) -> str:
    """nDCG@10 of all systems on all slices of `PrequentialEvaluation.as_dict()`; the first is real time."""
    highest = (
        max((_high(values) for part in parts for values in part["systems"].values()), default=0.0) or 1.0
    )
    elements, top = [], 12
    for part in parts:
        title = f"{part['name']}: {part['queries']:,} queries of {part['users']:,} users"
        elements.append(f'<text x="{LEFT}" y="{top + 14}" class="title">{text(title)}</text>')
        top += 24
        for number, (arm, values) in enumerate(part["systems"].items()):
            css_class = "live" if number == 0 else ""
            elements.append(_row(arm, values[METRIC], top + number * ROW, highest, css_class))
        top += len(part["systems"]) * ROW + GAP - 24
    note = f"{METRIC}, dots: means over users, lines: 95 % confidence intervals"
    elements.append(f'<text x="{LEFT}" y="{top + 4}" class="small">{note}</text>')
    height = top + 18
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" '
        f'aria-label="{METRIC} by how fresh the state is" font-family="Helvetica, Arial, sans-serif">'
        f'<style>{_STYLE}</style><rect width="{WIDTH}" height="{height}" fill="#fff"/>\n'
        + "\n".join(elements)
        + "\n</svg>\n"
    )


def _row(arm: str, interval: Mapping[str, float | None], top: float, highest: float, css_class: str) -> str:
    middle = top + ROW / 2
    label = f'<text x="{LEFT - 10}" y="{middle + 4}" class="end">{text(arm)}</text>'
    mean, low, high = (interval[end] for end in ("mean", "low", "high"))
    if mean is None or low is None or high is None:
        return label
    x, left, right = (LEFT + value / highest * (WIDTH - LEFT - RIGHT) for value in (mean, low, high))
    return (
        f'{label}<line x1="{left:.1f}" x2="{right:.1f}" y1="{middle}" y2="{middle}" class="{css_class}"/>'
        f'<circle cx="{x:.1f}" cy="{middle}" r="4" class="{css_class}"/>'
        f'<text x="{right + 10:.1f}" y="{middle + 4}" class="small">{mean:.3f}</text>'
    )


def _high(values: Mapping[str, Mapping[str, float | None]]) -> float:
    return values[METRIC]["high"] or 0.0

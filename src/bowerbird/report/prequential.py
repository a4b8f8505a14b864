"""What fresh knowledge is worth, as one picture: each part of the asks a group of dots with whiskers."""

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
    """Draw nDCG@10 of every system on every slice of `PrequentialEvaluation.as_dict()`, as SVG."""
    most = max((_end(values) for part in parts for values in part["systems"].values()), default=0.0) or 1.0
    drawn, top = [], 12
    for part in parts:
        said = f"{part['name']}: {part['queries']:,} queries of {part['users']:,} users"
        drawn.append(f'<text x="{LEFT}" y="{top + 14}" class="title">{text(said)}</text>')
        top += 24
        for number, (arm, values) in enumerate(part["systems"].items()):
            drawn.append(_row(arm, values[METRIC], top + number * ROW, most, "live" if not number else ""))
        top += len(part["systems"]) * ROW + GAP - 24
    note = f"{METRIC}, dots: means over people, lines: 95 % intervals"
    drawn.append(f'<text x="{LEFT}" y="{top + 4}" class="small">{note}</text>')
    height = top + 18
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" '
        f'aria-label="{METRIC} by how fresh the state is" font-family="Helvetica, Arial, sans-serif">'
        f'<style>{_STYLE}</style><rect width="{WIDTH}" height="{height}" fill="#fff"/>\n'
        + "\n".join(drawn)
        + "\n</svg>\n"
    )


def _row(arm: str, said: Mapping[str, float | None], top: float, most: float, kind: str) -> str:
    middle = top + ROW / 2
    label = f'<text x="{LEFT - 10}" y="{middle + 4}" class="end">{text(arm)}</text>'
    mean, low, high = (said[end] for end in ("mean", "low", "high"))
    if mean is None or low is None or high is None:
        return label
    at, left, right = (LEFT + value / most * (WIDTH - LEFT - RIGHT) for value in (mean, low, high))
    return (
        f'{label}<line x1="{left:.1f}" x2="{right:.1f}" y1="{middle}" y2="{middle}" class="{kind}"/>'
        f'<circle cx="{at:.1f}" cy="{middle}" r="4" class="{kind}"/>'
        f'<text x="{right + 10:.1f}" y="{middle + 4}" class="small">{mean:.3f}</text>'
    )


def _end(values: Mapping[str, Mapping[str, float | None]]) -> float:
    return values[METRIC]["high"] or 0.0

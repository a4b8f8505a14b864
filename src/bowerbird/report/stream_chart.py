"""A stream chart of interests over time: stacked bands around a middle line, wide where one is strong.

The baseline is the symmetric one of ThemeRiver (Havre et al., 2000): half of the total above the middle and
half below, so that a person's activity shows as the river's width.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime

import numpy as np

from bowerbird.report.contents import InterestChart
from bowerbird.report.markup import text

WIDTH, HEIGHT = 1000, 300  # units of the drawing
TICK, TICKS_HIGH = 3, 40
MOST = 7
"""Interests drawn by name; the rest is one band."""


def stream_chart(chart: InterestChart) -> str:
    """The chart with its legend; empty where there are fewer than two times."""
    if len(chart.times) < 2 or not len(chart.names):
        return ""
    names, weights = _strongest(chart)
    times = np.array(chart.times, dtype=np.float64)
    x = (times - times[0]) / max(1.0, times[-1] - times[0]) * WIDTH
    total = weights.sum(axis=0)
    scale = (HEIGHT - 20) / max(1e-9, float(total.max()))
    edges = np.concatenate([np.zeros((1, len(x))), np.cumsum(weights, axis=0)]) - total / 2
    y = HEIGHT / 2 + edges * scale
    bands = "".join(
        f'<path class="s{k}" d="{_band(x, y[k], y[k + 1])}"><title>{text(name)}</title></path>'
        for k, name in enumerate(names)
    )
    legend = "".join(f'<li><i class="s{k}"></i>{text(name)}</li>' for k, name in enumerate(names))
    return (
        f'<figure class="stream"><svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" preserveAspectRatio="none" '
        f'aria-label="Interests over time">{bands}</svg>{_ticks(chart, names)}'
        f'{_days(times)}<ul class="legend">{legend}</ul></figure>'
    )


def _ticks(chart: InterestChart, names: list[str]) -> str:
    """One bar for each event in its interest's colour, higher for what weighs more."""
    if not chart.events:
        return ""
    first, span = chart.times[0], max(1, chart.times[-1] - chart.times[0])
    bars = []
    for at, name, weight, what in chart.events:
        band = names.index(name) if name in names else len(names) - 1
        x = min(max((at - first) / span, 0.0), 1.0) * (WIDTH - TICK)
        high = TICKS_HIGH * min(1.0, math.sqrt(abs(weight) / 5))
        kind = "against" if weight < 0 else f"s{band}"
        bars.append(
            f'<rect class="{kind}" x="{x:.1f}" y="{TICKS_HIGH - high:.1f}" width="{TICK}" '
            f'height="{high:.1f}"><title>{text(what)}</title></rect>'
        )
    return (
        f'<svg class="ticks" viewBox="0 0 {WIDTH} {TICKS_HIGH}" role="img" preserveAspectRatio="none" '
        f'aria-label="Events">{"".join(bars)}</svg>'
    )


def _strongest(chart: InterestChart) -> tuple[list[str], np.ndarray]:
    """The strongest interests, the strongest of all in the middle of the river, and the rest as one band."""
    weights = np.maximum(np.asarray(chart.weights, dtype=np.float64), 0.0)
    order = np.argsort(-weights.sum(axis=1), kind="stable")
    kept, rest = order[:MOST], order[MOST:]
    kept = np.concatenate([kept[1::2][::-1], kept[0::2]])
    names, rows = [chart.names[k] for k in kept], [weights[kept]]
    if len(rest):
        names, rows = [*names, "everything else"], [*rows, weights[rest].sum(axis=0, keepdims=True)]
    return names, np.concatenate(rows)


def _band(x: np.ndarray, upper: np.ndarray, lower: np.ndarray) -> str:
    """A closed path along the upper edge and back along the lower one."""
    there = _curve(x, upper)
    back = _curve(x[::-1], lower[::-1])
    return f"M{x[0]:.1f},{upper[0]:.1f}{there}L{x[-1]:.1f},{lower[-1]:.1f}{back}Z"


def _curve(x: np.ndarray, y: np.ndarray) -> str:
    """Cubic pieces that never overshoot a point (Fritsch & Carlson 1980, harmonic mean of the slopes)."""
    step = np.diff(x)
    slope = np.diff(y) / np.where(step == 0, 1.0, step)
    before, after = slope[:-1], slope[1:]
    level = before * after <= 0
    mean = 2 * before * after / np.where(level, 1.0, before + after)
    tangent = np.concatenate([slope[:1], np.where(level, 0.0, mean), slope[-1:]])
    third = step / 3
    first_x, first_y = x[:-1] + third, y[:-1] + third * tangent[:-1]
    second_x, second_y = x[1:] - third, y[1:] - third * tangent[1:]
    points = zip(first_x, first_y, second_x, second_y, x[1:], y[1:], strict=True)
    return "".join("C{:.1f},{:.1f} {:.1f},{:.1f} {:.1f},{:.1f}".format(*point) for point in points)


def _days(times: np.ndarray) -> str:
    """Five dates below the river, as text so that they keep their size on a phone."""
    marks = np.linspace(times[0], times[-1], 5) / 1e6
    spans = "".join(f"<span>{datetime.fromtimestamp(at, UTC).strftime('%-d %b %Y')}</span>" for at in marks)
    return f'<div class="days">{spans}</div>'

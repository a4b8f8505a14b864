"""A stream chart of interests over time: stacked bands around a middle line, wide where one is strong."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from bowerbird.data.arrays import DoubleArray
from bowerbird.report.contents import InterestChart

WIDTH, HEIGHT = 1000, 300  # units of the drawing
TICK_WIDTH, TICK_HEIGHT = 3, 40
MAX_NAMED = 7
"""Interests drawn by name; the others are one band."""


@dataclass(frozen=True)
class Band:
    """One interest: a closed path, and its name."""

    name: str
    path: str


@dataclass(frozen=True)
class Tick:
    """One event as a bar, higher for what weighs more."""

    css_class: str
    """Its interest's colour, or `against`."""
    x: float
    y: float
    width: int
    height: float
    description: str


@dataclass(frozen=True)
class StreamDrawing:
    """A stream chart with its legend, in units of the drawing; `stream` of `parts.html` draws it."""

    width: int
    height: int
    tick_height: int
    bands: Sequence[Band]
    ticks: Sequence[Tick]
    days: Sequence[str]
    """Five dates below the chart, as text so that they keep their size on a phone."""


def draw_stream(chart: InterestChart) -> StreamDrawing | None:
    """Lay out the chart; None where there are fewer than two times.

    Stacked symmetrically as in ThemeRiver (Havre et al., "ThemeRiver: Visualizing Theme Changes over Time",
    2000): half of the total above the middle and half below, so that the width shows the user's activity.
    """
    if len(chart.times) < 2 or not len(chart.names):
        return None
    names, weights = _strongest(chart)
    times = np.array(chart.times, dtype=np.float64)
    x = (times - times[0]) / max(1.0, times[-1] - times[0]) * WIDTH
    total = weights.sum(axis=0)
    scale = (HEIGHT - 20) / max(1e-9, float(total.max()))
    edges = np.concatenate([np.zeros((1, len(x))), np.cumsum(weights, axis=0)]) - total / 2
    y = HEIGHT / 2 + edges * scale
    bands = [Band(name, _band(x, y[row], y[row + 1])) for row, name in enumerate(names)]
    seconds = np.linspace(times[0], times[-1], 5) / 1e6
    days = [datetime.fromtimestamp(at, UTC).strftime("%-d %b %Y") for at in seconds]
    return StreamDrawing(WIDTH, HEIGHT, TICK_HEIGHT, bands, _ticks(chart, names), days)


def _ticks(chart: InterestChart, names: list[str]) -> list[Tick]:
    first, span = chart.times[0], max(1, chart.times[-1] - chart.times[0])
    ticks = []
    for at, name, weight, description in chart.events:
        band = names.index(name) if name in names else len(names) - 1
        x = min(max((at - first) / span, 0.0), 1.0) * (WIDTH - TICK_WIDTH)
        height = TICK_HEIGHT * min(1.0, math.sqrt(abs(weight) / 5))
        css_class = "against" if weight < 0 else f"s{band}"
        ticks.append(Tick(css_class, x, TICK_HEIGHT - height, TICK_WIDTH, height, description))
    return ticks


def _strongest(chart: InterestChart) -> tuple[list[str], DoubleArray]:
    """The strongest interests, the strongest of all in the middle, and the others as one band."""
    weights = np.maximum(np.asarray(chart.weights, dtype=np.float64), 0.0)
    order = np.argsort(-weights.sum(axis=1), kind="stable")
    strongest, others = order[:MAX_NAMED], order[MAX_NAMED:]
    # Alternately above and below, so that the strongest bands meet in the middle.
    stacked = np.concatenate([strongest[1::2][::-1], strongest[0::2]])
    names, rows = [chart.names[k] for k in stacked], [weights[stacked]]
    if len(others):
        names, rows = [*names, "everything else"], [*rows, weights[others].sum(axis=0, keepdims=True)]
    return names, np.concatenate(rows)


def _band(x: DoubleArray, upper: DoubleArray, lower: DoubleArray) -> str:
    """A closed path along the upper edge and back along the lower one."""
    forth = _curve(x, upper)
    back = _curve(x[::-1], lower[::-1])
    return f"M{x[0]:.1f},{upper[0]:.1f}{forth}L{x[-1]:.1f},{lower[-1]:.1f}{back}Z"


def _curve(x: DoubleArray, y: DoubleArray) -> str:
    """Cubic Bézier segments that never overshoot a point.

    Tangents are harmonic means of neighbouring slopes, 2ab/(a + b), or 0 at a turning point (Fritsch &
    Carlson, "Monotone Piecewise Cubic Interpolation", 1980).
    """
    step = np.diff(x)
    slope = np.diff(y) / np.where(step == 0, 1.0, step)
    before, after = slope[:-1], slope[1:]
    is_turning = before * after <= 0
    mean = 2 * before * after / np.where(is_turning, 1.0, before + after)
    tangent = np.concatenate([slope[:1], np.where(is_turning, 0.0, mean), slope[-1:]])
    third = step / 3
    first_x, first_y = x[:-1] + third, y[:-1] + third * tangent[:-1]
    second_x, second_y = x[1:] - third, y[1:] - third * tangent[1:]
    points = zip(first_x, first_y, second_x, second_y, x[1:], y[1:], strict=True)
    return "".join("C{:.1f},{:.1f} {:.1f},{:.1f} {:.1f},{:.1f}".format(*point) for point in points)

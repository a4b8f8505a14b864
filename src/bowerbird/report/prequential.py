"""Prequential evaluation as one picture: each slice of the queries is a group of dots with whiskers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bowerbird.evaluate.bootstrap import Interval
from bowerbird.evaluate.prequential.comparison import PrequentialEvaluation, QuerySlice
from bowerbird.report.rendering import render

WIDTH, LEFT, RIGHT, ROW, GAP = 760, 150, 110, 18, 40  # units of the drawing
METRIC = "ndcg@10"


@dataclass(frozen=True)
class Dot:
    """One system's mean and interval, in units of the drawing."""

    system: str
    css_class: str
    middle: float
    value: float | None
    """The mean itself."""
    mean: float = 0.0
    low: float = 0.0
    high: float = 0.0
    has_interval: bool = False


@dataclass(frozen=True)
class DotGroup:
    """One slice of the queries."""

    title: str
    top: float
    dots: Sequence[Dot]


def draw_prequential(result: PrequentialEvaluation) -> str:
    """Draw nDCG@10 of all systems on all slices as SVG; the first system is the one in real time."""
    intervals = [metrics[METRIC] for query_slice in result.slices for metrics in query_slice.metrics.values()]
    highest = max((interval.high or 0.0 for interval in intervals), default=0.0) or 1.0
    groups, top = [], 12
    for query_slice in result.slices:
        groups.append(_draw_slice(query_slice, top, highest))
        top += len(query_slice.metrics) * ROW + GAP
    return render("prequential.svg", groups=groups, width=WIDTH, height=top + 18, left=LEFT, metric=METRIC)


def _draw_slice(query_slice: QuerySlice, top: int, highest: float) -> DotGroup:
    title = f"{query_slice.name}: {query_slice.queries:,} queries of {query_slice.users:,} users"
    dots = [
        _draw_dot(system, metrics[METRIC], top + 24 + number * ROW + ROW / 2, highest, number == 0)
        for number, (system, metrics) in enumerate(query_slice.metrics.items())
    ]
    return DotGroup(title, top + 14, dots)


def _draw_dot(system: str, interval: Interval, middle: float, highest: float, is_real_time: bool) -> Dot:
    css_class = "live" if is_real_time else ""
    if interval.mean is None or interval.low is None or interval.high is None:
        return Dot(system, css_class, middle, interval.mean)
    scale = (WIDTH - LEFT - RIGHT) / highest
    mean, low, high = (LEFT + value * scale for value in (interval.mean, interval.low, interval.high))
    return Dot(system, css_class, middle, interval.mean, mean, low, high, True)

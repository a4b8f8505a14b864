"""The report of the demo as one HTML page that makes no network requests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bowerbird.evaluate.bootstrap import Interval
from bowerbird.evaluate.results import Evaluation, SystemResult
from bowerbird.report.contents import DemoReport
from bowerbird.report.rendering import render
from bowerbird.report.stream_chart import draw_stream


@dataclass(frozen=True)
class Bar:
    """One metric of one ranker as a bar with a whisker, in per cent of the column's width."""

    interval: Interval
    is_best: bool
    """Whether it is the highest mean of its column."""
    fill: float = 0.0
    left: float = 0.0
    """Of the whisker, as `width`."""
    width: float = 0.0


@dataclass(frozen=True)
class QualityRow:
    """One ranker's bars."""

    name: str
    under_test: bool
    bars: Sequence[Bar]


@dataclass(frozen=True)
class QualityTable:
    """One split: every ranker, every metric."""

    evaluation: Evaluation
    metrics: Sequence[str]
    rows: Sequence[QualityRow]


def render_report(report: DemoReport) -> str:
    """Render the whole page, UTF-8: styles inline, pictures as data: URIs, no network requests."""
    interests = report.shopper.interests if report.shopper else None
    return render(
        "demo.html",
        title=report.title,
        synthetic=report.synthetic,
        report=report,
        stream_drawing=draw_stream(interests) if interests else None,
        tables=[_quality_table(evaluation) for evaluation in report.quality],
    )


def _quality_table(evaluation: Evaluation) -> QualityTable:
    """Metrics that no ranker has are left out; bars of a column share a scale from 0."""
    systems = evaluation.systems
    metrics = [
        name
        for name in systems[0].metrics
        if any(system.metrics[name].mean is not None for system in systems)
    ]
    columns = [_bars(systems, name) for name in metrics]
    rows = [
        QualityRow(system.name, system.under_test, [column[number] for column in columns])
        for number, system in enumerate(systems)
    ]
    return QualityTable(evaluation, metrics, rows)


def _bars(systems: Sequence[SystemResult], metric: str) -> list[Bar]:
    intervals = [system.metrics[metric] for system in systems]
    best = max(interval.mean or 0.0 for interval in intervals)
    top = max(max(interval.mean or 0.0, interval.high or 0.0) for interval in intervals) or 1.0
    return [_bar(interval, best, top) for interval in intervals]


def _bar(interval: Interval, best: float, top: float) -> Bar:
    if interval.mean is None:
        return Bar(interval, False)
    is_best, fill = interval.mean == best and best > 0, 100 * interval.mean / top
    if interval.low is None or interval.high is None:
        return Bar(interval, is_best, fill)
    return Bar(interval, is_best, fill, 100 * interval.low / top, 100 * (interval.high - interval.low) / top)

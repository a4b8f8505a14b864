"""Evaluations as tables and sentences on a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from bowerbird.evaluate import Comparison, Evaluation, SystemResult
    from bowerbird.evaluate.bootstrap import Interval
    from bowerbird.evaluate.results import SliceComparison


def print_evaluations(console: Console, results: Sequence[Evaluation]) -> None:
    """Print the tables of several evaluations, each with its comparison."""
    for result in results:
        console.print(_make_table(result))
        for comparison in result.comparisons:
            console.print(_describe_comparison(comparison), highlight=False)
        if result.slices:
            console.print(_make_slice_table(result))
        console.print(_make_settings_table(result))
        seeds = ", ".join(str(seed) for seed in result.trained.seeds)
        console.print(f"bowerbird: vectors {result.trained.vectors}, seed {seeds or '–'}.", highlight=False)
        console.print()


def _make_table(result: Evaluation) -> Table:
    """One row per ranker; the best of each metric bold, bowerbird's in colour, intervals below the means."""
    details = f", {result.cold_start_users} without a history" if result.cold_start_users else ""
    details += f", {result.n_given} liked items revealed per user" if result.n_given else ""
    table = Table(
        title=f"{result.split.value}: {result.users} users{details}; {result.items:,} items ranked "
        f"({result.cold_items:,} cold), {result.events:,} training events",
        title_justify="left",
    )
    metrics = list(result.systems[0].metrics)
    table.add_column("ranker")
    for name in [*metrics, "fit, s"]:
        table.add_column(name, justify="right")
    best = {name: max(_sort_key(system.metrics[name].mean) for system in result.systems) for name in metrics}
    for system in result.systems:
        cells = [_make_cell(system, name, best[name]) for name in metrics]
        style = "cyan" if system.under_test else None
        table.add_row(system.name, *cells, f"{system.fit_seconds:.1f}", style=style)
    return table


def _make_slice_table(result: Evaluation) -> Table:
    """The first system under test compared with the best baseline, on each slice of the test."""
    table = Table("slice", "users", title="Slices: bowerbird, the best baseline there, and their ratio")
    for comparison in result.slices[0].results:
        for column in (comparison.metric, "best baseline", "ratio"):
            table.add_column(column, justify="right" if column != "best baseline" else "left")
    group = result.slices[0].group
    for test_slice in result.slices:
        if test_slice.group != group:
            table.add_section()
            group = test_slice.group
        cells = [cell for comparison in test_slice.results for cell in _make_slice_cells(comparison)]
        table.add_row(test_slice.name, f"{test_slice.users:,}", *cells)
    return table


def _make_slice_cells(comparison: SliceComparison) -> tuple[str, str, str]:
    baseline = f"{comparison.baseline}\n{format_interval(comparison.baseline_value)}"
    return format_interval(comparison.value), baseline, format_interval(comparison.ratio, 2)


def format_interval(interval: Interval, digits: int = 3) -> str:
    """Format a mean and its interval for a table cell."""
    if interval.mean is None:
        return "–"
    if interval.low is None or interval.high is None:
        return f"{interval.mean:.{digits}f}"
    return f"{interval.mean:.{digits}f} [dim]{interval.low:.{digits}f}–{interval.high:.{digits}f}[/dim]"


def _make_settings_table(result: Evaluation) -> Table:
    """The settings of each ranker, and the cost of choosing them."""
    table = Table("ranker", "settings", "trials", "tuning, s", "at the edge of the grid")
    for system in result.systems:
        settings = ", ".join(
            f"{name} {'–' if value is None else value}" for name, value in system.settings.items()
        )
        tuning = system.tuning
        cells = [str(tuning.n_trials), f"{tuning.seconds:.1f}"] if tuning else ["", ""]
        at_edge = ", ".join(tuning.at_grid_edge) if tuning else ""
        if settings:
            table.add_row(system.name, settings, *cells, at_edge)
    return table


def _make_cell(system: SystemResult, metric: str, best: float) -> str:
    interval = system.metrics[metric]
    if interval.mean is None:
        return "–"
    mean = f"[bold]{interval.mean:.4f}[/bold]" if interval.mean == best else f"{interval.mean:.4f}"
    if interval.low is None or interval.high is None:
        return mean
    return f"{mean}\n[dim]{interval.low:.3f}–{interval.high:.3f}[/dim]"


def _sort_key(mean: float | None) -> float:
    """Undefined below all means."""
    return -1.0 if mean is None else mean


def _describe_comparison(comparison: Comparison) -> str:
    """The difference of the first system under test from the best baseline, on the same users."""
    ratio, gap = comparison.ratio, comparison.difference
    sentence = (
        f"{comparison.metric}: {comparison.system} − {comparison.baseline} = {gap.format(4, sign=True)}"
    )
    if ratio.mean is not None:
        sentence += f", ratio {ratio.format(2)}"
    if gap.excludes(0):
        return sentence
    return f"{sentence} (not significantly different: 95 % CI includes 0)"

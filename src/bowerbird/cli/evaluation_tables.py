"""Evaluations as tables and sentences on a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from bowerbird.evaluate import Arm, Comparison, Evaluation
    from bowerbird.evaluate.bootstrap import Interval
    from bowerbird.evaluate.slices import Beside


def tell(console: Console, results: Sequence[Evaluation]) -> None:
    for result in results:
        console.print(_table(result))
        for one in result.comparisons:
            console.print(_sentence(one), highlight=False)
        if result.slices:
            console.print(_slices(result))
        console.print(_tunings(result))
        version, seed = (result.trained.get(name) for name in ("vectors", "seed"))
        console.print(f"Ours: vectors {version}, trained with seed {seed}.", highlight=False)
        console.print()


def _table(result: Evaluation) -> Table:
    """One row a ranker; the best of each metric bold, ours in colour, intervals below the means."""
    stranger = f", {result.strangers} without a history" if result.strangers else ""
    stranger += f", {result.given} liked items of each given" if result.given else ""
    table = Table(
        title=f"{result.split.value}: {result.people} people{stranger}; {result.items:,} items ranked "
        f"({result.cold_items:,} cold), {result.events:,} training events",
        title_justify="left",
    )
    metrics = list(result.arms[0].metrics)
    table.add_column("ranker")
    for name in [*metrics, "fit, s"]:
        table.add_column(name, justify="right")
    best = {name: max(_known(arm.metrics[name].mean) for arm in result.arms) for name in metrics}
    for arm in result.arms:
        cells = [_cell(arm, name, best[name]) for name in metrics]
        table.add_row(arm.name, *cells, f"{arm.fit_seconds:.1f}", style="cyan" if arm.ours else None)
    return table


def _slices(result: Evaluation) -> Table:
    """The first of our arms beside the best baseline, on each part of the test."""
    table = Table("part of the test", "people", title="Parts: ours, the best baseline there, how many times")
    for one in result.slices[0].results:
        for column in (one.metric, "best baseline", "× it"):
            table.add_column(column, justify="right" if column != "best baseline" else "left")
    group = result.slices[0].group
    for part in result.slices:
        if part.group != group:
            table.add_section()
            group = part.group
        cells = [cell for one in part.results for cell in _beside(one)]
        table.add_row(part.name, f"{part.people:,}", *cells)
    return table


def _beside(one: Beside) -> tuple[str, str, str]:
    return with_ends(one.ours), f"{one.baseline}\n{with_ends(one.best)}", with_ends(one.ratio, 2)


def with_ends(interval: Interval, digits: int = 3) -> str:
    """A mean and its interval, the interval beside it."""
    if interval.mean != interval.mean:
        return "–"
    ends = f"{interval.low:.{digits}f}–{interval.high:.{digits}f}"
    return f"{interval.mean:.{digits}f} [dim]{ends}[/dim]"


def _tunings(result: Evaluation) -> Table:
    """What each ranker ran with, and what choosing it took."""
    table = Table("ranker", "settings", "tried", "tuning, s", "at the end of its range")
    for arm in result.arms:
        chosen = {name: value for name, value in arm.settings.items() if name != "tuning"}
        said = ", ".join(f"{name} {'–' if value is None else value}" for name, value in chosen.items())
        tuning = arm.settings.get("tuning")
        cells = [str(tuning["tried"]), f"{tuning['seconds']:.1f}"] if tuning else ["", ""]
        ends = ", ".join(tuning["at_the_end"]) if tuning else ""
        if said:
            table.add_row(arm.name, said, *cells, ends)
    return table


def _cell(arm: Arm, metric: str, best: float) -> str:
    interval = arm.metrics[metric]
    if interval.mean != interval.mean:
        return "–"
    mean = f"[bold]{interval.mean:.4f}[/bold]" if interval.mean == best else f"{interval.mean:.4f}"
    return (
        mean if interval.low != interval.low else f"{mean}\n[dim]{interval.low:.3f}–{interval.high:.3f}[/dim]"
    )


def _known(mean: float) -> float:
    return mean if mean == mean else -1.0


def _sentence(one: Comparison) -> str:
    """How far the first of our arms is from the best baseline, on the same people."""
    ratio, gap = one.ratio, one.difference
    said = f"{one.metric}: {one.ours} − {one.baseline} = {gap.mean:+.4f} [{gap.low:+.4f}, {gap.high:+.4f}]"
    if ratio.mean == ratio.mean:
        said += f", {ratio.mean:.2f} times as much [{ratio.low:.2f}, {ratio.high:.2f}]"
    return said if gap.low > 0 or gap.high < 0 else f"{said} (the interval holds 0: not told apart)"

"""`bowerbird evaluate --live`: its result on a terminal."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from bowerbird.cli.evaluation_tables import with_ends
from bowerbird.evaluate.prequential_comparison import MAIN, Part, Prequential
from bowerbird.recommend.prequential import moment_of


def print_prequential(console: Console, result: Prequential) -> None:
    """Every part of the asks as a table: arms, their metrics, and how many times theirs the live one is."""
    start, until = (moment_of(at).strftime("%Y-%m-%d %H:%M") for at in (result.start, result.until))
    asked = result.parts[0].asks
    drawn = (
        "" if asked == result.all_asks else f" (of {result.all_asks:,}; of busy people some, drawn at random)"
    )
    console.print(
        f"{asked:,} first likes{drawn} from {start} to {until} UTC, each asked before it was told; the model "
        "knows nothing after the first moment, arms differ in when they are told what happened since.",
        highlight=False,
    )
    if result.dates_only:
        console.print("Events have no time of day: those of one day come in the log's order.")
    for part in result.parts:
        console.print(_table(part))


def _table(part: Part) -> Table:
    title = f"{part.name}: {part.asks:,} asks of {part.people:,} people"
    table = Table("arm", title=title, title_justify="left")
    live = next(iter(part.metrics))
    for metric in part.metrics[live]:
        table.add_column(metric, justify="right")
        if metric in MAIN:
            table.add_column("live is × it", justify="right")
    ratios = {(one.arm, one.metric): one.ratio for one in part.versus}
    for arm, values in part.metrics.items():
        cells = []
        for metric, interval in values.items():
            cells.append(with_ends(interval))
            if metric in MAIN:
                cells.append("" if arm == live else with_ends(ratios[arm, metric], 2))
        table.add_row(arm, *cells, style="cyan" if arm == live else None)
    return table

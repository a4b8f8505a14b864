"""`bowerbird evaluate --prequential`: its result on a terminal."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from bowerbird.cli.evaluation.evaluation_tables import format_interval
from bowerbird.evaluate.prequential.comparison import MAIN_METRICS, PrequentialEvaluation, QuerySlice
from bowerbird.recommend.evaluation.prequential import as_datetime


def print_prequential(console: Console, result: PrequentialEvaluation) -> None:
    """Print every slice of the queries as a table: systems, their metrics, and the real-time gain."""
    start, until = (as_datetime(at).strftime("%Y-%m-%d %H:%M") for at in (result.start, result.until))
    n_queries = result.slices[0].queries
    sample = (
        ""
        if n_queries == result.available_queries
        else f" (a sample of {result.available_queries:,}, fewer of heavy users)"
    )
    console.print(
        f"{n_queries:,} first likes{sample} from {start} to {until} UTC, each predicted before it was "
        "observed. The model is trained on earlier events; systems differ in when they observe later ones.",
        highlight=False,
    )
    if result.dates_only:
        console.print("Events have no time of day: those of one day come in the log's order.")
    for query_slice in result.slices:
        console.print(_make_table(query_slice))


def _make_table(query_slice: QuerySlice) -> Table:
    title = f"{query_slice.name}: {query_slice.queries:,} queries of {query_slice.users:,} users"
    table = Table("updates", title=title, title_justify="left")
    real_time = next(iter(query_slice.metrics))
    for metric in query_slice.metrics[real_time]:
        table.add_column(metric, justify="right")
        if metric in MAIN_METRICS:
            table.add_column("real-time gain, ×", justify="right")
    ratios = {(gain.system, gain.metric): gain.ratio for gain in query_slice.gains}
    for system, intervals in query_slice.metrics.items():
        cells = []
        for metric, interval in intervals.items():
            cells.append(format_interval(interval))
            if metric in MAIN_METRICS:
                cells.append("" if system == real_time else format_interval(ratios[system, metric], 2))
        table.add_row(system, *cells, style="cyan" if system == real_time else None)
    return table

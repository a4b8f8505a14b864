"""`bowerbird bench NAME`: measure speed, memory and cost on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from bowerbird.cli.output import JsonOption, emit, to_json

if TYPE_CHECKING:
    from bowerbird.graft.bench import BenchResult

bench_app = typer.Typer(no_args_is_help=True)


@bench_app.callback()
def bench() -> None:
    """Benchmark speed, memory and cost against alternatives."""


@bench_app.command()
def graft(
    store: Annotated[
        Path | None, typer.Option("--store", "-s", help="Take pictures, graft and prices from this store.")
    ] = None,
    items: Annotated[int, typer.Option(help="Item pictures in the request.")] = 10,
    rounds: Annotated[int, typer.Option(help="Measured rounds; every arm runs once per round.")] = 5,
    new_tokens: Annotated[int, typer.Option(help="Tokens of the reply, the same for every arm.")] = 32,
    json: JsonOption = False,
) -> None:
    """Compare one request about pictures: a vision encoder against one vector per item."""
    from bowerbird.data.files.durable import write_atomically
    from bowerbird.data.store import Store
    from bowerbird.graft.bench import bench_graft

    opened = Store.open(store) if store else None
    result = bench_graft(opened.snapshot() if opened else None, items, rounds, new_tokens)
    if opened:
        report = to_json(result.as_dict())
        write_atomically(opened.reports / "bench-graft.json", report.encode())
    emit(result.as_dict(), json, lambda console: print_bench(console, result))


def print_bench(console: Console, result: BenchResult) -> None:
    """Print the arms side by side: medians, with the fastest and the slowest round."""
    table = Table(title=f"{result.items} pictures, {result.new_tokens} new tokens, {result.base}")
    columns = (
        "arm",
        "prompt tokens",
        "first token, s",
        "end to end, s",
        "peak memory, MiB",
        "per 1,000 turns",
    )
    for name in columns:
        table.add_column(name, justify="left" if name == "arm" else "right")
    for arm in result.arms:
        summary = arm.as_dict()
        seconds = [
            f"{summary[key]['median']:.2f} ({summary[key]['min']:.2f}–{summary[key]['max']:.2f})"
            for key in ("first_token", "end_to_end")
        ]
        memory = "" if arm.peak_memory_mb is None else f"{arm.peak_memory_mb:.0f}"
        cost = f"{arm.cost_per_1000_turns:.3f} {result.currency}"
        table.add_row(arm.name, str(arm.prompt_tokens), *seconds, memory, cost)
    console.print(table)
    for arm in result.arms:
        if arm.name != "graft":
            first, last = result.ratios(arm.name)
            console.print(
                f"{arm.name}: {first:.1f} times the graft's latency to the first token, {last:.1f} end to end"
            )
    console.print(
        "The vision arms' projection is random: it affects the text of their replies, not the cost."
    )

"""`bowerbird versions`: list and compare the sets of versions that a store keeps, and roll back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from bowerbird.cli.output import JsonOption, StoreArgument, emit

if TYPE_CHECKING:
    from bowerbird.report.version_summary import SetDifference, SetSummary

versions_app = typer.Typer(no_args_is_help=True, help="List, compare and roll back published versions.")


@versions_app.callback()
def versions() -> None:
    """List, compare and roll back published versions."""


@versions_app.command("list")
def list_(store: StoreArgument, as_json: JsonOption = False) -> None:
    """List the stored sets of versions, the one in force first."""
    from bowerbird.data.store import Store
    from bowerbird.report.version_summary import summarise_sets

    sets = summarise_sets(Store.open(store))
    emit(
        {"sets": [summary.as_dict() for summary in sets]}, as_json, lambda console: _show_sets(console, sets)
    )


@versions_app.command()
def diff(
    store: StoreArgument,
    before: Annotated[
        int | None, typer.Argument(help="Number of a set [default: the previous one].", metavar="SET")
    ] = None,
    after: Annotated[
        int | None, typer.Argument(help="Number of another set [default: the one in force].", metavar="SET")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Compare two sets: items added, removed and changed; metrics side by side."""
    from bowerbird.data.store import Store
    from bowerbird.report.version_summary import compare_sets

    opened = Store.open(store)
    if before is None:
        before = opened.history().previous.number
    difference = compare_sets(opened.snapshot(number=before), opened.snapshot(number=after))
    emit(difference.as_dict(), as_json, lambda console: _show_difference(console, difference))


@versions_app.command()
def rollback(
    store: StoreArgument,
    number: Annotated[
        int | None,
        typer.Argument(help="Number of the set to go back to [default: the previous one].", metavar="SET"),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Put an older set of versions in force; run again to undo.

    A running server switches within a second.
    """
    from bowerbird.data.store import Store

    opened = Store.open(store)
    previous, current = opened.roll_back(number)
    result = {"before": previous.number, "now": current.number, "complete": current.complete}

    def show(console: Console) -> None:
        console.print(f"Set {current.number} is in force; `bowerbird versions rollback {store}` undoes it.")
        if not current.complete:
            console.print("It has no ranker or no interests; they are trained when first needed.")

    emit(result, as_json, show)


def _show_sets(console: Console, sets: list[SetSummary]) -> None:
    if not sets:
        console.print("Nothing has been published yet: run `bowerbird import`.")
        return
    table = Table("set", "in force since", "", "changed", "items", "vectors", "ranker", box=None)
    for summary in sets:
        state = "in force" if summary.in_force else ""
        table.add_row(
            str(summary.number),
            escape(summary.since.replace("T", " ").split("+")[0]),
            " ".join(word for word in (state, "" if summary.complete else "incomplete") if word),
            ", ".join(summary.changed),
            f"{summary.figures.get('catalogue.items', '')}",
            _format_figures(summary, "vectors.metrics.tower."),
            _format_figures(summary, "ranker.report.") or _format_figures(summary, "ranker.settings."),
        )
    console.print(table)


def _format_figures(summary: SetSummary, prefix: str) -> str:
    """The figures whose names start with `prefix`, without it."""
    figures = {name.removeprefix(prefix): v for name, v in summary.figures.items() if name.startswith(prefix)}
    return escape(", ".join(f"{name} {_format_value(value)}" for name, value in figures.items()))


def _format_value(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else "" if value is None else str(value)


def _show_difference(console: Console, difference: SetDifference) -> None:
    items = difference.items
    console.print(f"From set {difference.before} to set {difference.after}:")
    console.print(f"{items.added:,} items added, {items.removed:,} removed, {items.changed:,} changed")
    for name, count in items.fields.items():
        console.print(f"  {count:>8,} in {name}")
    for name, ids in items.examples.items():
        if ids:
            console.print(escape(f"  {name}: {', '.join(ids)}"), soft_wrap=True)
    if not difference.versions:
        console.print("The same versions of everything.")
        return
    table = Table("", f"set {difference.before}", f"set {difference.after}", box=None)
    for kind, (before, after) in difference.versions.items():
        table.add_row(kind, before or "none", after or "none")
    for name, (old, new) in difference.figures.items():
        table.add_row(escape(name), escape(_format_value(old)), escape(_format_value(new)))
    console.print(table)

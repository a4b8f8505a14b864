"""What `bowerbird import` prints: counts of rows, reasons of rejections, and rows as they would be read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.table import Table

if TYPE_CHECKING:
    from bowerbird.data.ingest.dialogues import DialogueImportSummary
    from bowerbird.data.ingest.summary import ImportSummary
    from bowerbird.data.readers.recognition.inspection import Inspection

SHOWN_REASONS = 10


def print_inspections(inspections: list[Inspection], console: Console) -> None:
    """Print each file's layout, the column map proposed for it, and its first rows as they would be read."""
    for inspection in inspections:
        console.print(f"layout: {inspection.layout}", markup=False)
        if inspection.columns:
            console.print("# column map, to be saved as MAP.toml and given with --columns:", markup=False)
            console.print(inspection.columns, markup=False, highlight=False)
        for row in inspection.rows:
            fields = (f"{name}: {value}" for name, value in row.items())
            console.print("- " + "; ".join(fields), markup=False, highlight=False)


def print_dialogue_summary(summary: DialogueImportSummary, console: Console) -> None:
    """Print how many turns were imported, which items are unknown, and why rows were rejected."""
    turns = summary.turns
    console.print(
        f"{turns.accepted:,} of {turns.read:,} turns accepted, in {summary.dialogues:,} dialogues; "
        f"{summary.new:,} are new, {summary.total:,} are in the store ({summary.seconds:.1f} s)"
    )
    for name, n in summary.unknown_items.most_common():
        console.print(f"  {n:,} item ids in `{name}` are not in the catalogue: left out", markup=False)
    for reason, n in turns.rejected.most_common(SHOWN_REASONS):
        console.print(f"  {n:,} × rejected: {reason}", markup=False)
    if summary.rejected_file:
        console.print(f"rejected rows and their reasons: {summary.rejected_file}", soft_wrap=True)


def print_summary(summary: ImportSummary, console: Console) -> None:
    """Print how many rows were imported, and why others were not."""
    table = Table(
        "", "read", "accepted", "new", "rejected", title=f"{summary.layout}, {summary.seconds:.1f} s"
    )
    for column in table.columns[1:4]:
        column.justify = "right"
    for kind in ("items", "events", "collections", "aliases"):
        count = getattr(summary, kind)
        if count.read:
            reasons = [f"{n:,} × {escape(reason)}" for reason, n in count.rejected.most_common(SHOWN_REASONS)]
            if len(count.rejected) > SHOWN_REASONS:
                reasons.append(f"… and {len(count.rejected) - SHOWN_REASONS:,} other reasons")
            reasons += [
                f"{n:,} × accepted, but its {escape(reason)}" for reason, n in count.repaired.most_common()
            ]
            reasons += [
                f"{n:,} × without an item: {escape(reason)}"
                for reason, n in count.ignored.most_common(SHOWN_REASONS)
            ]
            table.add_row(
                kind, f"{count.read:,}", f"{count.accepted:,}", f"{count.new:,}", "\n".join(reasons) or "–"
            )
    console.print(table)
    if summary.is_dry_run:
        console.print("dry run: nothing was imported")
    if summary.withdrawn:
        console.print(f"withdrawn: {summary.withdrawn:,} items of the store are not in the files")
    elif summary.not_in_files:
        console.print(
            f"{summary.not_in_files:,} items of the store are not in the files; --full withdraws them"
        )
    if summary.images or summary.images_broken:
        console.print(f"pictures: {summary.images:,} readable, {summary.images_broken:,} broken or missing")
    if summary.images_not_fetched:
        console.print(
            f"pictures: {summary.images_not_fetched:,} are links: those items have only their text until "
            "`bowerbird pictures fetch` has fetched them"
        )
    if summary.rejected_file:
        console.print(f"rejected rows and fields left out: {summary.rejected_file}", soft_wrap=True)

"""`bowerbird import`: import files into a store."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from bowerbird.cli.output import JsonOption, StoreOption, emit
from bowerbird.data.readers.layouts import FileLayout

if TYPE_CHECKING:
    from bowerbird.data.ingest.dialogues import DialogueImportSummary
    from bowerbird.data.ingest.summary import ImportSummary

POLICIES = "policies"
"""Takes a folder of Markdown pages (shipping, returns, …), which the assistant quotes."""

DIALOGUES = "dialogues"
"""Takes files of conversations, which train and evaluate the assistant."""

SHOWN_REASONS = 10


def import_(
    layout: Annotated[
        str,
        typer.Argument(
            help=f"One of {', '.join(FileLayout)}; or {DIALOGUES}, {POLICIES}.", show_default=False
        ),
    ],
    paths: Annotated[list[Path], typer.Argument(help="Files or folders of that layout.", show_default=False)],
    store: StoreOption,
    columns: Annotated[Path | None, typer.Option(help="Column map (TOML) of layout parquet.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Import items, events and collections into a store; rejected rows are counted and listed.

    `dialogues FILE…` imports conversations (Parquet or JSONL), which train and evaluate the assistant.
    `policies FOLDER` imports the shop's own pages (shipping, returns, …): Markdown that the assistant quotes.
    """
    if layout == POLICIES:
        import_pages(paths, store, as_json)
        return
    if layout == DIALOGUES:
        import_dialogue_files(paths, store, as_json)
        return
    from bowerbird.data.ingest.imports import import_layout
    from bowerbird.data.store import Store

    summary = import_layout(Store.create(store), layout, paths, column_map=columns)
    emit(summary.as_dict(), as_json, lambda console: print_summary(summary, console))


def import_pages(paths: list[Path], store: Path, as_json: bool) -> None:
    """Import a folder of Markdown pages, in place of those before."""
    from bowerbird.assist.policies import import_policies
    from bowerbird.data.store import Store
    from bowerbird.errors import InputError

    if len(paths) != 1:
        raise InputError(f"{POLICIES} takes one folder, {len(paths)} were given: put all pages in one folder")
    pages = import_policies(paths[0], Store.create(store).path)
    emit({"pages": pages}, as_json, lambda console: console.print(f"pages: {', '.join(pages)}", markup=False))


def import_dialogue_files(paths: list[Path], store: Path, as_json: bool) -> None:
    """Import conversations into a store that has items."""
    from bowerbird.data.ingest.dialogues import import_dialogues
    from bowerbird.data.store import Store

    summary = import_dialogues(Store.open(store), paths)
    emit(summary.as_dict(), as_json, lambda console: print_dialogue_summary(summary, console))


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
                f"{n:,} × accepted, but {escape(reason)}" for reason, n in count.repaired.most_common()
            ]
            reasons += [
                f"{n:,} × without an item: {escape(what)}"
                for what, n in count.ignored.most_common(SHOWN_REASONS)
            ]
            table.add_row(
                kind, f"{count.read:,}", f"{count.accepted:,}", f"{count.new:,}", "\n".join(reasons) or "–"
            )
    console.print(table)
    if summary.images or summary.images_broken:
        console.print(f"pictures: {summary.images:,} readable, {summary.images_broken:,} broken or missing")
    if summary.images_not_fetched:
        console.print(
            f"pictures: {summary.images_not_fetched:,} are web addresses, which are not fetched; those "
            "items have only their text. Download the pictures and put their file names in image_link"
        )
    if summary.rejected_file:
        console.print(f"rejected rows and their reasons: {summary.rejected_file}", soft_wrap=True)

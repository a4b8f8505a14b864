"""`bowerbird import`: import files into a store."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bowerbird.cli.data.import_summaries import print_dialogue_summary, print_inspections, print_summary
from bowerbird.cli.output import JsonOption, emit
from bowerbird.data.readers.inputs.paths import is_named, named_paths
from bowerbird.data.readers.layouts import FileLayout
from bowerbird.errors import InputError

if TYPE_CHECKING:
    from bowerbird.data.ingest.summary import ImportSummary

POLICIES = "policies"
"""Takes a folder of Markdown pages (shipping, returns, …), which the assistant quotes."""

DIALOGUES = "dialogues"
"""Takes files of conversations, which train and evaluate the assistant."""

INSPECT = "inspect"
"""Imports nothing: shows what files would be read as."""


def import_(
    layout_and_paths: Annotated[
        list[str],
        typer.Argument(
            metavar="[LAYOUT] PATH…",
            help="Files, folders, patterns, or - for standard input. Their layout is recognised by their "
            f"content, or named first: {', '.join(FileLayout)}; or {DIALOGUES}, {POLICIES}. With {INSPECT} "
            "nothing is imported: it shows what files would be read as.",
            show_default=False,
        ),
    ],
    store: Annotated[
        Path | None,
        typer.Option("--store", "-s", help="The store's folder; created if missing.", show_default=False),
    ] = None,
    columns: Annotated[Path | None, typer.Option(help="Column map (TOML) of your own tables.")] = None,
    full: Annotated[
        bool, typer.Option("--full", help="The files have all items: withdraw those that they do not have.")
    ] = False,
    allow_withdraw: Annotated[
        bool,
        typer.Option("--allow-withdraw", help="Let --full withdraw more than a third of the items."),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Read and check everything, and import nothing.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Import items, events and collections into a store; rejected rows are counted and listed.

    `bowerbird import FILE --store S` recognises the layout. `bowerbird import inspect FILE` shows it, or
    proposes a column map for your own table, with the first rows as they would be read.
    `dialogues FILE…` imports conversations (Parquet or JSONL), which train and evaluate the assistant.
    `policies FOLDER` imports the shop's own pages (shipping, returns, …): Markdown that the assistant quotes.
    """
    first, *others = layout_and_paths
    is_layout = first in (*FileLayout, DIALOGUES, POLICIES, INSPECT)
    names = others if is_layout else layout_and_paths
    _check_names(first, is_layout, names)
    if first != INSPECT and store is None:
        raise InputError("no store is named: add --store FOLDER")
    if allow_withdraw and not full:
        raise InputError("--allow-withdraw is for full feeds: add --full, or leave it out")
    if (full or dry_run) and first in (POLICIES, DIALOGUES):
        raise InputError(f"--full and --dry-run are for catalogues and events: leave them out for {first}")
    with named_paths(names) as paths:
        if first == INSPECT or store is None:
            inspect_files(paths, as_json)
        elif first == POLICIES:
            import_pages(paths, store, as_json)
        elif first == DIALOGUES:
            import_dialogue_files(paths, store, as_json)
        else:
            layout = FileLayout(first) if is_layout else None
            summary = import_files(
                layout, paths, store, columns, is_full=full, is_dry_run=dry_run, may_withdraw=allow_withdraw
            )
            emit(summary.as_dict(), as_json, lambda console: print_summary(summary, console))


def _check_names(first: str, is_layout: bool, names: list[str]) -> None:
    """Raise `InputError` where there is no path, or where the first word is neither a layout nor a path."""
    if is_layout and not names:
        raise InputError(f"no file is named: bowerbird import {first} PATH… --store S")
    if not is_layout and not is_named(first):
        layouts = ", ".join((*FileLayout, DIALOGUES, POLICIES, INSPECT))
        raise InputError(f"there is no layout and no file {first!r}; the layouts are {layouts}")


def import_files(
    layout: FileLayout | None,
    paths: list[Path],
    store: Path,
    columns: Path | None,
    *,
    is_full: bool,
    is_dry_run: bool,
    may_withdraw: bool,
) -> ImportSummary:
    """Import files of a layout; without one it is recognised, and said."""
    from bowerbird.data.ingest.imports import import_layout
    from bowerbird.data.readers.recognition.layout import recognise
    from bowerbird.data.store import Store
    from bowerbird.progress import print_progress

    if layout is None and columns is not None:
        layout = FileLayout.PARQUET
    if layout is None:
        layout = recognise(paths)
        if layout is None:
            raise InputError(
                f"{paths[0]} is of no layout that is known: `bowerbird import inspect {paths[0]}` proposes a "
                "column map for it; save that and import with --columns MAP.toml"
            )
        print_progress(f"recognised by its content: {layout}")
    return import_layout(
        Store.create(store),
        layout,
        paths,
        column_map=columns,
        is_full=is_full,
        is_dry_run=is_dry_run,
        may_withdraw=may_withdraw,
    )


def inspect_files(paths: list[Path], as_json: bool) -> None:
    """Show what files would be read as."""
    from bowerbird.data.readers.recognition.inspection import inspect

    inspections = [inspect(path) for path in paths]
    plain = [inspection.as_dict() for inspection in inspections]
    emit(
        plain[0] if len(plain) == 1 else plain,
        as_json,
        lambda console: print_inspections(inspections, console),
    )


def import_pages(paths: list[Path], store: Path, as_json: bool) -> None:
    """Import a folder of Markdown pages, in place of those before."""
    from bowerbird.assist.policies import import_policies
    from bowerbird.data.store import Store

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

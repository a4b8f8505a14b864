"""`bowerbird complete`: items missing from a set, or from each of many sets."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from bowerbird.cli.output import (
    JsonOption,
    StoreArgument,
    describe_also_in,
    describe_price,
    emit,
)
from bowerbird.errors import InputError

if TYPE_CHECKING:
    from bowerbird.recommend.completion.completer import Completer, Completion


def complete(
    store: StoreArgument,
    items: Annotated[list[str] | None, typer.Option("--items", help="Item id; repeat for each.")] = None,
    collection: Annotated[str | None, typer.Option(help="Id of a collection of the store.")] = None,
    collections: Annotated[Path | None, typer.Option(help="Parquet: collection_id, item_id.")] = None,
    out: Annotated[Path | None, typer.Option(help="Parquet: collection_id, rank, item_id, score.")] = None,
    n: Annotated[int, typer.Option("-n", min=1, max=10_000, help="Items per set.")] = 10,
    as_json: JsonOption = False,
) -> None:
    """Find items missing from a set: a board, a room, an outfit. Trained on the store's collections.

    bowerbird complete shop --items LAMP-1 --items RUG-7
    """
    from bowerbird.data.store import Store
    from bowerbird.recommend.completion.completer import Completer

    if sum(option is not None for option in (items or None, collection, collections)) != 1:
        raise InputError("name one set with --items or --collection, or a file with --collections and --out")
    if (collections is None) != (out is None):
        raise InputError("--collections and --out FILE.parquet go together: sets in, completions out")
    snapshot = Store.open(store).snapshot()
    completer = Completer.open(snapshot)
    if collections is not None and out is not None:
        _complete_file(completer, collections, out, n, as_json)
        return
    ids = items or []
    if collection is not None:
        by_id = {each.collection_id: each for each in snapshot.collections}
        if collection not in by_id:
            examples = ", ".join(sorted(by_id)[:3])
            raise InputError(f"unknown collection {collection!r}; known are, for example, {examples}")
        ids = list(by_id[collection].item_ids)
    unknown = [item_id for item_id in ids if item_id not in completer.catalogue]
    if unknown:
        print(f"not in the catalogue, left out: {', '.join(unknown)}", file=sys.stderr)
    completions = completer.complete(ids, n)
    result = {
        "items": ids,
        "unknown": unknown,
        "missing": [completion.as_dict() for completion in completions],
    }
    emit(result, as_json, lambda console: _show(completions, console))


def _show(completions: list[Completion], console: Console) -> None:
    table = Table(box=None, header_style="dim")
    for name in ("", "item", "price", "why"):
        table.add_column(name)
    for rank, completion in enumerate(completions, start=1):
        price = describe_price(completion.price, completion.currency, completion.list_price)
        title = f"{escape(completion.title)} [dim]{escape(completion.item_id)}[/dim]"
        title += describe_also_in(completion.also_in)
        table.add_row(str(rank), title, price, escape(completion.reason))
    console.print(table)


def _complete_file(completer: Completer, collections: Path, out: Path, n: int, as_json: bool) -> None:
    from bowerbird.recommend.batch import read_sets, write_completions

    sets = read_sets(collections, completer.catalogue)
    rows = write_completions(out, sets, completer, n)
    empty = sum(not len(positions) for positions in sets.positions)
    result = {
        "collections": len(sets.ids),
        "rows": rows,
        "without_known_items": empty,
        "unknown_items": sets.unknown,
        "out": str(out),
    }

    def show(console: Console) -> None:
        console.print(f"{len(sets.ids):,} collections, {rows:,} rows in {out}", soft_wrap=True)
        if sets.unknown:
            console.print(f"{sets.unknown:,} rows have items that are not in the catalogue")
        if empty:
            console.print(f"{empty:,} collections have no known item and get no rows")

    emit(result, as_json, show)

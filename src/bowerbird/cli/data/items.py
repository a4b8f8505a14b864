"""`bowerbird items`: list, show, withdraw and export the items of a store."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from bowerbird.cli.output import JsonOption, StoreArgument, describe_price, emit
from bowerbird.data.readers.layouts import ItemLayout

if TYPE_CHECKING:
    from bowerbird.data.items import Catalogue, Item

items_app = typer.Typer(no_args_is_help=True, help="List, show, withdraw and export items.")
IdsArgument = Annotated[list[str], typer.Argument(help="Ids of items.", metavar="ID…", show_default=False)]


@items_app.callback()
def items() -> None:
    """List, show, withdraw and export items."""


@items_app.command("list")
def list_(
    store: StoreArgument,
    n: Annotated[int, typer.Option("-n", min=1, help="Number of items.")] = 20,
    offset: Annotated[int, typer.Option(min=0, help="Items to skip.")] = 0,
    availability: Annotated[str, typer.Option(help="Only items with this availability.")] = "",
    as_json: JsonOption = False,
) -> None:
    """List items in the order of their import."""
    catalogue = _catalogue(store)
    chosen = [item for item in catalogue.items() if availability in ("", item.availability)]
    page = chosen[offset : offset + n]
    rows = [_summary_of(item) for item in page]
    emit(
        {"total": len(chosen), "items": rows}, as_json, lambda console: _show_list(console, rows, len(chosen))
    )


@items_app.command()
def show(store: StoreArgument, ids: IdsArgument, as_json: JsonOption = False) -> None:
    """Show all fields of items."""
    from bowerbird.data.ingest.item_changes import require_items

    catalogue = _catalogue(store)
    require_items(catalogue, ids)
    rows = [_all_fields(catalogue, catalogue.position[item_id]) for item_id in ids]
    emit({"items": rows}, as_json, lambda console: _show_fields(console, rows))


@items_app.command()
def remove(store: StoreArgument, ids: IdsArgument, as_json: JsonOption = False) -> None:
    """Withdraw items: they leave every answer; their history stays, and an import can bring them back."""
    from bowerbird.data.ingest.item_changes import withdraw_items
    from bowerbird.data.store import Store

    withdrawn = withdraw_items(Store.open(store), ids)
    emit(
        {"withdrawn": withdrawn},
        as_json,
        lambda console: console.print(f"withdrawn: {len(withdrawn):,} items"),
    )


@items_app.command()
def export(
    store: StoreArgument,
    layout: Annotated[ItemLayout, typer.Option(help="Layout of the file.")] = ItemLayout.GOOGLE_FEED,
    out: Annotated[Path | None, typer.Option(help="File to write [default: standard output].")] = None,
    seller: Annotated[str, typer.Option(help="The shop's name, which OpenAI's feed requires.")] = "",
) -> None:
    """Export the items that are not withdrawn, for other tools and for `bowerbird import`."""
    from bowerbird.data.ingest.item_export import export_items
    from bowerbird.errors import InputError

    catalogue = _catalogue(store)
    if out is None:
        export_items(catalogue.items(), layout, sys.stdout, seller)
        return
    try:
        with out.open("w", encoding="utf-8", newline="") as file:
            count = export_items(catalogue.items(), layout, file, seller)
    except OSError as error:
        raise InputError(f"{out} cannot be written ({error}): choose a file in an existing folder") from None
    print(f"{count:,} items written to {out}")


def _catalogue(store: Path) -> Catalogue:
    from bowerbird.data.store import Store

    return Store.open(store).snapshot().imported


def _summary_of(item: Item) -> dict[str, Any]:
    names = ("item_id", "title", "price", "list_price", "on_sale", "currency", "availability", "group_id")
    return {name: getattr(item, name) for name in names}


def _all_fields(catalogue: Catalogue, position: int) -> dict[str, Any]:
    item, picture = catalogue.item(position), catalogue.image(position)
    row = item.as_row()
    row |= {"attributes": dict(row["attributes"]), "on_sale": item.on_sale}
    row["also_in"] = catalogue.also_in(position)
    del row["image"]
    return row | {"picture_bytes": 0 if picture is None else len(picture)}


def _show_list(console: Console, rows: list[dict[str, Any]], total: int) -> None:
    table = Table("id", "title", "price", "availability", title=f"{len(rows):,} of {total:,} items")
    for row in rows:
        price = describe_price(row["price"], row["currency"], row["list_price"])
        table.add_row(escape(row["item_id"]), escape(row["title"]), price, row["availability"])
    console.print(table)


def _show_fields(console: Console, rows: list[dict[str, Any]]) -> None:
    for row in rows:
        table = Table("field", "value")
        for name, value in row.items():
            if value not in (None, "", [], {}):
                table.add_row(name, escape(str(value)))
        console.print(table)

"""`bowerbird models`: list and pull the open backbones."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from bowerbird.cli.output import JsonOption, emit

models = typer.Typer(help="List and pull the open backbones.", no_args_is_help=True)


@models.command("list")
def list_models(as_json: JsonOption = False) -> None:
    """List the open backbones, their licences, and which have been pulled or installed."""
    from bowerbird.models import BACKBONES, is_pulled

    rows = [
        {
            "name": backbone.name,
            "kind": backbone.kind,
            "licence": backbone.licence,
            "size_mb": backbone.size_mb,
            "pulled": is_pulled(backbone),
            "about": backbone.about,
        }
        for backbone in BACKBONES
    ]

    def print_table(console: Console) -> None:
        table = Table("name", "kind", "licence", "MB", "pulled", "what it is")
        for row in rows:
            table.add_row(*("yes" if v is True else "no" if v is False else str(v) for v in row.values()))
        console.print(table)
        console.print("hf:ORGANISATION/NAME and folders are accepted wherever a name is; timm:NAME too.")

    emit(rows, as_json, print_table)


@models.command()
def pull(
    names: Annotated[
        list[str] | None, typer.Argument(help="Backbones; default: the three default ones.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Download backbones into the cache and verify their checksums."""
    from bowerbird.models import DEFAULT_BACKBONES, fetch
    from bowerbird.progress import track

    chosen_names = names or [backbone.name for backbone in DEFAULT_BACKBONES]
    folders = {name: str(fetch(name)) for name in track(chosen_names, "pulling")}

    def print_folders(console: Console) -> None:
        for name, folder in folders.items():
            console.print(f"{name}: {folder}", soft_wrap=True)

    emit(folders, as_json, print_folders)

"""`bowerbird models`: the open backbones, listed and pulled."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from bowerbird.cli.output import JsonOption, emit

models = typer.Typer(help="The open backbones: list them, pull them.", no_args_is_help=True)


@models.command("list")
def list_models(as_json: JsonOption = False) -> None:
    """List the default backbones, their licences, and which are already here."""
    from bowerbird.models import BACKBONES, is_pulled

    rows = [
        {
            "name": one.name,
            "kind": one.kind,
            "licence": one.licence,
            "size_mb": one.size_mb,
            "pulled": is_pulled(one),
            "about": one.about,
        }
        for one in BACKBONES
    ]

    def human(console: Console) -> None:
        table = Table("name", "kind", "licence", "MB", "pulled", "what it is")
        for row in rows:
            table.add_row(*("yes" if v is True else "no" if v is False else str(v) for v in row.values()))
        console.print(table)
        console.print("hf:ORGANISATION/NAME and folders are accepted wherever a name is; timm:NAME too.")

    emit(rows, as_json, human)


@models.command()
def pull(
    names: Annotated[list[str] | None, typer.Argument(help="Which ones; all if none is named.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Fetch backbones, verify their checksums, and keep them in the cache."""
    from bowerbird.models import BACKBONES, fetch
    from bowerbird.progress import track

    wanted = names or [one.name for one in BACKBONES]
    folders = {name: str(fetch(name)) for name in track(wanted, "pulling")}

    def human(console: Console) -> None:
        for name, folder in folders.items():
            console.print(f"{name}: {folder}", soft_wrap=True)

    emit(folders, as_json, human)

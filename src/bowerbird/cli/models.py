"""`bowerbird models`: the open backbones, listed and fetched."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from bowerbird.cli.output import JsonOption, emit

models_app = typer.Typer(no_args_is_help=True, help="The open backbones: list them, fetch them.")


@models_app.command("list")
def list_models(as_json: JsonOption = False) -> None:
    """List the default backbones, their licences, and which are here already."""
    from bowerbird.models.backbones import BACKBONES
    from bowerbird.models.fetching import folder_of, is_pulled

    rows = [
        {
            "name": one.name,
            "kind": one.kind,
            "licence": one.licence,
            "size_mb": one.size_mb,
            "pulled": is_pulled(one),
            "folder": str(folder_of(one)),
            "about": one.about,
        }
        for one in BACKBONES
    ]

    def human(console: Console) -> None:
        table = Table("name", "kind", "licence", "MB", "here", "about")
        for row in rows:
            here = "yes" if row["pulled"] else "no"
            table.add_row(
                *(str(row[c]) for c in ("name", "kind", "licence", "size_mb")), here, str(row["about"])
            )
        console.print(table)
        console.print("Any other by name: hf:ORGANISATION/NAME, or a folder with a Hugging Face model.")

    emit(rows, as_json, human)


@models_app.command("pull")
def pull(
    names: Annotated[
        list[str] | None, typer.Argument(help="Which; all default ones if none is named.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Fetch backbones, check them, unpack them into the cache. What is here already is not fetched again."""
    from bowerbird.models.backbones import BACKBONES
    from bowerbird.models.fetching import fetch
    from bowerbird.progress import track

    wanted = names or [one.name for one in BACKBONES]
    rows = [{"name": name, "folder": str(fetch(name))} for name in track(wanted, "fetching backbones")]

    def human(console: Console) -> None:
        for row in rows:
            console.print(f"{row['name']}: {row['folder']}", soft_wrap=True)

    emit(rows, as_json, human)

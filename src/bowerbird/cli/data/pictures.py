"""`bowerbird pictures fetch`: fetch the pictures that items link to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from bowerbird.cli.output import JsonOption, StoreArgument, emit
from bowerbird.errors import InputError

if TYPE_CHECKING:
    from bowerbird.data.pictures.fetching import FetchReport

pictures_app = typer.Typer(no_args_is_help=True, help="Fetch the pictures that items link to.")


@pictures_app.callback()
def pictures() -> None:
    """Fetch the pictures that items link to."""


@pictures_app.command()
def fetch(
    store: StoreArgument,
    refresh: Annotated[
        bool, typer.Option("--refresh", help="Ask for all pictures again; unchanged ones are not sent.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Fetch the pictures that items link to and do not have yet. Run again to continue, or to retry."""
    from bowerbird.data.store import Store

    try:
        from bowerbird.data.pictures.fetching import fetch_pictures
    except ImportError as error:
        raise InputError(
            f"pictures can't be fetched without {error.name}: `pip install 'bowerbird[endpoint]'` installs it"
        ) from None
    report = fetch_pictures(Store.open(store), is_refresh=refresh)
    emit(vars(report), as_json, lambda console: _show(report, console))


def _show(report: FetchReport, console: Console) -> None:
    if not report.links and not report.items:
        console.print("no item links to a picture that was not fetched")
        return
    unchanged = f", {report.unchanged:,} unchanged" if report.unchanged else ""
    console.print(
        f"{report.fetched:,} of {report.links:,} pictures fetched for {report.items:,} items in "
        f"{report.seconds:.1f} s{unchanged}"
    )
    for reason, count in report.broken.most_common():
        console.print(f"  {count:,} × {reason}", markup=False)
    if report.broken_file:
        console.print(f"broken links and their items: {report.broken_file}", soft_wrap=True)

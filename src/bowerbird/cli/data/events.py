"""`bowerbird events`: the events of a store."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bowerbird.cli.output import JsonOption, StoreArgument, emit
from bowerbird.data.readers.layouts import EventLayout

events_app = typer.Typer(no_args_is_help=True, help="The events of a store.")


@events_app.command("export")
def export(
    store: StoreArgument,
    out: Annotated[Path, typer.Argument(help="The file to write.", show_default=False)],
    layout: Annotated[EventLayout, typer.Option(help="Segment's calls (JSON lines), or a table.")] = (
        EventLayout.SEGMENT
    ),
    as_json: JsonOption = False,
) -> None:
    """Write every event of a store, by time. Importing the file again changes nothing."""
    from bowerbird.data.ingest.event_export import export_events
    from bowerbird.data.store import Store

    count = export_events(Store.open(store).log, layout, out)
    result = {"events": count, "layout": layout.value, "file": str(out)}
    emit(result, as_json, lambda console: console.print(f"{count:,} events written to {out}", soft_wrap=True))

"""What all commands share: the store argument, `--json`, and how results are printed."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

StoreArgument = Annotated[
    Path, typer.Argument(help="The store's folder.", metavar="STORE", show_default=False)
]
StoreOption = Annotated[Path, typer.Option("--store", "-s", help="The store's folder; created if missing.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


def emit(result: Any, as_json: bool, show: Callable[[Console], None]) -> None:
    """Print a result on standard output: as one JSON document, or as text by `show`."""
    if as_json:
        print(to_json(result))
    else:
        # A file or a pipe has no width of its own: wide enough that no table is cut.
        show(Console() if sys.stdout.isatty() else Console(width=160))


def to_json(result: Any) -> str:
    """Convert a result to indented JSON."""
    from bowerbird.data.files.records import plain

    return json.dumps(plain(result), ensure_ascii=False, indent=1)

"""What every command shares: its store argument, `--json`, and how results are printed."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console

StoreArgument = Annotated[
    Path, typer.Argument(help="The store's folder.", metavar="STORE", show_default=False)
]
StoreOption = Annotated[
    Path, typer.Option("--store", "-s", help="The store's folder; made where there is none.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


def emit(result: Any, as_json: bool, human: Callable[[Console], None]) -> None:
    """Print a result on standard output: as one JSON document, or by `human` for people."""
    if as_json:
        print(json.dumps(plain(result), ensure_ascii=False, indent=1))
    else:
        # A file or a pipe has no width of its own: wide enough that no table is cut.
        human(Console() if sys.stdout.isatty() else Console(width=160))


def plain(value: Any) -> Any:
    """Numpy's and the library's types as JSON's; NaN as null, since JSON has no NaN."""
    if isinstance(value, dict):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if value is None or isinstance(value, str | int | float | bool):
        return value
    return str(value)

"""What all commands share: the store argument, `--json`, and how results are printed."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

StoreArgument = Annotated[
    Path, typer.Argument(help="The store's folder.", metavar="STORE", show_default=False)
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


def emit(result: Any, as_json: bool, show: Callable[[Console], None]) -> None:
    """Print a result on standard output: as one JSON document, or as text by `show`."""
    if as_json:
        print(to_json(result))
    else:
        # A file or a pipe has no width of its own: wide enough that no table is cut.
        show(Console() if sys.stdout.isatty() else Console(width=160))


def describe_price(price: float | None, currency: str, list_price: float | None = None) -> str:
    """A price as tables show it, with what it was before a sale.

    >>> describe_price(59, "EUR", 79), describe_price(None, "EUR")
    ('59.00 EUR (was 79.00)', '')
    """
    if price is None:
        return ""
    before = f" (was {list_price:,.2f})" if list_price is not None and price < list_price else ""
    return f"{price:,.2f} {currency}".strip() + before


def describe_also_in(also_in: Mapping[str, Sequence[str]]) -> str:
    """What other variants of an item come in, for the cell of its title; empty where there are none."""
    from bowerbird.data.articles.variants import describe_variants

    return f"\n[dim]also in {escape(describe_variants(also_in))}[/dim]" if also_in else ""


def to_json(result: Any) -> str:
    """Convert a result to indented JSON."""
    from bowerbird.data.files.records import plain

    return json.dumps(plain(result), ensure_ascii=False, indent=1)

"""A reply of the assistant on a terminal: its words, its items with their pictures, its cost."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from rich.console import Console, RenderableType
from rich.markup import escape
from rich.table import Table

if TYPE_CHECKING:
    from bowerbird.assist.reply import Reply, ReplyItem

DrawItem = Callable[[int], RenderableType | None]
"""The picture of the item at a position, or None."""


def print_reply(reply: Reply, console: Console, draw: DrawItem | None = None) -> None:
    """Print a reply: its words, its items as a table, what may be said next, and what it cost."""
    if reply.comparison is not None or not reply.shown:
        console.print(reply.text, markup=False, highlight=False)
    else:
        lines = reply.text.split("\n")
        console.print(lines[0], markup=False, highlight=False)
        console.print(_tabulate(reply.shown, draw))
        if reply.state.question is not None:
            console.print(lines[-1], markup=False, highlight=False)
    if reply.suggestions:
        console.print(" · ".join(reply.suggestions), style="cyan", markup=False, highlight=False)
    console.print(reply.cost.describe(), style="dim", markup=False, highlight=False)


def _tabulate(items: tuple[ReplyItem, ...], draw: DrawItem | None) -> Table:
    pictures = [draw(item.position) if draw else None for item in items]
    table = Table(box=None, header_style="dim")
    table.add_column("", justify="right")
    if any(picture is not None for picture in pictures):
        table.add_column("")
    table.add_column("item")
    table.add_column("price", justify="right")
    table.add_column("why")
    for number, (item, picture) in enumerate(zip(items, pictures, strict=True), start=1):
        why = "; ".join(text for text in (*item.differences, item.why, item.variants) if text)
        title = f"[bold]{escape(item.title)}[/bold] [dim]{escape(item.item_id)}[/dim]"
        cells = [picture or ""] if len(table.columns) == 5 else []
        price = f"[green]{escape(item.priced)}[/green]"
        price += f"\n[dim]{escape(item.before_sale)}[/dim]" if item.before_sale else ""
        table.add_row(str(number), *cells, title, price, escape(why))
    return table

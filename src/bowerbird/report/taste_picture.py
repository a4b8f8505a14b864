"""A person's taste as a small picture in the terminal: bars, sparklines, and lines of words."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from bowerbird.taste.interests.ranking import Interest
from bowerbird.taste.profile.profile import Profile, TasteReader

MOST_INTERESTS, MOST_TASTES = 12, 8
BAR, SPARK = 20, 24  # characters
BLOCKS = " ▁▂▃▄▅▆▇█"


def draw_profile(console: Console, reader: TasteReader, profile: Profile) -> None:
    """Print a profile for a person to read."""
    _interests(console, profile)
    _tastes(console, reader, profile)
    lines = [
        ("Price comfort", [_priced(profile)]),
        ("Not for them", _against(reader, profile)),
        ("This month", [profile.what_changed]),
        ("Boards", [f"{one['name']} ({len(one['item_ids'])})" for one in profile.boards[:5]]),
        ("Searches", [one["query"] for one in profile.queries[:5]]),
    ]
    for head, said in lines:
        words = "; ".join(one for one in said if one)
        if words:
            console.print(f"\n[bold]{head}[/bold] {escape(words)}", soft_wrap=False)


def _interests(console: Console, profile: Profile) -> None:
    found = profile.interests
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), show_header=False)
    for _ in range(4):
        table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for place, one in enumerate(found[:MOST_INTERESTS], start=1):
        bar = "█" * max(1, round(BAR * one.share / found[0].share))
        table.add_row(
            str(place),
            f"{one.share:.1%}",
            f"[cyan]{bar:<{BAR}}[/cyan]",
            f"[dim]{_spark_of(profile, one.name)}[/dim]",
            escape(one.name) + _marks(one),
        )
    console.print(table)
    if len(found) > MOST_INTERESTS:
        console.print(f"   … and {len(found) - MOST_INTERESTS} more")


def _marks(one: Interest) -> str:
    said = {"muted": one.muted, "boosted": one.boosted, "corrected": one.corrected}
    told = ", ".join(word for word, yes in said.items() if yes)
    return f" ({told})" if told else ""


def _spark_of(profile: Profile, name: str) -> str:
    """How strong an interest was over time, blank where it is too weak to be drawn."""
    drawn = profile.timeline
    if name not in drawn.names:
        return " " * SPARK
    return sparkline(drawn.weights[:, drawn.names.index(name)], SPARK)


def sparkline(values: Sequence[float] | np.ndarray, width: int) -> str:
    """Values as blocks of eight heights, the largest full; evenly chosen where there are more than `width`.

    >>> sparkline([0.0, 0.1, 2.0, 4.0], 4)
    ' ▁▄█'
    """
    values = np.asarray(values, dtype=float)
    chosen = values[np.linspace(0, len(values) - 1, width).round().astype(int)]
    top = values.max(initial=0.0)
    heights = np.ceil(chosen / top * 8) if top > 0 else np.zeros(width)
    return "".join(BLOCKS[int(height)] for height in heights)


def _tastes(console: Console, reader: TasteReader, profile: Profile) -> None:
    if not profile.tastes:
        return
    console.print("\n[bold]Distinct tastes[/bold]")
    for one in profile.tastes[:MOST_TASTES]:
        title = escape(reader.catalogue.item(one.medoid).title)
        more = f" [dim]and {len(one.items) - 1} like it[/dim]" if len(one.items) > 1 else ""
        console.print(f"{one.share:>6.1%} {title}{more}")
    if len(profile.tastes) > MOST_TASTES:
        console.print(f"       … and {len(profile.tastes) - MOST_TASTES} more")


def _priced(profile: Profile) -> str:
    return "; ".join(
        f"{one.low:.2f} to {one.high:.2f} {one.currency}, half of it up to {one.median:.2f}"
        for one in profile.prices.overall
    )


def _against(reader: TasteReader, profile: Profile) -> list[str]:
    names = reader.groups.names
    said = [
        f"{names[one.number]} ({one.hidden} hidden, {one.clicked} of {one.shown} shown were clicked)"
        for one in profile.disliked[:5]
    ]
    said += [f"hid {reader.catalogue.item(position).title}" for position in profile.hidden[:5]]
    return said + [f"{one.name} (they said: not me)" for one in profile.disowned]

"""A user's taste as a small picture in the terminal: bars, sparklines, and lines of words."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from bowerbird.data.arrays import DoubleArray
from bowerbird.taste.interests.ranking import Interest
from bowerbird.taste.profile.profile import Profile
from bowerbird.taste.profile.reader import TasteReader

MAX_INTERESTS, MAX_CLUSTERS, MAX_NAMED = 12, 8, 5
BAR_WIDTH, SPARKLINE_WIDTH = 20, 24  # characters
BLOCKS = " ▁▂▃▄▅▆▇█"


def draw_profile(console: Console, reader: TasteReader, profile: Profile) -> None:
    """Print a profile for a human reader."""
    _draw_interests(console, profile)
    _draw_clusters(console, reader, profile)
    boards = [f"{board['name']} ({len(board['item_ids'])})" for board in profile.boards[:MAX_NAMED]]
    sections = [
        ("Price comfort", [_describe_prices(profile)]),
        ("Not for them", _describe_dislikes(reader, profile)),
        ("This month", [profile.change_sentence]),
        ("Boards", boards),
        ("Queries", [query["query"] for query in profile.queries[:MAX_NAMED]]),
    ]
    for heading, phrases in sections:
        body = "; ".join(phrase for phrase in phrases if phrase)
        if body:
            console.print(f"\n[bold]{heading}[/bold] {escape(body)}", soft_wrap=False)


def _draw_interests(console: Console, profile: Profile) -> None:
    interests = profile.interests
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), show_header=False)
    for _ in range(4):
        table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for rank, interest in enumerate(interests[:MAX_INTERESTS], start=1):
        bar = "█" * max(1, round(BAR_WIDTH * interest.share / interests[0].share))
        table.add_row(
            str(rank),
            f"{interest.share:.1%}",
            f"[cyan]{bar:<{BAR_WIDTH}}[/cyan]",
            f"[dim]{_interest_sparkline(profile, interest.name)}[/dim]",
            escape(interest.name) + _describe_flags(interest),
        )
    console.print(table)
    if len(interests) > MAX_INTERESTS:
        console.print(f"   … and {len(interests) - MAX_INTERESTS} more")


def _describe_flags(interest: Interest) -> str:
    flags = {"muted": interest.muted, "boosted": interest.boosted, "corrected": interest.corrected}
    names = ", ".join(name for name, is_set in flags.items() if is_set)
    return f" ({names})" if names else ""


def _interest_sparkline(profile: Profile, name: str) -> str:
    """How strong an interest was over time, blank where it is too weak for the timeline."""
    timeline = profile.timeline
    if name not in timeline.names:
        return " " * SPARKLINE_WIDTH
    return sparkline(timeline.weights[:, timeline.names.index(name)], SPARKLINE_WIDTH)


def sparkline(values: Sequence[float] | DoubleArray, width: int) -> str:
    """Values as blocks of eight heights, the largest full; evenly sampled where there are more than `width`.

    >>> sparkline([0.0, 0.1, 2.0, 4.0], 4)
    ' ▁▄█'
    """
    values = np.asarray(values, dtype=float)
    sampled = values[np.linspace(0, len(values) - 1, width).round().astype(int)]
    top = values.max(initial=0.0)
    heights = np.ceil(sampled / top * 8) if top > 0 else np.zeros(width)
    return "".join(BLOCKS[int(height)] for height in heights)


def _draw_clusters(console: Console, reader: TasteReader, profile: Profile) -> None:
    if not profile.clusters:
        return
    console.print("\n[bold]Taste clusters[/bold]")
    for cluster in profile.clusters[:MAX_CLUSTERS]:
        title = escape(reader.catalogue.item(cluster.medoid).title)
        n_others = len(cluster.items) - 1
        remark = f" [dim]and {n_others} similar[/dim]" if n_others else ""
        console.print(f"{cluster.share:>6.1%} {title}{remark}")
    if len(profile.clusters) > MAX_CLUSTERS:
        console.print(f"       … and {len(profile.clusters) - MAX_CLUSTERS} more")


def _describe_prices(profile: Profile) -> str:
    return "; ".join(
        f"{comfort.low:.2f} to {comfort.high:.2f} {comfort.currency}, median {comfort.median:.2f}"
        for comfort in profile.prices.overall
    )


def _describe_dislikes(reader: TasteReader, profile: Profile) -> list[str]:
    names = reader.groups.names
    disliked = [
        f"{names[interest.number]} ({interest.hidden} hidden, {interest.clicked} of {interest.shown} shown "
        "were clicked)"
        for interest in profile.disliked[:MAX_NAMED]
    ]
    hidden = [f"hid {reader.catalogue.item(position).title}" for position in profile.hidden[:MAX_NAMED]]
    rejected = [f"{interest.name} (“not me”)" for interest in profile.excluded_interests]
    return disliked + hidden + rejected

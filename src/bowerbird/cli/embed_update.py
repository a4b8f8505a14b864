"""What `bowerbird embed --update` tells of the version that it made."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table


def show_update(meta: dict[str, Any], console: Console) -> None:
    """Print what was new, what it took, and what it costs those who go on with the old vectors."""
    update, metrics, seconds, full = meta["update"], meta["metrics"], meta["seconds"], meta["full_training"]
    items, likes, unseen = update["items"], update["likes"], update["unseen_words"]
    console.print(
        f"{meta['items']:,} items: {items['new']:,} new, {items['changed']:,} changed, {items['removed']:,} "
        f"removed; {meta['likes']:,} likes: {likes['new']:,} new, {likes['earlier']:+,} earlier ones"
    )
    console.print(
        f"features {seconds['features']:.1f} s, training {seconds['training']:.1f} s; in full it took "
        f"{full['features']:.1f} s and {full['training']:.1f} s (epoch {meta['epochs']}, "
        f"{metrics['trust']:.0%} of the way from the old weights)"
    )
    if unseen["new"] is not None:
        console.print(
            f"words of new and changed items that this version can't read: {unseen['new']:.0%} "
            f"({_percent(unseen['others'])} of the others'); a full training learns them"
        )
    if metrics["tower"] is not None:
        _table_of_quality(metrics, console)
    if update["moved"] is not None:
        console.print(
            f"known items moved little: mean cosine {update['moved']['mean_cosine']:.4f}, a twentieth below "
            f"{update['moved']['lowest_twentieth']:.4f}"
        )
    _table_of_old_state(update["old_state"], console)


def _table_of_quality(metrics: dict[str, Any], console: Console) -> None:
    table = Table("vectors", "known items", "new items", "recall@100", title=f"{metrics['people']} people")
    for name, label in (("before", "before, projected"), ("tower", "updated")):
        row = metrics[name]
        table.add_row(label, *(_number(row[column]) for column in ("warm", "cold", "recall_at_100")))
    console.print(table)


def _table_of_old_state(state: dict[str, Any], console: Console) -> None:
    if not state["people"]:
        return
    title = f"recall@{state['at']} among the new vectors, {state['people']} people"
    table = Table("people by", "their old vectors", "new vectors", "old / new, 95 %", title=title)
    for kind in ("mean", "medoids"):
        row = state[kind]
        ratio = "-" if row["ratio"] is None else f"{row['ratio']:.3f} [{row['low']:.3f}, {row['high']:.3f}]"
        table.add_row(kind, _number(row["old"]), _number(row["new"]), ratio)
    console.print(table)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value:.0%}"

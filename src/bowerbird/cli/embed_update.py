"""The result of `bowerbird embed --update` on a terminal."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table


def show_update(meta: dict[str, Any], console: Console) -> None:
    """Print what changed, the cost of the update, and the loss where old vectors are still used."""
    update, metrics, seconds, full = meta["update"], meta["metrics"], meta["seconds"], meta["full_training"]
    items, likes, unseen = update["items"], update["likes"], update["unseen_words"]
    console.print(
        f"{meta['items']:,} items: {items['new']:,} new, {items['changed']:,} changed, {items['removed']:,} "
        f"removed; {meta['likes']:,} likes: {likes['new']:,} new, {likes['earlier']:+,} older ones"
    )
    console.print(
        f"features {seconds['features']:.1f} s, training {seconds['training']:.1f} s; the full training took "
        f"{full['features']:.1f} s and {full['training']:.1f} s (epoch {meta['epochs']}, "
        f"{metrics['trust']:.0%} of the way from the old weights)"
    )
    if unseen["new"] is not None:
        console.print(
            f"unknown words of new and changed items: {unseen['new']:.0%} "
            f"({_percent(unseen['others'])} of the other items'); a full training learns them"
        )
    if metrics["tower"] is not None:
        _print_quality(metrics, console)
    if update["moved"] is not None:
        console.print(
            f"known items changed little: mean cosine {update['moved']['mean_cosine']:.4f}, 5th percentile "
            f"{update['moved']['lowest_twentieth']:.4f}"
        )
    _print_old_state(update["old_state"], console)


def _print_quality(metrics: dict[str, Any], console: Console) -> None:
    table = Table("vectors", "known items", "new items", "recall@100", title=f"{metrics['people']} users")
    for name, label in (("before", "before, projected"), ("tower", "updated")):
        row = metrics[name]
        table.add_row(label, *(_number(row[column]) for column in ("warm", "cold", "recall_at_100")))
    console.print(table)


def _print_old_state(state: dict[str, Any], console: Console) -> None:
    if not state["people"]:
        return
    title = f"recall@{state['at']} among the new vectors, {state['people']} users"
    table = Table("users by", "their old vectors", "new vectors", "old / new, 95 %", title=title)
    for method in ("mean", "medoids"):
        row = state[method]
        ratio = "-" if row["ratio"] is None else f"{row['ratio']:.3f} [{row['low']:.3f}, {row['high']:.3f}]"
        table.add_row(method, _number(row["old"]), _number(row["new"]), ratio)
    console.print(table)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value:.0%}"

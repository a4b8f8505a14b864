"""The result of `bowerbird embed --update` on a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from bowerbird.embed.meta import TrainingMetrics, VectorsMeta
    from bowerbird.embed.update_report import OldStateRecall, UpdateReport


def show_update(meta: VectorsMeta, console: Console) -> None:
    """Print what changed, the cost of the update, and the loss where old vectors are still used."""
    update, metrics, seconds, full = meta.update, meta.metrics, meta.seconds, meta.full_training
    assert update is not None and seconds is not None and full is not None
    items, likes = update.items, update.likes
    console.print(
        f"{meta.items:,} items: {items.new:,} new, {items.changed:,} changed, {items.removed:,} "
        f"removed; {meta.likes:,} likes: {likes.new:,} new, {likes.earlier:+,} older ones"
    )
    console.print(
        f"features {seconds.features:.1f} s, training {seconds.training:.1f} s; the full training took "
        f"{full.features:.1f} s and {full.training:.1f} s (epoch {meta.epochs}, "
        f"{metrics.learned_weight:.0%} of the way from the old weights)"
    )
    _print_changes(update, console)
    if metrics.tower is not None:
        _print_quality(metrics, console)
    _print_old_state(update.old_state, console)


def _print_changes(update: UpdateReport, console: Console) -> None:
    if update.unknown_words.new is not None:
        console.print(
            f"unknown words of new and changed items: {update.unknown_words.new:.0%} "
            f"({_percent(update.unknown_words.others)} of the other items'); a full training learns them"
        )
    if update.moved is not None:
        console.print(
            f"known items changed little: mean cosine {update.moved.mean_cosine:.4f}, 5th percentile "
            f"{update.moved.lowest_twentieth:.4f}"
        )


def _print_quality(metrics: TrainingMetrics, console: Console) -> None:
    table = Table("vectors", "known items", "new items", "recall@100", title=f"{metrics.users} users")
    for quality, label in ((metrics.previous, "before, projected"), (metrics.tower, "updated")):
        if quality is not None:
            table.add_row(label, *map(_number, (quality.warm, quality.cold, quality.recall_at_100)))
    console.print(table)


def _print_old_state(state: OldStateRecall, console: Console) -> None:
    if not state.users:
        return
    title = f"recall@{state.k} among the new vectors, {state.users} users"
    table = Table("users by", "their old vectors", "new vectors", "old / new, 95 %", title=title)
    for method, recall in (("mean", state.mean), ("medoids", state.medoids)):
        interval = (
            "-" if recall.ratio is None else f"{recall.ratio:.3f} [{recall.low:.3f}, {recall.high:.3f}]"
        )
        table.add_row(method, _number(recall.old), _number(recall.new), interval)
    console.print(table)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value:.0%}"

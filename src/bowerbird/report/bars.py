"""Numbers as bars: quality with its intervals, latency and cost compared with the stock model, stages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bowerbird.report.contents import BenchGroup
from bowerbird.report.markup import number, section, table, text
from bowerbird.report.slices import slices_part

Arm = Mapping[str, Any]
"""One ranker of an evaluation, as `Evaluation.as_dict()` gives it."""


def quality_tables(evaluations: Sequence[Mapping[str, Any]]) -> str:
    """Each split's table: every ranker, every metric, a bar for the mean and a whisker for the interval."""
    return "".join(_quality_table(evaluation) for evaluation in evaluations)


def _quality_table(evaluation: Mapping[str, Any]) -> str:
    arms: Sequence[Arm] = evaluation["systems"]
    names = [name for name in arms[0]["metrics"] if any(_mean(arm, name) is not None for arm in arms)]
    top = {name: max(_high(arm, name) for arm in arms) or 1.0 for name in names}
    best = {name: max(_mean(arm, name) or 0.0 for arm in arms) for name in names}
    rows = []
    for arm in arms:
        open_tag, close_tag = ('<b class="ours">', "</b>") if arm["under_test"] else ("<span>", "</span>")
        cells = [_bar_with_whisker(arm, name, top[name], best[name]) for name in names]
        rows.append([f"{open_tag}{text(arm['name'])}{close_tag}", *cells])
    comparisons = [c for c in evaluation.get("comparisons", ()) if c["metric"] in names[:2]]
    sentences = "".join(f"<li>{_comparison_sentence(comparison)}</li>" for comparison in comparisons)
    title = {"global-time": "What users liked next", "new-users": "Users never seen before"}
    n_cold = evaluation.get("cold_start_users")
    cold = f", {n_cold:,} of them without any history" if n_cold else ""
    return (
        f'<div class="quality"><h3>{text(title.get(evaluation["split"], evaluation["split"]))}</h3>'
        f'<p class="note">Split {text(evaluation["split"])}: {evaluation["users"]:,} users{cold}; every one '
        f"of the {evaluation['items']:,} items ranked, {evaluation['cold_items']:,} of them never seen in "
        f"training; {evaluation['events']:,} training events.</p>{table(['ranker', *names], rows)}"
        f'<ul class="note">{sentences}</ul>{slices_part(evaluation.get("slices", ()))}</div>'
    )


def _bar_with_whisker(arm: Arm, name: str, top: float, best: float) -> str:
    mean, bar_class = _mean(arm, name), "ours" if arm["under_test"] else ""
    if mean is None:
        return "–"
    low, high = (arm["metrics"][name][end] for end in ("low", "high"))
    value = f"<b>{number(mean)}</b>" if mean == best and best > 0 else number(mean)
    whisker = ""
    if low is not None:
        left, width = 100 * low / top, 100 * (high - low) / top
        whisker = f'<i class="whisker" style="left:{left:.1f}%;width:{width:.1f}%"></i>'
        value += f"<small>{low:.3f}–{high:.3f}</small>"
    fill = f'<i class="fill" style="width:{100 * mean / top:.1f}%"></i>'
    return f'<span class="value">{value}</span><span class="bar {bar_class}">{fill}{whisker}</span>'


def _mean(arm: Arm, name: str) -> float | None:
    mean: float | None = arm["metrics"][name]["mean"]
    return mean


def _high(arm: Arm, name: str) -> float:
    interval = arm["metrics"][name]
    return max(interval["mean"] or 0.0, interval["high"] or 0.0)


def _comparison_sentence(comparison: Mapping[str, Any]) -> str:
    """How far bowerbird is from the best baseline, and whether the difference is significant."""
    gap, ratio = comparison["difference"], comparison["ratio"]
    is_significant = gap["low"] > 0 or gap["high"] < 0
    times = (
        "" if ratio["mean"] is None else f", {ratio['mean']:.2f}× [{ratio['low']:.2f}, {ratio['high']:.2f}]"
    )
    remark = "" if is_significant else " Not significantly different: the 95 % CI includes 0."
    return (
        f"{text(comparison['metric'])}: {text(comparison['system'])} against the best baseline, "
        f"{text(comparison['baseline'])}: "
        f"{gap['mean']:+.3f} [{gap['low']:+.3f}, {gap['high']:+.3f}]{times}.{remark}"
    )


def bench_bars(groups: Sequence[BenchGroup]) -> str:
    """Groups of bars, each group on its own scale from 0."""
    parts = []
    for group in groups:
        top = max((value for _, value, _ in group.arms), default=0.0) or 1.0
        lines = "".join(
            f'<div class="line"><span>{text(arm)}</span><span class="bar {"ours" if is_bowerbird else ""}">'
            f'<i class="fill" style="width:{100 * value / top:.1f}%"></i></span>'
            f"<b>{number(value, 2)} {text(group.unit)}</b></div>"
            for arm, value, is_bowerbird in group.arms
        )
        parts.append(f'<div class="group"><h3>{text(group.name)}</h3>{lines}</div>')
    return f'<div class="groups">{"".join(parts)}</div>'


def stages_part(stages: Sequence[tuple[str, float, float]]) -> str:
    """Time and peak memory of each stage."""
    max_seconds = max(seconds for _, seconds, _ in stages) or 1.0
    rows = []
    for name, seconds, memory in stages:
        bar = (
            f'<span class="bar"><i class="fill" style="width:{100 * seconds / max_seconds:.1f}%"></i></span>'
        )
        duration = f'<span class="value">{number(seconds, 1)} s</span>{bar}'
        rows.append([text(name), duration, f"{memory:,.0f} MiB"])
    minutes, peak = sum(seconds for _, seconds, _ in stages) / 60, max(memory for *_, memory in stages)
    lead = f"{minutes:.1f} minutes in all; {peak:,.0f} MiB of memory at most."
    return section("stages", "Time and memory", lead, table(["stage", "time", "peak memory"], rows))

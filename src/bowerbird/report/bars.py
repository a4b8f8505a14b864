"""Numbers as bars: quality with its intervals, latency and cost beside the stock-like arm, stages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bowerbird.report.contents import BenchGroup
from bowerbird.report.markup import number, section, table, text
from bowerbird.report.slices import slices_part

Arm = Mapping[str, Any]


def quality_tables(evaluations: Sequence[Mapping[str, Any]]) -> str:
    """Each split's table: every ranker, every metric, a bar for the mean and a whisker for the interval."""
    return "".join(_quality(one) for one in evaluations)


def _quality(one: Mapping[str, Any]) -> str:
    arms: Sequence[Arm] = one["systems"]
    names = [name for name in arms[0]["metrics"] if any(_mean(arm, name) is not None for arm in arms)]
    top = {name: max(_high(arm, name) for arm in arms) or 1.0 for name in names}
    best = {name: max(_mean(arm, name) or 0.0 for arm in arms) for name in names}
    rows = []
    for arm in arms:
        mark = '<b class="ours">' if arm["under_test"] else "<span>"
        close = "</b>" if arm["under_test"] else "</span>"
        cells = [_whisker(arm, name, top[name], best[name]) for name in names]
        rows.append([f"{mark}{text(arm['name'])}{close}", *cells])
    said = "".join(f"<li>{_sentence(c)}</li>" for c in one.get("comparisons", ()) if c["metric"] in names[:2])
    title = {"global-time": "What people liked next", "new-users": "People never seen before"}
    strangers = (
        f", {one['cold_start_users']:,} of them without any history" if one.get("cold_start_users") else ""
    )
    return (
        f'<div class="quality"><h3>{text(title.get(one["split"], one["split"]))}</h3>'
        f'<p class="note">Split {text(one["split"])}: {one["users"]:,} users{strangers}; every one of the '
        f"{one['items']:,} items ranked, {one['cold_items']:,} of them never seen in training; "
        f"{one['events']:,} training events.</p>{table(['ranker', *names], rows)}"
        f'<ul class="note">{said}</ul>{slices_part(one.get("slices", ()))}</div>'
    )


def _whisker(arm: Arm, name: str, top: float, best: float) -> str:
    mean, kind = _mean(arm, name), "ours" if arm["under_test"] else ""
    if mean is None:
        return "–"
    low, high = (arm["metrics"][name][end] for end in ("low", "high"))
    value = f"<b>{number(mean)}</b>" if mean == best and best > 0 else number(mean)
    line = ""
    if low is not None:
        left, width = 100 * low / top, 100 * (high - low) / top
        line = f'<i class="whisker" style="left:{left:.1f}%;width:{width:.1f}%"></i>'
        value += f"<small>{low:.3f}–{high:.3f}</small>"
    bar = f'<i class="fill" style="width:{100 * mean / top:.1f}%"></i>'
    return f'<span class="value">{value}</span><span class="bar {kind}">{bar}{line}</span>'


def _mean(arm: Arm, name: str) -> float | None:
    mean: float | None = arm["metrics"][name]["mean"]
    return mean


def _high(arm: Arm, name: str) -> float:
    interval = arm["metrics"][name]
    return max(interval["mean"] or 0.0, interval["high"] or 0.0)


def _sentence(one: Mapping[str, Any]) -> str:
    """How far ours is from the best baseline, and whether the people tested can tell."""
    gap, ratio = one["difference"], one["ratio"]
    told = gap["low"] > 0 or gap["high"] < 0
    times = (
        "" if ratio["mean"] is None else f", {ratio['mean']:.2f}× [{ratio['low']:.2f}, {ratio['high']:.2f}]"
    )
    sure = "" if told else " Not significantly different: the 95 % CI includes 0."
    return (
        f"{text(one['metric'])}: {text(one['system'])} against the best baseline, {text(one['baseline'])}: "
        f"{gap['mean']:+.3f} [{gap['low']:+.3f}, {gap['high']:+.3f}]{times}.{sure}"
    )


def bench_bars(groups: Sequence[BenchGroup]) -> str:
    """Groups of bars, each group on its own scale from 0."""
    parts = []
    for one in groups:
        top = max((value for _, value, _ in one.arms), default=0.0) or 1.0
        lines = "".join(
            f'<div class="line"><span>{text(arm)}</span><span class="bar {"ours" if ours else ""}">'
            f'<i class="fill" style="width:{100 * value / top:.1f}%"></i></span>'
            f"<b>{number(value, 2)} {text(one.unit)}</b></div>"
            for arm, value, ours in one.arms
        )
        parts.append(f'<div class="group"><h3>{text(one.name)}</h3>{lines}</div>')
    return f'<div class="groups">{"".join(parts)}</div>'


def stages_part(stages: Sequence[tuple[str, float, float]]) -> str:
    """Time and peak memory of each stage."""
    longest = max(seconds for _, seconds, _ in stages) or 1.0
    rows = []
    for name, seconds, memory in stages:
        bar = f'<span class="bar"><i class="fill" style="width:{100 * seconds / longest:.1f}%"></i></span>'
        took = f'<span class="value">{number(seconds, 1)} s</span>{bar}'
        rows.append([text(name), took, f"{memory:,.0f} MiB"])
    minutes, most = sum(seconds for _, seconds, _ in stages) / 60, max(memory for *_, memory in stages)
    lead = f"{minutes:.1f} minutes in all; {most:,.0f} MiB of memory at most."
    return section("stages", "What it took", lead, table(["stage", "time", "peak memory"], rows))

"""Parts of a test as a table: who gains, and on which items."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bowerbird.report.markup import number, table, text


def slices_part(slices: Sequence[Mapping[str, Any]]) -> str:
    """Parts of the test: ours, the best baseline there, and their ratio; folded until it is asked for."""
    if not slices:
        return ""
    heads = ["slice", "users"]
    for one in slices[0]["results"]:
        heads += [one["metric"], "best baseline", "times"]
    rows = []
    for part in slices:
        cells = [cell for one in part["results"] for cell in _beside(one)]
        rows.append([text(part["name"]), f"{part['users']:,}", *cells])
    return (
        f"<details><summary>Slices: {', '.join(dict.fromkeys(text(one['group']) for one in slices))}"
        "</summary>"
        f"{table(heads, rows)}</details>"
    )


def _beside(one: Mapping[str, Any]) -> list[str]:
    best = f"{_with_ends(one['baseline_value'])}<small>{text(one['baseline'])}</small>"
    return [_with_ends(one["value"]), best, _with_ends(one["ratio"], 2)]


def _with_ends(interval: Mapping[str, float | None], digits: int = 3) -> str:
    mean, low, high = (interval[end] for end in ("mean", "low", "high"))
    if mean is None:
        return "–"
    ends = "" if low is None or high is None else f"<small>{low:.{digits}f}–{high:.{digits}f}</small>"
    return f'<span class="value">{number(mean, digits)}{ends}</span>'

"""Slices of an evaluation as a table: which users and items gain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bowerbird.report.markup import number, table, text


def slices_part(slices: Sequence[Mapping[str, Any]]) -> str:
    """Slices of the test set: bowerbird, the best baseline there, and their ratio; folded at first."""
    if not slices:
        return ""
    heads = ["slice of the test set", "users"]
    for result in slices[0]["results"]:
        heads += [result["metric"], "best baseline", "times"]
    rows = []
    for test_slice in slices:
        cells = [cell for result in test_slice["results"] for cell in _comparison_cells(result)]
        rows.append([text(test_slice["name"]), f"{test_slice['users']:,}", *cells])
    groups = dict.fromkeys(text(test_slice["group"]) for test_slice in slices)
    return f"<details><summary>Slices: {', '.join(groups)}</summary>{table(heads, rows)}</details>"


def _comparison_cells(result: Mapping[str, Any]) -> list[str]:
    best = f"{_with_interval(result['baseline_value'])}<small>{text(result['baseline'])}</small>"
    return [_with_interval(result["value"]), best, _with_interval(result["ratio"], 2)]


def _with_interval(interval: Mapping[str, float | None], digits: int = 3) -> str:
    mean, low, high = (interval[end] for end in ("mean", "low", "high"))
    if mean is None:
        return "–"
    ends = "" if low is None or high is None else f"<small>{low:.{digits}f}–{high:.{digits}f}</small>"
    return f'<span class="value">{number(mean, digits)}{ends}</span>'

"""Draw the results of `bench_graft.py` and `bench_image_input.py`, for docs/graft.md.

    python benchmarks/plot_graft.py latency OUT.svg GRAFT.json
    python benchmarks/plot_graft.py quality OUT.svg films=INPUT.json fashion=INPUT.json

Each JSON file holds the last line that the benchmark printed.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

WIDTH, LEFT, RIGHT, ROW, GAP = 860, 150, 130, 20, 46
COLOUR_OF_ARM = {"bowerbird": "#1a7f37"}
OTHER_COLOUR = "#8c959f"


@dataclass(frozen=True)
class Bar:
    name: str
    value: float
    low: float
    high: float
    label: str


@dataclass(frozen=True)
class Panel:
    """Bars on one axis; a logarithmic one starts at a power of ten."""

    title: str
    bars: Sequence[Bar]
    logarithmic: bool = False

    def x_of(self, value: float) -> float:
        """Map a value to the axis, pixels from the picture's left."""
        highest = max(bar.high for bar in self.bars)
        if self.logarithmic:
            lowest = 10 ** math.floor(math.log10(min(bar.low for bar in self.bars)))
            share = math.log(max(value, lowest) / lowest) / math.log(highest / lowest)
        else:
            share = value / highest if highest else 0.0
        return LEFT + share * (WIDTH - LEFT - RIGHT)


def draw_svg(panels: Sequence[Panel], note: str) -> str:
    """Draw panels as SVG."""
    elements, top = [], 12
    for panel in panels:
        elements.append(f'<text x="{LEFT}" y="{top + 16}" class="title">{escape(panel.title)}</text>')
        top += 28
        for bar in panel.bars:
            elements.append(draw_bar(panel, bar, top))
            top += ROW
        top += GAP - 28
    elements.append(f'<text x="{LEFT}" y="{top + 6}" class="small">{escape(note)}</text>')
    height = top + 20
    style = (
        "text{fill:#1f2328;font-size:12px}.title{font-size:14px;font-weight:600}"
        ".small{font-size:11px;fill:#57606a}.end{text-anchor:end}"
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        f'font-family="Helvetica, Arial, sans-serif"><style>{style}</style>'
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>\n' + "\n".join(elements) + "\n</svg>\n"
    )


def draw_bar(panel: Panel, bar: Bar, top: float) -> str:
    end, low, high = (panel.x_of(value) for value in (bar.value, bar.low, bar.high))
    middle, colour = top + ROW / 2, COLOUR_OF_ARM.get(bar.name, OTHER_COLOUR)
    width = max(1.0, end - LEFT)
    return (
        f'<text x="{LEFT - 8}" y="{middle + 4}" class="end">{escape(bar.name)}</text>'
        f'<rect x="{LEFT}" y="{top + 3}" width="{width:.1f}" height="{ROW - 6}" fill="{colour}"/>'
        f'<line x1="{low:.1f}" x2="{high:.1f}" y1="{middle}" y2="{middle}" stroke="#1f2328"/>'
        f'<text x="{high + 8:.1f}" y="{middle + 4}" class="small">{escape(bar.label)}</text>'
    )


def latency(result: dict[str, Any]) -> list[Panel]:
    """Build a panel of seconds to the first token for every workload, the shared prefix cached."""
    panels = []
    for workload, block in result.items():
        if not isinstance(block, dict) or "prefix cached" not in block:
            continue
        bars = []
        for arm, row_ in block["prefix cached"].items():
            seconds, ratio = row_["first_token_s"], row_["first_token_ratio"]["median"]
            label = f"{seconds['median']:.1f} s" + ("" if arm == "bowerbird" else f", {ratio:.0f} ×")
            bars.append(Bar(arm, seconds["median"], seconds["min"], seconds["max"], label))
        panels.append(Panel(f"first token: {workload.replace('x', '×')}", bars, logarithmic=True))
    return panels


def quality(tables: dict[str, dict[str, Any]]) -> list[Panel]:
    """Build panels of next item and cold items of each arm, for every table."""
    panels = []
    for data, table in tables.items():
        for measure in ("new users nDCG@20", "cold items recall@100", "picks"):
            bars = [
                Bar(arm, interval["mean"], interval["low"], interval["high"], f"{interval['mean']:.3f}")
                for arm, draw_bar in table.items()
                if (interval := draw_bar[measure])
            ]
            panels.append(Panel(f"{data}: {measure}", bars))
    return panels


def read_last_line(path: str) -> dict[str, Any]:
    result: dict[str, Any] = json.loads(Path(path).read_text().strip().splitlines()[-1])
    return result


def main() -> None:
    if len(sys.argv) < 4 or sys.argv[1] not in ("latency", "quality"):
        raise SystemExit(__doc__)
    figure, out, *files = sys.argv[1:]
    if figure == "latency":
        merged: dict[str, Any] = {}
        for file in files:
            merged |= read_last_line(file)
        note = "logarithmic axis; bars: medians, lines: range over the rounds; 200 shared tokens cached"
        picture = draw_svg(latency(merged), note)
    else:
        tables = {name: read_last_line(path) for name, path in (file.split("=", 1) for file in files)}
        picture = draw_svg(
            quality(tables), "means over three seeds, lines: 95 % intervals over users or items"
        )
    Path(out).write_text(picture)


if __name__ == "__main__":
    main()

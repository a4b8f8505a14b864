"""Draw what `bench_graft.py` and `bench_eyes.py` measured, for docs/graft.md.

    python benchmarks/plot_graft.py latency OUT.svg GRAFT.json
    python benchmarks/plot_graft.py quality OUT.svg films=EYES.json fashion=EYES.json

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
COLOURS = {"ours": "#1a7f37"}
OTHERS = "#8c959f"


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

    def place(self, value: float) -> float:
        """Where on the axis a value lies, pixels from the picture's left."""
        most = max(bar.high for bar in self.bars)
        if self.logarithmic:
            least = 10 ** math.floor(math.log10(min(bar.low for bar in self.bars)))
            share = math.log(max(value, least) / least) / math.log(most / least)
        else:
            share = value / most if most else 0.0
        return LEFT + share * (WIDTH - LEFT - RIGHT)


def drawn(panels: Sequence[Panel], note: str) -> str:
    """The picture as SVG."""
    parts, top = [], 12
    for panel in panels:
        parts.append(f'<text x="{LEFT}" y="{top + 16}" class="title">{escape(panel.title)}</text>')
        top += 28
        for bar in panel.bars:
            parts.append(row(panel, bar, top))
            top += ROW
        top += GAP - 28
    parts.append(f'<text x="{LEFT}" y="{top + 6}" class="small">{escape(note)}</text>')
    height = top + 20
    style = (
        "text{fill:#1f2328;font-size:12px}.title{font-size:14px;font-weight:600}"
        ".small{font-size:11px;fill:#57606a}.end{text-anchor:end}"
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        f'font-family="Helvetica, Arial, sans-serif"><style>{style}</style>'
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>\n' + "\n".join(parts) + "\n</svg>\n"
    )


def row(panel: Panel, bar: Bar, top: float) -> str:
    end, low, high = (panel.place(value) for value in (bar.value, bar.low, bar.high))
    middle, colour = top + ROW / 2, COLOURS.get(bar.name, OTHERS)
    width = max(1.0, end - LEFT)
    return (
        f'<text x="{LEFT - 8}" y="{middle + 4}" class="end">{escape(bar.name)}</text>'
        f'<rect x="{LEFT}" y="{top + 3}" width="{width:.1f}" height="{ROW - 6}" fill="{colour}"/>'
        f'<line x1="{low:.1f}" x2="{high:.1f}" y1="{middle}" y2="{middle}" stroke="#1f2328"/>'
        f'<text x="{high + 8:.1f}" y="{middle + 4}" class="small">{escape(bar.label)}</text>'
    )


def latency(result: dict[str, Any]) -> list[Panel]:
    """Seconds to the first token for every workload in the file, the shared beginning cached."""
    panels = []
    for workload, said in result.items():
        if not isinstance(said, dict) or "prefix cached" not in said:
            continue
        bars = []
        for arm, measured in said["prefix cached"].items():
            seconds, times = measured["first_token_s"], measured["first_token_times_ours"]["median"]
            label = f"{seconds['median']:.1f} s" + ("" if arm == "ours" else f", {times:.0f} ×")
            bars.append(Bar(arm, seconds["median"], seconds["min"], seconds["max"], label))
        panels.append(Panel(f"first token: {workload.replace('x', '×')}", bars, logarithmic=True))
    return panels


def quality(tables: dict[str, dict[str, Any]]) -> list[Panel]:
    """Next item and cold items of each arm, for every table."""
    panels = []
    for data, table in tables.items():
        for measure in ("new people nDCG@20", "cold items recall@100", "picks"):
            bars = [
                Bar(arm, said["mean"], said["low"], said["high"], f"{said['mean']:.3f}")
                for arm, row in table.items()
                if (said := row[measure])
            ]
            panels.append(Panel(f"{data}: {measure}", bars))
    return panels


def last_line(path: str) -> dict[str, Any]:
    said: dict[str, Any] = json.loads(Path(path).read_text().strip().splitlines()[-1])
    return said


def main() -> None:
    if len(sys.argv) < 4 or sys.argv[1] not in ("latency", "quality"):
        raise SystemExit(__doc__)
    kind, out, *files = sys.argv[1:]
    if kind == "latency":
        merged: dict[str, Any] = {}
        for file in files:
            merged |= last_line(file)
        note = "logarithmic axis; bars: medians, lines: range over the rounds; 200 shared tokens cached"
        picture = drawn(latency(merged), note)
    else:
        tables = {name: last_line(path) for name, path in (file.split("=", 1) for file in files)}
        picture = drawn(quality(tables), "means over three seeds, lines: 95 % intervals over people or items")
    Path(out).write_text(picture)


if __name__ == "__main__":
    main()

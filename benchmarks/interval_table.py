"""A table of systems on one metric: means with 95 % intervals, and ratios to one system on the same units."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from bowerbird.evaluate.bootstrap import mean_interval, paired_intervals


def run_bowerbird(*arguments: str | Path) -> None:
    """Run a command of the product in a process of its own; raise where it fails."""
    subprocess.run([sys.executable, "-m", "bowerbird", *map(str, arguments)], check=True)


def print_intervals(
    title: str, metric: str, values: Mapping[str, np.ndarray], product: str
) -> dict[str, dict[str, Any]]:
    """Print the table of each system's values (users or other units,), and return its numbers for JSON.

    `product` names the system that the others are compared with.
    """
    table = Table(title=title, title_justify="left")
    for column in ("system", metric, "bowerbird over it"):
        table.add_column(column)
    result = {}
    for name, row in values.items():
        interval, (_, ratio) = mean_interval(row), paired_intervals(values[product], row)
        table.add_row(name, interval.format(4), ratio.format(2))
        result[name] = {**interval.as_dict(), "bowerbird over it": ratio.as_dict()}
    Console(width=120).print(table)
    return result


def best_of(values: Mapping[str, np.ndarray], product: str, prefix: str = "") -> str:
    """Name the system with the highest mean but the product, among those whose names begin with a prefix."""
    names = [name for name in values if name != product and name.startswith(prefix)]
    return max(names, key=lambda name: float(np.nanmean(values[name])))

"""How long `bowerbird recommend STORE --user U` takes from the start of its process to its end.

    python benchmarks/bench_start.py STORE [--runs 11] [--user U]

The user of most events is asked for, unless one is named. A first run does not count: it may train the ranker
and compiles what is not compiled yet. Wall time says what a user waits on this machine, processor time what
the command needs whatever else runs. Ends in one JSON line.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from bowerbird.data.store import Store
from bowerbird.taste.graph import TasteGraph


def run(store: Path, user: str) -> tuple[float, float]:
    """Run the command once: seconds of wall time and of processor time."""
    command = [sys.executable, "-m", "bowerbird", "recommend", str(store), "--user", user, "--json"]
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    answer = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    assert json.loads(answer)["items"], "an empty answer is quick and worth nothing"
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def summary(seconds: np.ndarray) -> dict[str, float]:
    values = (seconds.min(), np.median(seconds), seconds.max())
    return {
        name: round(float(value), 3) for name, value in zip(("least", "p50", "most"), values, strict=True)
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("store", type=Path)
    parser.add_argument("--runs", type=int, default=11)
    parser.add_argument("--user", help="else the one of most events")
    args = parser.parse_args()
    user = args.user or TasteGraph.open(Store.open(args.store).snapshot()).people(1)[0]
    run(args.store, user)
    wall, processor = np.array([run(args.store, user) for _ in range(args.runs)]).T
    result = {
        "bench": "start",
        "store": args.store.name,
        "items": len(Store.open(args.store).snapshot().catalogue),
        "runs": args.runs,
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "wall_s": summary(wall),
        "processor_s": summary(processor),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()

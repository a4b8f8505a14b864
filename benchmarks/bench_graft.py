"""How much sooner does the first token come when items are vectors instead of pictures?

    python benchmarks/bench_graft.py [STORE]

Prints a table and ends in one JSON line.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from rich.console import Console

from bowerbird.cli.bench import print_bench
from bowerbird.cli.output import plain
from bowerbird.data.store import Store
from bowerbird.graft.bench import bench_graft

if __name__ == "__main__":
    result = bench_graft(Store.open(Path(sys.argv[1])) if len(sys.argv) > 1 else None)
    print_bench(Console(), result)
    print(json.dumps(plain(result.as_dict()), ensure_ascii=False))

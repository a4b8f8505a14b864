"""Peak memory of one arm of `bench graft`, measured in a process that loads only what the arm needs.

The peak is that of the request: it includes the loaded models but not the extra memory of loading them (Linux
lets a process reset its high-water mark; on other systems loading counts too).
"""

from __future__ import annotations

import json
import pickle
import resource
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from bowerbird.errors import BackboneError

if TYPE_CHECKING:
    from bowerbird.graft.bench_request import BenchItems


def peak_memory_mb(base: str, arm: str, bench_items: BenchItems, new_tokens: int) -> float:
    """Measure peak resident memory while the arm answers, in MiB, models included.

    Raises `BackboneError` if the arm's process fails.
    """
    payload = pickle.dumps((base, arm, bench_items, new_tokens))
    process = subprocess.run(
        [sys.executable, "-m", "bowerbird.graft.bench_memory"],
        input=payload,
        capture_output=True,
        check=False,
    )
    if process.returncode:
        raise BackboneError(f"the arm {arm} could not be run alone: {process.stderr.decode()[-500:]}")
    return float(json.loads(process.stdout.decode().splitlines()[-1]))


def measure_one_request() -> float:
    """Measure the memory of one request."""
    base_name, arm, bench_items, new_tokens = pickle.loads(sys.stdin.buffer.read())
    from bowerbird.graft.base import Base
    from bowerbird.graft.bench_request import BenchRequest, load_stock_vision_encoder
    from bowerbird.graft.connector import Connector

    base = Base.load(base_name)
    connector = Connector(bench_items.vectors.shape[1], base.hidden)
    vision_encoder = None
    if arm in ("pixels", "cached cells"):
        vision_encoder = load_stock_vision_encoder()
    request = BenchRequest(base, connector, vision_encoder, bench_items)
    if arm == "cached cells":
        request.encode_images()
        request.vision_encoder = vision_encoder = None
    reset_peak()
    request.run(arm, new_tokens)
    return read_peak_mb()


def reset_peak() -> None:
    """Begin to measure the peak of this process's memory."""
    clear = Path("/proc/self/clear_refs")
    if clear.exists():
        clear.write_text("5")


def read_peak_mb() -> float:
    """Read the peak of this process's memory, megabytes."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)


if __name__ == "__main__":
    print(json.dumps(measure_one_request()))

"""Peak memory of one arm of `bench graft`: a process of its own loads what the arm needs and answers once.

The peak is that of the request: models loaded and at rest are part of it, what loading them took is not
(Linux lets a process reset its own high-water mark; elsewhere loading counts too).
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


def peak_memory_mb(base: str, arm: str, subject: BenchItems, new_tokens: int) -> float:
    """Resident memory at most while the arm answers, in MiB, models included."""
    task = pickle.dumps((base, arm, subject, new_tokens))
    run = subprocess.run(
        [sys.executable, "-m", "bowerbird.graft.bench_memory"], input=task, capture_output=True, check=False
    )
    if run.returncode:
        raise BackboneError(f"the arm {arm} could not be run alone: {run.stderr.decode()[-500:]}")
    return float(json.loads(run.stdout.decode().splitlines()[-1]))


def _answer_once() -> float:
    base_name, arm, subject, new_tokens = pickle.loads(sys.stdin.buffer.read())
    from bowerbird.graft.base import Base
    from bowerbird.graft.bench_request import Request, load_stock_vision_encoder
    from bowerbird.graft.connector import Connector

    base = Base.load(base_name)
    connector = Connector(subject.vectors.shape[1], base.hidden)
    eyes = None
    if arm in ("pixels", "cached cells"):
        eyes = load_stock_vision_encoder()
    request = Request(base, connector, eyes, subject)
    if arm == "cached cells":
        request.see()
        request.eyes = eyes = None
    _forget_peak()
    request.run(arm, new_tokens)
    return _peak_mb()


def _forget_peak() -> None:
    clear = Path("/proc/self/clear_refs")
    if clear.exists():
        clear.write_text("5")


def _peak_mb() -> float:
    status = Path("/proc/self/status")
    if status.exists():
        line = next(one for one in status.read_text().splitlines() if one.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)


if __name__ == "__main__":
    print(json.dumps(_answer_once()))

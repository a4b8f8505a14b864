"""`bowerbird serve` in a process of its own, for the benchmarks that measure it over HTTP."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

LIMIT_S = 1200
"""To the address, and then until the models are open."""


@dataclass(frozen=True)
class ServerProcess:
    """A server that listens at an address; `start_s` are the seconds from its start to it."""

    address: str
    process: subprocess.Popen[bytes]
    start_s: float
    log: Path

    def wait_until_ready(self) -> None:
        """Wait until its models are open."""
        until = time.monotonic() + LIMIT_S
        while not is_ready(self.address):
            if self.process.poll() is not None or time.monotonic() > until:
                raise SystemExit(f"the server does not get ready:\n{self.log_tail()}")
            time.sleep(0.5)

    def log_tail(self) -> str:
        """Return the end of its log."""
        return self.log.read_text(errors="replace")[-2000:]

    def memory_mb(self) -> float:
        """Return its resident memory, megabytes."""
        status = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return int(next(line for line in status if line.startswith("VmRSS")).split()[1]) / 1000


@contextmanager
def running_server(store: Path, *options: str) -> Iterator[ServerProcess]:
    """Serve a store on a free port while the block runs. Its log goes to a file: nobody reads a pipe."""
    command = [sys.executable, "-m", "bowerbird.cli.main", "serve", str(store), "--port", "0", *options]
    environment = {"OMP_WAIT_POLICY": "PASSIVE", **os.environ, "PYTHONUNBUFFERED": "1"}
    with tempfile.NamedTemporaryFile(prefix="bowerbird-serve-", suffix=".log") as log:
        start = time.perf_counter()
        process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
        try:
            address = _read_address(Path(log.name), process)
            yield ServerProcess(address, process, time.perf_counter() - start, Path(log.name))
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)


def _read_address(log: Path, process: subprocess.Popen[bytes]) -> str:
    until = time.monotonic() + LIMIT_S
    while time.monotonic() < until and process.poll() is None:
        for line in log.read_text(errors="replace").splitlines(keepends=True):
            if line.startswith("http://") and line.endswith("\n"):
                return line.strip()
        time.sleep(0.02)
    raise SystemExit(f"the server did not start:\n{log.read_text(errors='replace')[-2000:]}")


def is_ready(address: str) -> bool:
    """Tell whether a server's models are open."""
    try:
        with urllib.request.urlopen(f"{address}/readyz", timeout=60) as response:
            return bool(response.status == 200)
    except OSError:
        return False

"""Freed memory goes back to the system."""

from __future__ import annotations

import subprocess
import sys

import pytest

CHILD = """
import threading
from pathlib import Path

from bowerbird.serve.protection.memory import bound_memory, give_back_freed_memory

bound_memory()
import pyarrow as pa

def resident_mb():
    status = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in status if line.startswith("VmRSS")).split()[1]) // 1024

def work():
    blocks = [bytes(60_000) for _ in range(1500)]  # too small for mappings of their own
    retained.append(blocks[::50])  # in the way of a heap that only shrinks at its end

retained = []
before = resident_mb()
threads = [threading.Thread(target=work) for _ in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
freed = resident_mb()
give_back_freed_memory()
print(before, freed, resident_mb(), pa.default_memory_pool().backend_name)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's /proc, and glibc")
def test_what_threads_freed_goes_back_to_the_system() -> None:
    output = subprocess.run([sys.executable, "-c", CHILD], capture_output=True, text=True, check=True).stdout
    before, freed, after, pool = output.split()
    assert int(after) < int(before) + 60 < int(freed), output
    assert pool == "system"

"""Settings for all tests: no test depends on how quick the machine is, and none waits for a disk."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from hypothesis import settings

# The same examples each time: a change is judged by what it changes. `make test-properties` searches on.
settings.register_profile("bowerbird", deadline=None, derandomize=True)
settings.register_profile("search", deadline=None)
settings.load_profile("bowerbird")

MEMORY = Path("/dev/shm")
MEMORY_NEEDED = 4 * 2**30


def pytest_configure(config: pytest.Config) -> None:
    """Keep temporary files in memory where there is room.

    Stores flush what they write to the disk, many times in a test; on a busy disk that is most of its time.
    """
    if config.option.basetemp is None and MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > MEMORY_NEEDED:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))

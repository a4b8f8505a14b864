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
TOGETHER = ("tests/serve", "tests/recommend")
"""Folders whose files share what takes long to make, a server or a trained store: one process tests them."""


def pytest_configure(config: pytest.Config) -> None:
    """Keep temporary files in memory where there is room.

    Stores flush what they write to the disk, many times in a test; on a busy disk that is most of its time.
    """
    if config.option.basetemp is None and MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > MEMORY_NEEDED:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Give each file to one process (`--dist loadgroup`), and each folder of `TOGETHER`; those come first."""

    def group_of(item: pytest.Item) -> str:
        path = item.path.relative_to(config.rootpath).as_posix()
        return next((folder for folder in TOGETHER if path.startswith(f"{folder}/")), path)

    groups = {item: group_of(item) for item in items}
    for item, group in groups.items():
        item.add_marker(pytest.mark.xdist_group(group))
    items.sort(key=lambda item: TOGETHER.index(groups[item]) if groups[item] in TOGETHER else len(TOGETHER))

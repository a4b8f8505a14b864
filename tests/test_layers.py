"""Imports follow the data: a folder imports only what lies before it on the data's way."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import bowerbird

PACKAGE = Path(bowerbird.__file__).parent

MAY_IMPORT: dict[str, set[str]] = {
    "data": set(),
    "models": {"data"},
    "sources": {"data"},
    "evaluate": {"data"},
    "embed": {"data", "models"},
    "taste": {"data", "embed"},
    "graft": {"data", "models", "embed"},
    "recommend": {"data", "embed", "taste", "evaluate"},
    "assist": {"data", "embed", "graft", "taste", "recommend"},
    "serve": {"data", "embed", "taste", "recommend", "assist"},
}
WITHOUT_TORCH = ["data", "sources", "taste", "recommend", "evaluate", "serve"]


def folders_imported_by(folder: str) -> set[str]:
    found = set()
    for path in (PACKAGE / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            for name in names:
                parts = name.split(".")
                if parts[0] == "bowerbird" and len(parts) > 1 and (PACKAGE / parts[1]).is_dir():
                    found.add(parts[1])
    return found - {folder}


@pytest.mark.parametrize("folder", MAY_IMPORT)
def test_imports_follow_the_data(folder: str) -> None:
    assert folders_imported_by(folder) <= MAY_IMPORT[folder]


MAY_ASK_WHAT_IS_CURRENT = {
    *("data/store.py", "data/imports.py", "data/intake.py"),  # writers: they change what is current
    *("embed/training.py", "embed/updating.py", "embed/news.py", "embed/unfreezing.py"),
    *("graft/training/train.py", "taste/forgetting.py", "cli/demo.py"),
    # Before they publish what another process may have published.
    *("recommend/saved.py", "recommend/completion.py", "taste/kept_interests.py"),
}


def test_who_reads_takes_a_snapshot() -> None:
    """Nothing but a writer asks a store what is current: two questions can have answers of two versions."""
    asks = re.compile(r"\bstore\.(current|catalogue|collections|item_ids)\(")
    paths = {str(path.relative_to(PACKAGE)): path for path in PACKAGE.rglob("*.py")}
    asking = {name for name, path in paths.items() if asks.search(path.read_text())}
    assert asking <= MAY_ASK_WHAT_IS_CURRENT


NETWORKS = "evaluate/baselines/deep"  # imported when it is asked for, by its rankers' names only


def modules_without_torch() -> list[str]:
    paths = [path for folder in WITHOUT_TORCH for path in (PACKAGE / folder).rglob("*.py")]
    inside = [path.relative_to(PACKAGE) for path in paths if PACKAGE / NETWORKS not in path.parents]
    return [".".join(["bowerbird", *path.with_suffix("").parts]).removesuffix(".__init__") for path in inside]


@pytest.mark.parametrize("folder", WITHOUT_TORCH)
def test_no_torch_where_a_service_runs(folder: str) -> None:
    for path in (PACKAGE / folder).rglob("*.py"):
        if PACKAGE / NETWORKS not in path.parents:
            assert "import torch" not in path.read_text(), f"{path} needs torch"


def test_a_service_can_be_imported_where_torch_is_not() -> None:
    """Not one of their modules, nor what it imports, asks for torch while it is imported."""
    lines = ["import sys", "sys.modules['torch'] = None"]
    lines += [f"import {module}" for module in modules_without_torch()]
    ran = subprocess.run([sys.executable, "-c", "\n".join(lines)], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr

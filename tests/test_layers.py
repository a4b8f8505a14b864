"""Imports follow the data: a folder imports only what lies before it on the data's way."""

import ast
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

import bowerbird

PACKAGE = Path(bowerbird.__file__).parent

MAY_IMPORT: dict[str, set[str]] = {
    "demo": set(),
    "data": set(),
    "text": {"data"},
    "models": {"data"},
    "sources": {"data"},
    "endpoint": {"data"},
    "evaluate": {"data"},
    "embed": {"data", "evaluate", "models", "text"},
    "taste": {"data", "embed", "text"},
    "report": {"data", "evaluate", "taste"},
    "conversations": {"data", "text", "models", "embed", "evaluate"},
    "graft": {"data", "text", "endpoint", "evaluate", "models", "embed", "conversations"},
    "recommend": {"data", "text", "embed", "taste", "evaluate", "report"},
    "assist": {"data", "text", "endpoint", "embed", "graft", "taste", "recommend", "conversations"},
    "serve": {"data", "embed", "evaluate", "taste", "recommend", "assist", "report"},
    "client": {"serve"},
    "cli": {
        *("assist", "data", "demo", "embed", "evaluate", "graft", "models", "recommend", "report", "serve"),
        *("conversations", "sources", "taste", "text"),
    },
}
WITHOUT_TORCH = [
    "client",
    "data",
    "text",
    "demo",
    "sources",
    "endpoint",
    "taste",
    "report",
    "recommend",
    "evaluate",
    "serve",
]


MODULES = {
    ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__"): path
    for path in PACKAGE.rglob("*.py")
}
TYPES_ONLY = {("data.snapshot", "data.store")}
"""Imports under `TYPE_CHECKING`: no code runs, so no cycle."""


def imports_of(module: str) -> set[str]:
    """Modules of the package that one imports, inside functions as well."""
    imported: set[str] = set()
    for node in ast.walk(ast.parse(MODULES[module].read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("bowerbird."):
            parent = (node.module or "").removeprefix("bowerbird.")
            names = [f"{parent}.{alias.name}" for alias in node.names]
            imported |= {name if name in MODULES else parent for name in names}
        elif isinstance(node, ast.Import):
            names = [alias.name.removeprefix("bowerbird.") for alias in node.names]
            imported |= {name for name in names if name in MODULES}
    return {name for name in imported if (module, name) not in TYPES_ONLY}


@cache
def all_imports() -> dict[str, set[str]]:
    """What every module imports; read once, and not where other tests run."""
    return {module: imports_of(module) for module in MODULES}


def imports_between(depth: int) -> dict[str, set[str]]:
    """What folders and modules at a depth of the tree import of each other."""
    edges: dict[str, set[str]] = {}
    for module, imported in all_imports().items():
        start = ".".join(module.split(".")[:depth])
        ends = {".".join(name.split(".")[:depth]) for name in imported}
        edges.setdefault(start, set()).update(ends - {start})
    return edges


def cycle_in(edges: dict[str, set[str]]) -> list[str]:
    """Nodes of one cycle; none where there is none."""
    finished: set[str] = set()

    def visit(node: str, path: list[str]) -> list[str]:
        if node in path:
            return path[path.index(node) :]
        if node in finished:
            return []
        for target in sorted(edges.get(node, ())):
            if cycle := visit(target, [*path, node]):
                return cycle
        finished.add(node)
        return []

    for start in sorted(edges):
        if cycle := visit(start, []):
            return cycle
    return []


@pytest.mark.parametrize("folder", MAY_IMPORT)
def test_imports_follow_the_data(folder: str) -> None:
    folders = {name for name in imports_between(1)[folder] if (PACKAGE / name).is_dir()}
    assert folders <= MAY_IMPORT[folder]


def test_every_folder_has_its_rule() -> None:
    assert {path.parent.name for path in PACKAGE.glob("*/__init__.py")} == set(MAY_IMPORT)


@pytest.mark.parametrize("depth", [1, 2, 3, 4])
def test_no_import_goes_in_a_circle(depth: int) -> None:
    """Neither between folders, nor between their sub-folders, nor between modules."""
    assert not cycle_in(imports_between(depth))


def test_a_cycle_is_seen() -> None:
    assert cycle_in({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c"]
    assert not cycle_in({"a": {"b", "c"}, "b": {"c"}, "c": set()})


MAY_ASK_WHAT_IS_CURRENT = {
    *(
        "data/store.py",
        "data/ingest/imports.py",
        "data/ingest/staged_import.py",
        "data/ingest/dialogues.py",
        "data/ingest/event_checks.py",
        "data/ingest/item_changes.py",
        "data/pictures/fetching.py",
    ),  # writers: they change what is current
    *(
        "embed/training_inputs.py",
        "embed/update/updating.py",
        "embed/update/changeset.py",
        "embed/finetune/finetuning.py",
    ),
    *("graft/training/train.py", "taste/control/forgetting.py", "cli/demo.py"),
    # Before they publish what another process may have published.
    *("recommend/saved.py", "recommend/completion/training.py", "taste/interests/saved_interests.py"),
}


def test_who_reads_takes_a_snapshot() -> None:
    """Nothing but a writer asks a store what is current: two questions can have answers of two versions."""
    current_query = re.compile(r"\bstore\.(current|catalogue|collections|item_ids)\(")
    paths = {str(path.relative_to(PACKAGE)): path for path in PACKAGE.rglob("*.py")}
    asking = {name for name, path in paths.items() if current_query.search(path.read_text())}
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


def test_no_folder_holds_more_than_a_dozen_modules() -> None:
    counts = {
        str(folder.relative_to(PACKAGE)): len(
            [path for path in folder.glob("*.py") if path.stem != "__init__"]
        )
        for folder in (path.parent for path in PACKAGE.rglob("__init__.py"))
    }
    assert {folder: count for folder, count in counts.items() if count > 12} == {}


def bare_arrays(source: str) -> list[int]:
    """Lines of `np.ndarray` that name no element type, less those of `isinstance`."""
    tree = ast.parse(source)
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    checks = [
        node for call in calls if getattr(call.func, "id", "") == "isinstance" for node in ast.walk(call)
    ]
    subscripts = [node.value for node in ast.walk(tree) if isinstance(node, ast.Subscript)]
    allowed = {id(node) for node in (*checks, *subscripts)}
    arrays = [node for node in ast.walk(tree) if isinstance(node, ast.Attribute) and node.attr == "ndarray"]
    return [node.lineno for node in arrays if id(node) not in allowed]


def test_arrays_say_what_they_hold() -> None:
    """As an alias of `data.arrays`, or as `NDArray[...]`."""
    bare = {module: bare_arrays(path.read_text()) for module, path in MODULES.items()}
    assert {module: lines for module, lines in bare.items() if lines} == {}
    assert bare_arrays("def f(x: np.ndarray) -> bool:\n    return isinstance(x, np.ndarray)") == [1]

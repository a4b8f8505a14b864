"""The files that a command names: patterns, folders of any depth, standard input."""

from __future__ import annotations

import glob
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from bowerbird.errors import InputError

STANDARD_INPUT = "-"
_HIDDEN = (".", "_")
"""First letters of names that are no data: `_SUCCESS`, `_metadata`, `.crc` files."""


@contextmanager
def named_paths(names: Sequence[str]) -> Iterator[list[Path]]:
    """The files and folders that names, patterns (`*`, `?`, `[a-z]`, `**`) and `-` stand for.

    Standard input is copied to a temporary file, since a file is read more than once. Raises `InputError`
    where nothing has a name.
    """
    if STANDARD_INPUT not in names:
        yield [path for name in names for path in _matches(name)]
        return
    with tempfile.TemporaryDirectory(prefix="bowerbird-") as folder:
        copy = Path(folder) / "standard-input"
        try:
            with copy.open("wb") as file:
                shutil.copyfileobj(sys.stdin.buffer, file, 1 << 20)
        except OSError as error:
            reason = f"standard input can't be copied to {folder} ({error.strerror})"
            raise InputError(f"{reason}: name a file, or set TMPDIR to a folder with more space") from None
        others = dict.fromkeys(name for name in names if name != STANDARD_INPUT)
        yield [copy, *(path for name in others for path in _matches(name))]


def is_named(name: str) -> bool:
    """Whether a word can name files: standard input, a path that exists, a pattern."""
    return name == STANDARD_INPUT or glob.has_magic(name) or Path(name).exists()


def _matches(name: str) -> list[Path]:
    if Path(name).exists():
        return [Path(name)]
    if glob.has_magic(name):
        start = Path(Path(name).anchor)
        if matches := sorted(start.glob(str(Path(name).relative_to(start)))):
            return matches
        raise InputError(f"no file matches {name}")
    raise InputError(f"there is no {name}: name files or folders that exist")


def data_files(paths: Sequence[Path]) -> list[Path]:
    """Files, and those in folders at any depth, by name. Raises `InputError` for a folder without any."""
    return [file for path in paths for file in (_files_in(path) if path.is_dir() else [path])]


def _files_in(folder: Path) -> list[Path]:
    files = [
        path
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not any(part.startswith(_HIDDEN) for part in path.relative_to(folder).parts)
    ]
    if not files:
        raise InputError(f"the folder {folder} holds no files: name the folder that does")
    return files

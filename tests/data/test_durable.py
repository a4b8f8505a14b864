"""Files are replaced whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from bowerbird.data.files.durable import replacing, write_atomically


def test_a_file_is_replaced_only_if_its_writer_succeeds(tmp_path: Path) -> None:
    path = tmp_path / "out.txt"
    write_atomically(path, b"old")
    with pytest.raises(ValueError, match="broken"), replacing(path) as temporary:
        temporary.write_bytes(b"half")
        raise ValueError("broken")
    assert path.read_bytes() == b"old"
    with replacing(path) as temporary:
        temporary.write_bytes(b"new")
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"
    assert [each.name for each in tmp_path.iterdir()] == ["out.txt"]


def test_a_missing_folder_is_what_the_error_names(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="missing"):
        write_atomically(tmp_path / "missing" / "out.txt", b"new")

"""Files that grow, are rotated, truncated, deleted and replaced; each complete line is read once."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bowerbird.data.readers.messages import MOST_BYTES
from bowerbird.sources import files
from bowerbird.sources.address import Address
from bowerbird.sources.files import FileSource


class Follower:
    """Follows a path and acknowledges everything; `restart()` acts as a new process with the same
    positions."""

    def __init__(self, path: Path, positions: Path) -> None:
        self.path, self.positions, self.notices = path, positions, list[str]()
        self.start()

    def start(self) -> None:
        self.source = FileSource(Address.parse(f"file://{self.path}"), self.positions, self.notices.append)
        self.source.connect()

    def restart(self) -> None:
        self.source.close()
        self.start()

    def __call__(self) -> list[str]:
        """Fetch and acknowledge new lines; checks twice, since the first check may only notice a change."""
        lines = []
        for _ in range(2):
            while messages := self.source.fetch(3, 0.0):
                self.source.acknowledge(messages)
                lines += [message.body.decode().strip() for message in messages]
        return lines


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "spool").mkdir()
    return tmp_path / "spool" / "events.jsonl"


@pytest.fixture
def follow(tmp_path: Path) -> Iterator[Callable[[Path], Follower]]:
    followers: list[Follower] = []

    def start(path: Path) -> Follower:
        followers.append(Follower(path, tmp_path / "positions"))
        return followers[-1]

    yield start
    for file in followers:
        file.source.close()


def write(path: Path, text: str) -> None:
    with path.open("a") as file:
        file.write(text)


def test_complete_lines_are_read_once(path: Path, follow: Callable[[Path], Follower]) -> None:
    read_new = follow(path)
    assert read_new() == [] and "waiting for it" in read_new.notices[0]
    write(path, "1\n2\n\n3\n4\n")
    assert read_new() == ["1", "2", "3", "4"]
    write(path, '{"half": ')
    assert read_new() == []
    write(path, '"a line"}')
    assert read_new() == ['{"half": "a line"}'], "a complete object needs no newline"
    write(path, "\n5\n")
    assert read_new() == ["5"]
    read_new.restart()
    assert read_new() == []


def test_unacknowledged_lines_are_redelivered(path: Path, follow: Callable[[Path], Follower]) -> None:
    write(path, "1\n2\n3\n4\n")
    read_new = follow(path)
    read_new.source.acknowledge(read_new.source.fetch(2, 0.0))
    assert [file.body for file in read_new.source.fetch(9, 0.0)] == [b"3\n", b"4\n"]
    lag = read_new.source.lag()
    assert lag is not None and (lag.amount, lag.unit) == (4, "bytes")
    read_new.restart()
    assert read_new() == ["3", "4"]


@pytest.mark.parametrize("restarted", [False, True], ids=["running", "stopped meanwhile"])
def test_rotation_by_renaming(path: Path, follow: Callable[[Path], Follower], restarted: bool) -> None:
    write(path.with_name("events.jsonl.1"), "before our time\n")
    write(path, "1\n2\n")
    read_new = follow(path)
    assert read_new() == ["1", "2"]
    if restarted:
        read_new.source.close()
    for number in (1, 2):  # twice between two checks
        write(path, f"late {number}\n")
        for old in (2, 1):
            if path.with_name(f"events.jsonl.{old}").exists():
                path.with_name(f"events.jsonl.{old}").rename(path.with_name(f"events.jsonl.{old + 1}"))
        path.rename(path.with_name("events.jsonl.1"))
        write(path.with_name("events.jsonl.1"), f"later {number}\n")  # its writer still had it open
        write(path, f"new {number}\n")
    if restarted:
        read_new.start()
    assert sorted(read_new()) == ["late 1", "late 2", "later 1", "later 2", "new 1", "new 2"]
    assert not any("replaced or truncated" in notice for notice in read_new.notices)


def test_rotation_by_copying_and_truncating(path: Path, follow: Callable[[Path], Follower]) -> None:
    write(path, "1\n2\n")
    read_new = follow(path)
    assert read_new() == ["1", "2"]
    write(path, "3\n")
    shutil.copy(path, path.with_name("events.jsonl.1"))
    os.truncate(path, 0)
    write(path, "4\n5\n6\n7\n")  # longer than what was read of it before
    assert sorted(set(read_new())) == ["1", "2", "3", "4", "5", "6", "7"], (
        "repeats are recognised, gaps are not"
    )
    read_new.restart()
    assert read_new() == []


def test_a_truncated_file_is_read_from_its_start(path: Path, follow: Callable[[Path], Follower]) -> None:
    write(path, "1\n2\n3\n")
    read_new = follow(path)
    assert read_new() == ["1", "2", "3"]
    os.truncate(path, 0)
    assert read_new() == []
    write(path, "4\n")
    assert read_new() == ["4"]


def test_a_deleted_file_is_read_to_its_end(
    path: Path, follow: Callable[[Path], Follower], monkeypatch
) -> None:
    write(path, "1\n")
    read_new = follow(path)
    assert read_new() == ["1"]
    with path.open("a") as writer:
        writer.write("2\n")
        writer.flush()
        path.unlink()
        write(path, "3\n")
        assert sorted(read_new()) == ["2", "3"]
        writer.write("4\n")  # the writer has not noticed yet
        writer.flush()
        assert read_new() == ["4"]
        monkeypatch.setattr(files, "DELETED_GRACE_S", -1.0)
        assert read_new() == [] and len(read_new.source._open_files) == 1
    read_new.restart()
    assert read_new() == []


def test_a_missing_followed_file_is_reported(path: Path, follow: Callable[[Path], Follower]) -> None:
    write(path, "1\n")
    read_new = follow(path)
    read_new()
    read_new.source.close()
    with path.open():  # so that its inode is not given to the next file
        path.unlink()
        write(path, "2\n")
        read_new.start()
        assert read_new() == ["2"]
    assert any("no longer exists" in notice for notice in read_new.notices)


def test_a_line_that_is_too_long_is_one_message(path: Path, follow: Callable[[Path], Follower]) -> None:
    read_new = follow(path)
    with path.open("ab") as file:
        file.write(b"1\n" + b"x" * (3 * MOST_BYTES))
    lines = read_new()
    assert lines[0] == "1" and len(lines) == 2 and len(lines[1]) > MOST_BYTES
    read_new.restart()
    with path.open("ab") as file:
        file.write(b"x" * (2 * MOST_BYTES) + b"\n2\n")
    assert read_new() == ["2"]


def test_a_folder(path: Path, follow: Callable[[Path], Follower]) -> None:
    folder = path.parent
    write(folder / "a.jsonl", "1\n")
    write(folder / ".hidden.jsonl", "no\n")
    write(folder / "notes.txt", "no\n")
    read_new = follow(folder)
    assert read_new() == ["1"]
    write(folder / "b.ndjson", "2\n")
    write(folder / "a.jsonl", "3\n")
    (folder / "a.jsonl").rename(folder / "a.jsonl-20260131")
    assert sorted(read_new()) == ["2", "3"]
    for number in range(2 * files.MAX_OPEN_FILES):
        write(folder / f"many-{number}.json", f"{number}\n")
    assert sorted(read_new(), key=int) == [str(number) for number in range(2 * files.MAX_OPEN_FILES)]
    assert len(read_new.source._open_files) <= files.MAX_OPEN_FILES
    read_new.restart()
    assert read_new() == []


def test_unreadable_positions_cause_a_second_read(path: Path, follow: Callable[[Path], Follower]) -> None:
    write(path, "1\n")
    read_new = follow(path)
    assert read_new() == ["1"]
    read_new.source.close()
    for positions_file in read_new.positions.glob("*.json"):
        positions_file.write_text("{")
    read_new.start()
    assert read_new() == ["1"] and "read again" in read_new.notices[-1]


STEPS = st.lists(st.sampled_from(["write", "part", "rename", "copy and cut", "read", "restart"]), max_size=20)


@settings(max_examples=60)
@given(steps=STEPS)
def test_no_line_is_missed_for_any_writer(steps: list[str], tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("law")
    path, number, open_line = folder / "events.jsonl", 0, False
    path.touch()
    read_new, lines = Follower(path, folder / "positions"), list[str]()
    for step in [*steps, "read"]:
        if step == "write":
            write(path, f"{number}\n")
            number, open_line = number + 1, False
        elif step == "part" and not open_line:
            write(path, "9")  # the first digit of a line; `write` adds the others and the newline
            open_line = True
        elif step == "rename":
            path.rename(folder / f"events.jsonl.{len(list(folder.iterdir()))}")
            path.touch()
            open_line = False
        elif step == "copy and cut":
            shutil.copy(path, folder / f"events.jsonl.{len(list(folder.iterdir()))}")
            os.truncate(path, 0)
            open_line = False
        elif step == "restart":
            read_new.restart()
        elif step == "read":
            lines += read_new()
    read_new.source.close()
    lines_on_disk = [
        line for file in folder.glob("events.jsonl*") for line in file.read_text().splitlines(keepends=True)
    ]
    assert set(lines) >= {line.strip() for line in lines_on_disk if line.endswith("\n")}
    if "copy and cut" not in steps:
        assert len(lines) == len(set(lines)) == number, "without copies nothing is read twice"
    assert json.loads(next((folder / "positions").glob("*.json")).read_text())["path"] == str(path)

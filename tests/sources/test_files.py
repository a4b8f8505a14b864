"""Files that grow, are rotated, cut, deleted and replaced; a line counts when it is whole, and once."""

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
    """Follows a path, acknowledging all it gets; `again()` is a new process over the same positions."""

    def __init__(self, path: Path, positions: Path) -> None:
        self.path, self.positions, self.said = path, positions, list[str]()
        self.start()

    def start(self) -> None:
        self.source = FileSource(Address.parse(f"file://{self.path}"), self.positions, self.said.append)
        self.source.connect()

    def again(self) -> None:
        self.source.close()
        self.start()

    def __call__(self) -> list[str]:
        """What is new, acknowledged; each look twice, for something may be noticed by the first only."""
        got = []
        for _ in range(2):
            while found := self.source.fetch(3, 0.0):
                self.source.acknowledge(found)
                got += [message.body.decode().strip() for message in found]
        return got


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
    for one in followers:
        one.source.close()


def write(path: Path, text: str) -> None:
    with path.open("a") as file:
        file.write(text)


def test_lines_come_once_when_they_are_whole(path: Path, follow: Callable[[Path], Follower]) -> None:
    new = follow(path)
    assert new() == [] and "waiting for it" in new.said[0]
    write(path, "1\n2\n\n3\n4\n")
    assert new() == ["1", "2", "3", "4"]
    write(path, '{"half": ')
    assert new() == []
    write(path, '"a line"}')
    assert new() == ['{"half": "a line"}'], "a whole object needs no line's end"
    write(path, "\n5\n")
    assert new() == ["5"]
    new.again()
    assert new() == []


def test_what_was_not_acknowledged_comes_again(path: Path, follow: Callable[[Path], Follower]) -> None:
    write(path, "1\n2\n3\n4\n")
    new = follow(path)
    new.source.acknowledge(new.source.fetch(2, 0.0))
    assert [one.body for one in new.source.fetch(9, 0.0)] == [b"3\n", b"4\n"]
    lag = new.source.lag()
    assert lag is not None and (lag.amount, lag.unit) == (4, "bytes")
    new.again()
    assert new() == ["3", "4"]


@pytest.mark.parametrize("restarted", [False, True], ids=["running", "stopped meanwhile"])
def test_rotation_by_renaming(path: Path, follow: Callable[[Path], Follower], restarted: bool) -> None:
    write(path.with_name("events.jsonl.1"), "before our time\n")
    write(path, "1\n2\n")
    new = follow(path)
    assert new() == ["1", "2"]
    if restarted:
        new.source.close()
    for number in (1, 2):  # twice between two looks
        write(path, f"late {number}\n")
        for old in (2, 1):
            if path.with_name(f"events.jsonl.{old}").exists():
                path.with_name(f"events.jsonl.{old}").rename(path.with_name(f"events.jsonl.{old + 1}"))
        path.rename(path.with_name("events.jsonl.1"))
        write(path.with_name("events.jsonl.1"), f"later {number}\n")  # its writer had it open
        write(path, f"new {number}\n")
    if restarted:
        new.start()
    assert sorted(new()) == ["late 1", "late 2", "later 1", "later 2", "new 1", "new 2"]
    assert not any("another file" in said for said in new.said)


def test_rotation_by_copying_and_cutting(path: Path, follow: Callable[[Path], Follower]) -> None:
    write(path, "1\n2\n")
    new = follow(path)
    assert new() == ["1", "2"]
    write(path, "3\n")
    shutil.copy(path, path.with_name("events.jsonl.1"))
    os.truncate(path, 0)
    write(path, "4\n5\n6\n7\n")  # longer than what was read of it before
    assert sorted(set(new())) == ["1", "2", "3", "4", "5", "6", "7"], "repeats are recognised, gaps are not"
    new.again()
    assert new() == []


def test_a_file_that_is_cut_and_shorter(path: Path, follow: Callable[[Path], Follower]) -> None:
    write(path, "1\n2\n3\n")
    new = follow(path)
    assert new() == ["1", "2", "3"]
    os.truncate(path, 0)
    assert new() == []
    write(path, "4\n")
    assert new() == ["4"]


def test_a_deleted_file_is_read_to_its_end(
    path: Path, follow: Callable[[Path], Follower], monkeypatch
) -> None:
    write(path, "1\n")
    new = follow(path)
    assert new() == ["1"]
    with path.open("a") as writer:
        writer.write("2\n")
        writer.flush()
        path.unlink()
        write(path, "3\n")
        assert sorted(new()) == ["2", "3"]
        writer.write("4\n")  # who has not noticed yet
        writer.flush()
        assert new() == ["4"]
        monkeypatch.setattr(files, "LATE_S", -1.0)
        assert new() == [] and len(new.source._open) == 1
    new.again()
    assert new() == []


def test_what_was_followed_and_is_gone_is_told(path: Path, follow: Callable[[Path], Follower]) -> None:
    write(path, "1\n")
    new = follow(path)
    new()
    new.source.close()
    with path.open():  # so that its inode is not given to the next file
        path.unlink()
        write(path, "2\n")
        new.start()
        assert new() == ["2"]
    assert any("is gone" in said for said in new.said)


def test_a_line_that_is_too_long_is_one_message(path: Path, follow: Callable[[Path], Follower]) -> None:
    new = follow(path)
    with path.open("ab") as file:
        file.write(b"1\n" + b"x" * (3 * MOST_BYTES))
    got = new()
    assert got[0] == "1" and len(got) == 2 and len(got[1]) > MOST_BYTES
    new.again()
    with path.open("ab") as file:
        file.write(b"x" * (2 * MOST_BYTES) + b"\n2\n")
    assert new() == ["2"]


def test_a_folder(path: Path, follow: Callable[[Path], Follower]) -> None:
    folder = path.parent
    write(folder / "a.jsonl", "1\n")
    write(folder / ".hidden.jsonl", "no\n")
    write(folder / "notes.txt", "no\n")
    new = follow(folder)
    assert new() == ["1"]
    write(folder / "b.ndjson", "2\n")
    write(folder / "a.jsonl", "3\n")
    (folder / "a.jsonl").rename(folder / "a.jsonl-20260131")
    assert sorted(new()) == ["2", "3"]
    for number in range(2 * files.MOST_OPEN):
        write(folder / f"many-{number}.json", f"{number}\n")
    assert sorted(new(), key=int) == [str(number) for number in range(2 * files.MOST_OPEN)]
    assert len(new.source._open) <= files.MOST_OPEN
    new.again()
    assert new() == []


def test_positions_that_can_not_be_read_cost_a_second_reading(
    path: Path, follow: Callable[[Path], Follower]
) -> None:
    write(path, "1\n")
    new = follow(path)
    assert new() == ["1"]
    new.source.close()
    for kept in new.positions.glob("*.json"):
        kept.write_text("{")
    new.start()
    assert new() == ["1"] and "read again" in new.said[-1]


STEPS = st.lists(st.sampled_from(["write", "part", "rename", "copy and cut", "look", "restart"]), max_size=20)


@settings(max_examples=60, deadline=None)
@given(steps=STEPS)
def test_whatever_its_writer_does_no_line_is_missed(
    steps: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("law")
    path, number, open_line = folder / "events.jsonl", 0, False
    path.touch()
    new, got = Follower(path, folder / "positions"), list[str]()
    for step in [*steps, "look"]:
        if step == "write":
            write(path, f"{number}\n")
            number, open_line = number + 1, False
        elif step == "part" and not open_line:
            write(path, "9")  # the first digit of a line; `write` puts the others and its end
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
            new.again()
        elif step == "look":
            got += new()
    new.source.close()
    written = [
        line for one in folder.glob("events.jsonl*") for line in one.read_text().splitlines(keepends=True)
    ]
    assert set(got) >= {line.strip() for line in written if line.endswith("\n")}
    if "copy and cut" not in steps:
        assert len(got) == len(set(got)) == number, "without copies nothing is read twice"
    assert json.loads(next((folder / "positions").glob("*.json")).read_text())["path"] == str(path)

"""Kills, a full disk, a failing flush: no acknowledged event is lost, none counts twice.

A few rounds; benchmarks/bench_faults.py runs hundreds.
"""

import contextlib
import multiprocessing
import os
import random
import resource
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bowerbird.data.logs.group_commit import MAX_ROWS, GroupCommit
from bowerbird.data.logs.local.embedded import EmbeddedLog
from bowerbird.data.logs.rows import encode_event
from bowerbird.errors import StoreError
from waiting import wait_until

pytestmark = pytest.mark.slow

FORK = multiprocessing.get_context("fork")


def ids(log: EmbeddedLog) -> list[str]:
    return log.read()["event_id"].to_pylist()


def write_until_killed(path: Path, user: str, acknowledged_file: Path, event) -> None:
    """Appends events, resending the last ones as clients do, and records the acknowledged ids."""
    log, number = EmbeddedLog(path), 0
    with acknowledged_file.open("a") as acknowledged:
        while True:
            sent = [event(n, user) for n in range(max(0, number - 2), number + 5)]
            log.append(sent)
            acknowledged.write("".join(f"{logged.event_id}\n" for logged in sent))
            acknowledged.flush()
            number += 5


def size_of(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


@pytest.mark.parametrize("seed", range(3))
def test_killed_writers_lose_nothing_acknowledged(tmp_path: Path, event, table, seed: int) -> None:
    path, rng = tmp_path / "events", random.Random(seed)
    acknowledged_file = [tmp_path / f"said-{k}" for k in range(3)]
    writers = [
        FORK.Process(target=write_until_killed, args=(path, f"w{k}", acknowledged_file[k], event))
        for k in range(3)
    ]
    for writer in writers:
        writer.start()
    EmbeddedLog(path).add_segment(table(*(event(n, "w1") for n in range(3, 30))))
    written = rng.randint(50, 400)  # bytes of acknowledged ids, after which the writers are killed
    wait_until(lambda: sum(map(size_of, acknowledged_file)) > written, "acknowledged events")
    for writer in writers:
        os.kill(writer.pid, signal.SIGKILL)
    for writer in writers:
        writer.join(30)
    log = EmbeddedLog(path)
    stored_ids = ids(log)
    acknowledged = {
        line for logged in acknowledged_file if logged.exists() for line in logged.read_text().splitlines()
    }
    assert acknowledged, "killed too early to test anything"
    assert len(stored_ids) == len(set(stored_ids)) == len(log) and acknowledged <= set(stored_ids)
    assert [logged.event_id for logged in log.append([event(n, "w1") for n in range(30)])] == [
        f"w1-{n}" for n in range(30) if f"w1-{n}" not in set(stored_ids)
    ]


@contextlib.contextmanager
def disk_of_a_megabyte(folder: Path) -> Iterator[Callable[[], None]]:
    """A small file system, half full of ballast; yields a function that removes the ballast."""
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], capture_output=True)
    if mounted.returncode:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.decode()}")
    try:
        (folder / "ballast").write_bytes(b"x" * 500_000)
        yield (folder / "ballast").unlink
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


@contextlib.contextmanager
def files_of_100_kilobytes(folder: Path) -> Iterator[Callable[[], None]]:
    """A limit on file sizes, like a quota; yields a function that lifts the limit."""
    folder.mkdir()
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))

    def lift() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)

    try:
        yield lift
    finally:
        lift()


@pytest.mark.parametrize("small_disk", [disk_of_a_megabyte, files_of_100_kilobytes])
def test_a_full_disk_is_an_error_and_loses_nothing_acknowledged(
    tmp_path: Path, event, table, small_disk
) -> None:
    with small_disk(tmp_path / "disk") as make_room:
        log = EmbeddedLog(tmp_path / "disk" / "events")
        log.add_segment(table(event(-1)))
        acknowledged = {"ann--1"}
        with pytest.raises(StoreError, match=r"can't be used .*nothing was accepted: free some space"):
            for number in range(0, 100_000, 50):
                sent = [event(n) for n in range(number, number + 50)]
                log.append(sent)
                acknowledged |= {logged.event_id for logged in sent}
        assert len(acknowledged) > 50, "the disk is too small to test anything"
        with pytest.raises(StoreError, match=r"can't be written .* free some space"):
            log.add_segment(table(*(event(n, f"bob-{n * 7919}") for n in range(60_000))))
        for handle in (log, EmbeddedLog(log.path)):
            stored_ids = ids(handle)
            assert len(stored_ids) == len(set(stored_ids)) and acknowledged <= set(stored_ids)
        make_room()
        count = len(log)
        assert log.append([event(-1), event(0), event(1, "bob")]) == [event(1, "bob")]
        assert log.forget("ann") == count and ids(log) == ["bob-1"]
        log.close()


def test_concurrent_calls_share_commits_and_a_single_call_does_not_wait(event) -> None:
    sizes: list[int] = []
    at_work, go = threading.Event(), threading.Event()

    def store(rows) -> list[bool]:
        sizes.append(len(rows))
        at_work.set()
        assert go.wait(30)
        return [True] * len(rows)

    group = GroupCommit(store)
    rows = [encode_event(event(n)) for n in range(300)]
    first = threading.Thread(target=group.commit, args=(rows[:1],))
    first.start()
    assert at_work.wait(30)
    waiting = [threading.Thread(target=group.commit, args=(rows,)) for _ in range(5)]
    for thread in waiting:
        thread.start()
    wait_until(lambda: len(group._waiting) == 5, "five waiting commits")
    go.set()
    for logged in (first, *waiting):
        logged.join(30)
    assert sizes == [1, 900, 600] and MAX_ROWS == 1000


def test_all_calls_of_a_failed_commit_raise(event) -> None:
    def store(rows) -> list[bool]:
        raise StoreError("the disk is full") if len(rows) > 1 else KeyboardInterrupt

    group, errors = GroupCommit(store), []

    def call(count: int) -> None:
        try:
            group.commit([encode_event(event(n)) for n in range(count)])
        except BaseException as error:
            errors.append(repr(error))

    callers = [threading.Thread(target=call, args=(count,)) for count in (1, 2, 3, 1)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join(30)
    assert len(errors) == 4 and all("full" in logged or "Interrupt" in logged for logged in errors)

"""The log in a folder: files of older versions, crashes, and damage."""

import json
import multiprocessing
import os
import random
import shutil
import sqlite3
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bowerbird.data.logs.contract import EventLog
from bowerbird.data.logs.local.embedded import EmbeddedLog
from bowerbird.data.logs.local.write_ahead import damaged_commits
from bowerbird.data.store import Store
from bowerbird.errors import StoreError

FORK = multiprocessing.get_context("fork")


@pytest.fixture
def log(tmp_path: Path) -> EmbeddedLog:
    return EmbeddedLog(tmp_path / "events")


def ids(log: EventLog) -> list[str]:
    return log.read()["event_id"].to_pylist()


def flip_last_byte(path: Path, text: bytes) -> None:
    """Damage the last byte of a text in a file."""
    raw = path.read_bytes()
    assert text in raw
    offset = raw.index(text) + len(text) - 1
    path.write_bytes(raw[:offset] + bytes([raw[offset] ^ 1]) + raw[offset + 1 :])


def copy_after_crash(log: EmbeddedLog, to: Path) -> EmbeddedLog:
    """The log as a kill would leave it: a copy of its files, with the write-ahead file not yet merged."""
    shutil.copytree(log.path, to)
    (to / "live.db-shm").unlink()
    return EmbeddedLog(to)


# -- files of older versions ------------------------------------------------------------------------------


def write_old_tail(folder: Path, events: list, cut: bytes = b"") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    rows = [logged.as_row() | {"at": logged.at.isoformat()} for logged in events]
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    (folder / "tail.jsonl").write_bytes(lines.encode() + cut)


def write_old_segment(folder: Path, number: int, events) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(events, folder / f"segment-{number:06d}-abcdef.parquet", compression="zstd")


def test_the_log_of_an_older_version_is_converted(tmp_path: Path, event, table) -> None:
    store = Store.create(tmp_path / "store")
    folder = store.path / "events"
    settings = (store.path / "bowerbird.toml").read_text().splitlines()
    (store.path / "bowerbird.toml").write_text("\n".join(line for line in settings if "events" not in line))
    write_old_segment(folder, 0, table(event(1), event(2)))
    write_old_segment(folder, 1, table(event(3, "bob")))
    write_old_tail(folder, [event(4), event(5, "lämp\n\x00")], cut=b'{"event_id": "ann-6", "user_id": "ze')
    (folder / "GENERATION").write_text("7")

    log = Store.open(store.path).log
    assert log.append([event(n) for n in range(6)]) == [event(0), event(3), event(5)]
    odd = "lämp\n\x00-5"
    assert [logged.event_id for logged in log.tail_since(0)[0]] == ["ann-4", odd, "ann-0", "ann-3", "ann-5"]
    assert ids(log) == ["ann-0", "ann-1", "ann-2", "ann-3", "bob-3", "ann-4", "ann-5", odd]
    assert log.generation > 7, "offsets were bytes: readers must start again"
    assert not (folder / "tail.jsonl").exists()
    assert log.add_segment(table(event(3, "bob"), event(4))) == 0
    assert log.forget("ann") == 6 and not any(b"ze" in path.read_bytes() for path in folder.glob("live*"))


def test_an_interrupted_conversion_is_repeated(log: EmbeddedLog, event) -> None:
    write_old_tail(log.path, [event(1), event(2)])
    tail = (log.path / "tail.jsonl").read_bytes()
    log.append([event(3)])
    (log.path / "tail.jsonl").write_bytes(tail)  # as if killed before it was removed
    again = EmbeddedLog(log.path)
    assert ids(again) == ["ann-1", "ann-2", "ann-3"] == ids(log) and len(again) == 3


def test_a_damaged_line_of_an_older_version_is_an_error(log: EmbeddedLog, event) -> None:
    write_old_tail(log.path, [event(1), event(2), event(3)])
    lines = (log.path / "tail.jsonl").read_bytes().splitlines(keepends=True)
    (log.path / "tail.jsonl").write_bytes(lines[0] + lines[1][:40] + b"\n" + lines[2])
    with pytest.raises(StoreError, match=r"line 2 of .*tail.jsonl is damaged .* delete the line"):
        log.read()
    (log.path / "tail.jsonl").write_bytes(lines[0] + lines[2])
    assert ids(log) == ["ann-1", "ann-3"]


def test_reading_converts_the_log_too(log: EmbeddedLog, event) -> None:
    write_old_tail(log.path, [event(1), event(2)])
    assert log.tail_since(0)[0] == [event(1), event(2)] and log.tail_size == log.tail_since(0)[1]


# -- known ids ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("damage", ["lost", "cut", "of another time"])
def test_missing_digests_of_imports_are_rebuilt(log: EmbeddedLog, event, table, damage: str) -> None:
    log.add_segment(table(event(1), event(2)))
    log.add_segment(table(event(3)))
    (known,) = log.path.glob("known-*.ids")
    if damage == "lost":
        known.unlink()
    elif damage == "cut":
        known.write_bytes(known.read_bytes()[:16])
    else:
        known.rename(log.path / "known-1.ids")
    assert EmbeddedLog(log.path).append([event(n) for n in range(5)]) == [event(0), event(4)]


def test_a_lost_segment_can_be_imported_again(log: EmbeddedLog, event, table) -> None:
    log.add_segment(table(event(1)))
    log.add_segment(table(event(2)))
    log._segments.paths()[1].unlink()  # as the message about a damaged segment says
    again = EmbeddedLog(log.path)
    assert again.add_segment(table(event(2))) == 1 and ids(again) == ["ann-1", "ann-2"]


def test_another_process_imports_and_forgets_concurrently(log: EmbeddedLog, event, table) -> None:
    other = EmbeddedLog(log.path)
    log.append([event(1)])
    other.add_segment(table(event(2)))
    assert log.append([event(2)]) == []
    other.forget("ann")
    assert log.append([event(2)]) == [event(2)] and ids(other) == ["ann-2"]


@given(
    stored=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3))),
    queried=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3))),
)
def test_known_ids_are_a_set(stored: list[tuple[int, int]], queried: list[tuple[int, int]]) -> None:
    """Few different first halves, so that there are runs of equal ones."""
    import numpy as np

    from bowerbird.data.logs.local.known_ids import KnownIds, is_first_occurrence

    columns = [np.array([pair[half] for pair in stored], np.uint64) for half in (0, 1)]
    query_columns = [np.array([pair[half] for pair in queried], np.uint64) for half in (0, 1)]
    is_known = KnownIds.of(*columns).positions_of(*query_columns) >= 0
    assert is_known.tolist() == [pair in stored for pair in queried]
    is_first_flags = is_first_occurrence(*columns)
    assert [pair for pair, is_first in zip(stored, is_first_flags, strict=True) if is_first] == list(
        dict.fromkeys(stored)
    )


PAIRS = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), unique=True)


@given(stored=PAIRS, plus=PAIRS, minus=PAIRS, block=st.integers(1, 4))
def test_a_changed_set_is_written_in_blocks(stored, plus, minus, block: int) -> None:
    import numpy as np

    from bowerbird.data.logs.local import known_ids

    plus, minus = sorted(set(plus) - set(stored)), sorted(set(minus) & set(stored))

    def of(pairs: list[tuple[int, int]]) -> known_ids.KnownIds:
        return known_ids.KnownIds.of(
            *(np.array([pair[half] for pair in pairs], np.uint64) for half in (0, 1))
        )

    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patched:
        patched.setattr(known_ids, "_BLOCK", block)
        of(stored).save_changed(Path(folder) / "ids", of(plus), of(minus))
        written = known_ids.KnownIds.open_mapped(Path(folder) / "ids")
        assert (np.diff(written.high.astype(int)) >= 0).all()
        pairs = list(zip(written.high.tolist(), written.low.tolist(), strict=True))
    assert sorted(pairs) == sorted((set(stored) | set(plus)) - set(minus))


# -- a crash and damage -------------------------------------------------------------------------------------


def test_a_commit_interrupted_by_a_crash_is_ignored(log: EmbeddedLog, tmp_path: Path, event) -> None:
    log.append([event(1)])
    complete_size = (log.path / "live.db-wal").stat().st_size
    log.append([event(2)])
    commit_ends = range(complete_size, (log.path / "live.db-wal").stat().st_size, 1500)
    for number, end in enumerate(commit_ends):
        again = copy_after_crash(log, tmp_path / str(number))
        os.truncate(again.path / "live.db-wal", end)
        assert ids(again) == ["ann-1"]
        assert again.append([event(1), event(2)]) == [event(2)]
    assert ids(copy_after_crash(log, tmp_path / "whole")) == ["ann-1", "ann-2"]


def test_a_last_commit_whose_pages_are_wrong_is_ignored(log: EmbeddedLog, tmp_path: Path, event) -> None:
    """At a loss of power a commit's pages may be written in any order; it was not acknowledged."""
    log.append([event(1)])
    log.append([event(2)])
    again = copy_after_crash(log, tmp_path / "crashed")
    wal = again.path / "live.db-wal"
    raw = bytearray(wal.read_bytes())
    raw[-30] ^= 1
    wal.write_bytes(raw)
    assert ids(again) == ["ann-1"]


def test_damage_before_a_complete_commit_is_an_error(log: EmbeddedLog, tmp_path: Path, event) -> None:
    """SQLite by itself opens this file without the acknowledged events."""
    for number in range(1, 6):
        log.append([event(number)])
    again = copy_after_crash(log, tmp_path / "crashed")
    flip_last_byte(again.path / "live.db-wal", b'"event_id":"ann-2"')
    with sqlite3.connect(shutil.copytree(again.path, tmp_path / "alone") / "live.db") as sqlite_alone:
        assert sqlite_alone.execute("SELECT count(*) FROM live").fetchone() == (1,)
    for use in (again.read, lambda: again.append([event(9)]), lambda: again.tail_since(0)):
        with pytest.raises(StoreError, match=r"live\.db-wal is damaged.*backup"):
            use()
    (again.path / "live.db-wal").rename(tmp_path / "aside")
    again.append([event(9)])
    assert ids(again) == ["ann-9"]  # the five are in the moved file


def test_a_flipped_bit_anywhere_in_the_write_ahead_file_is_detected(
    log: EmbeddedLog, tmp_path, event
) -> None:
    """Before the last commit it is an error; in the last one it looks like an interrupted commit."""
    commit_ends = []
    for number in range(6):
        log.append([event(number), event(number, "bob")])
        commit_ends.append((log.path / "live.db-wal").stat().st_size)
    raw = (log.path / "live.db-wal").read_bytes()
    assert damaged_commits(log.path / "live.db-wal") == 0
    for seed in range(300):
        offset = random.Random(seed).choice([seed % 32, random.Random(seed).randrange(32, len(raw))])
        damaged = bytearray(raw)
        damaged[offset] ^= 1 << seed % 8
        (tmp_path / "wal").write_bytes(damaged)
        assert bool(damaged_commits(tmp_path / "wal")) == (offset < commit_ends[-2]), offset
    for end in range(0, len(raw), 999):
        (tmp_path / "wal").write_bytes(raw[:end])
        assert damaged_commits(tmp_path / "wal") == 0


def test_a_damaged_record_is_named(log: EmbeddedLog, event) -> None:
    log.append([event(number) for number in range(1, 4)])
    log.close()
    flip_last_byte(log.path / "live.db", b'"item_id":"lamp')
    with pytest.raises(StoreError, match=r"event \d in .*live\.db is damaged .* backup") as raised:
        log.read()
    with sqlite3.connect(log.path / "live.db") as connection:
        connection.execute(str(raised.value).split("'")[1])  # the command in the message
    connection.close()
    assert len(ids(EmbeddedLog(log.path))) == 2


def test_a_file_that_is_not_a_database_is_an_error(log: EmbeddedLog, event) -> None:
    log.append([event(1)])
    log.close()
    raw = (log.path / "live.db").read_bytes()
    for damaged in (b"x" * len(raw), raw[:4096] + b"x" * (len(raw) - 4096)):
        (log.path / "live.db").write_bytes(damaged)
        with pytest.raises(StoreError, match=r"damaged.*backup"):
            EmbeddedLog(log.path).append([event(2)])


def test_a_damaged_segment_is_named(log: EmbeddedLog, event, table) -> None:
    log.add_segment(table(*(event(number) for number in range(200))))
    (segment,) = log._segments.paths()
    raw = bytearray(segment.read_bytes())
    for offset in range(40, len(raw) - 12, 97):
        damaged = bytearray(raw)
        damaged[offset] ^= 0x55
        segment.write_bytes(damaged)
        try:
            table_read = EmbeddedLog(log.path).read()
        except StoreError as error:
            assert segment.name in str(error) and "import its events again" in str(error)
        else:
            assert table_read["event_id"].to_pylist() == [f"ann-{number}" for number in range(200)]


def test_an_invalid_generation_is_an_error(log: EmbeddedLog, event) -> None:
    log.append([event(1)])
    (log.path / "GENERATION").write_text("")
    with pytest.raises(StoreError, match="write one into it"):
        _ = log.generation


def test_a_folder_restored_during_a_process_is_noticed(log: EmbeddedLog, tmp_path: Path, event) -> None:
    log.append([event(1)])
    EmbeddedLog(log.path).close()
    log.close()
    backup = shutil.copytree(log.path, tmp_path / "backup")
    running = EmbeddedLog(log.path)
    running.append([event(2)])
    shutil.rmtree(log.path)
    shutil.copytree(backup, log.path)
    assert ids(running) == ["ann-1"] and running.append([event(2)]) == [event(2)]
    assert ids(EmbeddedLog(log.path)) == ["ann-1", "ann-2"]


def test_a_folder_that_is_gone_at_the_next_start_is_an_error(log: EmbeddedLog, tmp_path: Path, event) -> None:
    log.append([event(1)])
    log.close()
    shutil.move(log.path, tmp_path / "elsewhere")
    for folder_stands_empty in (False, True):
        if folder_stands_empty:  # a volume that was not mounted
            log.path.mkdir()
        with pytest.raises(StoreError, match="put the folder back"):
            EmbeddedLog(log.path).append([event(2)])
        with pytest.raises(StoreError, match="put the folder back"):
            _ = EmbeddedLog(log.path).generation
    shutil.rmtree(log.path)
    shutil.move(tmp_path / "elsewhere", log.path)
    assert ids(EmbeddedLog(log.path)) == ["ann-1"]


def test_times_are_the_events_own_and_arrival_is_counted(log: EmbeddedLog, event) -> None:
    """Jumping clocks do not matter: events of 1970 and of 2200 arrive in between."""
    events = [event(1), event(2, at=-1.7e9), event(3, at=5.5e9), event(4)]
    for logged in events:
        log.append([logged])
    assert log.tail_since(0)[0] == events
    assert log.read()["at"].to_pylist() == sorted(logged.at for logged in events)
    assert events[2].at - events[1].at > timedelta(days=365 * 200)


# -- cached events of the same process --------------------------------------------------------------------

STEPS = st.lists(
    st.tuples(
        st.sampled_from(["append", "other appends", "forget", "other forgets", "import"]), st.integers(1, 3)
    ),
    max_size=12,
)


@settings(max_examples=40)
@given(steps=STEPS)
def test_cached_events_equal_those_on_disk(steps: list[tuple[str, int]], event, table) -> None:
    """A process does not read its own events back from disk: that must not be observable."""
    with TemporaryDirectory() as folder:
        own, other = EmbeddedLog(Path(folder)), EmbeddedLog(Path(folder))
        number = 0
        for step, count in steps:
            log = own if step in ("append", "forget", "import") else other
            events = [event(number + k, user=f"u{(number + k) % 2}") for k in range(count)]
            if "forget" in step:
                log.forget(f"u{count % 2}")
            elif step == "import":
                log.add_segment(table(*events))
            else:
                log.append([*events, events[0]])
            number += count
            fresh = EmbeddedLog(Path(folder))
            for offset in range(fresh.tail_size + 2):
                assert own.tail_since(offset) == fresh.tail_since(offset)
            fresh.close()
        own.close()
        other.close()


def test_a_restored_file_is_read_from_disk(log: EmbeddedLog, event, tmp_path: Path) -> None:
    log.append([event(1), event(2)])
    other = EmbeddedLog(tmp_path / "other")
    other.append([event(7), event(8)])
    other.close()
    assert len(log.tail_since(0)[0]) == 2
    log.close()
    for path in log.path.glob("live*"):
        path.unlink()
    for path in other.path.glob("live*"):
        shutil.copy(path, log.path / path.name)
    assert [logged.event_id for logged in log.tail_since(0)[0]] == [event(7).event_id, event(8).event_id]

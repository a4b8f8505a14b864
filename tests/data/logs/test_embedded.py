"""The log in a folder: what earlier versions left there, what a crash leaves, and what is damaged."""

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
from bowerbird.data.logs.embedded import EmbeddedLog
from bowerbird.data.logs.write_ahead import damaged_commits
from bowerbird.data.store import Store
from bowerbird.errors import StoreError

FORK = multiprocessing.get_context("fork")


@pytest.fixture
def log(tmp_path: Path) -> EmbeddedLog:
    return EmbeddedLog(tmp_path / "events")


def ids(log: EventLog) -> list[str]:
    return log.read()["event_id"].to_pylist()


def flip(path: Path, text: bytes) -> None:
    """Damage the last byte of a text in a file."""
    raw = path.read_bytes()
    assert text in raw
    place = raw.index(text) + len(text) - 1
    path.write_bytes(raw[:place] + bytes([raw[place] ^ 1]) + raw[place + 1 :])


def crashed(log: EmbeddedLog, to: Path) -> EmbeddedLog:
    """The log as a kill would leave it: its files as they are now, the write-ahead file not yet taken in."""
    shutil.copytree(log.path, to)
    (to / "live.db-shm").unlink()
    return EmbeddedLog(to)


# -- what earlier versions left ---------------------------------------------------------------------------


def write_old_tail(folder: Path, events: list, cut: bytes = b"") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    rows = [one.as_row() | {"at": one.at.isoformat()} for one in events]
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    (folder / "tail.jsonl").write_bytes(lines.encode() + cut)


def write_old_segment(folder: Path, number: int, events) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(events, folder / f"segment-{number:06d}-abcdef.parquet", compression="zstd")


def test_a_store_of_an_earlier_version_is_taken_over(tmp_path: Path, event, table) -> None:
    store = Store.create(tmp_path / "store")
    folder = store.path / "events"
    settings = (store.path / "bowerbird.toml").read_text().splitlines()
    (store.path / "bowerbird.toml").write_text("\n".join(x for x in settings if "events" not in x))
    write_old_segment(folder, 0, table(event(1), event(2)))
    write_old_segment(folder, 1, table(event(3, "bob")))
    write_old_tail(folder, [event(4), event(5, "lämp\n\x00")], cut=b'{"event_id": "ann-6", "user_id": "ze')
    (folder / "GENERATION").write_text("7")

    log = Store.open(store.path).log
    assert log.append([event(n) for n in range(6)]) == [event(0), event(3), event(5)]
    odd = "lämp\n\x00-5"
    assert [one.event_id for one in log.tail_since(0)[0]] == ["ann-4", odd, "ann-0", "ann-3", "ann-5"]
    assert ids(log) == ["ann-0", "ann-1", "ann-2", "ann-3", "bob-3", "ann-4", "ann-5", odd]
    assert log.generation > 7, "offsets were bytes: who kept one must read anew"
    assert not (folder / "tail.jsonl").exists()
    assert log.add_segment(table(event(3, "bob"), event(4))) == 0
    assert log.forget("ann") == 6 and not any(b"ze" in p.read_bytes() for p in folder.glob("live*"))


def test_a_takeover_that_was_killed_is_done_again(log: EmbeddedLog, event) -> None:
    write_old_tail(log.path, [event(1), event(2)])
    kept = (log.path / "tail.jsonl").read_bytes()
    log.append([event(3)])
    (log.path / "tail.jsonl").write_bytes(kept)  # as if killed before it was removed
    again = EmbeddedLog(log.path)
    assert ids(again) == ["ann-1", "ann-2", "ann-3"] == ids(log) and len(again) == 3


def test_a_damaged_line_of_an_earlier_version_is_refused(log: EmbeddedLog, event) -> None:
    write_old_tail(log.path, [event(1), event(2), event(3)])
    lines = (log.path / "tail.jsonl").read_bytes().splitlines(keepends=True)
    (log.path / "tail.jsonl").write_bytes(lines[0] + lines[1][:40] + b"\n" + lines[2])
    with pytest.raises(StoreError, match=r"line 2 of .*tail.jsonl is damaged .* deleting the line"):
        log.read()
    (log.path / "tail.jsonl").write_bytes(lines[0] + lines[2])
    assert ids(log) == ["ann-1", "ann-3"]


def test_a_reader_takes_over_as_well(log: EmbeddedLog, event) -> None:
    write_old_tail(log.path, [event(1), event(2)])
    assert log.tail_since(0)[0] == [event(1), event(2)] and log.tail_size == log.tail_since(0)[1]


# -- which ids are known ------------------------------------------------------------------------------------


@pytest.mark.parametrize("harm", ["lost", "cut", "of another time"])
def test_digests_of_imports_are_made_anew_where_they_lack(log: EmbeddedLog, event, table, harm: str) -> None:
    log.add_segment(table(event(1), event(2)))
    log.add_segment(table(event(3)))
    (known,) = log.path.glob("known-*.ids")
    if harm == "lost":
        known.unlink()
    elif harm == "cut":
        known.write_bytes(known.read_bytes()[:16])
    else:
        known.rename(log.path / "known-1.ids")
    assert EmbeddedLog(log.path).append([event(n) for n in range(5)]) == [event(0), event(4)]


def test_an_imported_file_that_was_lost_can_be_imported_again(log: EmbeddedLog, event, table) -> None:
    log.add_segment(table(event(1)))
    log.add_segment(table(event(2)))
    log._segments()[1].unlink()  # as the message about a damaged one says
    again = EmbeddedLog(log.path)
    assert again.add_segment(table(event(2))) == 1 and ids(again) == ["ann-1", "ann-2"]


def test_another_process_imports_and_forgets_meanwhile(log: EmbeddedLog, event, table) -> None:
    other = EmbeddedLog(log.path)
    log.append([event(1)])
    other.add_segment(table(event(2)))
    assert log.append([event(2)]) == []
    other.forget("ann")
    assert log.append([event(2)]) == [event(2)] and ids(other) == ["ann-2"]


@given(
    held=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3))),
    asked=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3))),
)
def test_known_ids_are_a_set(held: list[tuple[int, int]], asked: list[tuple[int, int]]) -> None:
    """Few first halves, so that equal ones lie beside each other."""
    import numpy as np

    from bowerbird.data.logs.known_ids import KnownIds, is_first_occurrence

    columns = [np.array([pair[half] for pair in held], np.uint64) for half in (0, 1)]
    questions = [np.array([pair[half] for pair in asked], np.uint64) for half in (0, 1)]
    found = KnownIds.of(*columns).positions_of(*questions) >= 0
    assert found.tolist() == [pair in held for pair in asked]
    first = is_first_occurrence(*columns)
    assert [pair for pair, one in zip(held, first, strict=True) if one] == list(dict.fromkeys(held))


PAIRS = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), unique=True)


@given(held=PAIRS, plus=PAIRS, minus=PAIRS, at_once=st.integers(1, 4))
def test_a_changed_set_is_written_a_part_at_a_time(held, plus, minus, at_once: int) -> None:
    import numpy as np

    from bowerbird.data.logs import known_ids

    plus, minus = sorted(set(plus) - set(held)), sorted(set(minus) & set(held))

    def of(pairs: list[tuple[int, int]]) -> known_ids.KnownIds:
        return known_ids.KnownIds.of(
            *(np.array([pair[half] for pair in pairs], np.uint64) for half in (0, 1))
        )

    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patched:
        patched.setattr(known_ids, "_BLOCK", at_once)
        of(held).save_changed(Path(folder) / "ids", of(plus), of(minus))
        found = known_ids.KnownIds.open_mapped(Path(folder) / "ids")
        assert (np.diff(found.high.astype(int)) >= 0).all()
        pairs = list(zip(found.high.tolist(), found.low.tolist(), strict=True))
    assert sorted(pairs) == sorted((set(held) | set(plus)) - set(minus))


# -- a crash and damage -------------------------------------------------------------------------------------


def test_a_commit_cut_short_by_a_crash_is_ignored(log: EmbeddedLog, tmp_path: Path, event) -> None:
    log.append([event(1)])
    whole = (log.path / "live.db-wal").stat().st_size
    log.append([event(2)])
    ends = range(whole, (log.path / "live.db-wal").stat().st_size, 1500)
    for number, end in enumerate(ends):
        again = crashed(log, tmp_path / str(number))
        os.truncate(again.path / "live.db-wal", end)
        assert ids(again) == ["ann-1"]
        assert again.append([event(1), event(2)]) == [event(2)]
    assert ids(crashed(log, tmp_path / "whole")) == ["ann-1", "ann-2"]


def test_a_last_commit_whose_pages_are_wrong_is_ignored(log: EmbeddedLog, tmp_path: Path, event) -> None:
    """A loss of power may write a commit's pages in any order; it was not acknowledged then."""
    log.append([event(1)])
    log.append([event(2)])
    again = crashed(log, tmp_path / "crashed")
    wal = again.path / "live.db-wal"
    raw = bytearray(wal.read_bytes())
    raw[-30] ^= 1
    wal.write_bytes(raw)
    assert ids(again) == ["ann-1"]


def test_damage_before_a_whole_commit_is_refused(log: EmbeddedLog, tmp_path: Path, event) -> None:
    """SQLite alone would open this and have forgotten what was acknowledged."""
    for number in range(1, 6):
        log.append([event(number)])
    again = crashed(log, tmp_path / "crashed")
    flip(again.path / "live.db-wal", b'"event_id":"ann-2"')
    with sqlite3.connect(shutil.copytree(again.path, tmp_path / "alone") / "live.db") as alone:
        assert alone.execute("SELECT count(*) FROM live").fetchone() == (1,)
    for use in (again.read, lambda: again.append([event(9)]), lambda: again.tail_since(0)):
        with pytest.raises(StoreError, match=r"live\.db-wal is damaged.*backup"):
            use()
    (again.path / "live.db-wal").rename(tmp_path / "aside")
    again.append([event(9)])
    assert ids(again) == ["ann-9"]  # the five are in the file that was moved aside


def test_a_flipped_bit_anywhere_in_the_write_ahead_file_is_seen(log: EmbeddedLog, tmp_path, event) -> None:
    """Before the last commit it is refused; in the last one it looks like a commit that was cut short."""
    ends = []
    for number in range(6):
        log.append([event(number), event(number, "bob")])
        ends.append((log.path / "live.db-wal").stat().st_size)
    raw = (log.path / "live.db-wal").read_bytes()
    assert damaged_commits(log.path / "live.db-wal") == 0
    for seed in range(300):
        place = random.Random(seed).choice([seed % 32, random.Random(seed).randrange(32, len(raw))])
        harmed = bytearray(raw)
        harmed[place] ^= 1 << seed % 8
        (tmp_path / "wal").write_bytes(harmed)
        assert bool(damaged_commits(tmp_path / "wal")) == (place < ends[-2]), place
    for end in range(0, len(raw), 999):
        (tmp_path / "wal").write_bytes(raw[:end])
        assert damaged_commits(tmp_path / "wal") == 0


def test_a_damaged_record_is_refused_by_name(log: EmbeddedLog, event) -> None:
    log.append([event(number) for number in range(1, 4)])
    log.close()
    flip(log.path / "live.db", b'"item_id":"lamp')
    with pytest.raises(StoreError, match=r"event \d in .*live\.db is damaged .* backup") as refused:
        log.read()
    with sqlite3.connect(log.path / "live.db") as own:
        own.execute(str(refused.value).split("'")[1])  # what the message says
    own.close()
    assert len(ids(EmbeddedLog(log.path))) == 2


def test_a_database_that_is_none_is_refused(log: EmbeddedLog, event) -> None:
    log.append([event(1)])
    log.close()
    raw = (log.path / "live.db").read_bytes()
    for harmed in (b"x" * len(raw), raw[:4096] + b"x" * (len(raw) - 4096)):
        (log.path / "live.db").write_bytes(harmed)
        with pytest.raises(StoreError, match=r"damaged.*backup"):
            EmbeddedLog(log.path).append([event(2)])


def test_a_damaged_import_is_refused_by_name(log: EmbeddedLog, event, table) -> None:
    log.add_segment(table(*(event(number) for number in range(200))))
    (segment,) = log._segments()
    raw = bytearray(segment.read_bytes())
    for place in range(40, len(raw) - 12, 97):
        harmed = bytearray(raw)
        harmed[place] ^= 0x55
        segment.write_bytes(harmed)
        try:
            found = EmbeddedLog(log.path).read()
        except StoreError as error:
            assert segment.name in str(error) and "import its events again" in str(error)
        else:
            assert found["event_id"].to_pylist() == [f"ann-{number}" for number in range(200)]


def test_a_generation_that_is_no_number_is_refused(log: EmbeddedLog, event) -> None:
    log.append([event(1)])
    (log.path / "GENERATION").write_text("")
    with pytest.raises(StoreError, match="write one into it"):
        _ = log.generation


def test_a_folder_restored_under_a_running_process_is_noticed(
    log: EmbeddedLog, tmp_path: Path, event
) -> None:
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


def test_times_are_the_events_own_and_arrival_is_counted(log: EmbeddedLog, event) -> None:
    """A clock that jumps changes neither: events of 1970 and of 2200 arrive in between."""
    jumps = [event(1), event(2, at=-1.7e9), event(3, at=5.5e9), event(4)]
    for one in jumps:
        log.append([one])
    assert log.tail_since(0)[0] == jumps
    assert log.read()["at"].to_pylist() == sorted(one.at for one in jumps)
    assert jumps[2].at - jumps[1].at > timedelta(days=365 * 200)


# -- what a process kept itself ---------------------------------------------------------------------------

STEPS = st.lists(
    st.tuples(st.sampled_from(["mine", "theirs", "forget", "they forget", "import"]), st.integers(1, 3)),
    max_size=12,
)


@settings(max_examples=40, deadline=None)
@given(steps=STEPS)
def test_who_wrote_reads_what_everybody_reads(steps: list[tuple[str, int]], event, table) -> None:
    """Events of one's own are not read back from the disk: that must never show."""
    with TemporaryDirectory() as folder:
        mine, theirs = EmbeddedLog(Path(folder)), EmbeddedLog(Path(folder))
        number = 0
        for what, count in steps:
            log = mine if what in ("mine", "forget", "import") else theirs
            events = [event(number + k, user=f"u{(number + k) % 2}") for k in range(count)]
            if "forget" in what:
                log.forget(f"u{count % 2}")
            elif what == "import":
                log.add_segment(table(*events))
            else:
                log.append([*events, events[0]])
            number += count
            fresh = EmbeddedLog(Path(folder))
            for offset in range(fresh.tail_size + 2):
                assert mine.tail_since(offset) == fresh.tail_since(offset)
            fresh.close()
        mine.close()
        theirs.close()


def test_a_restored_file_is_read_and_not_remembered(log: EmbeddedLog, event, tmp_path: Path) -> None:
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
    assert [one.event_id for one in log.tail_since(0)[0]] == [event(7).event_id, event(8).event_id]

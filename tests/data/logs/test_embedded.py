"""The log's promises: every event once, durable, forgettable."""

import json
import multiprocessing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from bowerbird.data.events import EVENT_SCHEMA, Action, Event
from bowerbird.data.logs.embedded import EmbeddedLog as EventLog

START = datetime(2026, 1, 1, tzinfo=UTC)
FORK = multiprocessing.get_context("fork")


def event(number: int, user: str = "ann", at: float | None = None) -> Event:
    moment = START + timedelta(seconds=number if at is None else at)
    return Event(user, "lamp", Action.CLICK, moment, event_id=f"{user}-{number}")


def table(*events: Event) -> pa.Table:
    return pa.Table.from_pylist([one.as_row() for one in events], schema=EVENT_SCHEMA)


def ids(log: EventLog) -> list[str]:
    return log.read()["event_id"].to_pylist()


def test_an_event_counts_once_however_often_it_arrives(tmp_path: Path) -> None:
    log = EventLog(tmp_path / "events")
    assert log.append([event(1), event(1), event(2)]) == [event(1), event(2)]
    assert log.add_segment(table(event(2), event(3), event(3))) == 1
    assert log.append([event(3), event(4)]) == [event(4)]
    assert EventLog(log.path).append([event(n) for n in range(6)]) == [event(0), event(5)]
    assert log.add_segment(table(*(event(n) for n in range(6)))) == 0
    assert log.append([event(n) for n in range(6)]) == []
    assert ids(log) == [f"ann-{n}" for n in range(6)] and len(log) == 6


def test_events_without_an_id_get_one_from_what_they_say() -> None:
    one = Event("ann", "lamp", Action.CLICK, START)
    assert one == Event("ann", "lamp", Action.CLICK, START)
    others = [
        Event("bob", "lamp", Action.CLICK, START),
        Event("ann", "mug", Action.CLICK, START),
        Event("ann", "lamp", Action.SAVE, START),
        Event("ann", "lamp", Action.CLICK, START + timedelta(microseconds=1)),
    ]
    assert len({e.event_id for e in [one, *others]}) == 5


def test_every_field_comes_back(tmp_path: Path) -> None:
    whole = Event("ann", "lämp\n", Action.PURCHASE, START, "id", 3.5, "session", "page", "a red lamp", 4)
    log = EventLog(tmp_path / "events")
    log.append([whole])
    assert log.tail_since(0)[0] == [whole] == [Event.from_row(row) for row in log.read().to_pylist()]


def test_read_is_sorted_by_time_then_id(tmp_path: Path) -> None:
    log = EventLog(tmp_path / "events")
    log.append([event(9, at=5), event(3, at=7)])
    log.add_segment(table(event(2, at=5), event(8, at=1)))
    log.append([event(1, at=5)])
    assert ids(log) == ["ann-8", "ann-1", "ann-2", "ann-9", "ann-3"]


def test_a_line_cut_by_a_crash_is_ignored_and_overwritten(tmp_path: Path) -> None:
    log = EventLog(tmp_path / "events")
    log.append([event(1), event(2)])
    tail = log.path / "tail.jsonl"
    whole = tail.read_bytes()
    for cut in (len(whole) - 1, len(whole) - 30, whole.index(b"\n") + 2):
        tail.write_bytes(whole[:cut])
        again = EventLog(log.path)
        assert ids(again) == ["ann-1"] and again.tail_size == whole.index(b"\n") + 1
        assert again.append([event(2)]) == [event(2)]
        assert tail.read_bytes() == whole
    tail.write_bytes(whole[:20])  # the first line of all
    assert EventLog(log.path).append([event(1), event(2)]) and tail.read_bytes() == whole


def test_tail_size_of_a_long_cut_line(tmp_path: Path) -> None:
    log = EventLog(tmp_path / "events")
    assert log.tail_size == 0
    log.append([event(1)])
    good = log.tail_size
    with (log.path / "tail.jsonl").open("ab") as file:
        for length in (1, 4095 - good, 1, 4096, 9000):
            file.write(b"x" * length)
            file.flush()
            assert log.tail_size == good


def test_forget_leaves_no_byte_of_a_person(tmp_path: Path) -> None:
    log = EventLog(tmp_path / "events")
    log.add_segment(table(event(1, "zelda-77"), event(1, "bob")))
    log.add_segment(table(event(2, "zelda-77")))
    log.append([event(3, "zelda-77"), event(2, "bob")])
    before = log.generation
    assert log.forget("zelda-77") == 3
    assert log.generation > before
    assert ids(log) == ["bob-1", "bob-2"] == ids(EventLog(log.path))
    assert not [p for p in log.path.rglob("*") if p.is_file() and b"zelda-77" in p.read_bytes()]
    assert log.append([event(3, "zelda-77")]) == [event(3, "zelda-77")]  # may come back


def test_forget_reaches_a_line_cut_by_a_crash(tmp_path: Path) -> None:
    log = EventLog(tmp_path / "events")
    log.append([event(1, "bob"), event(3, "zelda-77")])
    tail = log.path / "tail.jsonl"
    tail.write_bytes(tail.read_bytes()[:-5])
    EventLog(log.path).forget("zelda-77")
    assert b"zelda" not in tail.read_bytes() and ids(log) == ["bob-1"]


def append_many(path: Path, who: str, go) -> None:
    log = EventLog(path)
    go.wait(30)
    for start in range(0, 60, 3):
        log.append([event(n, who) for n in range(start, start + 3)])
        log.append([event(start, "both")])


def test_two_processes_lose_nothing_and_double_nothing(tmp_path: Path) -> None:
    path, go = tmp_path / "events", FORK.Event()
    others = [FORK.Process(target=append_many, args=(path, who, go)) for who in ("ann", "bob")]
    for other in others:
        other.start()
    go.set()
    for other in others:
        other.join(60)
        assert other.exitcode == 0
    expected = [f"{who}-{n}" for who in ("ann", "bob") for n in range(60)]
    expected += [f"both-{n}" for n in range(0, 60, 3)]
    lines = [json.loads(line)["event_id"] for line in (path / "tail.jsonl").read_text().splitlines()]
    assert sorted(lines) == sorted(expected) == sorted(ids(EventLog(path)))


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.lists(st.integers(0, 15), max_size=4), st.booleans()), max_size=8))
def test_tail_offsets_read_every_event_once(steps: list[tuple[list[int], bool]]) -> None:
    with TemporaryDirectory() as folder:
        log, offset, seen = EventLog(Path(folder)), 0, []
        for numbers, look in steps:
            log.append([event(n) for n in numbers])
            if look:
                found, offset = log.tail_since(offset)
                seen += found
        found, offset = log.tail_since(offset)
        seen += found
        expected = list(dict.fromkeys(n for numbers, _ in steps for n in numbers))
        assert seen == [event(n) for n in expected]
        assert offset == log.tail_size and log.tail_since(offset) == ([], offset)

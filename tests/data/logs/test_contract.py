"""The guarantees of every event log, checked on each: a folder, Postgres, Redis."""

import contextlib
import itertools
import multiprocessing
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bowerbird.data.events import Action, Event
from bowerbird.data.logs.contract import EVERYTHING, EventLog
from bowerbird.data.logs.local.embedded import EmbeddedLog
from bowerbird.errors import InputError, StoreError

FORK = multiprocessing.get_context("fork")
Make = Callable[[], EventLog]
Interrupt = Callable[[EventLog], contextlib.AbstractContextManager[None]]
NUMBERS = itertools.count()
SHARED = [HealthCheck.function_scoped_fixture, HealthCheck.differing_executors]  # one log for all examples


def ids(log: EventLog) -> list[str]:
    return log.read()["event_id"].to_pylist()


class LogContract:
    """`make` opens another handle of the same log, which is empty at first, as another process would."""

    @pytest.fixture
    def log(self, make: Make) -> EventLog:
        return make()

    def files(self, log: EventLog) -> Iterable[Path]:
        """Files that could still contain a user's id after an erasure."""
        raise NotImplementedError

    def test_an_event_counts_once_however_often_it_arrives(self, log, make, event, table) -> None:
        assert log.append([event(1), event(1), event(2)]) == [event(1), event(2)]
        assert log.add_segment(table(event(2), event(3), event(3))) == 1
        assert log.append([event(3), event(4)]) == [event(4)]
        assert make().append([event(n) for n in range(6)]) == [event(0), event(5)]
        assert log.add_segment(table(*(event(n) for n in range(6)))) == 0
        assert log.append([event(n) for n in range(6)]) == []
        assert ids(log) == [f"ann-{n}" for n in range(6)] == ids(make()) and len(log) == 6

    def test_every_field_comes_back(self, log, table) -> None:
        moment = datetime(1969, 12, 31, 23, 59, 59, 999999, UTC)
        live = [
            Event("ann", "lämp\n", Action.PURCHASE, moment, "id", 3.5, "session", "page", 'a "red" lamp', 4),
            Event("o'n\\e\"\x00", "\u2028", Action.HIDE, moment, "\x00", -1e300, "", "", "", -5),
        ]
        imported = Event("ann", "\x00\\", Action.SAVE, moment, "zz", 0.1)
        log.append(live)
        log.add_segment(table(imported))
        assert log.tail_since(0)[0] == live
        assert [Event.from_row(row) for row in log.read().to_pylist()] == [live[1], live[0], imported]

    def test_read_goes_by_time_and_the_tail_by_arrival(self, log, event, table) -> None:
        log.append([event(9, at=5), event(3, at=7)])
        log.add_segment(table(event(2, at=5), event(8, at=1)))
        log.append([event(1, at=5)])
        assert ids(log) == ["ann-8", "ann-1", "ann-2", "ann-9", "ann-3"]
        assert [logged.event_id for logged in log.tail_since(0)[0]] == ["ann-9", "ann-3", "ann-1"]

    def test_events_of_users_are_theirs_in_the_whole_log(self, log, event, table) -> None:
        """Also after an erasure, and for ids that JSON escapes."""
        names = ["ann", "bob", 'c"\\y', "\x00", "dé"]
        log.add_segment(table(*(event(n, name, at=9 - n) for n in range(3) for name in names[:3])))
        log.append([event(n, name, at=7 - n) for n in range(3, 6) for name in names])
        log.add_segment(table(event(9, "dé", at=1)))
        for _ in range(2):
            for users in ([], ["ann"], ["nobody", "dé"], names[1:4], names):
                rows = [row for row in log.read().to_pylist() if row["user_id"] in users]
                assert log.read_users(users).to_pylist() == rows
                assert rows or set(users) <= {"ann"}
            log.forget("ann")

    @settings(max_examples=15, suppress_health_check=SHARED)
    @given(st.lists(st.tuples(st.lists(st.integers(0, 15), max_size=4), st.booleans()), max_size=8))
    def test_offsets_read_every_event_once(self, log, event, steps: list[tuple[list[int], bool]]) -> None:
        start = 100 * len(log)  # every example has ids of its own
        offset, read_events = log.tail_size, []
        for numbers, reads in steps:
            log.append([event(start + n) for n in numbers])
            if reads:
                new_events, offset = log.tail_since(offset)
                read_events += new_events
        new_events, offset = log.tail_since(offset)
        expected = list(dict.fromkeys(start + n for numbers, _ in steps for n in numbers))
        assert read_events + new_events == [event(n) for n in expected]
        assert offset == log.tail_size and log.tail_since(offset) == ([], offset)

    def test_an_import_or_an_erasure_starts_a_new_generation(self, log, make, event, table) -> None:
        first = log.generation
        log.append([event(1)])
        assert log.generation == first
        log.add_segment(table(event(2)))
        second = make().generation
        assert second == log.generation > first
        log.add_segment(table(event(1), event(2)))
        assert log.generation == second
        log.forget("ann")
        assert log.generation > second

    def test_forget_leaves_no_byte_of_a_user(self, log, event, table) -> None:
        log.add_segment(table(event(1, "zelda-77"), event(1, "bob")))
        log.add_segment(table(event(2, "zelda-77")))
        log.append([event(3, "zelda-77"), event(2, "bob"), event(1, "zelda-777")])
        log.append([event(number, "zelda-77") for number in range(4, 300)])
        files_before = [path for path in self.files(log) if b"zelda-77-2" in path.read_bytes()]
        assert files_before, "the test looks into the wrong files"
        offset = log.tail_size
        assert log.forget("zelda-77") == 299
        assert ids(log) == ["bob-1", "zelda-777-1", "bob-2"]
        assert not [path for path in self.files(log) if b"zelda-77-2" in path.read_bytes()]
        log.append([event(3, "bob")])
        assert log.tail_since(offset)[0] == [event(3, "bob")]  # offsets stay valid
        assert log.append([event(3, "zelda-77")]) == [event(3, "zelda-77")]  # the user may come back
        assert log.forget("nobody") == 0

    def test_several_users_are_forgotten_each_up_to_a_mark(self, log, make, event, table) -> None:
        """Events after a user's mark belong to a new user of the same id, and stay."""
        log.add_segment(table(*(event(n, user) for n in range(3) for user in ("ann", "bob", "cy"))))
        log.append([event(n, user) for n in range(3, 6) for user in ("ann", "bob", "cy")])
        early = log.mark
        log.append([event(6, "ann"), event(6, "bob")])
        late = make().mark
        log.add_segment(table(event(7, "ann"), event(7, "bob")))
        log.append([event(8, "ann"), event(8, "bob")])
        users = {"ann": early, "bob": late, "nobody": late}
        generation, offset = log.generation, log.tail_size
        assert log.has_any_of(users) and not log.has_any_of({"nobody": late, "dora": late})
        assert log.forget_all(users) == 13
        expected = [f"cy-{n}" for n in range(6)] + ["ann-6", "ann-7", "bob-7", "ann-8", "bob-8"]
        assert sorted(ids(make())) == sorted(expected) and len(log) == len(expected)
        assert generation < log.generation <= generation + log.generations_per_forget
        generation = log.generation
        assert not log.has_any_of(users) and log.forget_all(users) == 0 == log.forget_all({})
        assert log.generation == generation and log.tail_since(offset) == ([], log.tail_size)
        assert log.append([event(6, "ann"), event(3, "bob")]) == [event(3, "bob")], (
            "only remaining events are known"
        )

    def test_a_mark_is_after_all_acknowledged_events(self, log, event, table) -> None:
        before = log.mark
        for number, add in enumerate([log.append, lambda events: log.add_segment(table(*events))] * 2):
            add([event(number)])
            assert not log.has_any_of({"ann": before}) and log.has_any_of({"ann": log.mark})
            assert log.forget_all({"ann": log.mark}) == 1
            before = log.mark

    @settings(max_examples=30, suppress_health_check=SHARED)
    @given(st.data())
    def test_forgetting_matches_a_plain_list(self, log, event, table, data) -> None:
        """Compared with a list of (arrival, event): random appends, imports and erasures up to marks."""
        odd = 'c"\\y'
        users = st.sampled_from(["ann", "bob", odd])
        log.forget_all(dict.fromkeys(("ann", "bob", odd), EVERYTHING))
        arrivals, marks, stored = 0, [(0, log.mark)], []
        for step in data.draw(st.lists(st.sampled_from(["append", "import", "mark", "forget"]), max_size=8)):
            if step == "mark":
                marks.append((arrivals, log.mark))
            elif step == "forget":
                marks_of_users = data.draw(st.dictionaries(users, st.sampled_from(marks)))
                first_remaining_arrival = {user: arrival for user, (arrival, _) in marks_of_users.items()}
                remaining = [
                    (arrival, logged)
                    for arrival, logged in stored
                    if arrival >= first_remaining_arrival.get(logged.user_id, 0)
                ]
                removed = log.forget_all({user: mark for user, (_, mark) in marks_of_users.items()})
                assert removed == len(stored) - len(remaining)
                stored = remaining
            else:
                events = [event(next(NUMBERS), user) for user in data.draw(st.lists(users, max_size=4))]
                log.append(events) if step == "append" else log.add_segment(table(*events))
                stored += [(arrivals + n, logged) for n, logged in enumerate(events)]
                arrivals += len(events)
        assert sorted(ids(log)) == sorted(logged.event_id for _, logged in stored)

    def test_forgetting_an_unknown_user_changes_nothing(self, log, make, event, table) -> None:
        log.add_segment(table(event(1), event(2, "bob")))
        log.append([event(3), event(4, 'a "b"')])
        generation, tail, before = log.generation, log.tail_size, log.read()
        for user in ("nobody", "an", "ann-1", "annn", "", 'a \\"b\\"'):
            assert not log.has_events_of(user) and log.forget(user) == 0
        assert (log.generation, log.tail_size) == (generation, tail) == (make().generation, make().tail_size)
        assert log.read() == before
        assert log.has_events_of("ann") and log.has_events_of("bob") and make().has_events_of('a "b"')

    def test_an_interrupted_erasure_is_repeated(self, log, make, event, table, interrupt) -> None:
        log.add_segment(table(event(1, "zelda-77"), event(1, "bob")))
        log.append([event(number, "zelda-77") for number in range(2, 300)])
        with interrupt(log), pytest.raises(StoreError):
            log.forget("zelda-77")
        assert make().has_events_of("zelda-77")
        make().forget("zelda-77")
        assert not [path for path in self.files(log) if b"zelda-77-2" in path.read_bytes()]
        generation = log.generation
        assert (
            not log.has_events_of("zelda-77") and not log.has_events_of("bo") and log.forget("zelda-77") == 0
        )
        assert log.generation == generation and ids(log) == ["bob-1"]

    def test_forget_finds_user_ids_with_json_escapes(self, log, event) -> None:
        odd = ['o"n\\e\n', "\x00", "lämp", "ann\\u0062", "annb"]
        log.append([event(1, user) for user in odd])
        for count, user in enumerate(odd, start=1):
            assert log.forget(user) == 1 and len(log) == len(odd) - count

    def test_concurrent_threads_lose_and_duplicate_nothing(self, log, event) -> None:
        claimed: list[Event] = []

        def work(user: str) -> None:
            for start in range(0, 40, 4):
                claimed.extend(log.append([event(n, user) for n in range(start, start + 4)]))
                claimed.extend(log.append([event(start, "all")]))

        workers = [threading.Thread(target=work, args=(f"t{k}",)) for k in range(6)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join(60)
        expected = [f"t{k}-{n}" for k in range(6) for n in range(40)] + [f"all-{n}" for n in range(0, 40, 4)]
        assert sorted(logged.event_id for logged in claimed) == sorted(expected) == sorted(ids(log))

    def test_concurrent_processes_lose_and_duplicate_nothing(self, log, make, event) -> None:
        """Children are forked from a process that already uses the log; a concurrent reader misses
        nothing."""
        assert log.append([event(0)]) and log.tail_since(0)[0] == [event(0)]
        pipes = [FORK.Pipe(duplex=False) for _ in range(3)]

        def work(user: str, answer) -> None:
            claimed = []
            for handle in itertools.islice(itertools.cycle([log, make()]), 10):
                claimed += handle.append([event(n, user) for n in range(len(claimed), len(claimed) + 3)])
                claimed += handle.append([event(n, "all") for n in range(12)])
            answer.send([logged.event_id for logged in claimed])

        children = [FORK.Process(target=work, args=(f"p{k}", answer)) for k, (_, answer) in enumerate(pipes)]
        for child in children:
            child.start()
        read_events, offset = [], 0
        while any(child.is_alive() for child in children):
            new_events, offset = log.tail_since(offset)
            read_events += new_events
        claimed = ["ann-0"]
        for child, (answer, _) in zip(children, pipes, strict=True):
            claimed += answer.recv()
            child.join(60)
        read_events += log.tail_since(offset)[0]
        assert sorted(claimed) == sorted(set(claimed)) == sorted(ids(log))
        assert sorted(logged.event_id for logged in read_events) == sorted(claimed)
        assert {f"all-{n}" for n in range(12)} < set(claimed)

    def test_invalid_unicode_is_rejected_alone(self, log, event) -> None:
        with pytest.raises(InputError, match="not valid Unicode"):
            log.append([event(1), Event("\ud800", "lamp", Action.CLICK, event(1).at, "id")])
        assert len(log) == 0 and log.append([event(1)]) == [event(1)]

    def test_a_closed_log_opens_again(self, log, event) -> None:
        log.append([event(1)])
        log.close()
        assert log.append([event(1), event(2)]) == [event(2)] and ids(log) == ["ann-1", "ann-2"]
        log.close()

    def test_an_empty_log(self, log) -> None:
        assert len(log) == 0 and log.read().num_rows == 0 and log.append([]) == []
        assert log.tail_since(log.tail_size) == ([], 0) and log.forget("ann") == 0


class TestEmbeddedLog(LogContract):
    @pytest.fixture
    def make(self, tmp_path: Path) -> Make:
        return lambda: EmbeddedLog(tmp_path / "events")

    def files(self, log: EventLog) -> Iterable[Path]:
        assert isinstance(log, EmbeddedLog)
        return [path for path in log.path.rglob("*") if path.is_file()]

    @pytest.fixture
    def interrupt(self) -> Interrupt:
        """A reader blocks SQLite's checkpoint: the events are removed, their bytes are not."""

        @contextlib.contextmanager
        def interrupted(log: EventLog) -> Iterator[None]:
            assert isinstance(log, EmbeddedLog)
            with contextlib.closing(sqlite3.connect(log.path / "live.db", isolation_level=None)) as reader:
                reader.execute("BEGIN")
                reader.execute("SELECT count(*) FROM live").fetchone()
                log._live._connections.writer().execute("PRAGMA busy_timeout=100")
                yield
                reader.execute("ROLLBACK")

        return interrupted


class TestPostgresLog(LogContract):
    @pytest.fixture
    def make(self, postgres_server, tmp_path: Path) -> Make:
        import psycopg

        from bowerbird.data.logs.postgres import PostgresLog

        self.server = postgres_server
        with psycopg.connect(postgres_server.address, autocommit=True) as connection:
            connection.execute("DROP TABLE IF EXISTS bowerbird_events, bowerbird_generation")
        return lambda: PostgresLog(postgres_server.address, before=tmp_path / "events")

    def files(self, log: EventLog) -> Iterable[Path]:
        """All files but `pg_wal`: the server's write-ahead log keeps writes until it is recycled."""
        import psycopg

        with psycopg.connect(self.server.address, autocommit=True) as connection:
            connection.execute("ANALYZE")  # as the server does by itself; it stores frequent values
            connection.execute("CHECKPOINT")  # flushes memory, removes files of dropped tables
        for path in self.server.data.rglob("*"):
            with contextlib.suppress(FileNotFoundError):
                if path.is_file() and "pg_wal" not in path.parts:
                    yield path

    @pytest.fixture
    def interrupt(self) -> Interrupt:
        """An operator cancels the VACUUM while it waits for a table that is being read."""
        import psycopg

        cancel_vacuum = (
            "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE query LIKE 'VACUUM FULL bowerbird%'"
        )

        @contextlib.contextmanager
        def interrupted(log: EventLog) -> Iterator[None]:
            stop = threading.Event()

            def cancel() -> None:
                with psycopg.connect(self.server.address, autocommit=True) as connection:
                    while not stop.wait(0.05):
                        connection.execute(cancel_vacuum)

            with psycopg.connect(self.server.address) as reader:
                reader.execute("SELECT count(*) FROM bowerbird_events").fetchone()
                operator = threading.Thread(target=cancel)
                operator.start()
                try:
                    yield
                finally:
                    stop.set()
                    operator.join(60)

        return interrupted


class TestRedisLog(LogContract):
    @pytest.fixture
    def make(self, redis_server, tmp_path: Path) -> Make:
        import redis

        from bowerbird.data.logs.redis import RedisLog

        self.server = redis_server
        redis.Redis.from_url(redis_server.address).flushall()
        return lambda: RedisLog(redis_server.address, before=tmp_path / "events")

    def files(self, log: EventLog) -> Iterable[Path]:
        return [path for path in self.server.folder.rglob("*") if path.is_file()]

    @pytest.fixture
    def interrupt(self, monkeypatch: pytest.MonkeyPatch) -> Interrupt:
        """A full disk: the events are removed, but the server's files still hold them."""

        @contextlib.contextmanager
        def interrupted(log: EventLog) -> Iterator[None]:
            def fail(_: object) -> None:
                raise StoreError("its files could not be rewritten")

            with monkeypatch.context() as patch:
                patch.setattr(type(log), "rewrite_files", fail)
                yield

        return interrupted

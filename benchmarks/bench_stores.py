"""Which embedded store should hold the live events?

    python benchmarks/bench_stores.py [--events 1000000] [--rounds 5] [--at FOLDER]

Three arms keep the same rows (a digest of the id, a JSON body) durably and each id once: **SQLite**
(write-ahead log, `synchronous=FULL`), **LMDB**, and **JSONL**, the tail that bowerbird had before: a line
an event, flushed by `fsync`, all ids in a Python set. Durable events/s take turns within a round; medians
over rounds, beside a bare `fsync` a batch, which nothing durable can beat by much. Then each holds
`--events` and is read back, asked for ids, opened anew (its memory is what the opening process gained) and
made to forget one person.

Last, bowerbird's own log, which does more (it checks events, keeps checksums, takes a lock): threads that
append one event at a time, as a server's requests do, share commits.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import json
import os
import re
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

import lmdb
from rich.console import Console
from rich.table import Table

from bowerbird.data.events import Action, Event
from bowerbird.data.logs.embedded import EmbeddedLog

BATCHES = (1, 10, 100, 1000)
Row = tuple[bytes, str, bytes]  # digest of the id, person, body


class Arm(Protocol):
    def __init__(self, folder: Path) -> None: ...
    def append(self, rows: Sequence[Row]) -> int: ...
    def read(self) -> Iterator[bytes]: ...
    def forget(self, user: str) -> int: ...
    def close(self) -> None: ...


class Sqlite:
    def __init__(self, folder: Path) -> None:
        self.db = sqlite3.connect(folder / "live.db", isolation_level=None)
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "secure_delete=ON"):
            self.db.execute(f"PRAGMA {pragma}")
        self.db.execute(
            "CREATE TABLE IF NOT EXISTS live (seq INTEGER PRIMARY KEY, id BLOB UNIQUE, body BLOB)"
        )

    def append(self, rows: Sequence[Row]) -> int:
        self.db.execute("BEGIN IMMEDIATE")
        new = self.db.executemany(
            "INSERT OR IGNORE INTO live (id, body) VALUES (?, ?)", ((row[0], row[2]) for row in rows)
        ).rowcount
        self.db.execute("COMMIT")
        return new

    def read(self) -> Iterator[bytes]:
        return (body for (body,) in self.db.execute("SELECT body FROM live ORDER BY seq"))

    def forget(self, user: str) -> int:
        gone = self.db.execute("DELETE FROM live WHERE json_extract(body, '$.user_id') = ?", (user,)).rowcount
        self.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return gone

    def close(self) -> None:
        self.db.close()


class Lmdb:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._open()

    def _open(self) -> None:
        self.env = lmdb.open(str(self.folder / "lmdb"), map_size=1 << 36, max_dbs=2)
        self.ids, self.live = self.env.open_db(b"ids"), self.env.open_db(b"live", integerkey=True)

    def append(self, rows: Sequence[Row]) -> int:
        new = 0
        with self.env.begin(write=True) as txn:
            last = txn.cursor(self.live)
            seq = int.from_bytes(last.key(), sys.byteorder) if last.last() else 0
            for digest, _, body in rows:
                key = (seq + 1).to_bytes(8, sys.byteorder)
                if txn.put(digest, key, db=self.ids, overwrite=False):
                    txn.put(key, body, db=self.live, append=True)
                    seq, new = seq + 1, new + 1
        return new

    def read(self) -> Iterator[bytes]:
        with self.env.begin() as txn:
            for _, body in txn.cursor(self.live):
                yield bytes(body)

    def forget(self, user: str) -> int:
        """Deletes, then copies compactly: freed pages keep their bytes."""
        gone = 0
        with self.env.begin(write=True) as txn:
            cursor = txn.cursor(self.live)
            alive = cursor.first()
            while alive:
                row = json.loads(cursor.value())
                if row["user_id"] == user:
                    txn.delete(digest_of(row["event_id"]), db=self.ids)
                    alive, gone = cursor.delete(), gone + 1
                else:
                    alive = cursor.next()
        compact = self.folder / "compact"
        compact.mkdir()
        self.env.copy(str(compact), compact=True)
        self.env.close()
        (compact / "data.mdb").replace(self.folder / "lmdb" / "data.mdb")
        compact.rmdir()
        self._open()
        return gone

    def close(self) -> None:
        self.env.close()


class Jsonl:
    def __init__(self, folder: Path) -> None:
        self.path = folder / "tail.jsonl"
        self.path.touch()
        self.seen = {json.loads(line)["event_id"] for line in self.read()}

    def append(self, rows: Sequence[Row]) -> int:
        fresh = []
        for _, _, body in rows:
            if (name := json.loads(body)["event_id"]) not in self.seen:
                self.seen.add(name)
                fresh.append(body + b"\n")
        with self.path.open("ab") as file:
            file.write(b"".join(fresh))
            file.flush()
            os.fsync(file.fileno())
        return len(fresh)

    def read(self) -> Iterator[bytes]:
        with self.path.open("rb") as file:
            yield from file

    def forget(self, user: str) -> int:
        beside, gone = self.path.with_suffix(".new"), 0
        with beside.open("wb") as file:
            for line in self.read():
                if json.loads(line)["user_id"] == user:
                    gone += 1
                else:
                    file.write(line)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(self.path)
        return gone

    def close(self) -> None:
        pass


ARMS: dict[str, type[Arm]] = {"sqlite": Sqlite, "lmdb": Lmdb, "jsonl": Jsonl}


def digest_of(event_id: str) -> bytes:
    return hashlib.blake2b(event_id.encode(), digest_size=16).digest()


def rows(start: int, count: int) -> list[Row]:
    """Events as a shop sends them: ids like UUIDs, 100 events a person."""
    made = []
    for n in range(start, start + count):
        event_id = hashlib.blake2b(str(n).encode(), digest_size=16).hexdigest()
        body = {
            "event_id": event_id, "user_id": f"person-{n // 100}", "item_id": f"item-{n * 7919 % 100_000}",
            "action": "click", "at": f"2026-01-01T00:{n // 60 % 60:02}:{n % 60:02}+00:00", "value": None,
            "session": f"session-{n // 10}", "surface": "home", "query": None, "position": n % 24,
        }  # fmt: skip
        made.append((digest_of(event_id), body["user_id"], json.dumps(body).encode()))
    return made


def appended_per_second(folder: Path, rounds: int, seconds: float = 0.5) -> dict[str, dict[int, float]]:
    """Median durable events/s of each arm and of a bare fsync, by batch size; arms take turns."""
    arms: dict[str, Arm] = {}
    for name, arm in ARMS.items():
        (folder / name).mkdir(parents=True)
        arms[name] = arm(folder / name)
    bare = (folder / "bare").open("ab")
    found: dict[tuple[str, int], list[float]] = {}
    start = 0
    for _ in range(rounds):
        for batch in BATCHES:
            made = rows(start, batch * 400)
            start += batch * 400
            for name in (*arms, "bare fsync"):
                began, done = time.perf_counter(), 0
                while time.perf_counter() - began < seconds and done < len(made):
                    part = made[done : done + batch]
                    if name in arms:
                        arms[name].append(part)
                    else:
                        bare.write(b"".join(row[2] for row in part))
                        bare.flush()
                        os.fsync(bare.fileno())
                    done += batch
                found.setdefault((name, batch), []).append(done / (time.perf_counter() - began))
    for one in arms.values():
        one.close()
    names = (*ARMS, "bare fsync")
    return {n: {b: statistics.median(found[n, b]) for b in BATCHES} for n in names}


def holding(folder: Path, events: int) -> dict[str, dict[str, float]]:
    """What it is to hold many events: bytes, reading, asking for known ids, opening, forgetting."""
    result = {}
    for name, arm in ARMS.items():
        (folder / name).mkdir(parents=True)
        one = arm(folder / name)
        began = time.perf_counter()
        for start in range(0, events, 10_000):
            one.append(rows(start, 10_000))
        filled = time.perf_counter() - began
        one.close()
        opened = json.loads(
            subprocess.check_output([sys.executable, __file__, "--open", name, str(folder / name)])
        )
        one = arm(folder / name)
        size = sum(p.stat().st_blocks * 512 for p in (folder / name).rglob("*") if p.is_file()) / events
        began = time.perf_counter()
        count = sum(1 for _ in one.read())
        read = time.perf_counter() - began
        assert count == events, (name, count)
        known = rows(events // 2, 1000)
        began = time.perf_counter()
        assert one.append(known) == 0
        asked = time.perf_counter() - began
        began = time.perf_counter()
        assert one.forget("person-5") == 100
        forgot = time.perf_counter() - began
        left = sum(b'person-5"' in p.read_bytes() for p in (folder / name).rglob("*") if p.is_file())
        one.close()
        result[name] = {
            "fill_events_s": events / filled, "bytes_event": size, "read_events_s": events / read,
            "known_ids_s": 1000 / asked, "open_s": opened["seconds"], "open_mb": opened["mb"],
            "open_mb_10m": opened["mb"] * 1e7 / events, "forget_s": forgot, "files_naming_forgotten": left,
        }  # fmt: skip
    return result


def opening(name: str, folder: Path) -> None:
    """In a process of its own: seconds and memory of opening a store and asking for one known id."""
    before, began = memory(), time.perf_counter()
    store = ARMS[name](folder)
    assert store.append(rows(0, 1)) == 0
    print(json.dumps({"seconds": time.perf_counter() - began, "mb": (memory() - before) / 1e6}))


def memory() -> int:
    """Bytes of memory that are this process's own: pages of mapped files are the kernel's to take back."""
    said = Path("/proc/self/status").read_text()
    return 1024 * int(re.search(r"RssAnon:\s+(\d+)", said).group(1))


def sharing(folder: Path, threads: int, seconds: float = 4.0) -> dict[str, float]:
    """Threads that append one event at a time to bowerbird's log: events/s, and milliseconds of a call."""
    log = EmbeddedLog(folder / f"threads-{threads}")
    until, took = time.perf_counter() + seconds, [[] for _ in range(threads)]

    def work(thread: int) -> None:
        for number in itertools.count():
            began = time.perf_counter()
            if began > until:
                return
            at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=number)
            log.append([Event(f"person-{thread}", "item", Action.CLICK, at)])
            took[thread].append(time.perf_counter() - began)

    workers = [threading.Thread(target=work, args=(thread,)) for thread in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    calls = sorted(one for some in took for one in some)
    assert len(log) == len(calls)
    log.close()
    return {
        "events_s": len(calls) / seconds,
        "p50_ms": 1e3 * calls[len(calls) // 2],
        "p99_ms": 1e3 * calls[len(calls) * 99 // 100],
    }


def batches(folder: Path, events: int) -> dict[str, float]:
    """Bowerbird's log, one thread: events/s in calls of a thousand, and of a whole read."""
    log = EmbeddedLog(folder / "batches")
    at = datetime(2026, 1, 1, tzinfo=UTC)
    made = [
        Event(f"person-{n // 100}", f"item-{n % 1000}", Action.CLICK, at + timedelta(seconds=n))
        for n in range(events)
    ]
    began = time.perf_counter()
    for start in range(0, events, 1000):
        log.append(made[start : start + 1000])
    appended = time.perf_counter() - began
    began = time.perf_counter()
    assert log.read().num_rows == events
    read = time.perf_counter() - began
    log.close()
    return {"append_events_s": events / appended, "read_events_s": events / read}


def main() -> None:
    if sys.argv[1:2] == ["--open"]:
        opening(sys.argv[2], Path(sys.argv[3]))
        return
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--events", type=int, default=1_000_000, help="events that each store holds")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--at", type=Path, help="a folder on the disk to measure; else the temporary one")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=args.at) as folder:
        speed = appended_per_second(Path(folder) / "speed", args.rounds)
        held = holding(Path(folder) / "held", args.events)
        shared = {threads: sharing(Path(folder), threads) for threads in (1, 8, 32)}
        own = batches(Path(folder), min(args.events, 100_000))
    show(speed, held, shared)
    print(
        json.dumps(
            {"durable_events_s": speed, "holding": held, "events": args.events, "threads": shared, "own": own}
        )
    )


def show(
    speed: dict[str, dict[int, float]],
    held: dict[str, dict[str, float]],
    shared: dict[int, dict[str, float]],
) -> None:
    console = Console()
    table = Table("durable events/s", *(f"batch {batch}" for batch in BATCHES))
    for name, by_batch in speed.items():
        table.add_row(name, *(f"{by_batch[batch]:,.0f}" for batch in BATCHES))
    console.print(table)
    columns = list(next(iter(held.values())))
    table = Table("holding", *held)
    for column in columns:
        table.add_row(column, *(f"{held[name][column]:,.3g}" for name in held))
    console.print(table)
    table = Table("threads of one event a call", "events/s", "p50 ms", "p99 ms")
    for threads, told in shared.items():
        table.add_row(str(threads), *(f"{number:,.1f}" for number in told.values()))
    console.print(table)


if __name__ == "__main__":
    main()

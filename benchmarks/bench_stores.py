"""Which embedded store should hold the live events?

    python benchmarks/bench_stores.py [--events 1000000] [--rounds 5] [--at FOLDER]

Three arms store the same rows (a digest of the id, a JSON body) durably and each id once: **SQLite**
(write-ahead log, `synchronous=FULL`), **LMDB**, and **JSONL**, bowerbird's former tail: a line per event,
flushed by `fsync`, all ids in a Python set. Arms alternate within a round; medians over rounds of durable
events/s, compared with a bare `fsync` per batch, the practical upper bound. Then each stores `--events`,
reads them back, looks up ids, is opened again (memory: the growth of the opening process) and erases one
user.

Last, bowerbird's own log, which does more (it validates events, stores checksums, takes a lock): threads that
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
from bowerbird.data.logs.local.embedded import EmbeddedLog

BATCHES = (1, 10, 100, 1000)
Row = tuple[bytes, str, bytes]  # digest of the id, user, body


class Arm(Protocol):
    def __init__(self, folder: Path) -> None: ...
    def append(self, generate_rows: Sequence[Row]) -> int: ...
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

    def append(self, generate_rows: Sequence[Row]) -> int:
        self.db.execute("BEGIN IMMEDIATE")
        new = self.db.executemany(
            "INSERT OR IGNORE INTO live (id, body) VALUES (?, ?)", ((row[0], row[2]) for row in generate_rows)
        ).rowcount
        self.db.execute("COMMIT")
        return new

    def read(self) -> Iterator[bytes]:
        return (body for (body,) in self.db.execute("SELECT body FROM live ORDER BY seq"))

    def forget(self, user: str) -> int:
        n_deleted = self.db.execute(
            "DELETE FROM live WHERE json_extract(body, '$.user_id') = ?", (user,)
        ).rowcount
        self.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return n_deleted

    def close(self) -> None:
        self.db.close()


class Lmdb:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._open()

    def _open(self) -> None:
        self.env = lmdb.open(str(self.folder / "lmdb"), map_size=1 << 36, max_dbs=2)
        self.ids, self.live = self.env.open_db(b"ids"), self.env.open_db(b"live", integerkey=True)

    def append(self, generate_rows: Sequence[Row]) -> int:
        new = 0
        with self.env.begin(write=True) as txn:
            cursor = txn.cursor(self.live)
            seq = int.from_bytes(cursor.key(), sys.byteorder) if cursor.last() else 0
            for digest, _, body in generate_rows:
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
        """Delete, then copy compactly: freed pages keep their bytes."""
        n_deleted = 0
        with self.env.begin(write=True) as txn:
            cursor = txn.cursor(self.live)
            has_row = cursor.first()
            while has_row:
                row = json.loads(cursor.value())
                if row["user_id"] == user:
                    txn.delete(digest_of(row["event_id"]), db=self.ids)
                    has_row, n_deleted = cursor.delete(), n_deleted + 1
                else:
                    has_row = cursor.next()
        compact = self.folder / "compact"
        compact.mkdir()
        self.env.copy(str(compact), compact=True)
        self.env.close()
        (compact / "data.mdb").replace(self.folder / "lmdb" / "data.mdb")
        compact.rmdir()
        self._open()
        return n_deleted

    def close(self) -> None:
        self.env.close()


class Jsonl:
    def __init__(self, folder: Path) -> None:
        self.path = folder / "tail.jsonl"
        self.path.touch()
        self.seen = {json.loads(line)["event_id"] for line in self.read()}

    def append(self, generate_rows: Sequence[Row]) -> int:
        new_lines = []
        for _, _, body in generate_rows:
            if (event_id := json.loads(body)["event_id"]) not in self.seen:
                self.seen.add(event_id)
                new_lines.append(body + b"\n")
        with self.path.open("ab") as file:
            file.write(b"".join(new_lines))
            file.flush()
            os.fsync(file.fileno())
        return len(new_lines)

    def read(self) -> Iterator[bytes]:
        with self.path.open("rb") as file:
            yield from file

    def forget(self, user: str) -> int:
        new_path, n_deleted = self.path.with_suffix(".new"), 0
        with new_path.open("wb") as file:
            for line in self.read():
                if json.loads(line)["user_id"] == user:
                    n_deleted += 1
                else:
                    file.write(line)
            file.flush()
            os.fsync(file.fileno())
        new_path.replace(self.path)
        return n_deleted

    def close(self) -> None:
        pass


ARMS: dict[str, type[Arm]] = {"sqlite": Sqlite, "lmdb": Lmdb, "jsonl": Jsonl}


def digest_of(event_id: str) -> bytes:
    return hashlib.blake2b(event_id.encode(), digest_size=16).digest()


def generate_rows(start: int, count: int) -> list[Row]:
    """Generate events as a store front sends them: ids like UUIDs, 100 events per user."""
    generated = []
    for n in range(start, start + count):
        event_id = hashlib.blake2b(str(n).encode(), digest_size=16).hexdigest()
        body = {
            "event_id": event_id, "user_id": f"user-{n // 100}", "item_id": f"item-{n * 7919 % 100_000}",
            "action": "click", "at": f"2026-01-01T00:{n // 60 % 60:02}:{n % 60:02}+00:00", "value": None,
            "session": f"session-{n // 10}", "surface": "home", "query": None, "position": n % 24,
        }  # fmt: skip
        generated.append((digest_of(event_id), body["user_id"], json.dumps(body).encode()))
    return generated


def measure_appends(folder: Path, rounds: int, seconds: float = 0.5) -> dict[str, dict[int, float]]:
    """Measure median durable events/s of each arm and of a bare fsync, by batch size; arms alternate."""
    arms: dict[str, Arm] = {}
    for name, arm in ARMS.items():
        (folder / name).mkdir(parents=True)
        arms[name] = arm(folder / name)
    bare_file = (folder / "bare").open("ab")
    rates: dict[tuple[str, int], list[float]] = {}
    start = 0
    for _ in range(rounds):
        for batch in BATCHES:
            batch_rows = generate_rows(start, batch * 400)
            start += batch * 400
            for name in (*arms, "bare fsync"):
                start_time, n_done = time.perf_counter(), 0
                while time.perf_counter() - start_time < seconds and n_done < len(batch_rows):
                    batch_part = batch_rows[n_done : n_done + batch]
                    if name in arms:
                        arms[name].append(batch_part)
                    else:
                        bare_file.write(b"".join(row[2] for row in batch_part))
                        bare_file.flush()
                        os.fsync(bare_file.fileno())
                    n_done += batch
                rates.setdefault((name, batch), []).append(n_done / (time.perf_counter() - start_time))
    for store in arms.values():
        store.close()
    names = (*ARMS, "bare fsync")
    return {n: {b: statistics.median(rates[n, b]) for b in BATCHES} for n in names}


def measure_storage(folder: Path, events: int) -> dict[str, dict[str, float]]:
    """Measure storing many events: bytes, reading, looking up known ids, opening, erasing."""
    result = {}
    for name, arm in ARMS.items():
        (folder / name).mkdir(parents=True)
        store = arm(folder / name)
        start_time = time.perf_counter()
        for start in range(0, events, 10_000):
            store.append(generate_rows(start, 10_000))
        fill_seconds = time.perf_counter() - start_time
        store.close()
        opening_result = json.loads(
            subprocess.check_output([sys.executable, __file__, "--open", name, str(folder / name)])
        )
        store = arm(folder / name)
        size = sum(p.stat().st_blocks * 512 for p in (folder / name).rglob("*") if p.is_file()) / events
        start_time = time.perf_counter()
        count = sum(1 for _ in store.read())
        read_seconds = time.perf_counter() - start_time
        assert count == events, (name, count)
        known_rows = generate_rows(events // 2, 1000)
        start_time = time.perf_counter()
        assert store.append(known_rows) == 0
        lookup_seconds = time.perf_counter() - start_time
        start_time = time.perf_counter()
        assert store.forget("user-5") == 100
        erasure_seconds = time.perf_counter() - start_time
        n_files_left = sum(b'user-5"' in p.read_bytes() for p in (folder / name).rglob("*") if p.is_file())
        store.close()
        result[name] = {
            "fill_events_s": events / fill_seconds,
            "bytes_event": size,
            "read_events_s": events / read_seconds,
            "known_ids_s": 1000 / lookup_seconds,
            "open_s": opening_result["seconds"],
            "open_mb": opening_result["mb"],
            "open_mb_10m": opening_result["mb"] * 1e7 / events,
            "forget_s": erasure_seconds,
            "files_naming_forgotten": n_files_left,
        }
    return result


def measure_opening(name: str, folder: Path) -> None:
    """Measure in a separate process: seconds and memory of opening a store and looking up one known id."""
    memory_before, start = own_memory(), time.perf_counter()
    store = ARMS[name](folder)
    assert store.append(generate_rows(0, 1)) == 0
    print(json.dumps({"seconds": time.perf_counter() - start, "mb": (own_memory() - memory_before) / 1e6}))


def own_memory() -> int:
    """Return this process's own memory in bytes, without mapped pages, which the kernel can reclaim."""
    status = Path("/proc/self/status").read_text()
    return 1024 * int(re.search(r"RssAnon:\s+(\d+)", status).group(1))


def measure_threads(folder: Path, threads: int, seconds: float = 4.0) -> dict[str, float]:
    """Append one event at a time to bowerbird's log in several threads: events/s, and milliseconds per
    call."""
    log = EmbeddedLog(folder / f"threads-{threads}")
    deadline, seconds_by_thread = time.perf_counter() + seconds, [[] for _ in range(threads)]

    def work(thread: int) -> None:
        for number in itertools.count():
            start = time.perf_counter()
            if start > deadline:
                return
            at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=number)
            log.append([Event(f"user-{thread}", "item", Action.CLICK, at)])
            seconds_by_thread[thread].append(time.perf_counter() - start)

    workers = [threading.Thread(target=work, args=(thread,)) for thread in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    calls = sorted(call_seconds for thread_seconds in seconds_by_thread for call_seconds in thread_seconds)
    assert len(log) == len(calls)
    log.close()
    return {
        "events_s": len(calls) / seconds,
        "p50_ms": 1e3 * calls[len(calls) // 2],
        "p99_ms": 1e3 * calls[len(calls) * 99 // 100],
    }


def measure_batches(folder: Path, events: int) -> dict[str, float]:
    """Measure bowerbird's log in one thread: events/s in calls of a thousand, and of a full read."""
    log = EmbeddedLog(folder / "batches")
    at = datetime(2026, 1, 1, tzinfo=UTC)
    events_ = [
        Event(f"user-{n // 100}", f"item-{n % 1000}", Action.CLICK, at + timedelta(seconds=n))
        for n in range(events)
    ]
    start_time = time.perf_counter()
    for start in range(0, events, 1000):
        log.append(events_[start : start + 1000])
    append_seconds = time.perf_counter() - start_time
    start_time = time.perf_counter()
    assert log.read().num_rows == events
    read_seconds = time.perf_counter() - start_time
    log.close()
    return {"append_events_s": events / append_seconds, "read_events_s": events / read_seconds}


def main() -> None:
    if sys.argv[1:2] == ["--open"]:
        measure_opening(sys.argv[2], Path(sys.argv[3]))
        return
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--events", type=int, default=1_000_000, help="events that each store contains")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--at", type=Path, help="a folder on the disk to measure; else the default temporary folder"
    )
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=args.at) as folder:
        append_rates = measure_appends(Path(folder) / "speed", args.rounds)
        storage = measure_storage(Path(folder) / "held", args.events)
        by_threads = {threads: measure_threads(Path(folder), threads) for threads in (1, 8, 32)}
        batch_results = measure_batches(Path(folder), min(args.events, 100_000))
    show(append_rates, storage, by_threads)
    print(
        json.dumps(
            {
                "durable_events_s": append_rates,
                "storage": storage,
                "events": args.events,
                "threads": by_threads,
                "own": batch_results,
            }
        )
    )


def show(
    append_rates: dict[str, dict[int, float]],
    storage: dict[str, dict[str, float]],
    by_threads: dict[int, dict[str, float]],
) -> None:
    console = Console()
    table = Table("durable events/s", *(f"batch {batch}" for batch in BATCHES))
    for name, by_batch in append_rates.items():
        table.add_row(name, *(f"{by_batch[batch]:,.0f}" for batch in BATCHES))
    console.print(table)
    columns = list(next(iter(storage.values())))
    table = Table("storage", *storage)
    for column in columns:
        table.add_row(column, *(f"{storage[name][column]:,.3g}" for name in storage))
    console.print(table)
    table = Table("threads, one event per call", "events/s", "p50 ms", "p99 ms")
    for threads, row in by_threads.items():
        table.add_row(str(threads), *(f"{number:,.1f}" for number in row.values()))
    console.print(table)


if __name__ == "__main__":
    main()

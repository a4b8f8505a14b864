"""Does the event log lose or duplicate events when its writers are killed?

    python benchmarks/bench_faults.py [--rounds 200] [--writers 3] [--seconds 300] [--at FOLDER]

Each round starts `--writers` processes on one log, each with four threads that append batches of their own
events and of some that all of them send. In some rounds another process imports a file of events, half of
which the writers send as well, or erases a user. At a random moment all are killed by SIGKILL. After each
call a thread records which events it sent and which the log reported as new. Then the log, opened again, is
compared with these records:

- **lost**: acknowledged, and missing;
- **duplicated**: stored twice, reported as new twice, or read twice or never by a reader that continues from
  the last round's offset;
- **remaining**: an erased user's event that is stored after `forget` was run again.

A new log is started every 10 rounds, so that replays stay short.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import random
import signal
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
from rich.console import Console
from rich.table import Table

from bowerbird.data.events import EVENT_SCHEMA, Action, Event
from bowerbird.data.logs.local.embedded import EmbeddedLog
from bowerbird.progress import track

FORK = multiprocessing.get_context("fork")
START = datetime(2026, 1, 1, tzinfo=UTC)
N_THREADS, ROUNDS_PER_LOG = 4, 10


def make_event(user: str, number: int) -> Event:
    at = START + timedelta(seconds=number)
    return Event(user, f"item-{number % 1000}", Action.CLICK, at, event_id=f"{user}/{number}")


def append_until_killed(folder: Path, record_folder: Path, writer: str, seed: int) -> None:
    """Append events in several threads and record each reply, until the process is killed."""
    log = EmbeddedLog(folder)

    def work(thread: int) -> None:
        rng, number = random.Random(seed * 100 + thread), 0
        record_file = os.open(record_folder / f"{writer}-{thread}", os.O_CREAT | os.O_APPEND | os.O_WRONLY)
        while True:
            count = rng.choice((1, 3, 10, 50))
            sent_events = [
                make_event(f"{writer}.{thread}", n) for n in range(max(0, number - 1), number + count)
            ]
            sent_events += [make_event(f"all.{seed // 10}", rng.randrange(2000)) for _ in range(2)]
            if rng.random() < 0.1:
                sent_events.append(make_event(f"gone.{seed // 10}", rng.randrange(2000)))
            new_events = log.append(sent_events)
            line = json.dumps([[event.event_id for event in batch] for batch in (sent_events, new_events)])
            os.write(record_file, line.encode() + b"\n")
            number += count

    for thread in range(N_THREADS):
        threading.Thread(target=work, args=(thread,), daemon=True).start()
    threading.Event().wait()


def import_until_killed(folder: Path, record_folder: Path, round_: int) -> None:
    """Import events and record them as acknowledged when the import returns; wait to be killed."""
    rows = [make_event(f"all.{round_}", n) for n in range(0, 2000, 2)]
    rows += [make_event(f"file.{round_}", n) for n in range(1000)]
    table = pa.Table.from_pylist([event.as_row() for event in rows], schema=EVENT_SCHEMA)
    EmbeddedLog(folder).add_segment(table)
    (record_folder / "file").write_text(json.dumps([[event.event_id for event in rows], []]) + "\n")
    threading.Event().wait()


def forget_until_killed(folder: Path, round_: int) -> None:
    EmbeddedLog(folder).forget(f"gone.{round_}")
    threading.Event().wait()


@dataclass
class FaultCounts:
    """Counts over all rounds so far."""

    rounds: int = 0
    acknowledged: int = 0
    calls: int = 0
    stored: int = 0
    lost: int = 0
    duplicated: int = 0
    remaining: int = 0
    unreadable: list[str] = field(default_factory=list)


@dataclass
class LogHistory:
    """One log over several rounds: acknowledged events, and events read from its tail."""

    folder: Path
    acknowledged: set[str] = field(default_factory=set)
    claimed: Counter[str] = field(default_factory=Counter)
    seen_by_reader: Counter[str] = field(default_factory=Counter)
    offset: int = 0


def run_round(
    history: LogHistory, round_: int, writers: int, rng: random.Random, counts: FaultCounts
) -> None:
    record_folder = history.folder / f"records-{round_}"
    record_folder.mkdir(parents=True)
    log_folder = history.folder / "events"
    processes = [
        FORK.Process(
            target=append_until_killed,
            args=(log_folder, record_folder, f"w{round_}.{k}", round_ * 10 + k),
            daemon=True,
        )
        for k in range(writers)
    ]
    disturbance = rng.choice(("none", "import", "forget"))
    if disturbance == "import":
        processes.append(
            FORK.Process(target=import_until_killed, args=(log_folder, record_folder, round_), daemon=True)
        )
    for process in processes:
        process.start()
    time.sleep(rng.uniform(0.1, 0.7))
    if disturbance == "forget":
        processes.append(FORK.Process(target=forget_until_killed, args=(log_folder, round_), daemon=True))
        processes[-1].start()
        time.sleep(rng.uniform(0.0, 0.1))
    for process in processes:
        os.kill(process.pid or 0, signal.SIGKILL)
    for process in processes:
        process.join()
    read_records(history, record_folder, counts)
    compare(history, round_, disturbance == "forget", counts)
    counts.rounds += 1


def read_records(history: LogHistory, record_folder: Path, counts: FaultCounts) -> None:
    for path in record_folder.iterdir():
        for line in path.read_bytes().splitlines(keepends=True):
            if line.endswith(b"\n"):
                sent_ids, new_ids = json.loads(line)
                newly_acknowledged = set(sent_ids) - history.acknowledged
                counts.acknowledged += len(newly_acknowledged)
                counts.calls += 1
                history.acknowledged |= newly_acknowledged
                history.claimed.update(new_ids)


def compare(history: LogHistory, round_: int, has_erasure: bool, counts: FaultCounts) -> None:
    log = EmbeddedLog(history.folder / "events")
    try:
        erased_prefix = f"gone.{round_}/"
        if has_erasure:
            log.forget(erased_prefix[:-1])
            history.acknowledged = {
                event_id for event_id in history.acknowledged if not event_id.startswith(erased_prefix)
            }
        tail_events, history.offset = log.tail_since(history.offset)
        history.seen_by_reader.update(event_id.event_id for event_id in tail_events)
        ids = Counter(log.read()["event_id"].to_pylist())
        live = Counter(event_id.event_id for event_id in log.tail_since(0)[0])
        counts.stored += len(ids)
        counts.lost += len(history.acknowledged - ids.keys())
        counts.duplicated += sum(count - 1 for count in ids.values()) + (ids.total() != len(log))
        counts.duplicated += sum(history.claimed[event_id] > 1 for event_id in ids)
        counts.duplicated += sum(history.seen_by_reader[event_id] != 1 for event_id in live)
        counts.remaining += sum(event_id.startswith(erased_prefix) for event_id in ids) if has_erasure else 0
    except Exception as error:  # an unreadable log has lost all events
        counts.unreadable.append(f"round {round_}: {error!r}")
        counts.lost += len(history.acknowledged)
    finally:
        log.close()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--writers", type=int, default=3, help="processes of four threads each")
    parser.add_argument(
        "--seconds", type=float, default=300.0, help="stop after this time, whatever the number of rounds"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--at", type=Path, help="a folder on the disk to test; else the temporary one")
    args = parser.parse_args()
    rng, counts, started = random.Random(args.seed), FaultCounts(), time.monotonic()
    with tempfile.TemporaryDirectory(dir=args.at) as folder:
        for round_ in track(range(args.rounds), "killing"):
            if round_ % ROUNDS_PER_LOG == 0:
                history = LogHistory(Path(folder) / f"log-{round_}")
            run_round(history, round_, args.writers, rng, counts)
            if time.monotonic() - started > args.seconds:
                break
    table = Table(
        "rounds", "acknowledged calls", "acknowledged events", "lost", "duplicated", "remaining", "unreadable"
    )
    row = (counts.rounds, counts.calls, counts.acknowledged, counts.lost, counts.duplicated, counts.remaining)
    table.add_row(*(f"{number:,}" for number in row), str(len(counts.unreadable)))
    Console().print(table)
    for message in counts.unreadable[:5]:
        Console().print(message)
    seconds = time.monotonic() - started
    print(
        json.dumps(
            {**vars(counts), "unreadable": len(counts.unreadable), "seconds": seconds, "seed": args.seed}
        )
    )


if __name__ == "__main__":
    main()

"""Does the event log lose or double anything when its writers are killed?

    python benchmarks/bench_faults.py [--rounds 200] [--writers 3] [--seconds 300] [--at FOLDER]

Each round starts `--writers` processes on one log, each with four threads that append batches of their own
events and of some that all of them send. In some rounds another process imports a file of events, half of
which the writers send as well, or forgets a person. At a random moment all are killed by SIGKILL. A thread
writes down, after a call returned, which events it had sent and which it was told were new. Then a fresh
process' view of the log is compared:

- **lost**: acknowledged, and not there;
- **doubled**: there twice, or called new twice, or met twice or never by a reader that goes on from the last
  round's offset;
- **left**: a forgotten person's event that is there after `forget` was run again.

A new log is begun every 10 rounds, so that replays stay short.
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
from bowerbird.data.logs.embedded import EmbeddedLog
from bowerbird.progress import track

FORK = multiprocessing.get_context("fork")
START = datetime(2026, 1, 1, tzinfo=UTC)
THREADS, ROUNDS_OF_A_LOG = 4, 10


def event(person: str, number: int) -> Event:
    at = START + timedelta(seconds=number)
    return Event(person, f"item-{number % 1000}", Action.CLICK, at, event_id=f"{person}/{number}")


def write(folder: Path, said: Path, writer: str, seed: int) -> None:
    """A writer process: until it is killed, each thread appends and writes down what it was told."""
    log = EmbeddedLog(folder)

    def work(thread: int) -> None:
        rng, number = random.Random(seed * 100 + thread), 0
        mine = os.open(said / f"{writer}-{thread}", os.O_CREAT | os.O_APPEND | os.O_WRONLY)
        while True:
            count = rng.choice((1, 3, 10, 50))
            sent = [event(f"{writer}.{thread}", n) for n in range(max(0, number - 1), number + count)]
            sent += [event(f"all.{seed // 10}", rng.randrange(2000)) for _ in range(2)]
            if rng.random() < 0.1:
                sent.append(event(f"gone.{seed // 10}", rng.randrange(2000)))
            new = log.append(sent)
            line = json.dumps([[one.event_id for one in some] for some in (sent, new)])
            os.write(mine, line.encode() + b"\n")
            number += count

    for thread in range(THREADS):
        threading.Thread(target=work, args=(thread,), daemon=True).start()
    threading.Event().wait()


def write_file(folder: Path, said: Path, round_: int) -> None:
    """An importing process; its events are acknowledged when the import returned."""
    rows = [event(f"all.{round_}", n) for n in range(0, 2000, 2)]
    rows += [event(f"file.{round_}", n) for n in range(1000)]
    table = pa.Table.from_pylist([one.as_row() for one in rows], schema=EVENT_SCHEMA)
    EmbeddedLog(folder).add_segment(table)
    (said / "file").write_text(json.dumps([[one.event_id for one in rows], []]) + "\n")
    threading.Event().wait()


def forget(folder: Path, round_: int) -> None:
    EmbeddedLog(folder).forget(f"gone.{round_}")
    threading.Event().wait()


@dataclass
class Found:
    """What was counted, over all rounds so far."""

    rounds: int = 0
    acknowledged: int = 0
    calls: int = 0
    kept: int = 0
    lost: int = 0
    doubled: int = 0
    left: int = 0
    refused: list[str] = field(default_factory=list)


@dataclass
class Life:
    """One log over several rounds: what was acknowledged in it and what a reader of its tail has met."""

    folder: Path
    acknowledged: set[str] = field(default_factory=set)
    claimed: Counter[str] = field(default_factory=Counter)
    met: Counter[str] = field(default_factory=Counter)
    offset: int = 0


def one_round(life: Life, round_: int, writers: int, rng: random.Random, found: Found) -> None:
    said = life.folder / f"said-{round_}"
    said.mkdir(parents=True)
    log_folder = life.folder / "events"
    work = [
        FORK.Process(target=write, args=(log_folder, said, f"w{round_}.{k}", round_ * 10 + k), daemon=True)
        for k in range(writers)
    ]
    other = rng.choice(("none", "import", "forget"))
    if other == "import":
        work.append(FORK.Process(target=write_file, args=(log_folder, said, round_), daemon=True))
    for process in work:
        process.start()
    time.sleep(rng.uniform(0.1, 0.7))
    if other == "forget":
        work.append(FORK.Process(target=forget, args=(log_folder, round_), daemon=True))
        work[-1].start()
        time.sleep(rng.uniform(0.0, 0.1))
    for process in work:
        os.kill(process.pid or 0, signal.SIGKILL)
    for process in work:
        process.join()
    take_note(life, said, found)
    compare(life, round_, other == "forget", found)
    found.rounds += 1


def take_note(life: Life, said: Path, found: Found) -> None:
    for path in said.iterdir():
        for line in path.read_bytes().splitlines(keepends=True):
            if line.endswith(b"\n"):
                sent, new = json.loads(line)
                fresh = set(sent) - life.acknowledged
                found.acknowledged += len(fresh)
                found.calls += 1
                life.acknowledged |= fresh
                life.claimed.update(new)


def compare(life: Life, round_: int, forgotten: bool, found: Found) -> None:
    log = EmbeddedLog(life.folder / "events")
    try:
        gone = f"gone.{round_}/"
        if forgotten:
            log.forget(gone[:-1])
            life.acknowledged = {one for one in life.acknowledged if not one.startswith(gone)}
        tail, life.offset = log.tail_since(life.offset)
        life.met.update(one.event_id for one in tail)
        ids = Counter(log.read()["event_id"].to_pylist())
        live = Counter(one.event_id for one in log.tail_since(0)[0])
        found.kept += len(ids)
        found.lost += len(life.acknowledged - ids.keys())
        found.doubled += sum(count - 1 for count in ids.values()) + (ids.total() != len(log))
        found.doubled += sum(life.claimed[one] > 1 for one in ids)
        found.doubled += sum(life.met[one] != 1 for one in live)
        found.left += sum(one.startswith(gone) for one in ids) if forgotten else 0
    except Exception as error:  # a log that can't be read has lost everything
        found.refused.append(f"round {round_}: {error!r}")
        found.lost += len(life.acknowledged)
    finally:
        log.close()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--writers", type=int, default=3, help="processes of four threads each")
    parser.add_argument(
        "--seconds", type=float, default=300.0, help="stop after that many, however many rounds"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--at", type=Path, help="a folder on the disk to test; else the temporary one")
    args = parser.parse_args()
    rng, found, began = random.Random(args.seed), Found(), time.monotonic()
    with tempfile.TemporaryDirectory(dir=args.at) as folder:
        for round_ in track(range(args.rounds), "killing"):
            if round_ % ROUNDS_OF_A_LOG == 0:
                life = Life(Path(folder) / f"log-{round_}")
            one_round(life, round_, args.writers, rng, found)
            if time.monotonic() - began > args.seconds:
                break
    table = Table("rounds", "acknowledged calls", "acknowledged events", "lost", "doubled", "left", "refused")
    row = (found.rounds, found.calls, found.acknowledged, found.lost, found.doubled, found.left)
    table.add_row(*(f"{number:,}" for number in row), str(len(found.refused)))
    Console().print(table)
    for message in found.refused[:5]:
        Console().print(message)
    seconds = time.monotonic() - began
    print(json.dumps({**vars(found), "refused": len(found.refused), "seconds": seconds, "seed": args.seed}))


if __name__ == "__main__":
    main()

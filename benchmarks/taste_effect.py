"""How long it takes from an event to a recommendation that it changed: parts of `bench_taste`.

`effect`, in process: one person after another does something; timed together: the log's durable append, the
taste graph's refresh, and the recommendation of 20 items.

`http`, over loopback: a server in a process of its own (or several) answers while 500 events a second arrive,
`--batch` of them in a request (one by `/v1/track`, more by `/v1/batch`), at moments that do not wait for
answers, and ten readers each ask for somebody's recommendations, wait for them, think for half a second and
ask again. Meanwhile a prober posts an event of somebody and then asks for their recommendations; timed
together. What is late counts from when it was due.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np

from bench_recommend import make_store
from bowerbird.data.events import Action, Event
from bowerbird.data.store import Store
from bowerbird.recommend.recommender import Recommender

ITEMS, DIM, PEOPLE, EVENTS = 25_000, 64, 2_000, 60_000
"""Of the store that is made where none is given."""
EVENTS_PER_S, READERS, THINK_S, PROBE_S = 500, 10, 0.5, 0.25
WARM_S, MEASURED_S = 5.0, 20.0
CONNECTIONS = 32  # that bring the events


def store_of(folder: Path, given: Path | None) -> Store:
    """A copy of a given store, or one that is made; with its ranker learnt."""
    path = folder / "store"
    if given is not None:
        shutil.copytree(given, path)
        return Store.open(path)
    return make_store(path, ITEMS, DIM, PEOPLE, EVENTS, seed=0)


# -- in process ---------------------------------------------------------------------------------------------


def effect(folder: Path, args: Any) -> dict[str, Any]:
    """Each event is somebody's save of a random item."""
    store = store_of(folder, args.store)
    recommender = Recommender.open(store.snapshot())
    taste, ids, rng = recommender.taste, recommender.catalogue.ids, np.random.default_rng(1)
    someone = taste.users()[:500]
    spent: dict[str, list[float]] = defaultdict(list)
    changed = 0
    for turn in range(520):
        user = someone[turn % len(someone)]
        before = [one.item_id for one in recommender.recommend_user(user, 20)]
        item = ids[rng.integers(len(ids))]
        event = Event(user, item, Action.SAVE, datetime.now(UTC), event_id=f"new-{turn}")
        moments, busy = [time.perf_counter()], time.process_time()
        store.log.append([event])
        moments.append(time.perf_counter())
        taste.refresh()
        moments.append(time.perf_counter())
        after = [one.item_id for one in recommender.recommend_user(user, 20)]
        moments.append(time.perf_counter())
        if turn < 20:  # the first ones warm caches
            continue
        for name, seconds in zip(("append", "refresh", "recommend"), np.diff(moments), strict=True):
            spent[name].append(seconds)
        spent["event to recommendation"].append(moments[-1] - moments[0])
        spent["of which processor"].append(time.process_time() - busy)
        changed += after != before
    return {
        "items": len(ids),
        **{f"{name} ms [p50, p99]": milliseconds(seconds) for name, seconds in spent.items()},
        "recommendations that changed": f"{changed} of {len(spent['append'])}",
    }


def milliseconds(seconds: list[float]) -> list[float]:
    return [round(float(value), 2) for value in np.quantile(seconds, [0.5, 0.99]) * 1e3]


# -- over HTTP ----------------------------------------------------------------------------------------------


def http(folder: Path, args: Any) -> dict[str, Any]:
    store = store_of(folder, args.store)
    recommender = Recommender.open(store.snapshot())  # learnt here, so that the server only opens it
    people, ids = recommender.taste.users()[:1000], recommender.catalogue.ids
    del recommender
    store.log.close()
    told: dict[str, Any] = {
        "items": len(ids),
        "think_s": THINK_S,
        "readers": READERS,
        "events_per_s": EVENTS_PER_S,
        "events_per_request": args.batch,
    }
    for workers in args.workers:
        with served(store.path, workers) as (port, process):
            load = Load(port, people, ids, args.batch)
            asyncio.run(load.run(process))
        serving = f"{workers} processes" if workers > 1 else "1 process"
        told |= {f"{serving}: {name}": value for name, value in load.told().items()}
    return told


@contextlib.contextmanager
def served(store: Path, workers: int) -> Iterator[tuple[int, int]]:
    """`bowerbird serve` on a free port, stopped by its id: port and process id."""
    command = [sys.executable, "-m", "bowerbird.cli.main", "serve", str(store), "--port", "0"]
    if workers > 1:
        command += ["--workers", str(workers)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    try:
        address = next(line for line in process.stderr if line.startswith("http://")).strip()
        yield int(address.rpartition(":")[2]), process.pid
    finally:
        os.kill(process.pid, signal.SIGTERM)
        process.wait(60)


@dataclass
class Load:
    """What is asked of a server, and how long each answer took, in seconds by kind."""

    port: int
    people: list[str]
    ids: list[str]
    batch: int = 1
    spent: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    changed: int = 0
    shares: dict[str, float] = field(default_factory=dict)
    measured: bool = False
    sent: int = 0

    async def run(self, process: int) -> None:
        self.rng = np.random.default_rng(2)
        due: asyncio.Queue[float] = asyncio.Queue()
        tasks = [asyncio.create_task(self._send(due)) for _ in range(CONNECTIONS)]
        tasks += [asyncio.create_task(self._read()) for _ in range(READERS)]
        tasks += [asyncio.create_task(self._tick(due)), asyncio.create_task(self._probe())]
        await asyncio.sleep(WARM_S)
        self.measured, started = True, time.perf_counter()
        before = _used(os.getpid()), _used(process)
        await asyncio.sleep(MEASURED_S)
        after = _used(os.getpid()), _used(process)
        self.measured, spent = False, time.perf_counter() - started
        cores = os.cpu_count() or 1
        for name, a, b in zip(("client", "server"), before, after, strict=True):
            self.shares[name] = round((b - a) / spent / cores, 2)
        for task in tasks:
            task.cancel()
        for found in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(found, Exception):
                raise found

    def told(self) -> dict[str, Any]:
        return {
            **{f"{name} ms [p50, p99]": milliseconds(seconds) for name, seconds in self.spent.items()},
            "recommendations that changed": f"{self.changed} of {len(self.spent['event to recommendation'])}",
            "events accepted a second": round(self.batch * len(self.spent["post"]) / MEASURED_S, 1),
            "recommendations a second": round(len(self.spent["get under load"]) / MEASURED_S, 1),
            **{f"share of the cores, {name}": share for name, share in self.shares.items()},
        }

    def _took(self, kind: str, seconds: float) -> None:
        if self.measured:
            self.spent[kind].append(seconds)

    async def _tick(self, due: asyncio.Queue[float]) -> None:
        """Says when the next request with events is due, whether the one before was answered or not."""
        moment = time.perf_counter()
        while True:
            moment += self.batch / EVENTS_PER_S
            await asyncio.sleep(max(0.0, moment - time.perf_counter()))
            due.put_nowait(moment)

    async def _send(self, due: asyncio.Queue[float]) -> None:
        async with connected(self.port) as connection:
            while True:
                moment = await due.get()
                await self._post(connection, [self._somebody() for _ in range(self.batch)])
                self._took("post", time.perf_counter() - moment)

    async def _read(self) -> None:
        async with connected(self.port) as connection:
            await asyncio.sleep(THINK_S * self.rng.random())
            while True:
                started = time.perf_counter()
                await self._get(connection, self._somebody())
                self._took("get under load", time.perf_counter() - started)
                await asyncio.sleep(THINK_S)

    async def _probe(self) -> None:
        async with connected(self.port) as connection:
            while True:
                user = self._somebody()
                before = await self._get(connection, user)
                started = time.perf_counter()
                await self._post(connection, [user])
                after = await self._get(connection, user)
                if self.measured:
                    self._took("event to recommendation", time.perf_counter() - started)
                    self.changed += before != after
                await asyncio.sleep(PROBE_S)

    def _somebody(self) -> str:
        return self.people[int(self.rng.integers(len(self.people)))]

    async def _post(self, connection: Connection, users: list[str]) -> None:
        messages = [self._saved(user) for user in users]
        path, body = ("/v1/track", messages[0]) if len(users) == 1 else ("/v1/batch", {"batch": messages})
        answer = json.loads(await connection.asked("POST", path, json.dumps(body).encode()))
        assert answer["accepted"] == len(users), answer

    def _saved(self, user: str) -> dict[str, Any]:
        self.sent += 1
        return {
            "type": "track",
            "userId": user,
            "event": "Product Added to Wishlist",
            "properties": {"product_id": self.ids[int(self.rng.integers(len(self.ids)))]},
            "timestamp": datetime.now(UTC).isoformat(),
            "messageId": f"{os.getpid()}-{self.port}-{self.sent}",
        }

    async def _get(self, connection: Connection, user: str) -> list[str]:
        path = f"/users/{quote(user, safe='')}/recommendations?n=20"
        found = [one["item_id"] for one in json.loads(await connection.asked("GET", path))["items"]]
        assert found, "an empty answer is quick and worth nothing"
        return found


class Connection:
    """One kept connection; a client as cheap as can be, since it shares the processors with the server."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def asked(self, method: str, path: str, body: bytes = b"") -> bytes:
        head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n"
        self.writer.write(head.encode() + body)
        answer = (await self.reader.readuntil(b"\r\n\r\n")).lower()
        length = int(answer.partition(b"content-length:")[2].partition(b"\r\n")[0])
        content = await self.reader.readexactly(length)
        assert answer.startswith(b"http/1.1 200"), content
        return content


@contextlib.asynccontextmanager
async def connected(port: int) -> AsyncIterator[Connection]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield Connection(reader, writer)
    finally:
        writer.close()


def _used(process: int) -> float:
    """Processor seconds that a process and those that it started have used."""
    if process == os.getpid():
        used = resource.getrusage(resource.RUSAGE_SELF)
        return used.ru_utime + used.ru_stime
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    own = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return own + sum(_used(int(child)) for child in children)

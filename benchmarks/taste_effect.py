"""Latency from an event to a changed recommendation: parts of `bench_taste`.

`effect`, in process: one event of one user after another; timed together: the log's durable append, the taste
graph's refresh, and the recommendation of 20 items.

`http`, over loopback: a server in a separate process (or several) runs while 500 events per second arrive,
`--batch` of them per request (one by `/v1/track`, more by `/v1/batch`), on a schedule independent of the
responses, and ten readers each request a random user's recommendations, wait for them, pause for half a
second and repeat. Meanwhile a probe posts an event of a random user and then requests their recommendations;
timed together. Late requests are timed from when they were due.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import resource
import shutil
import time
from collections import defaultdict
from collections.abc import AsyncIterator
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
from server_process import running_server

ITEMS, DIM, USERS, EVENTS = 25_000, 64, 2_000, 60_000
"""Sizes of the store that is created if none is given."""
EVENTS_PER_S, READERS, THINK_S, PROBE_S = 500, 10, 0.5, 0.25
WARM_S, MEASURED_S = 5.0, 20.0
CONNECTIONS = 32  # that send the events


def store_of(folder: Path, source_path: Path | None) -> Store:
    """Copy a given store, or create one."""
    path = folder / "store"
    if source_path is not None:
        shutil.copytree(source_path, path)
        return Store.open(path)
    return make_store(path, ITEMS, DIM, USERS, EVENTS, seed=0)


# -- in process ---------------------------------------------------------------------------------------------


def measure_effect(folder: Path, args: Any) -> dict[str, Any]:
    """Measure in process: each event is a user's save of a random item."""
    store = store_of(folder, args.store)
    recommender = Recommender.open(store.snapshot())
    taste, ids, rng = recommender.taste, recommender.catalogue.ids, np.random.default_rng(1)
    users = taste.users()[:500]
    seconds_by_step: dict[str, list[float]] = defaultdict(list)
    changed = 0
    for turn in range(520):
        user = users[turn % len(users)]
        items_before = [item.item_id for item in recommender.recommend_user(user, 20)]
        item = ids[rng.integers(len(ids))]
        event = Event(user, item, Action.SAVE, datetime.now(UTC), event_id=f"new-{turn}")
        moments, processor_start = [time.perf_counter()], time.process_time()
        store.log.append([event])
        moments.append(time.perf_counter())
        taste.refresh()
        moments.append(time.perf_counter())
        items_after = [item.item_id for item in recommender.recommend_user(user, 20)]
        moments.append(time.perf_counter())
        if turn < 20:  # warm-up
            continue
        for name, seconds in zip(("append", "refresh", "recommend"), np.diff(moments), strict=True):
            seconds_by_step[name].append(seconds)
        seconds_by_step["event to recommendation"].append(moments[-1] - moments[0])
        seconds_by_step["processor time"].append(time.process_time() - processor_start)
        changed += items_after != items_before
    return {
        "items": len(ids),
        **{f"{name} ms [p50, p99]": milliseconds(seconds) for name, seconds in seconds_by_step.items()},
        "recommendations that changed": f"{changed} of {len(seconds_by_step['append'])}",
    }


def milliseconds(seconds: list[float]) -> list[float]:
    return [round(float(value), 2) for value in np.quantile(seconds, [0.5, 0.99]) * 1e3]


# -- over HTTP ----------------------------------------------------------------------------------------------


def measure_http(folder: Path, args: Any) -> dict[str, Any]:
    store = store_of(folder, args.store)
    recommender = Recommender.open(store.snapshot())  # trains the ranker, so that the server only opens it
    users, ids = recommender.taste.users()[:1000], recommender.catalogue.ids
    del recommender
    store.log.close()
    result: dict[str, Any] = {
        "items": len(ids),
        "think_s": THINK_S,
        "readers": READERS,
        "events_per_s": EVENTS_PER_S,
        "events_per_request": args.batch,
    }
    for workers in args.workers:
        with running_server(store.path, *(["--workers", str(workers)] if workers > 1 else [])) as server:
            load = Load(int(server.address.rpartition(":")[2]), users, ids, args.batch)
            asyncio.run(load.run(server.process.pid))
        serving = f"{workers} processes" if workers > 1 else "1 process"
        result |= {f"{serving}: {name}": value for name, value in load.summarise().items()}
    return result


@dataclass
class Load:
    """Load on a server, and the seconds of each response by kind."""

    port: int
    users: list[str]
    ids: list[str]
    batch: int = 1
    seconds_by_kind: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    changed: int = 0
    shares: dict[str, float] = field(default_factory=dict)
    is_measuring: bool = False
    n_sent: int = 0

    async def run(self, process: int) -> None:
        self.rng = np.random.default_rng(2)
        due: asyncio.Queue[float] = asyncio.Queue()
        tasks = [asyncio.create_task(self._send(due)) for _ in range(CONNECTIONS)]
        tasks += [asyncio.create_task(self._read()) for _ in range(READERS)]
        tasks += [asyncio.create_task(self._tick(due)), asyncio.create_task(self._probe())]
        await asyncio.sleep(WARM_S)
        self.is_measuring, start = True, time.perf_counter()
        before = _processor_seconds(os.getpid()), _processor_seconds(process)
        await asyncio.sleep(MEASURED_S)
        after = _processor_seconds(os.getpid()), _processor_seconds(process)
        self.is_measuring, elapsed = False, time.perf_counter() - start
        cores = os.cpu_count() or 1
        for name, used_before, used_after in zip(("client", "server"), before, after, strict=True):
            self.shares[name] = round((used_after - used_before) / elapsed / cores, 2)
        for task in tasks:
            task.cancel()
        for outcome in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(outcome, Exception):
                raise outcome

    def summarise(self) -> dict[str, Any]:
        n_probes = len(self.seconds_by_kind["event to recommendation"])
        return {
            **{
                f"{name} ms [p50, p99]": milliseconds(seconds)
                for name, seconds in self.seconds_by_kind.items()
            },
            "recommendations that changed": f"{self.changed} of {n_probes}",
            "events accepted a second": round(self.batch * len(self.seconds_by_kind["post"]) / MEASURED_S, 1),
            "recommendations a second": round(len(self.seconds_by_kind["get under load"]) / MEASURED_S, 1),
            **{f"share of the cores, {name}": share for name, share in self.shares.items()},
        }

    def _record(self, kind: str, seconds: float) -> None:
        if self.is_measuring:
            self.seconds_by_kind[kind].append(seconds)

    async def _tick(self, due: asyncio.Queue[float]) -> None:
        """Schedule requests with events, whether earlier ones were answered or not."""
        moment = time.perf_counter()
        while True:
            moment += self.batch / EVENTS_PER_S
            await asyncio.sleep(max(0.0, moment - time.perf_counter()))
            due.put_nowait(moment)

    async def _send(self, due: asyncio.Queue[float]) -> None:
        async with connect(self.port) as connection:
            while True:
                moment = await due.get()
                await self._post(connection, [self._random_user() for _ in range(self.batch)])
                self._record("post", time.perf_counter() - moment)

    async def _read(self) -> None:
        async with connect(self.port) as connection:
            await asyncio.sleep(THINK_S * self.rng.random())
            while True:
                started = time.perf_counter()
                await self._get(connection, self._random_user())
                self._record("get under load", time.perf_counter() - started)
                await asyncio.sleep(THINK_S)

    async def _probe(self) -> None:
        async with connect(self.port) as connection:
            while True:
                user = self._random_user()
                before = await self._get(connection, user)
                started = time.perf_counter()
                await self._post(connection, [user])
                after = await self._get(connection, user)
                if self.is_measuring:
                    self._record("event to recommendation", time.perf_counter() - started)
                    self.changed += before != after
                await asyncio.sleep(PROBE_S)

    def _random_user(self) -> str:
        return self.users[int(self.rng.integers(len(self.users)))]

    async def _post(self, connection: Connection, users: list[str]) -> None:
        messages = [self._save_message(user) for user in users]
        path, body = ("/v1/track", messages[0]) if len(users) == 1 else ("/v1/batch", {"batch": messages})
        answer = json.loads(await connection.request("POST", path, json.dumps(body).encode()))
        assert answer["accepted"] == len(users), answer

    def _save_message(self, user: str) -> dict[str, Any]:
        self.n_sent += 1
        return {
            "type": "track",
            "userId": user,
            "event": "Product Added to Wishlist",
            "properties": {"product_id": self.ids[int(self.rng.integers(len(self.ids)))]},
            "timestamp": datetime.now(UTC).isoformat(),
            "messageId": f"{os.getpid()}-{self.port}-{self.n_sent}",
        }

    async def _get(self, connection: Connection, user: str) -> list[str]:
        path = f"/users/{quote(user, safe='')}/recommendations?n=20"
        items = [item["item_id"] for item in json.loads(await connection.request("GET", path))["items"]]
        assert items, "an empty list is fast but useless"
        return items


class Connection:
    """A persistent connection; a minimal client, since it shares the processors with the server."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def request(self, method: str, path: str, body: bytes = b"") -> bytes:
        head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n"
        self.writer.write(head.encode() + body)
        answer = (await self.reader.readuntil(b"\r\n\r\n")).lower()
        length = int(answer.partition(b"content-length:")[2].partition(b"\r\n")[0])
        content = await self.reader.readexactly(length)
        assert answer.startswith(b"http/1.1 200"), content
        return content


@contextlib.asynccontextmanager
async def connect(port: int) -> AsyncIterator[Connection]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield Connection(reader, writer)
    finally:
        writer.close()


def _processor_seconds(process: int) -> float:
    """Sum the processor seconds of a process and its children."""
    if process == os.getpid():
        used = resource.getrusage(resource.RUSAGE_SELF)
        return used.ru_utime + used.ru_stime
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    own_seconds = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return own_seconds + sum(_processor_seconds(int(child)) for child in children)

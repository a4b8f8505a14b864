"""How does a server hold up under readers and events, and what does it lose when it is killed?

    python benchmarks/bench_load.py STORE [--readers 50] [--events 200] [--seconds 180] [--chats 4]
    python benchmarks/bench_load.py STORE --kills 50 [--seconds 5]

Serves a copy of the store by one process. Readers ask for recommendations of the store's users, searches,
items and what is trending, with a pause between two requests; a sender posts as many events a second. Counts
errors and times, and the memory after a tenth of the time and at the end. With `--chats` so many clients
chat all the time, each sending a message when the last reply has ended.

With `--kills` the server is started as often, and killed under that load at a random moment: in turns by
SIGKILL and by SIGTERM. Then the log is compared with what was acknowledged: an event is lost where it was
acknowledged and is missing, and doubled where the log has it twice. What was not acknowledged is sent again
to the next server. Ends in one JSON line.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import math
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import numpy as np

from bowerbird.data.store import Store

EVENTS_PER_POST = 10
KINDS = (
    "lamp", "rug", "dress", "chair", "vase", "cushion", "table", "blanket", "jacket", "mirror", "bowl",
    "gift",
)  # fmt: skip
STYLES = (
    "warm", "linen", "green", "soft", "wooden", "cheap", "bright", "blue", "plain", "modern", "rustic",
    "small", "cosy", "striped", "wool",
)  # fmt: skip
POST_TIMEOUT_S = 30.0
EVENT = "Product Viewed"


@dataclass
class Load:
    """What is asked of a store, and what came of it."""

    users: list[str]
    items: list[str]
    rng: random.Random
    seconds: dict[str, list[float]] = field(default_factory=dict)
    errors: Counter[str] = field(default_factory=Counter)
    acknowledged: set[str] = field(default_factory=set)
    unsent: list[dict[str, Any]] = field(default_factory=list)
    """Events that were sent and not acknowledged."""
    until: float = 0.0
    """When it ends, by the clock of `perf_counter`."""

    def words(self) -> str:
        """What a reader searches for, of 180 texts: a server may remember what it encoded."""
        return f"{self.rng.choice(STYLES)} {self.rng.choice(KINDS)}"

    def request(self) -> tuple[str, str]:
        """The kind of a reader's next request, and its path."""
        user, item = quote(self.rng.choice(self.users), safe=""), quote(self.rng.choice(self.items), safe="")
        paths = {
            "recommendations": f"/users/{user}/recommendations",
            "search": f"/search?q={quote(self.words())}",
            "item": f"/items/{item}",
            "trending": "/trending",
        }
        kind = self.rng.choices([*paths], [5, 2, 2, 1])[0]
        return kind, paths[kind]

    def batch(self) -> list[dict[str, Any]]:
        """Events to send: those not acknowledged first."""
        batch, self.unsent = self.unsent[:EVENTS_PER_POST], self.unsent[EVENTS_PER_POST:]
        while len(batch) < EVENTS_PER_POST:
            batch.append(
                {
                    "type": "track",
                    "event": EVENT,
                    "messageId": uuid.uuid4().hex,
                    "userId": self.rng.choice(self.users),
                    "properties": {"product_id": self.rng.choice(self.items)},
                    "timestamp": datetime.now(UTC).isoformat(),
                }
            )
        return batch

    async def read(self, client: httpx.AsyncClient, think: float) -> None:
        """One reader."""
        while time.perf_counter() < self.until:
            await asyncio.sleep(self.rng.uniform(0, 2 * think))
            kind, path = self.request()
            await self.timed(kind, client.get(path))

    async def chat(self, client: httpx.AsyncClient) -> None:
        """One client that chats: the first chunk with items or text is timed, and the whole reply."""
        while time.perf_counter() < self.until:
            await self.timed("chat", self.chat_once(client, self.words()))

    async def chat_once(self, client: httpx.AsyncClient, text: str) -> httpx.Response:
        """A message and its streamed reply."""
        start, is_first = time.perf_counter(), True
        body = {"model": "bowerbird", "stream": True, "messages": [{"role": "user", "content": text}]}
        async with client.stream("POST", "/v1/chat/completions", json=body) as answer:
            async for line in answer.aiter_lines():
                if is_first and answer.is_success and _has_content(line):
                    self.seconds.setdefault("chat, first content", []).append(time.perf_counter() - start)
                    is_first = False
        return answer

    async def send(self, client: httpx.AsyncClient, per_second: float) -> None:
        """Post events at a rate, however long each post takes."""
        due = time.perf_counter() if per_second else math.inf
        async with asyncio.TaskGroup() as posts:
            while per_second and time.perf_counter() < self.until:
                posts.create_task(self.post(client))
                due += EVENTS_PER_POST / per_second
                await asyncio.sleep(max(0.0, due - time.perf_counter()))

    async def post(self, client: httpx.AsyncClient) -> None:
        """Post a batch, and note what was acknowledged."""
        batch = self.batch()
        answer = await self.timed("events", client.post("/v1/batch", json={"batch": batch}))
        # Those sent again after a kill may have been stored before it: duplicates.
        if answer is not None and answer["accepted"] + answer["duplicates"] == len(batch):
            self.acknowledged |= {event["messageId"] for event in batch}
        else:
            self.unsent += batch

    async def timed(self, kind: str, request: Any) -> Any:
        """The JSON of an answer, timed; None where there is none, which is counted as an error."""
        start = time.perf_counter()
        try:
            answer = await request
            answer.raise_for_status()
            return None if kind == "chat" else answer.json()
        except httpx.HTTPStatusError as error:
            self.errors[f"{kind} {error.response.status_code}"] += 1
        except httpx.HTTPError as error:
            self.errors[f"{kind} {type(error).__name__}"] += 1
        finally:
            self.seconds.setdefault(kind, []).append(time.perf_counter() - start)
        return None


def _has_content(line: str) -> bool:
    """Whether a line of a streamed reply holds text or items."""
    if not line.startswith("data: {"):
        return False
    chunk = json.loads(line.removeprefix("data: "))
    return bool(chunk["choices"][0]["delta"].get("content") or chunk.get("bowerbird", {}).get("items"))


async def run_load(load: Load, address: str, seconds: float, options: argparse.Namespace) -> None:
    """Readers and a sender for some seconds."""
    load.until = time.perf_counter() + seconds
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(base_url=address, timeout=POST_TIMEOUT_S, limits=limits) as client:
        await asyncio.gather(
            load.send(client, options.events),
            *(load.read(client, options.think) for _ in range(options.readers)),
            *(load.chat(client) for _ in range(options.chats)),
        )


@contextlib.contextmanager
def running_server(store: Path, *extra: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """A server of a store on a free port, warm unless `extra` says otherwise."""
    command = [sys.executable, "-m", "bowerbird", "serve", str(store), "--port", "0", *extra]
    log = store.parent / "server.log"
    with log.open("w") as errors:
        process = subprocess.Popen(command, stderr=errors, text=True, env={**os.environ})
    try:
        while "http://" not in log.read_text():
            if process.poll() is not None:
                raise SystemExit(log.read_text())
            time.sleep(0.05)
        address = "http://" + log.read_text().partition("http://")[2].split()[0]
        while httpx.get(f"{address}/readyz", timeout=POST_TIMEOUT_S).status_code != 200:
            time.sleep(0.2)
        yield address, process
    finally:
        if process.poll() is None:
            process.terminate()
        process.wait(60)


def measure(load: Load, store: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Times, errors and memory under load."""
    with running_server(store) as (address, process):
        asyncio.run(run_load(load, address, options.seconds / 10, options))
        settled = memory_mb(process.pid)
        load.seconds.clear()
        asyncio.run(run_load(load, address, options.seconds, options))
        grown = memory_mb(process.pid)
    quantiles = {
        kind: dict(zip(("p50_ms", "p99_ms"), np.round(1000 * np.quantile(times, [0.5, 0.99])), strict=True))
        | {"n": len(times)}
        for kind, times in sorted(load.seconds.items())
    }
    stored = set(Store.open(store).log.read()["event_id"].to_pylist())
    return {
        "seconds": options.seconds,
        "times": quantiles,
        "errors": dict(load.errors),
        "lost": len(load.acknowledged - stored),
        "memory_mb": round(settled),
        "memory_growth": round(grown / settled - 1, 4),
    }


def kill_repeatedly(load: Load, store: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Kill the server under load, as often as is asked for; what of the acknowledged events is there."""
    lost = doubled = rounds = 0
    for rounds in range(1, options.kills + 1):
        sent = signal.SIGKILL if rounds % 2 else signal.SIGTERM
        with running_server(store, "--no-warm-up") as (address, process):
            asyncio.run(kill_under_load(load, address, process, sent, options))
        ids = Counter(Store.open(store).log.read()["event_id"].to_pylist())
        lost += len(load.acknowledged - ids.keys())
        doubled += sum(count - 1 for count in ids.values())
        print(
            f"{rounds}: {sent.name}, {len(load.acknowledged):,} acknowledged, {lost} lost, {doubled} doubled"
        )
    counts = {"acknowledged": len(load.acknowledged), "lost": lost, "doubled": doubled}
    return {"rounds": rounds, **counts, "unanswered": load.errors.total()}


async def kill_under_load(
    load: Load,
    address: str,
    process: subprocess.Popen[str],
    sent: signal.Signals,
    options: argparse.Namespace,
) -> None:
    """Load, in the middle of which the server gets a signal: some time after it has acknowledged events."""
    before = len(load.acknowledged)
    running = asyncio.create_task(run_load(load, address, POST_TIMEOUT_S + options.seconds, options))
    while len(load.acknowledged) == before and not running.done():
        await asyncio.sleep(0.01)
    await asyncio.sleep(load.rng.uniform(0.0, options.seconds))
    process.send_signal(sent)
    await asyncio.to_thread(process.wait, 60)
    load.until = 0.0
    await running


def memory_mb(pid: int) -> float:
    """Resident memory of a process."""
    status = Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS")) / 1024


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("store", type=Path)
    parser.add_argument("--readers", type=int, default=50)
    parser.add_argument("--events", type=float, default=200.0, help="events a second")
    parser.add_argument("--seconds", type=float, default=180.0, help="of the load; with --kills, of a round")
    parser.add_argument("--think", type=float, default=1.0, help="a reader's mean pause, in seconds")
    parser.add_argument("--chats", type=int, default=0, help="clients that chat all the time")
    parser.add_argument("--kills", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(shutil.copytree(options.store, Path(folder) / "store"))
        store = Store.open(path)
        users = sorted({*store.log.read()["user_id"].to_pylist()})[:1000]
        load = Load(users, list(store.snapshot().catalogue.ids), random.Random(options.seed))
        store.log.close()
        run = kill_repeatedly if options.kills else measure
        result = {"bench": "kills" if options.kills else "load", "load": os.getloadavg()[0]}
        result |= {"items": len(load.items), "readers": options.readers, "events_per_second": options.events}
        result |= {"chats": options.chats}
        print(json.dumps(result | run(load, path, options)))


if __name__ == "__main__":
    main()

"""How long people wait for the assistant over HTTP: after the start, for a reply, in a long conversation.

    python benchmarks/bench_chat.py STORE [--conversations 5] [--user U]

Starts `bowerbird serve` on a free port. Counted are the seconds from its start to its address and to
`/healthz`, to the first chat answer straight after that, while models are still loading, and, once they are
loaded, of every turn the seconds to the first chunk with items or text. A conversation asks the same ten
messages twice, sending the last state along; `turn_20_to_2` is the median over conversations of the time of
turns 12 to 20 by that of turns 2 to 10, each to its last byte. Ends in one JSON line.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

FIRST = "a warm lamp under 60"
MESSAGES = (
    "something soft for cold evenings",
    "in green",
    "cheaper than 80",
    "show me more",
    "compare the first two",
    "what is the first one made of?",
    "a wooden table for a small kitchen",
    "the second one in oak",
    "why the first one?",
    "a gift for my sister who loves gardening",
)
WARM_UP_LIMIT_S = 600


@dataclass(frozen=True)
class TurnTime:
    """Seconds from a request to its first content, and to its last byte."""

    first: float
    total: float


@contextmanager
def running_server(store: Path, options: list[str]) -> Iterator[tuple[str, float, float]]:
    """Serve a store: the address, and the seconds to it and to the first healthy answer."""
    command = [sys.executable, "-m", "bowerbird", "serve", str(store), "--port", "0", *options]
    environment = {"OMP_WAIT_POLICY": "PASSIVE", **os.environ, "PYTHONUNBUFFERED": "1"}
    start = time.perf_counter()
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment)
    try:
        assert process.stderr is not None
        address = next(line for line in process.stderr if line.startswith("http://")).strip()
        listening = time.perf_counter() - start
        httpx.get(f"{address}/healthz", timeout=WARM_UP_LIMIT_S).raise_for_status()
        yield address, listening, time.perf_counter() - start
    finally:
        process.terminate()
        process.wait(60)


def ask(client: httpx.Client, text: str, state: Any, user: str | None) -> tuple[TurnTime, Any]:
    """One streamed turn: its times, and the state after it."""
    body = {"messages": [{"role": "user", "content": text}], "stream": True, "user": user}
    if state is not None:
        body["bowerbird"] = {"state": state}
    start, first = time.perf_counter(), None
    with client.stream("POST", "/v1/chat/completions", json=body) as response:
        response.raise_for_status()
        for line in response.iter_lines():
            if not line.startswith("data: {"):
                continue
            event = json.loads(line.removeprefix("data: "))
            extension = event.get("bowerbird", {})
            if first is None and (event["choices"][0]["delta"].get("content") or extension.get("items")):
                first = time.perf_counter() - start
            state = extension.get("state", state)
    assert first is not None, "an answer without content"
    return TurnTime(first, time.perf_counter() - start), state


def wait_until_warm(client: httpx.Client) -> float:
    """Wait until the server has loaded its models: the seconds."""
    start = time.perf_counter()
    while client.get("/healthz").json()["warming_up"]:
        time.sleep(0.2)
        if time.perf_counter() - start > WARM_UP_LIMIT_S:
            raise SystemExit("the server does not get warm")
    return time.perf_counter() - start


def converse(client: httpx.Client, user: str | None, offset: int) -> list[TurnTime]:
    """A conversation of all messages, twice, beginning at one of them."""
    times, state = [], None
    for number in range(2 * len(MESSAGES)):
        turn_time, state = ask(client, MESSAGES[(number + offset) % len(MESSAGES)], state, user)
        times.append(turn_time)
    return times


def slowdown(times: list[TurnTime]) -> float:
    """Time of turns 12 to 20 by that of turns 2 to 10."""
    cycle = len(MESSAGES)
    late = sum(each.whole for each in times[cycle + 1 :])
    return late / sum(each.whole for each in times[1:cycle])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("store", type=Path)
    parser.add_argument("--conversations", type=int, default=5)
    parser.add_argument("--user")
    parser.add_argument("--no-warm-up", action="store_true", help="load models at the first chat")
    args = parser.parse_args()
    options = ["--no-warm-up"] if args.no_warm_up else []
    with running_server(args.store, options) as (address, listening, healthy):
        client = httpx.Client(base_url=address, timeout=WARM_UP_LIMIT_S)
        first_answer, _ = ask(client, FIRST, None, args.user)
        warm = wait_until_warm(client)
        converse(client, args.user, 0)
        conversations = [converse(client, args.user, offset) for offset in range(args.conversations)]
    first = sorted(each.first for times in conversations for each in times)
    total = sorted(each.whole for times in conversations for each in times)
    result = {
        "bench": "chat",
        "store": args.store.name,
        "warm_up": not args.no_warm_up,
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "load": os.getloadavg()[0],
        "start_to_address_s": listening,
        "start_to_healthy_s": healthy,
        "first_answer_s": first_answer.first,
        "healthy_to_warm_s": warm + first_answer.whole,
        "turns": len(first),
        "first_content_p50_s": statistics.median(first),
        "first_content_p95_s": first[int(0.95 * len(first))],
        "whole_p50_s": statistics.median(total),
        "turn_20_to_2": statistics.median(slowdown(times) for times in conversations),
    }
    rounded = {name: round(value, 4) if isinstance(value, float) else value for name, value in result.items()}
    for name, value in rounded.items():
        print(f"{name:>22}  {value}")
    print(json.dumps(rounded))


if __name__ == "__main__":
    main()

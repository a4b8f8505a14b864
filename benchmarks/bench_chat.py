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
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from server_process import running_server

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
    late = sum(each.total for each in times[cycle + 1 :])
    return late / sum(each.total for each in times[1:cycle])


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
    with running_server(args.store, *options) as server:
        client = httpx.Client(base_url=server.address, timeout=WARM_UP_LIMIT_S)
        begin = time.perf_counter()
        client.get("/healthz").raise_for_status()
        healthy = server.start_s + time.perf_counter() - begin
        first_answer, _ = ask(client, FIRST, None, args.user)
        warm = wait_until_warm(client)
        converse(client, args.user, 0)
        conversations = [converse(client, args.user, offset) for offset in range(args.conversations)]
    first = sorted(each.first for times in conversations for each in times)
    total = sorted(each.total for times in conversations for each in times)
    result = {
        "bench": "chat",
        "store": args.store.name,
        "warm_up": not args.no_warm_up,
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "load": os.getloadavg()[0],
        "start_to_address_s": server.start_s,
        "start_to_healthy_s": healthy,
        "first_answer_s": first_answer.first,
        "healthy_to_warm_s": warm + first_answer.total,
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

"""Does a server survive 10,000 hostile requests?

    python benchmarks/bench_hostile.py STORE [--requests 10000] [--seed 0]

A copy of the store is served, and gets broken bodies, headers, paths, encodings, bombs of gzip and pixels,
and connections that stop in the middle. Counts answers by status; nothing may crash, no answer may be 5xx
but a 503 with `Retry-After`, none may take a minute, and memory may not grow by more than 5 % after the first
tenth, which follows the opening of all models.
"""

from __future__ import annotations

import argparse
import contextlib
import gzip
import io
import json
import random
import shutil
import socket
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
from PIL import Image

from server_process import ServerProcess, running_server

JSON = "application/json"
WORDS = [
    *("", "a", "null", "true", "-1", "1e999", "NaN", "\0", "\ud800", "💥" * 50, "../" * 20, "%2e%2e%2f"),
    *(
        "'--",
        "{{7*7}}",
        "${jndi:ldap://x}",
        "<script>",
        "x" * 9000,
        "%00",
        "%ff%fe",
        "\r\nX-Evil: 1",
        "a/b//c",
    ),
]
FIELDS = [
    *("messages", "role", "content", "user", "userId", "batch", "type", "event", "properties"),
    *("items", "filter", "events", "item_ids", "item_id", "price", "input", "model", "cursor"),
    *("stream", "tools", "bowerbird", "state", "all_of", "none_of", "timestamp", "interest", "weight"),
    *("picture", "exclude"),
]
Rng = random.Random


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    arguments.add_argument("store", type=Path)
    arguments.add_argument("--requests", type=int, default=10_000)
    arguments.add_argument("--seed", type=int, default=0)
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        store = Path(shutil.copytree(options.store, Path(folder) / "store"))
        with running_server(store) as server:
            server.wait_until_ready()
            result = attack(server, options.requests, random.Random(options.seed))
    for status, count in sorted(result["answers"].items()):
        print(f"{status:>12} {count:>7,}")
    print(json.dumps(result))


def attack(server: ServerProcess, n_requests: int, rng: Rng) -> dict[str, Any]:
    """Send the requests; returns what the server answered, and how its memory grew."""
    routes = described_routes(server.address)
    answers: Counter[str] = Counter()
    faults: list[str] = []
    memory: list[float] = []
    start = time.perf_counter()
    with httpx.Client(base_url=server.address, timeout=60) as client:
        for number in range(n_requests):
            if number and number % (n_requests // 10) == 0:
                memory.append(server.memory_mb())
            if rng.random() < 0.05:
                answers[break_connection(server.address, rng)] += 1
                continue
            method, path, options = hostile_request(routes, rng)
            try:
                answer = answer_of(client, method, path, options)
            except (httpx.HTTPError, httpx.InvalidURL, ValueError, UnicodeError) as error:
                answers[type(error).__name__] += 1
                if isinstance(error, httpx.TimeoutException):
                    faults.append(f"{method} {path[:200]}: no answer")
                continue
            answers[str(answer.status_code)] += 1
            if answer.status_code >= 500 and "retry-after" not in answer.headers:
                faults.append(f"{method} {path[:200]}: {answer.status_code}")
        is_alive = server.process.poll() is None and client.get("/livez").status_code == 200
    memory += [server.memory_mb()] if is_alive else []
    return {
        "requests": n_requests,
        "answers": dict(answers),
        "crashed": not is_alive,
        "faults": faults[:20],
        "n_faults": len(faults),
        "memory_mb": [round(each) for each in memory],
        "memory_growth": round(memory[-1] / memory[0] - 1, 4) if is_alive else None,
        "seconds": round(time.perf_counter() - start),
    }


def answer_of(client: httpx.Client, method: str, path: str, options: dict[str, Any]) -> httpx.Response:
    """What the server answers; of a stream, which may have no end, its first bytes."""
    with client.stream(method, path, **options) as answer:
        if answer.headers.get("content-type", "").startswith("text/event-stream"):
            next(answer.iter_raw(), b"")
        else:
            answer.read()
    return answer


def described_routes(address: str) -> list[tuple[str, str]]:
    """Method and path of every route."""
    paths = httpx.get(f"{address}/openapi.json", timeout=60).json()["paths"]
    return [(method.upper(), path) for path, methods in paths.items() for method in methods]


def hostile_request(routes: list[tuple[str, str]], rng: Rng) -> tuple[str, str, dict[str, Any]]:
    """One request: a route with a hostile path, query, header or body."""
    method, path = rng.choice(routes)
    while "{" in path:
        before, _, after = path.partition("{")
        path = before + rng.choice(["i1", "u1", "1", *map(quoted, WORDS)]) + after.partition("}")[2]
    if rng.random() < 0.1:
        method = rng.choice(["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE", "FOO"])
    names = ["q", "n", "item", "filter", "cursor", "exclude", "seed", "outcome", "size", "half_life_days"]
    query = {rng.choice(names): rng.choice(WORDS) for _ in range(rng.randrange(3))}
    headers = {"Content-Type": rng.choice([JSON] * 6 + ["text/plain", "image/png", "", "a" * 500])}
    if rng.random() < 0.1:
        names = ["Host", "Origin", "X-Request-ID", "Authorization", "Accept-Encoding", "If-None-Match"]
        headers[rng.choice(names)] = rng.choice(["evil.example", "*", "a" * 5000, '"x"', "Bearer x", "-1"])
    content = hostile_body(rng)
    if rng.random() < 0.1:
        headers["Content-Encoding"] = rng.choice(["gzip", "br", "deflate", "gzip, gzip"])
        content = rng.choice([gzip.compress(content), content, gzip_bomb()])
    params = {name: quoted(value) for name, value in query.items()}
    return method, path, {"params": params, "headers": headers, "content": content}


def quoted(text: str) -> str:
    """A text without what no client can send."""
    return (
        text.encode(errors="replace").decode().replace("\r", "%0d").replace("\n", "%0a").replace("\0", "%00")
    )


def hostile_body(rng: Rng) -> bytes:
    """JSON of wrong types, broken JSON, pictures that are not what they claim, or bytes."""
    kinds: list[Callable[[], bytes]] = [
        lambda: json.dumps(hostile_value(rng, 4)).encode(),
        lambda: json.dumps(hostile_value(rng, 3)).encode()[: rng.randrange(200)],
        lambda: b"[" * rng.choice([10, 33, 5000]),
        lambda: rng.randbytes(rng.randrange(2000)),
        lambda: pixel_bomb(rng.choice([100, 12_000])),
        lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n" + rng.randbytes(50),
        lambda: b"",
    ]
    return rng.choices(kinds, [10, 2, 1, 1, 1, 1, 1])[0]()


def hostile_value(rng: Rng, depth: int) -> Any:
    """A JSON value with the names of real fields and the wrong types."""
    match rng.randrange(3) if depth else 2:
        case 0:
            return {rng.choice(FIELDS): hostile_value(rng, depth - 1) for _ in range(rng.randrange(6))}
        case 1:
            return [hostile_value(rng, depth - 1) for _ in range(rng.randrange(5))]
    return rng.choice([None, True, 0, -1, 2**70, 1e308, "user", "a lamp", "i1", "track", *WORDS])


@lru_cache
def gzip_bomb() -> bytes:
    """30 MB of blanks."""
    return gzip.compress(b" " * 30_000_000)


@lru_cache
def pixel_bomb(side: int) -> bytes:
    """A small file of many pixels."""
    buffer = io.BytesIO()
    Image.new("1", (side, side)).save(buffer, "PNG")
    return buffer.getvalue()


def break_connection(address: str, rng: Rng) -> str:
    """Send bytes that are no request, or half of one, and leave."""
    url = urlsplit(address)
    head = b"POST /v1/batch HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    chunked = head + b"Transfer-Encoding: chunked\r\n\r\n"
    fragments = [
        rng.randbytes(200),
        head[: rng.randrange(len(head))],
        head + b"Content-Length: 1000\r\n\r\n{",
        head + b"Content-Length: -5\r\n\r\n",
        head + b"Content-Length: 5\r\nContent-Length: 7\r\n\r\n{}",
        chunked + b"FFFFFFFFFFFFFFFF\r\n{",
        chunked + b"zz\r\n",
        head + b"A: " + b"b" * 60_000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 5000,
    ]
    with (
        contextlib.suppress(OSError),
        socket.create_connection((url.hostname, url.port), 10) as connection,
    ):
        connection.sendall(rng.choice(fragments))
        connection.settimeout(0.05)
        connection.recv(100)
    return "broken"


if __name__ == "__main__":
    main()

"""A real HTTP server on loopback that answers as an OpenAI-compatible API would, or fails as one can.

    with scripted_endpoint([answer("Here is [1]."), Fault.GARBAGE]) as server:
        ...  # server.url, server.requests

Each request takes the next entry of the script; the last one is repeated. An entry may be a function, which
answers by the request.
"""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

USAGE = {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120}


class Fault(Enum):
    """How a server can fail."""

    SILENT = "accepts the request and never answers"
    TRICKLE = "sends a byte now and then and no event"
    GARBAGE = "answers bytes that are neither JSON nor text"
    HALF = "closes the connection in the middle of the answer"
    OVERLOADED = "answers 503"
    RATE_LIMITED = "answers 429"
    BROKEN = "answers 500"
    REJECTS = "answers 400"
    FORBIDDEN = "answers 401"
    WRONG_FORMAT = "answers JSON of another form"
    ERROR_EVENT = "answers 200 and then an error"


def answer(text: str = "", calls: Sequence[tuple[str, dict[str, Any] | str]] = ()) -> dict[str, Any]:
    """A message of the assistant; `calls` are (tool, arguments), as they are where they are a text."""
    message: dict[str, Any] = {"role": "assistant", "content": text or None}
    if calls:
        message["tool_calls"] = [
            {"id": f"call_{n}", "type": "function", "function": {"name": name, "arguments": _as_text(args)}}
            for n, (name, args) in enumerate(calls)
        ]
    return message


Entry = dict[str, Any] | Fault | Callable[[dict[str, Any]], dict[str, Any]]


@dataclass
class ScriptedEndpoint:
    """A running server: its address, and the requests that it got."""

    script: Sequence[Entry]
    usage: Any = None
    """Tokens that the server claims to have used."""
    url: str = ""
    requests: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    stopped: threading.Event = field(default_factory=threading.Event)


@contextlib.contextmanager
def scripted_endpoint(script: Sequence[Entry], usage: Any = USAGE) -> Iterator[ScriptedEndpoint]:
    """Serve a script on a free port while the block runs."""
    endpoint = ScriptedEndpoint(script, usage)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(endpoint))
    server.daemon_threads = True
    endpoint.url = f"http://127.0.0.1:{server.server_port}/v1"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield endpoint
    finally:
        endpoint.stopped.set()
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(endpoint: ScriptedEndpoint) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            entry = endpoint.script[min(len(endpoint.requests), len(endpoint.script) - 1)]
            endpoint.requests.append(request)
            endpoint.headers.append(dict(self.headers))
            with contextlib.suppress(OSError):  # the client may have given up
                if isinstance(entry, Fault):
                    self.fail(entry, bool(request.get("stream")))
                else:
                    entry = entry(request) if callable(entry) else entry
                    self.reply(entry, bool(request.get("stream")))

        def reply(self, message: dict[str, Any], is_stream: bool) -> None:
            usage = {} if endpoint.usage is None else {"usage": endpoint.usage}
            if not is_stream:
                self.body({"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]} | usage)
                return
            self.begin_stream()
            for chunk in _chunks_of(message["content"] or ""):
                self.event({"content": chunk})
            for number, call in enumerate(message.get("tool_calls", ())):
                arguments = call["function"]["arguments"]
                start = {**call, "index": number, "function": {**call["function"], "arguments": ""}}
                self.event({"tool_calls": [start]})
                for chunk in _chunks_of(arguments):
                    self.event({"tool_calls": [{"index": number, "function": {"arguments": chunk}}]})
            self.event({}, "stop")
            self.wfile.write(f"data: {json.dumps({'choices': []} | usage)}\n\n".encode())
            self.wfile.write(b"data: [DONE]\n\n")

        def fail(self, fault: Fault, is_stream: bool) -> None:
            statuses = {Fault.OVERLOADED: 503, Fault.REJECTS: 400, Fault.FORBIDDEN: 401}
            statuses |= {Fault.RATE_LIMITED: 429, Fault.BROKEN: 500}
            if fault in statuses:
                self.body({"error": {"message": f"scripted {fault.value}"}}, statuses[fault])
            elif fault is Fault.WRONG_FORMAT and not is_stream:
                self.body({"choices": [{"message": "hello"}]})
            elif fault is Fault.SILENT:
                endpoint.stopped.wait(30)
            else:
                self.begin_stream("text/event-stream" if is_stream else "application/json")
                self.fail_in_body(fault)

        def fail_in_body(self, fault: Fault) -> None:
            if fault is Fault.GARBAGE:
                self.wfile.write(b"data: \xff\xfe{]\x00garbage\n\n" * 10)
            elif fault is Fault.WRONG_FORMAT:
                self.wfile.write(b'data: {"choices": [{"delta": "hello"}]}\n\n')
            elif fault is Fault.ERROR_EVENT:
                self.wfile.write(b'data: {"error": {"message": "out of memory"}}\n\n')
            elif fault is Fault.HALF:
                self.event({"content": "Here is a lamp that"})
            elif fault is Fault.TRICKLE:
                while not endpoint.stopped.wait(0.05):
                    self.wfile.write(b":")

        def begin_stream(self, kind: str = "text/event-stream") -> None:
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.end_headers()

        def event(self, delta: dict[str, Any], finish: str | None = None) -> None:
            choice = {"index": 0, "delta": delta, "finish_reason": finish}
            self.wfile.write(f"data: {json.dumps({'choices': [choice]})}\n\n".encode())
            self.wfile.flush()

        def body(self, content: dict[str, Any], status: int = 200) -> None:
            data = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            pass

    return Handler


def _as_text(arguments: dict[str, Any] | str) -> str:
    return arguments if isinstance(arguments, str) else json.dumps(arguments)


def _chunks_of(text: str) -> list[str]:
    return [text[start : start + 7] for start in range(0, len(text), 7)]

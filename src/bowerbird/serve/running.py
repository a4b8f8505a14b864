"""The server process: its socket, limits of connections, shutdown, and log."""

from __future__ import annotations

import asyncio
import json
import os
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from bowerbird.data.files.records import record_as_dict
from bowerbird.errors import InputError
from bowerbird.serve.middleware.observing import REQUEST_LOG, SECURITY_HEADERS, JsonLogFormatter
from bowerbird.serve.protection.settings import ServerSettings
from bowerbird.serve.tenants.server import SETTINGS_VARIABLE, STORES_VARIABLE, WARM_UP_VARIABLE

BACKLOG = 2048  # connections that may wait until a process accepts them
KEEP_ALIVE_S = 30  # how long a connection may be idle between two requests
HEADER_S = 10.0  # longest wait for the headers of a request
MAX_HEADER_BYTES = 32 * 2**10


def run(app: FastAPI, server_socket: socket.socket, settings: ServerSettings) -> None:
    """Serve an app from this process until SIGTERM or Ctrl-C."""
    uvicorn.Server(uvicorn.Config(app, **server_options(settings))).run(sockets=[server_socket])


def run_workers(
    stores: Sequence[Path],
    workers: int,
    warm_up: bool,
    server_socket: socket.socket,
    settings: ServerSettings,
) -> None:
    """Serve stores from several processes until SIGTERM or Ctrl-C."""
    os.environ[STORES_VARIABLE] = json.dumps([str(store) for store in stores])
    os.environ[SETTINGS_VARIABLE] = json.dumps(record_as_dict(settings))
    if warm_up:
        os.environ[WARM_UP_VARIABLE] = "1"
    app = "bowerbird.serve.tenants.server:worker"
    uvicorn.run(app, factory=True, workers=workers, fd=server_socket.fileno(), **server_options(settings))


def server_options(settings: ServerSettings) -> dict[str, Any]:
    """What uvicorn is told: the log, and the limits of connections."""
    return {
        "log_config": _log_config(settings.log_requests),
        "access_log": False,
        "http": LimitedProtocol,
        "server_header": False,
        "timeout_keep_alive": KEEP_ALIVE_S,
        "timeout_graceful_shutdown": settings.shutdown_s,
    }


class LimitedProtocol(HttpToolsProtocol):
    """Closes connections whose headers don't arrive in time, or are too large."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self._header_bytes = 0
        self._headers_due: asyncio.TimerHandle | None = None
        self._expect_headers()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Count bytes of headers, and pass them on."""
        is_idle = self.cycle is None or self.cycle.response_complete
        if is_idle:
            if self._headers_due is None:
                self._expect_headers()
            self._header_bytes += len(data)
        super().data_received(data)
        still_idle = self.cycle is None or self.cycle.response_complete
        if is_idle and still_idle and self._header_bytes > MAX_HEADER_BYTES:
            self.send_400_response("The headers are too large.")

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP request, in the form of all errors."""
        body = json.dumps(
            {"error": {"message": msg, "type": "invalid_request_error", "param": None, "code": None}}
        )
        lines = [
            "HTTP/1.1 400 Bad Request",
            *(f"{name}: {value}" for name, value in SECURITY_HEADERS.items()),
        ]
        lines += [
            "Content-Type: application/json",
            f"Content-Length: {len(body)}",
            "Connection: close",
            "",
            body,
        ]
        self.transport.write("\r\n".join(lines).encode())
        self.transport.close()

    def on_headers_complete(self) -> None:
        """Stop waiting: the rest is the body's."""
        self._stop_waiting()
        self._header_bytes = 0
        super().on_headers_complete()

    def _expect_headers(self) -> None:
        self._headers_due = self.loop.call_later(HEADER_S, self._close_late)

    def _stop_waiting(self) -> None:
        if self._headers_due is not None:
            self._headers_due.cancel()
            self._headers_due = None

    def _close_late(self) -> None:
        if not self.transport.is_closing():
            self.transport.close()


def open_socket(host: str, port: int) -> socket.socket:
    """Open a socket that listens for connections. Raises `InputError` where that fails.

    Nagle's algorithm is off, also for its connections: a response is written in two segments, and the second
    would wait for the acknowledgement of the first, which a client delays for 40 ms. (asyncio does this only
    for sockets that it has opened itself.)
    """
    server_socket = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    server_socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server_socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        server_socket.bind((host, port))
    except OSError as error:
        raise InputError(f"{host}:{port} cannot be opened ({error}): choose another --port") from None
    server_socket.listen(BACKLOG)
    return server_socket


def _log_config(log_requests: bool) -> dict[str, Any]:
    """The log on standard error, a JSON object a line; of each request too, where that is asked for."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"json": {"()": JsonLogFormatter}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
        "root": {"level": "WARNING", "handlers": ["stderr"]},
        "loggers": {REQUEST_LOG: {"level": "INFO" if log_requests else "WARNING"}},
    }

"""`bowerbird serve`: HTTP, OpenAI-compatible chat, and a page."""

from __future__ import annotations

import os
import socket
import sys
from typing import Annotated

import typer

from bowerbird.cli.output import StoreArgument

BACKLOG = 2048  # connections that may wait until a process accepts them


def serve(
    store: StoreArgument,
    host: Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 for all.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on.")] = 8080,
    workers: Annotated[int, typer.Option(min=1, help="Worker processes, each with the store loaded.")] = 1,
    warm_up: Annotated[
        bool,
        typer.Option(
            help="Load the assistant's models in the background at the start, not at the first chat."
        ),
    ] = True,
) -> None:
    """Serve a store over HTTP: recommendations, search, chat, event tracking, metrics, and a page."""
    import uvicorn

    from bowerbird.serve.app import STORE_VARIABLE, WARM_UP_VARIABLE, create_app

    # With several workers too: errors are reported here, and missing models are trained once.
    app = create_app(store, warm_up=warm_up)
    server_socket = open_socket(host, port)
    print(f"http://{host}:{server_socket.getsockname()[1]}", file=sys.stderr, flush=True)
    if workers == 1:
        uvicorn.Server(uvicorn.Config(app, log_level="warning")).run(sockets=[server_socket])
        return
    del app
    os.environ[STORE_VARIABLE] = str(store)
    if warm_up:
        os.environ[WARM_UP_VARIABLE] = "1"
    uvicorn.run(
        "bowerbird.serve.app:worker",
        factory=True,
        workers=workers,
        fd=server_socket.fileno(),
        log_level="warning",
    )


def open_socket(host: str, port: int) -> socket.socket:
    """Open a socket that listens for connections. Raises `InputError` where that fails.

    Nagle's algorithm is off, also for its connections: a response is written in two segments, and the second
    would wait for the acknowledgement of the first, which a client delays for 40 ms. (asyncio does this only
    for sockets that it has opened itself.)
    """
    from bowerbird.errors import InputError

    server_socket = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    server_socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server_socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        server_socket.bind((host, port))
    except OSError as error:
        raise InputError(f"{host}:{port} cannot be opened ({error}): choose another --port") from None
    server_socket.listen(BACKLOG)
    return server_socket

"""`bowerbird serve`: HTTP, OpenAI-compatible chat, and a page."""

from __future__ import annotations

import os
import socket
import sys
from typing import Annotated

import typer

from bowerbird.cli.output import StoreArgument

WAITING = 2048  # connections that may wait until a process takes them


def serve(
    store: StoreArgument,
    host: Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 for all.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on.")] = 8080,
    workers: Annotated[int, typer.Option(min=1, help="Processes that answer, each with the store.")] = 1,
) -> None:
    """Serve a store over HTTP: recommendations, search, chat, event tracking, metrics, and a page."""
    import uvicorn

    from bowerbird.serve.app import STORE_VARIABLE, create_app

    app = create_app(store)  # with several processes too: what is wrong is told here, and learnt once
    listening = open_socket(host, port)
    print(f"http://{host}:{listening.getsockname()[1]}", file=sys.stderr, flush=True)
    if workers == 1:
        uvicorn.Server(uvicorn.Config(app, log_level="warning")).run(sockets=[listening])
        return
    del app
    os.environ[STORE_VARIABLE] = str(store)
    uvicorn.run(
        "bowerbird.serve.app:worker",
        factory=True,
        workers=workers,
        fd=listening.fileno(),
        log_level="warning",
    )


def open_socket(host: str, port: int) -> socket.socket:
    """A socket that takes connections. Raises `InputError` where it can't.

    Without Nagle's algorithm, which its connections inherit: an answer is written in two pieces, and the
    second would wait for the first one's acknowledgement, which a client holds back for 40 ms. (asyncio sees
    to that only for sockets that it has opened itself.)
    """
    from bowerbird.errors import InputError

    listening = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        listening.bind((host, port))
    except OSError as error:
        raise InputError(f"{host}:{port} can't be listened on ({error}): choose another --port") from None
    listening.listen(WAITING)
    return listening

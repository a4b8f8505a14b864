"""`bowerbird serve`: HTTP, OpenAI-compatible chat, and a page."""

from __future__ import annotations

import ipaddress
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from bowerbird.serve.protection.settings import ServerSettings


def serve(
    stores: Annotated[
        list[Path],
        typer.Argument(
            help="The store's folder; of several, the key of a request selects one.",
            metavar="STORE...",
            show_default=False,
        ),
    ],
    host: Annotated[
        str, typer.Option(envvar="BOWERBIRD_HOST", help="Address to listen on; 0.0.0.0 for all.")
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(envvar="BOWERBIRD_PORT", min=0, max=65535, help="Port to listen on.")
    ] = 8080,
    workers: Annotated[
        int,
        typer.Option(envvar="BOWERBIRD_WORKERS", min=1, help="Worker processes, each with the store loaded."),
    ] = 1,
    warm_up: Annotated[
        bool,
        typer.Option(
            envvar="BOWERBIRD_WARM_UP",
            help="Load the assistant's models in the background at the start, not at the first chat.",
        ),
    ] = True,
    require_keys: Annotated[
        bool | None,
        typer.Option(
            "--keys/--no-keys",
            envvar="BOWERBIRD_KEYS",
            help="Whether requests need an API key; by default unless only this machine can connect to one "
            "store.",
        ),
    ] = None,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(envvar="BOWERBIRD_ALLOW_HOST", help="Name that clients may call this server by."),
    ] = None,
    allow_origin: Annotated[
        list[str] | None,
        typer.Option(envvar="BOWERBIRD_ALLOW_ORIGIN", help="Origin whose pages may call it (CORS)."),
    ] = None,
    rate: Annotated[
        float,
        typer.Option(
            envvar="BOWERBIRD_RATE", min=0.1, help="Requests a second of one key, where keys are needed."
        ),
    ] = 50.0,
    log_requests: Annotated[
        bool, typer.Option(envvar="BOWERBIRD_LOG_REQUESTS", help="Log each request, as JSON.")
    ] = False,
    traces_to: Annotated[
        str,
        typer.Option(
            envvar=["BOWERBIRD_TRACES_TO", "OTEL_EXPORTER_OTLP_ENDPOINT"],
            help="Address of an OpenTelemetry collector, which gets the time of each stage; no ids of users.",
            metavar="URL",
        ),
    ] = "",
    check: Annotated[
        bool, typer.Option("--check", help="Open everything, say what would be served, end.")
    ] = False,
) -> None:
    """Serve a store over HTTP: recommendations, search, chat, event tracking, metrics, and a page.

    Several stores share nothing but the process: the key of a request says whose it is.
    """
    from bowerbird.serve.protection.memory import bound_memory

    bound_memory()
    from bowerbird.serve import running
    from bowerbird.serve.tenants.server import create_server, store_apps

    settings = replace(
        server_settings(stores, host, require_keys, allow_host or [], allow_origin or []),
        requests_per_second=rate,
        log_requests=log_requests,
        traces_to=traces_to,
    )
    # With several workers too: errors are reported here, and missing models are trained once.
    app = create_server(stores, warm_up=warm_up, settings=settings)
    for store in stores:
        print(access_message(store, host, settings), file=sys.stderr, flush=True)
    if check:
        for store, store_app in zip(stores, store_apps(app), strict=True):
            store_app.state.app_state.served.assistant.parts.warm_up()
            store_app.state.app_state.close()
            print(f"{store} can be served", file=sys.stderr)
        return
    server_socket = running.open_socket(host, port)
    print(f"http://{host}:{server_socket.getsockname()[1]}", file=sys.stderr, flush=True)
    if workers == 1:
        running.run(app, server_socket, settings)
        return
    del app
    running.run_workers(stores, workers, warm_up, server_socket, settings)


def server_settings(
    stores: Sequence[Path],
    host: str,
    require_keys: bool | None,
    hosts: Sequence[str] = (),
    origins: Sequence[str] = (),
) -> ServerSettings:
    """The settings that the options ask for. Raises `InputError` for an origin that is none."""
    from bowerbird.errors import InputError
    from bowerbird.serve.middleware.origins import LOOPBACK_HOSTS
    from bowerbird.serve.protection.settings import ServerSettings

    for origin in origins:
        scheme, _, name = origin.partition("://")
        if scheme not in ("http", "https") or not name or "/" in name:
            raise InputError(f"--allow-origin is {origin!r}, expected an origin such as https://shop.example")
    is_local = is_loopback(host)
    # Without keys only the name protects: a page elsewhere may have its own name resolve to this machine.
    names = (*LOOPBACK_HOSTS, *hosts) if is_local else tuple(hosts)
    return ServerSettings(
        require_keys=(not is_local or len(stores) > 1) if require_keys is None else require_keys,
        allowed_hosts=names,
        allowed_origins=tuple(origins),
    )


def is_loopback(host: str) -> bool:
    """Whether only this machine can connect to an address to listen on."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def access_message(store: Path, host: str, settings: ServerSettings) -> str:
    """What is said at the start about who may call."""
    from bowerbird.serve.protection.keys import KeyRing

    if not settings.require_keys:
        if is_loopback(host):
            return "no API key is needed: only this machine can connect"
        return (
            f"WARNING: no API key is needed, and others can connect to {host}: whoever reaches it can "
            "read and erase every user's taste. Start it without --no-keys."
        )
    n_keys = len([key for key in KeyRing(store).read().keys if key.is_valid(datetime.now(UTC))])
    if n_keys:
        return f"every request needs one of {n_keys} API keys (`bowerbird keys list {store}`)"
    return (
        "every request needs an API key, and there is none yet: make one with "
        f"`bowerbird keys create {store} --role read` while the server runs"
    )

"""The MCP server over standard input and output, for a client that starts it as its own process."""

from __future__ import annotations

from pathlib import Path

import anyio
from anyio import CapacityLimiter
from mcp.server.stdio import stdio_server

from bowerbird.serve.app_state import AppState
from bowerbird.serve.mcp.server import make_server
from bowerbird.serve.protection.access import USER_ROLES, Caller
from bowerbird.serve.protection.keys import Role


def run(store: Path, user: str | None = None) -> None:
    """Serve a store until the client closes its end. With `user` all calls are about that user.

    Raises `StoreError` where it has no items or no vectors yet.
    """
    app_state = AppState(store)
    roles = frozenset(Role) if user is None else USER_ROLES
    app_state.watch()
    try:
        anyio.run(_serve, app_state, Caller("stdio", roles, user))
    finally:
        app_state.close()


async def _serve(app_state: AppState, caller: Caller) -> None:
    server = make_server(app_state, caller, CapacityLimiter(1))
    async with stdio_server() as (received, sent):
        await server.run(received, sent, server.create_initialization_options())

"""`bowerbird mcp`: the tools for agents over standard input and output."""

from __future__ import annotations

from typing import Annotated

import typer

from bowerbird.cli.output import StoreArgument
from bowerbird.errors import InputError


def mcp(
    store: StoreArgument,
    user: Annotated[
        str | None, typer.Option(help="The user whom all calls are about, and no other; else calls name one.")
    ] = None,
) -> None:
    """Serve a store to an agent: an MCP client starts this command and talks to it by its standard streams.

    `bowerbird serve` offers the same tools to other machines, at `/mcp`.
    """
    from bowerbird.ids import id_fault

    if user is not None and (fault := id_fault(user)):
        raise InputError(f"--user {fault}: name a user of the shop")
    try:
        from bowerbird.serve.mcp import stdio
    except ImportError as error:
        raise InputError(
            f"the package {error.name} is not installed: run `pip install 'bowerbird[mcp]'`"
        ) from None
    stdio.run(store, user)

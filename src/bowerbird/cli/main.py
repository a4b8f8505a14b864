"""The command line: one module per noun; a function's signature is its options.

Only the command that is called is imported, and heavy libraries inside of it, so that each starts fast.
"""

from __future__ import annotations

import gc
import importlib
import sys
from collections.abc import Iterable
from typing import Any

import typer

from bowerbird.errors import BowerbirdError

COMMANDS = {
    "demo": ("demo", "demo"),
    "import": ("data.import_", "import_"),
    "items": ("data.items", "items_app"),
    "pictures": ("data.pictures", "pictures_app"),
    "consume": ("data.consume", "consume"),
    "events": ("data.events", "events_app"),
    "models": ("training.models", "models"),
    "embed": ("training.embed", "embed"),
    "vectors": ("training.vectors", "vectors_app"),
    "graft": ("training.graft", "graft_app"),
    "search": ("requests.search", "search"),
    "recommend": ("requests.recommend", "recommend"),
    "complete": ("requests.complete", "complete"),
    "ask": ("requests.ask", "ask"),
    "chat": ("requests.chat", "chat"),
    "taste": ("requests.taste", "taste"),
    "evaluate": ("evaluation.evaluate", "evaluate"),
    "bench": ("evaluation.bench", "bench_app"),
    "serve": ("serve", "serve"),
    "mcp": ("mcp", "mcp"),
    "keys": ("keys", "keys_app"),
    "versions": ("data.versions", "versions_app"),
    "config": ("data.config", "config_app"),
}
"""The module of each command in this folder, and its function or the group of its commands."""

OBJECTS_PER_COLLECTION = 50_000
"""Garbage is collected after this number of new objects: a command makes many at its start, and most last."""


def bowerbird() -> None:
    """Item embeddings in place of a vision encoder; user taste, recommendations and answers."""


def build_app(names: Iterable[str] = COMMANDS) -> typer.Typer:
    """The command line with some of its commands."""
    app = typer.Typer(
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(bowerbird)
    for name in names:
        module, attribute = COMMANDS[name]
        command = getattr(importlib.import_module(f"bowerbird.cli.{module}"), attribute)
        if isinstance(command, typer.Typer):
            app.add_typer(command, name=name)
        else:
            app.command(name)(command)
    return app


def __getattr__(name: str) -> Any:
    if name == "app":
        return build_app()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def main() -> None:
    """Run the command line; a user error prints one clear line and exits with code 2."""
    gc.set_threshold(OBJECTS_PER_COLLECTION, *gc.get_threshold()[1:])
    first_words = sys.argv[1:2]
    try:
        build_app(first_words if set(first_words) & COMMANDS.keys() else COMMANDS)()
    except BowerbirdError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()

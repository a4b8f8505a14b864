"""The command line: one module per noun; a function's signature is its options.

Heavy libraries are imported inside the commands, so that `--help` is fast.
"""

from __future__ import annotations

import gc
import sys

import typer

from bowerbird.cli.data.config import config_app
from bowerbird.cli.data.consume import consume
from bowerbird.cli.data.events import events_app
from bowerbird.cli.data.import_ import import_
from bowerbird.cli.data.items import items_app
from bowerbird.cli.data.pictures import pictures_app
from bowerbird.cli.data.versions import versions_app
from bowerbird.cli.demo import demo
from bowerbird.cli.evaluation.bench import bench_app
from bowerbird.cli.evaluation.evaluate import evaluate
from bowerbird.cli.keys import keys_app
from bowerbird.cli.mcp import mcp
from bowerbird.cli.requests.ask import ask
from bowerbird.cli.requests.chat import chat
from bowerbird.cli.requests.complete import complete
from bowerbird.cli.requests.recommend import recommend
from bowerbird.cli.requests.search import search
from bowerbird.cli.requests.taste import taste
from bowerbird.cli.serve import serve
from bowerbird.cli.training.embed import embed
from bowerbird.cli.training.graft import graft_app
from bowerbird.cli.training.models import models
from bowerbird.cli.training.vectors import vectors_app
from bowerbird.errors import BowerbirdError

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def bowerbird() -> None:
    """Item embeddings in place of a vision encoder; user taste, recommendations and answers."""


app.command()(demo)
app.command("import")(import_)
app.add_typer(items_app, name="items")
app.add_typer(pictures_app, name="pictures")
app.command()(consume)
app.add_typer(events_app, name="events")
app.add_typer(models, name="models")
app.command()(embed)
app.add_typer(vectors_app, name="vectors")
app.add_typer(graft_app, name="graft")
app.command()(search)
app.command()(recommend)
app.command()(complete)
app.command()(ask)
app.command()(chat)
app.add_typer(taste, name="taste")
app.command()(evaluate)
app.add_typer(bench_app, name="bench")
app.command()(serve)
app.command()(mcp)
app.add_typer(keys_app, name="keys")
app.add_typer(versions_app, name="versions")
app.add_typer(config_app, name="config")


OBJECTS_PER_COLLECTION = 50_000
"""Garbage is collected after this number of new objects: a command makes many at its start, and most last."""


def main() -> None:
    """Run the command line; a user error prints one clear line and exits with code 2."""
    gc.set_threshold(OBJECTS_PER_COLLECTION, *gc.get_threshold()[1:])
    try:
        app()
    except BowerbirdError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()

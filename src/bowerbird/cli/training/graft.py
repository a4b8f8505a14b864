"""`bowerbird graft STORE` trains a graft; `bowerbird graft export STORE --to DIR` exports it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from typer.core import TyperGroup

from bowerbird.cli.output import JsonOption, StoreArgument, emit

if TYPE_CHECKING:
    from bowerbird.graft.config import GraftMeta


class DefaultToTrain(TyperGroup):
    """`graft STORE` means `graft train STORE`; a store named like a command is written `./export`."""

    def parse_args(self, context: Any, arguments: list[str]) -> list[str]:
        if arguments and arguments[0] not in self.commands and arguments[0] not in ("-h", "--help"):
            arguments = ["train", *arguments]
        parsed: list[str] = super().parse_args(context, arguments)
        return parsed


graft_app = typer.Typer(cls=DefaultToTrain, no_args_is_help=True)


@graft_app.callback()
def graft() -> None:
    """Connect your items to a language model: `graft STORE` trains, `graft export STORE --to DIR` exports."""


@graft_app.command()
def train(
    store: StoreArgument,
    base: Annotated[str, typer.Option(help="A backbone's name, hf:org/name, or a folder.")] = "smollm2-135m",
    minutes: Annotated[float, typer.Option(help="Training time, excluding model loading.")] = 3.0,
    steps: Annotated[int | None, typer.Option(help="Maximum training steps.")] = None,
    seed: Annotated[int, typer.Option(help="Random seed.")] = 0,
    tokens: Annotated[int, typer.Option(help="Soft tokens per item, 1 to 8.")] = 1,
    adapt: Annotated[
        str, typer.Option(help="How to adapt the language model: frozen, lora or full.")
    ] = "frozen",
    batch: Annotated[int, typer.Option(help="Questions per pass through the language model.")] = 16,
    accumulate: Annotated[int, typer.Option(help="Gradient accumulation: passes per optimiser step.")] = 1,
    json: JsonOption = False,
) -> None:
    """Train the connector (with --adapt, also the language model) and publish it.

    On top of --minutes, the recommender from conversations with its request head, the
    acts of messages and the weights of the assistant's ranking are trained: on the
    store's dialogues, or on generated ones where it has none.
    After Ctrl-C or a kill, run again to resume.
    With several GPUs: `accelerate launch -m bowerbird graft STORE`.
    """
    from accelerate import PartialState

    from bowerbird.assist.training import train_assistant
    from bowerbird.choices import AdaptationMode
    from bowerbird.data.store import Store
    from bowerbird.errors import InputError
    from bowerbird.graft.config import GraftConfig, GraftMeta
    from bowerbird.graft.head.config import RequestHeadConfig
    from bowerbird.graft.training.train import train_graft

    try:
        adaptation = AdaptationMode(adapt)
    except ValueError:
        raise InputError(f"--adapt is one of {', '.join(AdaptationMode)}, not {adapt!r}") from None
    config = GraftConfig(
        base=base,
        minutes=minutes,
        steps=steps,
        seed=seed,
        tokens=tokens,
        adapt=adaptation,
        batch=batch,
        accumulate=accumulate,
    )
    opened = Store.open(store)
    head = RequestHeadConfig(seed=seed)
    version = train_graft(opened, config, lambda: train_assistant(opened, head=head))
    if not PartialState().is_main_process:  # only the first process prints
        return
    meta = version.read_meta(GraftMeta)
    emit({"version": version.name, **version.meta}, json, lambda console: print_metrics(console, meta))


@graft_app.command()
def conversations(store: StoreArgument, json: JsonOption = False) -> None:
    """Train only what learns from dialogues, imported or generated ones, and publish it."""
    from bowerbird.assist.training import train_assistant
    from bowerbird.conversations.config import DialogueRankerMeta
    from bowerbird.data.store import Store

    version = train_assistant(Store.open(store))
    meta = version.read_meta(DialogueRankerMeta)
    recall = ", ".join(f"{name} {value:.3f}" for name, value in meta.recall.items())
    emit(
        {"version": version.name, **version.meta},
        json,
        lambda console: console.print(
            f"recommender from conversations: {meta.examples:,} examples, "
            f"{meta.seconds:.0f} s; on held-out dialogues {recall or 'not measured'}"
        ),
    )


@graft_app.command()
def export(
    store: StoreArgument,
    to: Annotated[Path, typer.Option("--to", help="A new or empty folder.")],
    json: JsonOption = False,
) -> None:
    """Export the language model as a plain decoder folder, with the connector in a sub-folder."""
    from bowerbird.data.store import Store
    from bowerbird.graft.export import export_graft
    from bowerbird.graft.model import Graft

    graft = Graft.open(Store.open(store).snapshot())
    files = export_graft(graft, to)
    emit(
        {"folder": str(to), "files": files}, json, lambda console: console.print(f"{to}: {', '.join(files)}")
    )


@graft_app.command()
def acts(store: StoreArgument, json: JsonOption = False) -> None:
    """Train what tells the acts of messages: on wordings, and on imported conversations with acts."""
    from bowerbird.assist.acts.opening import ActsMeta
    from bowerbird.assist.acts.publish import train_acts
    from bowerbird.data.store import Store

    version = train_acts(Store.open(store))
    meta = version.read_meta(ActsMeta)
    accuracy = f"; right on {meta.accuracy['all']:.1%} of held-out turns" if meta.accuracy else ""
    emit(
        {"version": version.name, **version.meta},
        json,
        lambda console: console.print(
            f"{meta.n_examples:,} examples, {meta.n_dialogue_turns:,} of them from conversations{accuracy}"
        ),
    )


def print_metrics(console: Console, meta: GraftMeta) -> None:
    """Print the metrics of a trained graft."""
    table = Table(title=f"graft into {meta.base}, {meta.alignment_steps} steps")
    table.add_column("metrics on held-out items")
    table.add_column("", justify="right")
    for name, value in meta.metrics.items():
        table.add_row(name, f"{value:.3f}" if value != int(value) else f"{value:.0f}")
    console.print(table)
    console.print(f"{meta.seconds:.0f} s")

"""`bowerbird evaluate`: bowerbird compared with every baseline on events held out from training."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from bowerbird.choices import Effort, Split
from bowerbird.cli.evaluation.evaluate_conversations import evaluate_conversation_file
from bowerbird.cli.evaluation.evaluation_tables import print_evaluations
from bowerbird.cli.output import JsonOption, StoreArgument, emit
from bowerbird.errors import InputError

if TYPE_CHECKING:
    from bowerbird.data.store import Store


def evaluate(
    store: StoreArgument,
    split: Annotated[
        Split | None,
        typer.Option(help="How test data are split off. Default: both ways.", show_default=False),
    ] = None,
    k: Annotated[int, typer.Option("--k", min=1, help="Length of the evaluated lists.")] = 20,
    n_given: Annotated[
        int | None,
        typer.Option(
            min=1, help="Reveal N liked items per new user (default: 80 % of their events).", metavar="N"
        ),
    ] = None,
    baselines: Annotated[
        Effort,
        typer.Option(help="quick: 12 trials per baseline, without the neural ones (SASRec, LightGCN)."),
    ] = Effort.ALL,
    prequential: Annotated[
        bool,
        typer.Option(
            "--prequential",
            help="Prequential evaluation: measure the gain from updating after every event.",
        ),
    ] = False,
    max_queries: Annotated[
        int, typer.Option(min=1, help="With --prequential: sample at most this many likes to predict.")
    ] = 3_000,
    conversations: Annotated[
        Path | None,
        typer.Option(
            help="Evaluate recommending from conversations, and the assistant, on this file.", dir_okay=False
        ),
    ] = None,
    exposures: Annotated[
        bool, typer.Option("--exposures", help="Rates of outcomes of the lists that a server answered.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Evaluate bowerbird and all baselines, with confidence intervals; write reports and a model card.

    With --prequential, replay the log: predict each like before it is observed, with updates in real time,
    daily, weekly or never.
    """
    if conversations is not None:
        evaluate_conversation_file(store, conversations, as_json)
        return
    if exposures:
        from bowerbird.cli.evaluation.evaluate_exposures import evaluate_exposures

        evaluate_exposures(store, as_json)
        return
    from bowerbird.data.files.records import record_as_dict
    from bowerbird.data.store import Store
    from bowerbird.models.backbones import BACKBONES
    from bowerbird.recommend.evaluation.holdout import evaluate_store
    from bowerbird.report.model_card import write_card

    if prequential:
        _evaluate_prequential(Store.open(store), max_queries, as_json)
        return
    splits = list(Split) if split is None else [split]
    if n_given is not None:  # it has no meaning for users whose history ends at a moment
        splits = [value for value in splits if value is Split.NEW_USERS]
        if not splits:
            raise InputError("--n-given shortens the histories of new users: use --split new-users with it")
    opened = Store.open(store)
    results = evaluate_store(opened, splits, k, n_given, baselines)
    card = write_card(opened.snapshot(), {backbone.name: backbone.licence for backbone in BACKBONES})

    def show(console: Console) -> None:
        print_evaluations(console, results)
        console.print(f"Model card: {card}", highlight=False, soft_wrap=True)

    emit([record_as_dict(result) for result in results], as_json, show)


def _evaluate_prequential(store: Store, max_queries: int, as_json: bool) -> None:
    from bowerbird.cli.evaluation.evaluate_prequential import print_prequential
    from bowerbird.data.files.records import record_as_dict
    from bowerbird.recommend.evaluation.prequential import evaluate_prequential

    result = evaluate_prequential(store, max_queries)

    def show(console: Console) -> None:
        print_prequential(console, result)
        console.print(f"Picture: {store.reports / 'prequential.svg'}", highlight=False, soft_wrap=True)

    emit(record_as_dict(result), as_json, show)

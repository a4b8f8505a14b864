"""`bowerbird evaluate`: our recommender beside every baseline, on what training was kept from."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from bowerbird.cli.evaluation_tables import tell
from bowerbird.cli.output import JsonOption, StoreArgument, emit
from bowerbird.errors import InputError

if TYPE_CHECKING:
    from bowerbird.data.store import Store


class EffortChoice(StrEnum):
    QUICK = "quick"
    ALL = "all"


class SplitChoice(StrEnum):
    GLOBAL_TIME = "global-time"
    NEW_USERS = "new-users"
    BOTH = "both"


def evaluate(
    store: StoreArgument,
    split: Annotated[SplitChoice, typer.Option(help="What is asked of the rankers.")] = SplitChoice.BOTH,
    at: Annotated[int, typer.Option("--at", min=1, help="Length of the judged list.")] = 20,
    given: Annotated[
        int | None,
        typer.Option(
            min=1, help="Show only so many liked items of each new person, not 80 % of their events."
        ),
    ] = None,
    baselines: Annotated[
        EffortChoice, typer.Option(help="quick tries a dozen settings each, and no SASRec and LightGCN.")
    ] = EffortChoice.ALL,
    live: Annotated[
        bool, typer.Option("--live", help="Instead: what it is worth that every event counts at once.")
    ] = False,
    asks: Annotated[
        int, typer.Option(min=1, help="With --live: likes asked for at most, fewer of busy people.")
    ] = 3_000,
    as_json: JsonOption = False,
) -> None:
    """Judge our recommender beside all baselines, with intervals, and write reports and a model card.

    With --live it is judged along the log instead: each like is asked for before it is told, at once, daily,
    weekly, never.
    """
    from bowerbird.data.store import Store
    from bowerbird.evaluate import Split
    from bowerbird.evaluate.baselines import Effort
    from bowerbird.evaluate.card import write_card
    from bowerbird.models.backbones import BACKBONES
    from bowerbird.recommend.evaluation import evaluate_store

    if live:
        _evaluate_live(Store.open(store), asks, as_json)
        return
    splits = list(Split) if split is SplitChoice.BOTH else [Split(split.value)]
    if given is not None:  # of a person after a moment there is nothing to choose
        splits = [one for one in splits if one is Split.NEW_USERS]
        if not splits:
            raise InputError("--given shortens what is known of new people: use --split new-users with it")
    opened = Store.open(store)
    results = evaluate_store(opened, splits, at, given, Effort(baselines.value))
    card = write_card(opened.snapshot(), {backbone.name: backbone.licence for backbone in BACKBONES})

    def human(console: Console) -> None:
        tell(console, results)
        console.print(f"Model card: {card}", highlight=False, soft_wrap=True)

    emit([result.as_dict() for result in results], as_json, human)


def _evaluate_live(store: Store, asks: int, as_json: bool) -> None:
    from bowerbird.cli.evaluate_prequential import print_prequential
    from bowerbird.recommend.prequential import evaluate_prequential

    result = evaluate_prequential(store, asks)

    def human(console: Console) -> None:
        print_prequential(console, result)
        console.print(f"Picture: {store.reports / 'live.svg'}", highlight=False, soft_wrap=True)

    emit(result.as_dict(), as_json, human)

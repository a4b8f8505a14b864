"""`bowerbird evaluate`: our recommender beside every baseline, on what training was kept from."""

from __future__ import annotations

import json
from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from bowerbird.cli.evaluation_tables import tell
from bowerbird.cli.output import JsonOption, StoreArgument, emit, plain
from bowerbird.errors import InputError

if TYPE_CHECKING:
    import numpy as np

    from bowerbird.data.interactions import History, Interactions
    from bowerbird.data.ranker import Ranker
    from bowerbird.data.snapshot import StoreSnapshot
    from bowerbird.data.store import Store
    from bowerbird.evaluate import Evaluation, Split
    from bowerbird.evaluate.baselines import Effort
    from bowerbird.recommend import OurRanker


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

    def human(console: Console) -> None:
        tell(console, results)
        card = opened.reports / f"card-{results[0].trained['vectors']}.md"
        console.print(f"Model card: {card}", highlight=False, soft_wrap=True)

    emit([result.as_dict() for result in results], as_json, human)


def _evaluate_live(store: Store, asks: int, as_json: bool) -> None:
    from bowerbird.cli.evaluate_live import evaluate_live, tell_live

    result = evaluate_live(store, asks)

    def human(console: Console) -> None:
        tell_live(console, result)
        console.print(f"Picture: {store.reports / 'live.svg'}", highlight=False, soft_wrap=True)

    emit(result.as_dict(), as_json, human)


def evaluate_store(
    store: Store,
    splits: Sequence[Split],
    k: int = 20,
    given: int | None = None,
    effort: Effort | None = None,
) -> list[Evaluation]:
    """Evaluate on each split and write `evaluation-<split>[-given-<given>].json` to the store's reports, and
    the model card of the vectors in force.

    `given` is that of `bowerbird.evaluate.task_of`; `effort` is `Effort.QUICK` if not said.

    The holdout is the one that the vectors were trained with. Raises `StoreError` where the store has no
    vectors, `InputError` where a split has no test people.
    """
    from bowerbird import evaluate as judging
    from bowerbird.data.interactions import Interactions
    from bowerbird.data.splits import Holdout
    from bowerbird.data.store import write_atomically
    from bowerbird.embed.vectors import load_vectors
    from bowerbird.evaluate.baselines import Effort, GenericMax, GenericMean, standard_baselines
    from bowerbird.evaluate.card import write_card
    from bowerbird.models.backbones import BACKBONES

    snapshot = store.snapshot()
    catalogue, vectors = snapshot.catalogue, load_vectors(snapshot)
    holdout = Holdout(**vectors.meta["holdout"])
    events = Interactions.of(store.log.read(), catalogue)
    trained, generic = vectors.aligned(catalogue), vectors.generic(catalogue)
    trained_as = {"vectors": vectors.version, "seed": vectors.meta.get("seed")}
    results = []
    for split in splits:
        ours: list[Ranker] = [
            Served(snapshot),
            GenericMean(trained, "ours: vectors only, mean"),
            GenericMax(trained, "ours: vectors only, max"),
        ]
        baselines = standard_baselines(generic, holdout, split, k, given, effort or Effort.QUICK)
        names = [ranker.name for ranker in ours]
        result = judging.evaluate(
            [*baselines, *ours], events, catalogue, holdout, split, k, names, given, trained_as
        )
        text = json.dumps(plain(result.as_dict()), ensure_ascii=False, indent=1)
        ending = "" if given is None else f"-given-{given}"
        write_atomically(store.reports / f"evaluation-{split.value}{ending}.json", text.encode())
        results.append(result)
    write_card(snapshot, {backbone.name: backbone.licence for backbone in BACKBONES})
    return results


class Served:
    """The ranker that `bowerbird recommend` serves, learnt and published where there is none yet.

    It was learnt from the same events as every test's rankers: those that the vectors' holdout leaves.
    """

    name = "ours"

    def __init__(self, snapshot: StoreSnapshot) -> None:
        self._snapshot = snapshot
        self._ranker: OurRanker

    @property
    def settings(self) -> dict[str, Any]:
        return self._ranker.settings

    def fit(self, events: Interactions) -> None:
        from bowerbird.recommend.saved import fitted_ranker

        self._ranker, _ = fitted_ranker(self._snapshot)

    def rank(self, histories: Sequence[History], n: int) -> np.ndarray:
        return self._ranker.rank(histories, n)

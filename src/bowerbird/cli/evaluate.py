"""`bowerbird evaluate`: our recommender beside every baseline, on what training was kept from."""

from __future__ import annotations

import json
from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from bowerbird.cli.evaluation_tables import tell
from bowerbird.cli.output import JsonOption, StoreArgument, emit, plain
from bowerbird.errors import InputError

if TYPE_CHECKING:
    from bowerbird.data.ranker import Ranker
    from bowerbird.data.store import Store
    from bowerbird.evaluate import Evaluation, Split
    from bowerbird.evaluate.baselines import Effort

OURS = "ours"


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
    as_json: JsonOption = False,
) -> None:
    """Judge our recommender beside all baselines, with intervals; also written to the store's reports."""
    from bowerbird.data.store import Store
    from bowerbird.evaluate import Split
    from bowerbird.evaluate.baselines import Effort

    splits = list(Split) if split is SplitChoice.BOTH else [Split(split.value)]
    if given is not None:  # of a person after a moment there is nothing to choose
        splits = [one for one in splits if one is Split.NEW_USERS]
        if not splits:
            raise InputError("--given shortens what is known of new people: use --split new-users with it")
    results = evaluate_store(Store.open(store), splits, at, given, Effort(baselines.value))
    emit([result.as_dict() for result in results], as_json, lambda console: tell(console, results))


def evaluate_store(
    store: Store,
    splits: Sequence[Split],
    k: int = 20,
    given: int | None = None,
    effort: Effort | None = None,
) -> list[Evaluation]:
    """Evaluate on each split and write `evaluation-<split>[-given-<given>].json` to the store's reports.

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
    from bowerbird.recommend import OurRanker

    catalogue = store.catalogue()
    vectors = load_vectors(store)
    holdout = Holdout(**vectors.meta["holdout"])
    events = Interactions.of(store.log.read(), catalogue)
    trained, generic = vectors.aligned(catalogue), vectors.generic(catalogue)
    trained_as = {"vectors": vectors.version, "seed": vectors.meta.get("seed")}
    results = []
    for split in splits:
        ours: list[Ranker] = [
            OurRanker(trained, catalogue, sides=vectors.sides(catalogue)),
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
    return results

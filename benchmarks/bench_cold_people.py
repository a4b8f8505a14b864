"""How soon is a new person met better than by what everybody likes?

    python benchmarks/bench_cold_people.py STORE [--likes 1 2 3 5] [--k 20]

People whom training never saw show their events until they have liked so many different items; the rest of
their likes is to be found among all items. Ours beside popularity and recent popularity (its half-life chosen
on people of the training part who are given as little), on the same people: nDCG and recall, and paired 95 %
bootstrap intervals over people. STORE needs vectors (`bowerbird embed`).
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from bowerbird.data.interactions import Interactions
from bowerbird.data.splits import Holdout
from bowerbird.data.store import Store
from bowerbird.embed.index.vectors import load_vectors
from bowerbird.evaluate.baselines import Popularity, RecentPopularity, Tuned
from bowerbird.evaluate.baselines.standard import GRIDS
from bowerbird.evaluate.bootstrap import mean_interval, paired_intervals
from bowerbird.evaluate.evaluator import rank_eligible
from bowerbird.evaluate.metrics import ndcg_at, recall_at
from bowerbird.evaluate.protocols import Split, build_task
from bowerbird.evaluate.ranker import Ranker
from bowerbird.recommend.evaluation import ServedRanker
from bowerbird.recommend.recommender import Recommender

BUDGET = 12  # settings of recent popularity that are tried


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("store", type=Path)
    parser.add_argument("--likes", type=int, nargs="+", default=[1, 2, 3, 5])
    parser.add_argument("--k", type=int, default=20, help="length of the evaluated lists")
    args = parser.parse_args()
    store = Store.open(args.store)
    catalogue, vectors = store.catalogue(), load_vectors(store.snapshot())
    holdout = Holdout(**vectors.meta["holdout"])
    events = Interactions.of(store.log.read(), catalogue)
    ours = ServedRanker(Recommender.open(store.snapshot()))
    found = {likes: judged(ours, events, holdout, likes, args.k) for likes in args.likes}
    show(found, args.k)
    print(json.dumps({"bench": "cold people", "k": args.k, "likes": {str(k): v for k, v in found.items()}}))


def judged(ours: ServedRanker, events: Interactions, holdout: Holdout, likes: int, at: int) -> dict[str, Any]:
    """Means with intervals of each ranker for people with `likes` known likes, and ours beside each."""
    task = build_task(events, holdout, Split.NEW_USERS, likes)
    grid = dict(GRIDS[0][1])
    recent = Tuned(RecentPopularity, grid, holdout, Split.NEW_USERS, at, likes, budget=BUDGET)
    rankers: list[Ranker] = [Popularity(), recent]
    for one in rankers:
        one.fit(task.training)
    values: dict[str, dict[str, np.ndarray]] = {}
    for one in [ours, *rankers]:
        ranking = rank_eligible(one, task, at)
        values[one.name] = {
            f"recall@{at}": recall_at(ranking, task.targets, at),
            f"ndcg@{at}": ndcg_at(ranking, task.targets, at),
        }
    result: dict[str, Any] = {"people": len(task.users), "half_life_days": recent.settings["half_life_days"]}
    for name, metrics in values.items():
        result[name] = {metric: mean_interval(row).as_dict() for metric, row in metrics.items()}
        if name != ours.name:
            for metric, row in metrics.items():
                difference, ratio = paired_intervals(values[ours.name][metric], row)
                result[name][f"{metric}, ours less it"] = difference.as_dict()
                result[name][f"{metric}, ours over it"] = ratio.as_dict()
    return result


def show(found: dict[int, dict[str, Any]], at: int) -> None:
    metrics = (f"ndcg@{at}", f"recall@{at}")
    table = Table("likes", "people", "ranker", *(f"{m}{t}" for m in metrics for t in ("", ", ours − it")))
    for likes, result in found.items():
        for name in ("ours", "popularity", "recent popularity"):
            cells = []
            for metric in metrics:
                cells.append(_said(result[name][metric]))
                gap = result[name].get(f"{metric}, ours less it")
                cells.append(_said(gap) if gap else "")
            table.add_row(str(likes), str(result["people"]), name, *cells)
    Console(width=150).print(table)


def _said(interval: dict[str, float]) -> str:
    return f"{interval['mean']:.3f} [{interval['low']:.3f}, {interval['high']:.3f}]"


if __name__ == "__main__":
    main()

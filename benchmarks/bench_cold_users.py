"""After how many likes do recommendations for a new user beat popularity?

    python benchmarks/bench_cold_users.py STORE [--likes 1 2 3 5] [--at 20]

For users not seen in training the history is cut after a number of different liked items; their other likes
are the targets, ranked among all items. bowerbird compared with popularity and recent popularity (half-life
tuned on training users with equally short histories), on the same users: nDCG and recall, and paired 95 %
bootstrap intervals over users. STORE needs vectors (`bowerbird embed`).
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
from bowerbird.recommend.evaluation.holdout import ServedRanker
from bowerbird.recommend.recommender import Recommender

TUNING_BUDGET = 12  # number of settings of recent popularity


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("store", type=Path)
    parser.add_argument("--likes", type=int, nargs="+", default=[1, 2, 3, 5])
    parser.add_argument("--at", type=int, default=20, help="length of the evaluated list")
    args = parser.parse_args()
    store = Store.open(args.store)
    catalogue, vectors = store.catalogue(), load_vectors(store.snapshot())
    holdout = vectors.holdout
    events = Interactions.of(store.log.read(), catalogue)
    served = ServedRanker(Recommender.open(store.snapshot()))
    results = {likes: evaluate(served, events, holdout, likes, args.at) for likes in args.likes}
    show(results, args.at)
    print(
        json.dumps({"bench": "cold users", "at": args.at, "likes": {str(k): v for k, v in results.items()}})
    )


def evaluate(
    served: ServedRanker, events: Interactions, holdout: Holdout, likes: int, at: int
) -> dict[str, Any]:
    """Evaluate each ranker for users with `likes` known likes: means with intervals, and paired
    comparisons."""
    task = build_task(events, holdout, Split.NEW_USERS, likes)
    grid = dict(GRIDS[0][1])
    recent = Tuned(RecentPopularity, grid, holdout, Split.NEW_USERS, at, likes, budget=TUNING_BUDGET)
    rankers: list[Ranker] = [Popularity(), recent]
    for ranker in rankers:
        ranker.fit(task.training)
    values: dict[str, dict[str, np.ndarray]] = {}
    for ranker in [served, *rankers]:
        ranking = rank_eligible(ranker, task, at)
        values[ranker.name] = {
            f"recall@{at}": recall_at(ranking, task.targets, at),
            f"ndcg@{at}": ndcg_at(ranking, task.targets, at),
        }
    result: dict[str, Any] = {"users": len(task.users), "half_life_days": recent.settings["half_life_days"]}
    for name, metrics in values.items():
        result[name] = {metric: mean_interval(row).as_dict() for metric, row in metrics.items()}
        if name != served.name:
            for metric, row in metrics.items():
                difference, ratio = paired_intervals(values[served.name][metric], row)
                result[name][f"{metric}, difference"] = difference.as_dict()
                result[name][f"{metric}, ratio"] = ratio.as_dict()
    return result


def show(results: dict[int, dict[str, Any]], at: int) -> None:
    metrics = (f"ndcg@{at}", f"recall@{at}")
    table = Table(
        "likes", "users", "ranker", *(f"{m}{suffix}" for m in metrics for suffix in ("", ", difference"))
    )
    for likes, result in results.items():
        for name in [key for key, metric_values in result.items() if isinstance(metric_values, dict)]:
            cells = []
            for metric in metrics:
                cells.append(_format(result[name][metric]))
                gap = result[name].get(f"{metric}, difference")
                cells.append(_format(gap) if gap else "")
            table.add_row(str(likes), str(result["users"]), name, *cells)
    Console(width=150).print(table)


def _format(interval: dict[str, float]) -> str:
    return f"{interval['mean']:.3f} [{interval['low']:.3f}, {interval['high']:.3f}]"


if __name__ == "__main__":
    main()

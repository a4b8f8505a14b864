"""Prequential evaluation: the same recommender with updates in real time, daily, weekly and never.

    python benchmarks/bench_prequential.py STORE... [--max-queries 3000] [--seeds 1] [--scratch FOLDER]

Each STORE has vectors with a holdout (`bowerbird embed`); it is only read. After the holdout's moment every
first like is predicted before it is observed (see `evaluate/prequential/replay.py`); of more than
--max-queries a sample is taken, fewer of heavy users. A user's value is the mean over their queries and
over the seeds (vectors and ranker trained with each); intervals are over users. Stores whose events have no
time of day (the fashion retailer's) are replayed event by event within a day, in the log's order: "first of
the day" is the slice in which nothing of the same basket can be known, "later on the same day" the one in
which it grows.

Vectors of each seed are kept in the scratch folder, by default STORE-seeds beside the store.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from bowerbird.cli.evaluation.evaluate_prequential import print_prequential
from bowerbird.cli.output import plain
from bowerbird.data.files.records import record_as_dict
from bowerbird.data.store import Store
from bowerbird.embed.index.vectors import load_vectors
from bowerbird.evaluate.prequential.comparison import PrequentialEvaluation
from bowerbird.evaluate.results import TrainedModels
from bowerbird.progress import track
from bowerbird.recommend.evaluation.prequential import PrequentialTest, replay_log
from bowerbird.recommend.recommender import Recommender
from seed_stores import seed_store


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("stores", type=Path, nargs="+", metavar="STORE")
    parser.add_argument(
        "--max-queries", type=int, default=3_000, help="likes to predict at most; fewer of heavy users"
    )
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--scratch", type=Path, help="keeps vectors between runs")
    args = parser.parse_args()
    console, started, results = Console(width=150), time.monotonic(), {}
    for path in args.stores:
        store = Store.open(path)
        scratch = args.scratch or store.path.with_name(f"{store.path.name}-seeds")
        result = evaluate_over_seeds(store, scratch / store.path.name, args.max_queries, args.seeds)
        console.rule(str(store.path.name))
        print_prequential(console, result)
        results[store.path.name] = {**record_as_dict(result), **headline(result)}
    minutes = round((time.monotonic() - started) / 60, 1)
    summary = {
        "bench": "prequential",
        "max_queries": args.max_queries,
        "seeds": list(range(args.seeds)),
        "stores": results,
    }
    print(json.dumps(plain({**summary, "minutes": minutes})))


def evaluate_over_seeds(store: Store, scratch: Path, max_queries: int, seeds: int) -> PrequentialEvaluation:
    """Evaluate a recommender of each seed on the same queries."""
    stream = PrequentialTest.from_snapshot(store.snapshot(), max_queries)
    ranks_by_seed = [
        replay_log(Recommender.open(seed_store(store, scratch, seed).snapshot()), stream)
        for seed in track(range(seeds), "one seed after the other")
    ]
    ranks = {
        system: np.stack([seed_ranks[system] for seed_ranks in ranks_by_seed]) for system in ranks_by_seed[0]
    }
    return stream.summarise(ranks, TrainedModels(load_vectors(store.snapshot()).version, list(range(seeds))))


def headline(result: PrequentialEvaluation) -> dict[str, Any]:
    """Real-time updates compared with weekly and daily ones, on all queries."""
    gains = [gain for gain in result.slices[0].gains if gain.system in ("daily", "weekly")]
    return {f"real_time_over_{gain.system}_{gain.metric}": gain.ratio.as_dict() for gain in gains}


if __name__ == "__main__":
    main()

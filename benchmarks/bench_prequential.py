"""Prequential evaluation: one recommender, updated in real time, daily, weekly or never.

    python benchmarks/bench_prequential.py STORE... [--asks 3000] [--seeds 1] [--scratch FOLDER]

Each STORE has vectors with a holdout (`bowerbird embed`); it is only read. After the holdout's moment every
first like is predicted before it is observed (see `evaluate/prequential.py`); if there are more than --asks,
active users' queries are sampled. A user's value is the mean over their queries and over the seeds (vectors
and ranker are trained for each); intervals are over users. In stores whose events have no time of day (the
fashion retailer's) events of a day are observed one by one in the log's order: "the first of a day" is the
part without any information on the same basket, "later on the same day" the part in which the basket grows.

Vectors of each seed are cached in the scratch folder, by default STORE-seeds next to the store.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from bowerbird.cli.evaluate_prequential import tell_live
from bowerbird.cli.output import plain
from bowerbird.data.store import Store
from bowerbird.embed.index.vectors import load_vectors
from bowerbird.evaluate.prequential_comparison import Prequential
from bowerbird.progress import track
from bowerbird.recommend.prequential import Stream, places_on
from bowerbird.recommend.recommender import Recommender
from seed_stores import seed_store


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("stores", type=Path, nargs="+", metavar="STORE")
    parser.add_argument(
        "--asks", type=int, default=3_000, help="maximal number of queries; active users' are sampled"
    )
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--scratch", type=Path, help="keeps vectors between runs")
    args = parser.parse_args()
    console, started, results = Console(width=150), time.monotonic(), {}
    for path in args.stores:
        store = Store.open(path)
        scratch = args.scratch or store.path.with_name(f"{store.path.name}-seeds")
        result = evaluate(store, scratch / store.path.name, args.asks, args.seeds)
        console.rule(str(store.path.name))
        tell_live(console, result)
        results[store.path.name] = {**result.as_dict(), **headline(result)}
    minutes = round((time.monotonic() - started) / 60, 1)
    summary = {"bench": "live", "asks": args.asks, "seeds": list(range(args.seeds)), "stores": results}
    print(json.dumps(plain({**summary, "minutes": minutes})))


def evaluate(store: Store, scratch: Path, max_queries: int, seeds: int) -> Prequential:
    """Run the same queries on a recommender of each seed."""
    stream = Stream.of(store.snapshot(), max_queries)
    ranks_by_seed = [
        places_on(Recommender.open(seed_store(store, scratch, seed).snapshot()), stream)
        for seed in track(range(seeds), "one seed after the other")
    ]
    ranks = {arm: np.stack([seed_ranks[arm] for seed_ranks in ranks_by_seed]) for arm in ranks_by_seed[0]}
    return stream.judged(
        ranks, {"vectors": load_vectors(store.snapshot()).version, "seeds": list(range(seeds))}
    )


def headline(result: Prequential) -> dict[str, Any]:
    """Compare real-time updates with weekly and daily ones, on all queries."""
    comparisons = [
        comparison for comparison in result.parts[0].versus if comparison.arm in ("daily", "weekly")
    ]
    return {
        f"live_over_{comparison.arm}_{comparison.metric}": comparison.ratio.as_dict()
        for comparison in comparisons
    }


if __name__ == "__main__":
    main()

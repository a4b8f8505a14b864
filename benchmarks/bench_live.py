"""What is it worth that every event counts at once? The same recommender, told at once, daily, weekly, never.

    python benchmarks/bench_live.py STORE... [--asks 3000] [--seeds 1] [--scratch FOLDER]

Each STORE has vectors with a holdout (`bowerbird embed`); it is only read. After the holdout's moment every
first like is asked for before it is told (see `evaluate/prequential.py`); where there are more than --asks,
some of busy people's are drawn. A person's value is the mean over their asks and over the seeds (vectors
and ranker trained anew with each); intervals are over people. Stores whose events have no time of day (the
fashion retailer's) are told event by event within a day, in the log's order: "the first of a day" is the part
in which nobody can know anything of the same basket, "later on the same day" the one in which it grows.

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

from bowerbird.cli.evaluate_prequential import print_prequential
from bowerbird.cli.output import plain
from bowerbird.data.store import Store
from bowerbird.embed.index.vectors import load_vectors
from bowerbird.evaluate.prequential_comparison import Prequential
from bowerbird.progress import track
from bowerbird.recommend.prequential import Stream, replay_log
from bowerbird.recommend.recommender import Recommender
from seed_stores import seed_store


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("stores", type=Path, nargs="+", metavar="STORE")
    parser.add_argument("--asks", type=int, default=3_000, help="asks at most, fewer of busy people")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--scratch", type=Path, help="keeps vectors between runs")
    args = parser.parse_args()
    console, started, results = Console(width=150), time.monotonic(), {}
    for path in args.stores:
        store = Store.open(path)
        scratch = args.scratch or store.path.with_name(f"{store.path.name}-seeds")
        result = judged(store, scratch / store.path.name, args.asks, args.seeds)
        console.rule(str(store.path.name))
        print_prequential(console, result)
        results[store.path.name] = {**result.as_dict(), **headline(result)}
    minutes = round((time.monotonic() - started) / 60, 1)
    summary = {"bench": "live", "asks": args.asks, "seeds": list(range(args.seeds)), "stores": results}
    print(json.dumps(plain({**summary, "minutes": minutes})))


def judged(store: Store, scratch: Path, asks: int, seeds: int) -> Prequential:
    """The same asks of a recommender of each seed."""
    stream = Stream.of(store.snapshot(), asks)
    each = [
        replay_log(Recommender.open(seed_store(store, scratch, seed).snapshot()), stream)
        for seed in track(range(seeds), "one seed after the other")
    ]
    places = {arm: np.stack([one[arm] for one in each]) for arm in each[0]}
    return stream.judged(
        places, {"vectors": load_vectors(store.snapshot()).version, "seeds": list(range(seeds))}
    )


def headline(result: Prequential) -> dict[str, Any]:
    """Live over weekly and over daily, on all asks."""
    wanted = [one for one in result.parts[0].versus if one.arm in ("daily", "weekly")]
    return {f"live_over_{one.arm}_{one.metric}": one.ratio.as_dict() for one in wanted}


if __name__ == "__main__":
    main()

"""How long `recommend --user` takes in a warm process.

Makes a store of random clustered vectors and people who each like two or three clusters (nothing of it is
real; sizes are options), or takes a given store, opens its recommender and times one answer after another,
each for the next person. On one core unless OMP_NUM_THREADS says otherwise:

    OMP_NUM_THREADS=1 python benchmarks/bench_recommend.py
    python benchmarks/bench_recommend.py --store STORE
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # read when numpy's library is loaded

import argparse
import json
import platform
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa

from bowerbird.data.events import EVENT_SCHEMA, Action
from bowerbird.data.items import Catalogue, Item
from bowerbird.data.store import Store
from bowerbird.recommend.recommender import Recommender

START = datetime(2026, 1, 1, tzinfo=UTC)
ACTIONS, ODDS = list(Action), [0.0, 0.15, 0.55, 0.12, 0.05, 0.08, 0.05]


def make_store(path: Path, n_items: int, dim: int, n_people: int, n_events: int, seed: int) -> Store:
    """Items in clusters, people drawn to two or three of them, events that favour popular items."""
    rng = np.random.default_rng(seed)
    store = Store.create(path)
    n_clusters = max(2, n_items // 60)
    cluster = rng.integers(n_clusters, size=n_items)
    kinds = [f"kind {k}" for k in range(n_clusters)]
    store.publish_catalogue(
        Catalogue.of(
            Item(f"i{k}", f"item {k}", price=float(p), currency="EUR", attributes={"type": kinds[cluster[k]]})
            for k, p in enumerate(np.exp(rng.normal(3.5, 0.8, n_items)).round(2))
        )
    )
    vectors = rng.normal(size=(n_clusters, dim))[cluster] + rng.normal(size=(n_items, dim)) * 0.8
    with store.publishing("vectors", {"holdout": {"until": None, "user_share": 0.0}}) as folder:
        np.save(folder / "vectors.npy", vectors.astype(np.float16))
        (folder / "ids.json").write_text(json.dumps([f"i{k}" for k in range(n_items)]))
    store.log.add_segment(_events(rng, cluster, n_people, n_events))
    return store


def _events(rng: np.random.Generator, cluster: np.ndarray, n_people: int, n_events: int) -> pa.Table:
    members = [np.flatnonzero(cluster == k) for k in range(cluster.max() + 1)]
    members = [rows for rows in members if len(rows)]
    appeal = rng.pareto(1.5, len(cluster)) + 0.05
    activity = rng.pareto(2.0, n_people) + 0.3
    counts = rng.multinomial(n_events, activity / activity.sum())
    rows = []
    for person, count in enumerate(counts):
        mine = np.concatenate([members[k] for k in rng.integers(len(members), size=rng.integers(2, 4))])
        items = rng.choice(mine, count, p=appeal[mine] / appeal[mine].sum())
        for item, day in zip(items, np.sort(rng.uniform(0, 90, count)), strict=True):
            action = str(ACTIONS[rng.choice(len(ACTIONS), p=ODDS)].value)
            said = {"event_id": f"e{len(rows)}", "user_id": f"u{person}", "item_id": f"i{item}"}
            rows.append({**said, "action": action, "at": START + timedelta(days=float(day))})
    blank = dict.fromkeys(EVENT_SCHEMA.names)
    return pa.Table.from_pylist([{**blank, **row} for row in rows], schema=EVENT_SCHEMA)


def timed(recommender: Recommender, calls: int, n: int) -> np.ndarray:
    """Milliseconds of each call, (calls,), after a tenth as many that do not count."""
    people = recommender.taste.users()
    people = [people[k] for k in np.random.default_rng(0).permutation(len(people))]
    took = []
    for number in range(calls // 10 + calls):
        start = time.perf_counter()
        found = recommender.recommend_user(people[number % len(people)], n)
        took.append(time.perf_counter() - start)
        assert found, "an empty answer is quick and worth nothing"
    return np.array(took[calls // 10 :]) * 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--store", type=Path, help="an existing store; else one is made and thrown away")
    parser.add_argument("--items", type=int, default=25_000)
    parser.add_argument("--dim", type=int, default=256)
    parser.add_argument("--people", type=int, default=2_000)
    parser.add_argument("--events", type=int, default=60_000)
    parser.add_argument("--calls", type=int, default=500)
    parser.add_argument("-n", type=int, default=20, help="items in each answer")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()

    with tempfile.TemporaryDirectory(prefix="bowerbird-bench-") as folder:
        if given.store:
            store = Store.open(given.store)
        else:
            sizes = (given.items, given.dim, given.people, given.events)
            store = make_store(Path(folder) / "store", *sizes, given.seed)
        start = time.perf_counter()
        recommender = Recommender.open(store.snapshot())
        first = time.perf_counter() - start
        start = time.perf_counter()
        Recommender.open(store.snapshot())
        again = time.perf_counter() - start
        took = timed(recommender, given.calls, given.n)
    result = {
        "bench": "recommend",
        "items": len(recommender.catalogue),
        "people": len(recommender.taste.users()),
        "data": "store" if given.store else "random clusters",
        "calls": given.calls,
        "threads": int(os.environ["OMP_NUM_THREADS"]),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "p50_ms": float(np.percentile(took, 50)),
        "p99_ms": float(np.percentile(took, 99)),
        "mean_ms": float(took.mean()),
        "first_open_seconds": first,
        "open_seconds": again,
        "order": recommender.ranker.report["order"],
    }
    for name, value in result.items():
        print(f"{name:>20}  {round(value, 2) if isinstance(value, float) else value}")
    print(json.dumps(result))


if __name__ == "__main__":
    main()

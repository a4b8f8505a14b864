"""How long does `recommend --user` take in a warm process?

Creates a store of random clustered vectors and users who each like two or three clusters (synthetic; sizes
are options), or opens a given store, and times one recommendation after another, each for the next user. On
one core unless OMP_NUM_THREADS is set:

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
ACTIONS, ACTION_SHARES = list(Action), [0.0, 0.15, 0.55, 0.12, 0.05, 0.08, 0.05]


def make_store(path: Path, n_items: int, dim: int, n_users: int, n_events: int, seed: int) -> Store:
    """Create items in clusters, users who prefer two or three of them, events that favour popular items."""
    rng = np.random.default_rng(seed)
    store = Store.create(path)
    n_clusters = max(2, n_items // 60)
    cluster = rng.integers(n_clusters, size=n_items)
    kinds = [f"kind {k}" for k in range(n_clusters)]
    store.publish_catalogue(
        Catalogue.of(
            Item(
                f"i{k}",
                f"item {k}",
                price=float(price),
                currency="EUR",
                attributes={"type": kinds[cluster[k]]},
            )
            for k, price in enumerate(np.exp(rng.normal(3.5, 0.8, n_items)).round(2))
        )
    )
    vectors = rng.normal(size=(n_clusters, dim))[cluster] + rng.normal(size=(n_items, dim)) * 0.8
    with store.publishing("vectors", {"holdout": {"until": None, "user_share": 0.0}}) as folder:
        np.save(folder / "vectors.npy", vectors.astype(np.float16))
        (folder / "ids.json").write_text(json.dumps([f"i{k}" for k in range(n_items)]))
    store.log.add_segment(_generate_events(rng, cluster, n_users, n_events))
    return store


def _generate_events(rng: np.random.Generator, cluster: np.ndarray, n_users: int, n_events: int) -> pa.Table:
    items_of_cluster = [np.flatnonzero(cluster == k) for k in range(cluster.max() + 1)]
    items_of_cluster = [rows for rows in items_of_cluster if len(rows)]
    popularity = rng.pareto(1.5, len(cluster)) + 0.05
    activity = rng.pareto(2.0, n_users) + 0.3
    counts = rng.multinomial(n_events, activity / activity.sum())
    rows = []
    for user, count in enumerate(counts):
        user_items = np.concatenate(
            [items_of_cluster[k] for k in rng.integers(len(items_of_cluster), size=rng.integers(2, 4))]
        )
        items = rng.choice(user_items, count, p=popularity[user_items] / popularity[user_items].sum())
        for item, day in zip(items, np.sort(rng.uniform(0, 90, count)), strict=True):
            action = str(ACTIONS[rng.choice(len(ACTIONS), p=ACTION_SHARES)].value)
            ids = {"event_id": f"e{len(rows)}", "user_id": f"u{user}", "item_id": f"i{item}"}
            rows.append({**ids, "action": action, "at": START + timedelta(days=float(day))})
    blank = dict.fromkeys(EVENT_SCHEMA.names)
    return pa.Table.from_pylist([{**blank, **row} for row in rows], schema=EVENT_SCHEMA)


def time_calls(recommender: Recommender, calls: int, n: int) -> np.ndarray:
    """Measure the milliseconds of each call, (calls,), after a tenth as many warm-up calls."""
    users = recommender.taste.users()
    users = [users[k] for k in np.random.default_rng(0).permutation(len(users))]
    seconds = []
    for number in range(calls // 10 + calls):
        start = time.perf_counter()
        items = recommender.recommend_user(users[number % len(users)], n)
        seconds.append(time.perf_counter() - start)
        assert items, "an empty list is fast but useless"
    return np.array(seconds[calls // 10 :]) * 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--store", type=Path, help="an existing store; else a temporary one is created")
    parser.add_argument("--items", type=int, default=25_000)
    parser.add_argument("--dim", type=int, default=256)
    parser.add_argument("--users", type=int, default=2_000)
    parser.add_argument("--events", type=int, default=60_000)
    parser.add_argument("--calls", type=int, default=500)
    parser.add_argument("-n", type=int, default=20, help="items in each answer")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()

    with tempfile.TemporaryDirectory(prefix="bowerbird-bench-") as folder:
        if args.store:
            store = Store.open(args.store)
        else:
            sizes = (args.items, args.dim, args.users, args.events)
            store = make_store(Path(folder) / "store", *sizes, args.seed)
        start = time.perf_counter()
        recommender = Recommender.open(store.snapshot())
        first_open = time.perf_counter() - start
        start = time.perf_counter()
        Recommender.open(store.snapshot())
        second_open = time.perf_counter() - start
        milliseconds = time_calls(recommender, args.calls, args.n)
    result = {
        "bench": "recommend",
        "items": len(recommender.catalogue),
        "users": len(recommender.taste.users()),
        "data": "store" if args.store else "random clusters",
        "calls": args.calls,
        "threads": int(os.environ["OMP_NUM_THREADS"]),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "p50_ms": float(np.percentile(milliseconds, 50)),
        "p99_ms": float(np.percentile(milliseconds, 99)),
        "mean_ms": float(milliseconds.mean()),
        "first_open_seconds": first_open,
        "open_seconds": second_open,
        "order": recommender.ranker.report.order,
    }
    for name, value in result.items():
        print(f"{name:>20}  {round(value, 2) if isinstance(value, float) else value}")
    print(json.dumps(result))


if __name__ == "__main__":
    main()

"""Users of another period, whom training never saw, folded in: `bowerbird recommend --histories`.

    python benchmarks/bench_other_period.py MOVIELENS_FOLDER WORK_FOLDER [--share 0.3] [--k 20]

A store is made of all events before the moment at which the last `share` of the users began (`bowerbird
import movielens`, `bowerbird embed --holdout none`). Those users show the first 80 % of their events; what
they like in the rest is what their lists should hold. Baselines are fitted on the same events and tuned on
users held out of them. The unit of the bootstrap is the user. Steps that WORK_FOLDER holds already are not
run again. Ends in one JSON line.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from bowerbird.data.events import ACTIONS
from bowerbird.data.interactions import Interactions
from bowerbird.data.snapshot import StoreSnapshot
from bowerbird.data.splits import Holdout
from bowerbird.data.store import Store
from bowerbird.embed.index.vectors import load_vectors
from bowerbird.evaluate import metrics
from bowerbird.evaluate.baselines.standard import Effort, standard_baselines
from bowerbird.evaluate.protocols import Split, Task, build_task
from interval_table import best_of, print_intervals, run_bowerbird

PRODUCT = "bowerbird recommend"
TUNING = Holdout(None, 0.1)
"""Users on which the baselines' settings are chosen."""


def split_ratings(source: Path, folder: Path, share: float) -> None:
    """Ratings before the later users began, and everything that the later users rated."""
    ratings = pq.read_table(source / "ratings.parquet")
    starts = ratings.group_by("userId").aggregate([("timestamp", "min")])
    moment = float(np.quantile(starts["timestamp_min"].to_numpy(), 1 - share))
    later = starts.filter(pc.greater_equal(starts["timestamp_min"], moment))["userId"]
    is_later = pc.is_in(ratings["userId"], value_set=later)
    is_before = pc.less(ratings["timestamp"], moment)
    for name, rows in (("before", pc.and_(pc.invert(is_later), is_before)), ("later", is_later)):
        (folder / name).mkdir(parents=True)
        (folder / name / "items.parquet").symlink_to((source / "items.parquet").resolve())
        pq.write_table(ratings.filter(rows), folder / name / "ratings.parquet")


def make_store(source: Path, folder: Path, share: float) -> Path:
    """The store of the earlier period, with vectors; the later users' events get one of their own."""
    store = folder / "store"
    if not (folder / "later").exists():
        split_ratings(source, folder, share)
    for name, path in (("before", store), ("later", folder / "later-store")):
        if not (path / "events").exists():
            run_bowerbird("import", "movielens", folder / name, "--store", path)
    if not (store / "vectors").exists():
        run_bowerbird("embed", store, "--holdout", "none")
    return store


def later_users(snapshot: StoreSnapshot, folder: Path) -> Task:
    """What the later users showed and what they liked afterwards."""
    events = Store.open(folder / "later-store").snapshot().store.log.read()
    return build_task(Interactions.of(events, snapshot.catalogue), Holdout(None, 1.0), Split.NEW_USERS)


def recommend(store: Path, task: Task, ids: list[str], folder: Path, k: int) -> np.ndarray:
    """Lists of `bowerbird recommend --histories`, (users, k) positions, -1 where a list is shorter."""
    histories, lists = folder / "histories.parquet", folder / "lists.parquet"
    rows = [
        (user, ids[item], int(at), int(action))
        for user, history in zip(task.users, task.histories, strict=True)
        for item, at, action in zip(history.items, history.at, history.actions, strict=True)
    ]
    names = [str(ACTIONS[code]) for _, _, _, code in rows]
    table = pa.table(
        {
            "user_id": [row[0] for row in rows],
            "item_id": [row[1] for row in rows],
            "at": pa.array([row[2] for row in rows], pa.timestamp("us", "UTC")),
            "action": names,
        }
    )
    pq.write_table(table, histories)
    run_bowerbird("recommend", store, "--histories", histories, "-n", str(k), "--out", lists)
    position, answered = {item: row for row, item in enumerate(ids)}, pq.read_table(lists)
    number = {user: row for row, user in enumerate(task.users)}
    ranking = np.full((len(task.users), k), -1)
    columns = (answered[name].to_pylist() for name in ("user_id", "rank", "item_id"))
    for user, rank, item in zip(*columns, strict=True):
        ranking[number[user], rank - 1] = position[item]
    return ranking


def rankings(store: Path, folder: Path, k: int) -> tuple[dict[str, np.ndarray], Task]:
    """Lists of bowerbird and of each baseline."""
    snapshot = Store.open(store).snapshot()
    task = later_users(snapshot, folder)
    events = Interactions.of(snapshot.store.log.read(), snapshot.catalogue)
    generic = load_vectors(snapshot).generic(snapshot.catalogue)
    lists = {PRODUCT: recommend(store, task, snapshot.catalogue.ids, folder, k)}
    for ranker in standard_baselines(generic, TUNING, Split.NEW_USERS, k, None, Effort.QUICK):
        ranker.fit(events)
        lists[ranker.name] = ranker.rank(task.histories, k)
    return lists, task


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("source", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--share", type=float, default=0.3)
    parser.add_argument("--k", type=int, default=20)
    options = parser.parse_args()
    store = make_store(options.source, options.folder, options.share)
    lists, task = rankings(store, options.folder, options.k)
    scores = {name: metrics.ndcg_at(ranking, task.targets, options.k) for name, ranking in lists.items()}
    title = f"nDCG@{options.k}: {len(task.users)} users of a later period"
    result = print_intervals(title, f"nDCG@{options.k}", scores, PRODUCT)
    best = best_of(scores, PRODUCT)
    print(json.dumps({"bench": "other period", "k": options.k, "best": best, "ndcg": result}))


if __name__ == "__main__":
    main()

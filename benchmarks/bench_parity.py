"""Are the lists that `evaluate` measures those that a server would serve? Share of identical lists.

    python benchmarks/bench_parity.py STORE [STORE ...] [--k 20]

For each test user of each split the list that `bowerbird evaluate` measures is compared with the one served
from a copy of the store whose log holds exactly the events before that user's request: training events and
histories, nothing later. The copy is opened as any server opens a store. Ends in one JSON line.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa

from bowerbird.data.events import ACTIONS, EVENT_SCHEMA
from bowerbird.data.interactions import Interactions
from bowerbird.data.store import Store
from bowerbird.embed.index.vectors import load_vectors
from bowerbird.errors import InputError
from bowerbird.evaluate import Split, Task, build_task
from bowerbird.progress import track
from bowerbird.recommend.evaluation.holdout import ServedRanker
from bowerbird.recommend.recommender import Recommender
from bowerbird.recommend.saved import open_ranker

COPIED = ("bowerbird.toml", "versions.json", "catalogue", "collections", "vectors", "interests", "ranker")


def copy_with(store: Store, events: Interactions, folder: Path) -> Store:
    """Copy a store's versions into a folder, with a log of some events in place of its own."""
    folder.mkdir(parents=True)
    for name in COPIED:
        source = store.path / name
        if source.is_dir():
            shutil.copytree(source, folder / name)
        elif source.exists():
            shutil.copy2(source, folder / name)
    copy = Store.open(folder)
    copy.log.add_segment(table_of(events, store.snapshot().catalogue.ids))
    return copy


def table_of(events: Interactions, ids: list[str]) -> pa.Table:
    """Convert events to the log's schema; their ids are row numbers."""
    n = len(events)
    table = pa.table(
        {
            "event_id": [str(row) for row in range(n)],
            "user_id": [events.users[user] for user in events.user.tolist()],
            "item_id": [ids[item] for item in events.item.tolist()],
            "action": [ACTIONS[action].value for action in events.action.tolist()],
            "at": pa.array(events.at, pa.int64()).cast(pa.timestamp("us", tz="UTC")),
        }
    )
    for field in EVENT_SCHEMA:
        if field.name not in table.column_names:
            table = table.append_column(field, pa.nulls(n, field.type))
    return table.select(EVENT_SCHEMA.names).cast(EVENT_SCHEMA)


def compare_lists(evaluated: np.ndarray, server: Recommender, task: Task, k: int) -> list[bool]:
    """Compare the evaluated lists (P, k) with those of a server's recommender, user by user."""
    is_equal = []
    users = list(zip(task.users, task.moments, evaluated, strict=True))
    for user, moment, row in track(users, "comparing lists"):
        answer = server.recommend(server.taste.state(user), k, now=moment)
        is_equal.append([item.position for item in answer] == row[row >= 0].tolist())
    return is_equal


def compare_store(path: Path, k: int) -> dict[str, dict[str, int]]:
    """Count the equal lists of each split of a store."""
    store = Store.open(path)
    snapshot = store.snapshot()
    recommender = Recommender.open(snapshot)
    events = Interactions.of(store.log.read(), snapshot.catalogue)
    holdout = load_vectors(snapshot).holdout
    counts = {}
    for split in Split:
        try:
            task = build_task(events, holdout, split, eligible=snapshot.catalogue.available)
        except InputError as error:
            print(f"{path}: {error}")
            continue
        evaluated = ServedRanker(recommender).rank_task(task, k)
        with tempfile.TemporaryDirectory() as folder:
            snapshot_of_copy = copy_with(store, task.known_events, Path(folder) / "copy").snapshot()
            # The copy has another log, but serves with the published ranker, as `evaluate` does.
            open_ranker(snapshot_of_copy, as_published=True)
            is_equal = compare_lists(evaluated, Recommender.open(snapshot_of_copy), task, k)
        counts[split.value] = {"lists": len(is_equal), "equal": sum(is_equal)}
        print(f"{path} {split.value}: {sum(is_equal):,} of {len(is_equal):,} lists are equal")
    return counts


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("stores", type=Path, nargs="+")
    parser.add_argument("--k", type=int, default=20, help="length of the lists")
    args = parser.parse_args()
    stores = {str(path): compare_store(path, args.k) for path in args.stores}
    print(json.dumps({"bench": "parity", "k": args.k, "stores": stores}))


if __name__ == "__main__":
    main()

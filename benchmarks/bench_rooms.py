"""Room completion with `bowerbird complete`: hit@10 of the hidden item over the whole catalogue.

    python benchmarks/bench_rooms.py STORE ROOMS.parquet [STORE ROOMS.parquet ...] [--n 10]

Each fold is a separate store, which holds its training rooms only (`bowerbird import ikea-rooms`, `bowerbird
embed`), and a file of unseen rooms: columns `room`, `item_ids`. Each item of each room is hidden in turn, and
`bowerbird complete --collections` has to retrieve it. Baselines are fitted on the store's collections as
users, and tuned on a fifth of them. The unit of the bootstrap is the room. Ends in one JSON line.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from bowerbird.data.collections import select_training_sets
from bowerbird.data.interactions import History, Interactions
from bowerbird.data.items import Catalogue
from bowerbird.data.snapshot import StoreSnapshot
from bowerbird.data.splits import Holdout
from bowerbird.data.store import Store
from bowerbird.embed.index.vectors import load_vectors
from bowerbird.evaluate.baselines import GenericMax, GenericMean
from bowerbird.evaluate.baselines.standard import Effort, standard_baselines
from bowerbird.evaluate.protocols import Split
from bowerbird.recommend.completion.training import IN_SET, as_interactions
from interval_table import best_of, print_intervals

BOWERBIRD = "bowerbird complete"
Rooms = Mapping[str, np.ndarray]  # positions by the room's name


def read_rooms(path: Path, catalogue: Catalogue) -> Rooms:
    """Read the rooms of at least two known items."""
    table = pq.read_table(path, columns=["room", "item_ids"]).to_pylist()
    rooms = {}
    for row in table:
        positions = [catalogue.position[str(item)] for item in row["item_ids"] if str(item) in catalogue]
        if len(set(positions)) > 1:
            rooms[str(row["room"])] = np.unique(positions)
    return rooms


def complete_rooms(store: Path, rooms: Rooms, catalogue: Catalogue, n: int) -> dict[str, float]:
    """Measure the share of each room's items that `bowerbird complete` returns when they are hidden."""
    ids = catalogue.ids
    rows = [
        (f"{room}/{hidden}", ids[item])
        for room, items in rooms.items()
        for hidden in items
        for item in items
        if item != hidden
    ]
    with tempfile.TemporaryDirectory() as folder:
        sets_file, results_file = Path(folder) / "asked.parquet", Path(folder) / "answered.parquet"
        pq.write_table(
            pa.table({"collection_id": [row[0] for row in rows], "item_id": [row[1] for row in rows]}),
            sets_file,
        )
        command = [sys.executable, "-m", "bowerbird", "complete", str(store), "--collections", str(sets_file)]
        subprocess.run(
            [*command, "--out", str(results_file), "-n", str(n)], check=True, stdout=subprocess.DEVNULL
        )
        table = pq.read_table(results_file)
    completions: dict[str, set[str]] = {}
    for key, item_id in zip(table["collection_id"].to_pylist(), table["item_id"].to_pylist(), strict=True):
        completions.setdefault(key, set()).add(item_id)
    return {
        room: float(np.mean([ids[item] in completions.get(f"{room}/{item}", ()) for item in items]))
        for room, items in rooms.items()
    }


def baseline_hits(snapshot: StoreSnapshot, rooms: Rooms, n: int) -> dict[str, dict[str, float]]:
    """Measure the same for the baselines, which are fitted on the store's collections."""
    catalogue, vectors = snapshot.catalogue, load_vectors(snapshot)
    events = Interactions.of(snapshot.store.log.read(), catalogue)
    sets = select_training_sets(snapshot.collections, events, catalogue, vectors.holdout)
    training = as_interactions([each for each in sets if len(each.items) > 1], len(catalogue))
    generic = vectors.generic(catalogue)
    rankers = [
        *standard_baselines(generic, Holdout(None, 0.0), Split.NEW_USERS, n, None, Effort.QUICK),
        GenericMean(vectors.aligned(catalogue), "vectors only, mean"),
        GenericMax(vectors.aligned(catalogue), "vectors only, max"),
    ]
    for rows, name in zip(vectors.modalities(catalogue), ("facts", "text", "picture"), strict=False):
        rankers += [
            GenericMean(rows.dense(), f"generic {name}, mean"),
            GenericMax(rows.dense(), f"generic {name}, max"),
        ]
    hits: dict[str, dict[str, float]] = {}
    end = int(training.at.max())
    for ranker in rankers:
        ranker.fit(training)
        hits[ranker.name] = {}
        for room, items in rooms.items():
            ranking = ranker.rank(_without_each(items, end), n)
            is_hit = [item in row for item, row in zip(items, ranking, strict=True)]
            hits[ranker.name][room] = float(np.mean(is_hit))
    return hits


def _without_each(items: np.ndarray, end: int) -> list[History]:
    codes, at = np.full(len(items) - 1, IN_SET, np.int8), np.full(len(items) - 1, end, np.int64)
    return [History(np.delete(items, row), codes, at) for row in range(len(items))]


def report(hits: Mapping[str, Mapping[str, float]], n: int) -> None:
    values = {name: np.array(list(by_room.values())) for name, by_room in hits.items()}
    title = f"hit@{n}: {len(values[BOWERBIRD])} unseen rooms"
    result = print_intervals(title, f"hit@{n}", values, BOWERBIRD)
    best, best_form = best_of(values, BOWERBIRD), best_of(values, BOWERBIRD, "generic")
    print(json.dumps({"bench": "rooms", "n": n, "best": best, "best generic": best_form, "hit": result}))


def measure(folds: Sequence[tuple[Path, Path]], n: int) -> dict[str, dict[str, float]]:
    """Hits of every ranker by room, over all folds."""
    hits: dict[str, dict[str, float]] = {}
    for store, file in folds:
        snapshot = Store.open(store).snapshot()
        rooms = read_rooms(file, snapshot.catalogue)
        bowerbird_hits = {BOWERBIRD: complete_rooms(store, rooms, snapshot.catalogue, n)}
        for name, by_room in (bowerbird_hits | baseline_hits(snapshot, rooms, n)).items():
            hits.setdefault(name, {}).update({f"{store}/{room}": hit for room, hit in by_room.items()})
    return hits


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folds", type=Path, nargs="+", help="STORE ROOMS.parquet, pair by pair")
    parser.add_argument("--n", type=int, default=10)
    args = parser.parse_args()
    if len(args.folds) % 2:
        parser.error("give a file of rooms for every store")
    folds = list(zip(args.folds[::2], args.folds[1::2], strict=True))
    report(measure(folds, args.n), args.n)


if __name__ == "__main__":
    main()

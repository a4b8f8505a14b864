"""Do the vectors find what goes with an item that no event ever mentioned?

    python benchmarks/bench_unseen_items.py HM_FOLDER WORK_FOLDER [--share 0.1] [--n 50]

All purchases of a tenth of the items, drawn by hash, are taken out of the log (the layout `hm`); a store is
made of the rest (`bowerbird import hm`, `bowerbird embed`), and its vectors are exported (`bowerbird
vectors export`). What was bought on the same day by the same user as a hidden item is what its nearest
neighbours by cosine should hold: recall@n over the whole catalogue, beside the generic vectors that the
store's own were made from. The unit of the bootstrap is the hidden item. Steps that WORK_FOLDER holds
already are not run again. Ends in one JSON line.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from bowerbird.data.splits import hash_share
from bowerbird.data.store import Store
from bowerbird.embed.index.vectors import load_vectors
from interval_table import print_intervals, run_bowerbird

PRODUCT = "bowerbird vectors export"


def make_vectors(source: Path, folder: Path, hidden: set[str]) -> tuple[Path, Path]:
    """The store of the visible events and its exported vectors."""
    store, exported, visible = folder / "store", folder / "vectors.parquet", folder / "visible"
    if not visible.exists():
        visible.mkdir(parents=True)
        (visible / "items.parquet").symlink_to((source / "items.parquet").resolve())
        transactions = pq.read_table(source / "transactions.parquet")
        is_in = pc.is_in(transactions["article_id"].cast(pa.string()), pa.array(sorted(hidden)))
        pq.write_table(transactions.filter(pc.invert(is_in)), visible / "transactions.parquet")
    if not (store / "events").exists():
        run_bowerbird("import", "hm", visible, "--store", store)
    if not exported.exists():
        run_bowerbird("embed", store)
        run_bowerbird("vectors", "export", store, exported)
    return store, exported


def baskets(source: Path) -> list[set[str]]:
    """Items that one user bought on one day."""
    rows = pq.read_table(source / "transactions.parquet")
    by_day: dict[tuple[str, str], set[str]] = {}
    user_column = "customer_id" if "customer_id" in rows.column_names else "user"
    columns = (rows[name].to_pylist() for name in (user_column, "t_dat", "article_id"))
    for user, day, item in zip(*columns, strict=True):
        by_day.setdefault((str(user), str(day)), set()).add(str(item))
    return list(by_day.values())


def recalls(vectors: np.ndarray, neighbours: dict[int, np.ndarray], n: int) -> np.ndarray:
    """Recall@n of each hidden item's neighbours, (H,)."""
    unit = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
    values = []
    for item, targets in neighbours.items():
        scores = unit @ unit[item]
        scores[item] = -np.inf
        nearest = np.argpartition(-scores, n)[:n]
        values.append(np.isin(targets, nearest).mean())
    return np.array(values)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("source", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--share", type=float, default=0.1)
    parser.add_argument("--n", type=int, default=50)
    options = parser.parse_args()
    item_ids = pq.read_table(options.source / "items.parquet", columns=["article_id"])["article_id"]
    hidden = {item for item in map(str, item_ids.to_pylist()) if hash_share(f"unseen {item}") < options.share}
    store, exported = make_vectors(options.source, options.folder, hidden)
    snapshot = Store.open(store).snapshot()
    catalogue = snapshot.catalogue
    rows = pq.read_table(exported)
    position = {item: row for row, item in enumerate(rows["item_id"].to_pylist())}
    order = [position[item] for item in catalogue.ids]
    own = np.array(rows["vector"].to_pylist(), np.float32)[order]
    together: dict[int, set[int]] = {}
    for basket in baskets(options.source):
        known = {catalogue.position[item] for item in basket if item in catalogue}
        for item in known:
            if catalogue.ids[item] in hidden:
                together.setdefault(item, set()).update(known - {item})
    neighbours = {item: np.array(sorted(others)) for item, others in together.items() if others}
    values = {PRODUCT: recalls(own, neighbours, options.n)}
    modalities = [rows.dense() for rows in load_vectors(snapshot).modalities(catalogue)]
    for name, rows in zip(("facts", "text", "picture"), modalities, strict=False):
        values[f"generic {name}"] = recalls(rows, neighbours, options.n)
    values["generic, joined"] = recalls(np.hstack(modalities), neighbours, options.n)
    title = f"recall@{options.n}: {len(neighbours)} items without events"
    result = print_intervals(title, f"recall@{options.n}", values, PRODUCT)
    print(json.dumps({"bench": "unseen items", "n": options.n, "items": len(neighbours), "recall": result}))


if __name__ == "__main__":
    main()

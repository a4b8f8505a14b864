"""How much time does `embed --update` save, and how much quality does it cost?

    python benchmarks/bench_update.py STORE [--share 0.1] [--rounds 3]

The last share of the events is cut off, with the items that have no earlier events; a full training uses the
rest. Then all data is restored, and an update and a full training on all data follow. Held-out users and
times are the same for the update and the full training on all data. Features of pictures and texts are
precomputed for all arms. Seconds are processor seconds (of all threads), since machines are shared.

Recall@20 of held-out likes, by the mean of a user's last 50 earlier likes: by the old vectors (without the
new items), by the updated and by the fully trained ones; and among the updated and fully trained vectors by
means of old vectors. A full training rotates the space, so old means are meaningless there unless it is
rotated back, which is reported as well.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc
from rich.console import Console
from rich.table import Table

from bowerbird.data.files.records import record_as_dict
from bowerbird.data.interactions import Interactions
from bowerbird.data.items import Catalogue
from bowerbird.data.splits import Holdout
from bowerbird.data.store import Store
from bowerbird.data.versions.version import Version
from bowerbird.embed.config import EmbedConfig, UpdateConfig
from bowerbird.embed.index.rows import normalize_rows
from bowerbird.embed.index.vectors import load_vectors
from bowerbird.embed.meta import VectorsMeta
from bowerbird.embed.train.alignment import fit_rotation
from bowerbird.embed.training import train_embedding
from bowerbird.embed.update.updating import update_embedding
from bowerbird.evaluate.bootstrap import mean_interval, paired_intervals
from bowerbird.evaluate.metrics import recall_at

K, RECENT = 20, 50
Case = tuple[np.ndarray, np.ndarray]  # given likes, target likes


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("store", type=Path)
    parser.add_argument("--share", type=float, default=0.1, help="share of the events that is new")
    parser.add_argument("--rounds", type=int, default=3, help="seeds: each trains three times")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rounds = [
            run_round(Store.open(args.store), Path(folder) / str(seed), args.share, seed)
            for seed in range(args.rounds)
        ]
    show(rounds)


@dataclass(frozen=True)
class Round:
    """One seed's seconds, changeset, and recall of each user by each arm."""

    update_s: float
    full_s: float
    interpolation_weight: float
    """Interpolation from the old weights (0: the update only projected) to the new ones."""
    changeset: dict[str, Any]
    recall: dict[str, np.ndarray]


def run_round(full_store: Store, folder: Path, share: float, seed: int) -> Round:
    """Train before the cut, then update and train on all data; measure time and recall of each."""
    store, add_the_rest = store_before(full_store, folder, share)
    train_embedding(store, EmbedConfig(seed=seed))
    old = load_vectors(store.snapshot())
    add_the_rest()
    catalogue = store.catalogue()
    arms = {"not updated": old.aligned(catalogue)}
    updated, update_seconds = time_training(lambda: update_embedding(store, UpdateConfig()))
    assert updated is not None
    arms["updated"] = load_vectors(store.snapshot()).aligned(catalogue)
    full, full_seconds = time_training(lambda: train_embedding(store, EmbedConfig(seed=seed)))
    arms["full training"] = load_vectors(store.snapshot()).aligned(catalogue)
    meta, holdout = updated.read_meta(VectorsMeta), full.read_meta(VectorsMeta).holdout
    assert holdout is not None and holdout == meta.holdout
    cases = cases_of(Interactions.of(store.log.read(), catalogue), holdout)
    shutil.rmtree(folder)
    assert meta.update is not None
    weight = meta.metrics.learned_weight
    return Round(update_seconds, full_seconds, weight, record_as_dict(meta.update), evaluate(arms, cases))


def store_before(full_store: Store, folder: Path, share: float) -> tuple[Store, Callable[[], None]]:
    """Create the store as of before the last events, with all features; and a function that adds the rest."""
    events, catalogue = full_store.log.read(), full_store.catalogue()
    moment = np.quantile(events["at"].cast("int64").to_numpy(), 1 - share)
    is_early = pc.less_equal(events["at"].cast("int64"), int(moment))
    events_before, events_after = events.filter(is_early), events.filter(pc.invert(is_early))
    new_items = set(events_after["item_id"].to_pylist()) - set(events_before["item_id"].to_pylist())
    store = Store.create(folder)
    is_old = np.array([item_id not in new_items for item_id in catalogue.ids])
    store.publish_catalogue(Catalogue(catalogue.table.filter(is_old)))
    store.publish_collections(full_store.collections())
    store.log.add_segment(events_before)
    shutil.copytree(full_store.path / "features", folder / "features", dirs_exist_ok=True)

    def add_the_rest() -> None:
        store.publish_catalogue(catalogue)
        store.log.add_segment(events_after)

    return store, add_the_rest


def time_training(work: Callable[[], Version | None]) -> tuple[Version, float]:
    start = time.process_time()
    version = work()
    assert version is not None
    return version, time.process_time() - start


def cases_of(events: Interactions, holdout: Holdout) -> list[Case]:
    """Build cases: of held-out users the last fifth of their likes, of others the likes after the moment."""
    is_held_out = holdout.held_out_users(events)
    cases = []
    for user, likes in events.liked().histories():
        is_target = np.zeros(len(likes), bool)
        if is_held_out[user]:
            is_target[len(likes) - len(likes) // 5 :] = True
        elif holdout.until is not None:
            is_target = likes.at > holdout.until
        given_items, targets = likes.items[~is_target], likes.items[is_target]
        targets = np.setdiff1d(targets, given_items)
        if len(given_items) and len(targets):
            cases.append((given_items, targets))
    return cases


def evaluate(arms: dict[str, np.ndarray], cases: list[Case]) -> dict[str, np.ndarray]:
    """Compute recall of each user (users,) by each arm; without users who have no likes of old items."""
    old = arms["not updated"]
    cases = [(given_items, targets) for given_items, targets in cases if old[given_items[-RECENT:]].any()]
    targets = [case_targets for _, case_targets in cases]
    recalls = {
        name: recall_at(rank_items(vectors, mean_vectors(vectors, cases), cases), targets, K)
        for name, vectors in arms.items()
    }
    old_means = mean_vectors(old, cases)
    in_both = old.any(axis=1)
    for name in ("updated", "full training"):
        recalls[f"{name}, old means"] = recall_at(rank_items(arms[name], old_means, cases), targets, K)
    aligned_back = arms["full training"] @ fit_rotation(arms["full training"][in_both], old[in_both])
    recalls["full training rotated back, old means"] = recall_at(
        rank_items(aligned_back, old_means, cases), targets, K
    )
    return recalls


def mean_vectors(vectors: np.ndarray, cases: list[Case]) -> np.ndarray:
    return normalize_rows(np.stack([vectors[given_items[-RECENT:]].mean(axis=0) for given_items, _ in cases]))


def rank_items(vectors: np.ndarray, queries: np.ndarray, cases: list[Case]) -> np.ndarray:
    best = np.zeros((len(cases), K), np.int64)
    for row, (given_items, _) in enumerate(cases):
        scores = vectors @ queries[row]
        scores[given_items] = -np.inf
        best[row] = np.argsort(-scores, kind="stable")[:K]
    return best


def show(rounds: list[Round]) -> None:
    update_seconds, full_seconds = (
        np.array([getattr(round_, name) for round_ in rounds]) for name in ("update_s", "full_s")
    )
    ratio = update_seconds / full_seconds
    # A user counts once, by the mean over the seeds: only users are independent draws.
    recall = {name: np.mean([round_.recall[name] for round_ in rounds], axis=0) for name in rounds[0].recall}
    console = Console(width=140)
    table = Table("vectors", f"recall@{K}", "95 %", "× updated", "95 %", title=f"{len(rounds)} seeds")
    arms = {}
    for name, values in recall.items():
        mean, ratio_to_updated = mean_interval(values), paired_intervals(values, recall["updated"])[1]
        table.add_row(
            name,
            f"{mean.mean:.4f}",
            f"[{mean.low:.4f}, {mean.high:.4f}]",
            f"{ratio_to_updated.mean:.3f}",
            f"[{ratio_to_updated.low:.3f}, {ratio_to_updated.high:.3f}]",
        )
        arms[name] = {"recall": mean.as_dict(), "over_updated": ratio_to_updated.as_dict()}
    console.print(table)
    console.print(
        f"update {np.median(update_seconds):.1f} s, full {np.median(full_seconds):.1f} s: "
        f"{np.median(ratio):.3f} of it [{ratio.min():.3f}, {ratio.max():.3f}]; {len(recall['updated'])} users"
    )
    result = {
        "update_s": np.round(update_seconds, 2).tolist(),
        "full_s": np.round(full_seconds, 2).tolist(),
        "ratio": np.round(ratio, 4).tolist(),
        "users": len(recall["updated"]),
        "interpolation_weight": [round_.interpolation_weight for round_ in rounds],
        "changeset": [round_.changeset for round_ in rounds],
        "arms": arms,
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()

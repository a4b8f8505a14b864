"""What does `embed --update` save, and what does it cost?

    python benchmarks/bench_update.py STORE [--share 0.1] [--rounds 3]

The last share of the events is cut off, with the items that nobody had touched before; a full training sees
the rest. Then everything is there again, and an update and a full training on the whole take turns. Held-out
people and moments are those of the update, which are those of the full training on the whole. Features of
pictures and texts are there for all arms. Seconds are the process's own (of all its threads), since machines
are shared.

Recall@20 of held-out likes, by the mean of a person's last 50 likes before: by the old vectors (which do not
know the new items), by the updated and by the fully trained ones; and among the updated and fully trained
vectors by means of old vectors. A full training turns the space, so there old means say nothing unless it is
turned back: that is shown as well.
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

from bowerbird.data.interactions import Interactions
from bowerbird.data.items import Catalogue
from bowerbird.data.splits import Holdout
from bowerbird.data.store import Store, Version
from bowerbird.embed.index.rows import normalize_rows
from bowerbird.embed.index.vectors import load_vectors
from bowerbird.embed.train.alignment import fit_rotation
from bowerbird.embed.training import EmbedConfig, train_embedding
from bowerbird.embed.update.updating import UpdateConfig, update_embedding
from bowerbird.evaluate.bootstrap import mean_interval, paired_intervals
from bowerbird.evaluate.metrics import recall_at

AT, RECENT = 20, 50
Case = tuple[np.ndarray, np.ndarray]  # likes that are given, likes to be found


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
            one_round(Store.open(args.store), Path(folder) / str(seed), args.share, seed)
            for seed in range(args.rounds)
        ]
    show(rounds)


@dataclass(frozen=True)
class Round:
    """One seed's seconds, news, and recall of each person by each arm."""

    update_s: float
    full_s: float
    way: float
    """From the old weights to the new ones; 0: the update only projected."""
    news: dict[str, Any]
    recall: dict[str, np.ndarray]


def one_round(whole: Store, folder: Path, share: float, seed: int) -> Round:
    """Train before the cut, then update and train on the whole; what each took and found."""
    store, add_the_rest = cut(whole, folder, share)
    train_embedding(store, EmbedConfig(seed=seed))
    old = load_vectors(store.snapshot())
    add_the_rest()
    catalogue = store.catalogue()
    arms = {"not updated": old.aligned(catalogue)}
    updated, update_seconds = timed(lambda: update_embedding(store, UpdateConfig()))
    assert updated is not None
    arms["updated"] = load_vectors(store.snapshot()).aligned(catalogue)
    full, full_seconds = timed(lambda: train_embedding(store, EmbedConfig(seed=seed)))
    arms["full training"] = load_vectors(store.snapshot()).aligned(catalogue)
    holdout = Holdout(**updated.meta["holdout"])
    assert holdout == Holdout(**full.meta["holdout"])
    cases = cases_of(Interactions.of(store.log.read(), catalogue), holdout)
    shutil.rmtree(folder)
    meta = updated.meta
    return Round(update_seconds, full_seconds, meta["metrics"]["trust"], meta["update"], judged(arms, cases))


def cut(whole: Store, folder: Path, share: float) -> tuple[Store, Callable[[], None]]:
    """A store as it was before the last events, with all features; and what makes it whole."""
    events, catalogue = whole.log.read(), whole.catalogue()
    moment = np.quantile(events["at"].cast("int64").to_numpy(), 1 - share)
    early = pc.less_equal(events["at"].cast("int64"), int(moment))
    before, after = events.filter(early), events.filter(pc.invert(early))
    fresh = set(after["item_id"].to_pylist()) - set(before["item_id"].to_pylist())
    store = Store.create(folder)
    known = np.array([item_id not in fresh for item_id in catalogue.ids])
    store.publish_catalogue(Catalogue(catalogue.table.filter(known)))
    store.publish_collections(whole.collections())
    store.log.add_segment(before)
    shutil.copytree(whole.path / "features", folder / "features", dirs_exist_ok=True)

    def add_the_rest() -> None:
        store.publish_catalogue(catalogue)
        store.log.add_segment(after)

    return store, add_the_rest


def timed(work: Callable[[], Version | None]) -> tuple[Version, float]:
    started = time.process_time()
    version = work()
    assert version is not None
    return version, time.process_time() - started


def cases_of(events: Interactions, holdout: Holdout) -> list[Case]:
    """Held-out people: the last fifth of their likes; others: what they liked after the moment."""
    held = holdout.held_people(events)
    cases = []
    for person, likes in events.liked().histories():
        after = np.zeros(len(likes), bool)
        if held[person]:
            after[len(likes) - len(likes) // 5 :] = True
        elif holdout.until is not None:
            after = likes.at > holdout.until
        given, wanted = likes.items[~after], likes.items[after]
        wanted = np.setdiff1d(wanted, given)
        if len(given) and len(wanted):
            cases.append((given, wanted))
    return cases


def judged(arms: dict[str, np.ndarray], cases: list[Case]) -> dict[str, np.ndarray]:
    """Recall of each person (people,) by each arm; without people who liked nothing that was known before."""
    old = arms["not updated"]
    cases = [(given, wanted) for given, wanted in cases if old[given[-RECENT:]].any()]
    wanted = [one for _, one in cases]
    found = {
        name: recall_at(ranking(vectors, means(vectors, cases), cases), wanted, AT)
        for name, vectors in arms.items()
    }
    stale = means(old, cases)
    both = old.any(axis=1)
    for name in ("updated", "full training"):
        found[f"{name}, old means"] = recall_at(ranking(arms[name], stale, cases), wanted, AT)
    back = arms["full training"] @ fit_rotation(arms["full training"][both], old[both])
    found["full training turned back, old means"] = recall_at(ranking(back, stale, cases), wanted, AT)
    return found


def means(vectors: np.ndarray, cases: list[Case]) -> np.ndarray:
    return normalize_rows(np.stack([vectors[given[-RECENT:]].mean(axis=0) for given, _ in cases]))


def ranking(vectors: np.ndarray, queries: np.ndarray, cases: list[Case]) -> np.ndarray:
    best = np.zeros((len(cases), AT), np.int64)
    for row, (given, _) in enumerate(cases):
        scores = vectors @ queries[row]
        scores[given] = -np.inf
        best[row] = np.argsort(-scores, kind="stable")[:AT]
    return best


def show(rounds: list[Round]) -> None:
    update, full = (np.array([getattr(one, name) for one in rounds]) for name in ("update_s", "full_s"))
    ratio = update / full
    # A person counts once, by the mean over the seeds: only people are independent draws.
    recall = {name: np.mean([one.recall[name] for one in rounds], axis=0) for name in rounds[0].recall}
    console = Console(width=140)
    table = Table("vectors", f"recall@{AT}", "95 %", "× updated", "95 %", title=f"{len(rounds)} seeds")
    arms = {}
    for name, values in recall.items():
        mean, times = mean_interval(values), paired_intervals(values, recall["updated"])[1]
        table.add_row(
            name,
            f"{mean.mean:.4f}",
            f"[{mean.low:.4f}, {mean.high:.4f}]",
            f"{times.mean:.3f}",
            f"[{times.low:.3f}, {times.high:.3f}]",
        )
        arms[name] = {"recall": mean.as_dict(), "over_updated": times.as_dict()}
    console.print(table)
    console.print(
        f"update {np.median(update):.1f} s, full {np.median(full):.1f} s: {np.median(ratio):.3f} of it "
        f"[{ratio.min():.3f}, {ratio.max():.3f}]; {len(recall['updated'])} people"
    )
    told = {
        "update_s": np.round(update, 2).tolist(),
        "full_s": np.round(full, 2).tolist(),
        "ratio": np.round(ratio, 4).tolist(),
        "people": len(recall["updated"]),
        "way": [one.way for one in rounds],
        "news": [one.news for one in rounds],
        "arms": arms,
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main()

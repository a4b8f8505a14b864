"""Which item is missing from a room? Hit@10 over the whole catalogue: ours, baselines, generic vectors.

    python benchmarks/bench_rooms.py STORE [--folds 5] [--seed 0]

STORE holds items and collections (`bowerbird import ikea-rooms FOLDER --store STORE`). Rooms are dealt into
folds; each room of a fold is met with one of its items hidden, every item in turn, by models fitted on the
other folds' rooms only: the tower on their items, the rankers on rooms in place of people. The unit of the
bootstrap is the room. Baselines choose their settings on a fifth of the training rooms.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from bowerbird.data.events import ACTION_CODE
from bowerbird.data.interactions import History, Interactions
from bowerbird.data.items import Catalogue
from bowerbird.data.ranker import Ranker
from bowerbird.data.splits import Holdout
from bowerbird.data.store import Store
from bowerbird.embed.features import item_features
from bowerbird.embed.neighbours import Strings
from bowerbird.embed.sides import Sides, words_of
from bowerbird.embed.tower import Views
from bowerbird.embed.training import EmbedConfig, fit_tower, generic_vectors
from bowerbird.embed.validation import Lots
from bowerbird.evaluate.baselines import GenericMax, GenericMean
from bowerbird.evaluate.baselines.standard import Effort, standard_baselines
from bowerbird.evaluate.bootstrap import mean_interval, paired_intervals
from bowerbird.evaluate.protocols import Split
from bowerbird.progress import track
from bowerbird.recommend import OurRanker

AT = 10
PLACED = ACTION_CODE["purchase"]
STEP = 1_000_000  # microseconds between two items of a room, which come at no time


def rooms_of(store: Store, catalogue: Catalogue) -> list[np.ndarray]:
    """Positions of each room's items; rooms of one item ask nothing."""
    rooms = [
        np.unique([catalogue.position[item] for item in one.item_ids if item in catalogue])
        for one in sorted(store.collections(), key=lambda one: one.collection_id)
    ]
    return [room for room in rooms if len(room) > 1]


def as_events(rooms: Sequence[np.ndarray], n_items: int) -> Interactions:
    """Rooms in place of people, one after the other."""
    user = np.repeat(np.arange(len(rooms)), [len(room) for room in rooms])
    item = np.concatenate(rooms).astype(np.int64)
    codes, at = np.full(len(item), PLACED, np.int8), np.arange(len(item), dtype=np.int64) * STEP
    return Interactions([f"room {k}" for k in range(len(rooms))], user, item, codes, at, n_items)


def asked(room: np.ndarray, end: int) -> list[History]:
    """A room without each of its items in turn."""
    size = len(room) - 1
    codes, at = np.full(size, PLACED, np.int8), np.full(size, end, np.int64)
    return [History(np.delete(room, k), codes, at) for k in range(len(room))]


def hits(ranker: Ranker, rooms: Sequence[np.ndarray], end: int) -> np.ndarray:
    """Share of each room's items that are found when hidden, (rooms,)."""
    found = []
    for room in rooms:
        ranking = ranker.rank(asked(room, end), AT)
        found.append(float(np.mean([item in row for item, row in zip(room, ranking, strict=True)])))
    return np.array(found)


def rankers_of(
    train: Sequence[np.ndarray], catalogue: Catalogue, parts: dict[str, np.ndarray], seed: int
) -> list[Ranker]:
    none = Interactions(
        [], *(np.zeros(0, kind) for kind in (np.int64, np.int64, np.int8, np.int64)), len(catalogue)
    )
    strings = Strings.of(none, list(train))
    # Rooms judge the tower's training as people do elsewhere.
    lots = Lots.of([f"room {number}" for number in range(len(train))], catalogue.ids, seed)
    views = Views.of(parts["shown"], parts["told"])
    fit = fit_tower(views, parts["join"], strings, lots, EmbedConfig(seed=seed))
    sides = (parts["facts"], parts["text"], parts["shown"])
    plain = [GenericMean(parts[name], f"generic {name}, mean") for name in ("picture", "words")] + [
        GenericMax(parts[name], f"generic {name}, max") for name in ("picture", "words")
    ]
    return [
        *standard_baselines(parts["join"], Holdout(None, 0.0), Split.NEW_USERS, AT, None, Effort.QUICK),
        *plain,
        GenericMean(fit.vectors, "ours: vectors only, mean"),
        GenericMax(fit.vectors, "ours: vectors only, max"),
        OurRanker(fit.vectors, catalogue, sides=sides),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("store", type=Path)
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    store = Store.open(args.store)
    catalogue = store.catalogue()
    features = item_features(store, catalogue)
    said = [words_of(item) for item in catalogue.items()]
    sides = Sides.of(said, features)
    told, facts = sides.told(said, features.text), sides.widths[0]
    parts = {
        **{
            "shown": sides.shown(features.image),
            "told": told,
            "facts": told[:, :facts],
            "text": told[:, facts:],
        },
        **{"join": generic_vectors(features), "picture": features.image, "words": features.text},
    }
    rooms = rooms_of(store, catalogue)
    fold = np.random.default_rng(args.seed).permutation(len(rooms)) % args.folds
    found: dict[str, np.ndarray] = {}
    for number in track(range(args.folds), "folds of rooms"):
        train = [room for room, k in zip(rooms, fold, strict=True) if k != number]
        test = np.flatnonzero(fold == number)
        events = as_events(train, len(catalogue))
        for ranker in rankers_of(train, catalogue, parts, args.seed):
            ranker.fit(events)
            scores = found.setdefault(ranker.name, np.full(len(rooms), np.nan))
            scores[test] = hits(ranker, [rooms[k] for k in test], int(events.at.max()))
    tell(found, len(rooms), sum(map(len, rooms)), len(catalogue), args.seed)


def tell(found: dict[str, np.ndarray], rooms: int, asked_for: int, items: int, seed: int) -> None:
    best = max((name for name in found if not name.startswith("ours")), key=lambda name: found[name].mean())
    table = Table(
        title=f"hit@{AT}: {rooms} rooms, {asked_for:,} hidden items, {items:,} items ranked",
        title_justify="left",
    )
    for column in ("ranker", f"hit@{AT}", "95 %", f"× {best}"):
        table.add_column(column)
    result = {}
    for name, values in found.items():
        interval, (_, ratio) = mean_interval(values), paired_intervals(values, found[best])
        spread = f"{interval.low:.3f}–{interval.high:.3f}"
        table.add_row(
            name, f"{interval.mean:.4f}", spread, f"{ratio.mean:.2f} [{ratio.low:.2f}, {ratio.high:.2f}]"
        )
        result[name] = {**interval.as_dict(), "ratio": ratio.as_dict()}
    Console().print(table)
    print(
        json.dumps(
            {"bench": "rooms", "rooms": rooms, "hidden": asked_for, "seed": seed, "best": best, "hit": result}
        )
    )


if __name__ == "__main__":
    main()

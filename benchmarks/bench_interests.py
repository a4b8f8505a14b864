"""How true the interests are that bowerbird finds, on a demo world whose truth is known.

    python benchmarks/bench_interests.py STORE WORLD [--more N]

STORE was imported and embedded from WORLD (`bowerbird demo` leaves both). Parts:

- groups: normalised mutual information of interests and themes with what the products are. A shopper of the
  demo world is drawn to types in a style, so a product's true interest is its type and style; by type alone
  and by family (the path's second part), too. Many small groups share information with anything, so the
  adjusted figure (1 for equal, 0 for chance) stands beside.
- drift: shoppers who change at a known moment, and shoppers who do not: the world's own, and N more that the
  store never saw. After every like the detector is asked. Events (clicks, views, saves, …) from the change to
  the first alarm, and from the first event that speaks for the new interest; somebody whose log ends before
  an alarm is censored (median after Kaplan & Meier, 1958). False alarms: steady shoppers told of a change in
  the part of time in which the others change.
- tastes: recall of each true taste's best unseen products among the first 20 and 50, found around each
  distinct taste (`tastes.queries_of`), or its medoid, places shared by the root of their importance; and
  around one averaged vector, of likes weighted as the tastes weigh them, or all alike ("plain"); the mean
  over a shopper's true tastes, and the worst-served of them.

95 % intervals: 1,000 bootstrap draws of people. The last line is one JSON line.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from bowerbird.data.events import ACTION_CODE
from bowerbird.data.interactions import History
from bowerbird.data.store import Store
from bowerbird.demo.products import WORLD_ENDS, generate_products
from bowerbird.demo.users import ProductArrays, SimulatedUser, generate_user, simulate_actions
from bowerbird.demo.vocabulary import TYPES
from bowerbird.evaluate.bootstrap import mean_interval, paired_intervals
from bowerbird.taste.interests.drift import drift_of
from bowerbird.taste.profile.medoids import DistinctTaste, liked_weights, queries_of
from bowerbird.taste.profile.profile import TasteReader
from bowerbird.taste.state.user_state import DAY

FIRST_MORE = 1_200  # number of the first shopper beyond the world's own; those before it set the thresholds
LEAST_BEFORE = 8  # events before the change: of a stranger nothing can be told
RELEVANT = 20  # best products of a true taste
DRAWS = 1_000
DID = {
    "Product Viewed": "view",
    "Product Clicked": "click",
    "Product Added to Wishlist": "save",
    "Product Added": "add_to_cart",
    "Order Completed": "purchase",
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("store", type=Path)
    parser.add_argument("world", type=Path)
    parser.add_argument(
        "--more", type=int, default=1_200, help="shoppers beside the world's own; with 0 no drift is measured"
    )
    args = parser.parse_args()
    world = World.opened(args.store, args.world)
    own, more = range(world.config["people"]), range(FIRST_MORE, FIRST_MORE + args.more)
    told = {
        "bench": "interests",
        "groups": groups(world),
        "drift": {"own": drift(world, own), "more": drift(world, more)} if args.more else {},
        "tastes": {str(k): tastes(world, own, k) for k in (20, 50)},
    }
    _print(told)
    print(json.dumps(told))


@dataclass(frozen=True)
class World:
    """A store, and the world that it was made of. N products."""

    reader: TasteReader
    config: dict[str, Any]
    shelf: ProductArrays
    position: np.ndarray  # (N,) of each product in the catalogue
    kind: np.ndarray  # (items,) of each item
    style: np.ndarray  # (items,)
    sample: np.ndarray  # vectors of all items, (items, D)

    @classmethod
    def opened(cls, store: Path, world: Path) -> World:
        config = json.loads((world / "world.json").read_text())
        made = list(generate_products(config["items"], config["days"], config["seed"]))
        reader = TasteReader.open(Store.open(store).snapshot())
        position = np.array([reader.catalogue.position[one.item_id] for one in made])
        kind, style = np.empty(len(made), np.int64), np.empty(len(made), np.int64)
        kind[position], style[position] = [one.kind for one in made], [one.style for one in made]
        return cls(
            reader, config, ProductArrays(made), position, kind, style, reader.vectors(np.arange(len(made)))
        )

    def shopper(self, number: int) -> SimulatedUser:
        return generate_user(number, self.config["days"], self.config["seed"])

    def history(self, one: SimulatedUser) -> History:
        """What a shopper does, as the log would keep it."""
        rows = [
            (self.position[act.items[0]], ACTION_CODE[DID[act.name]], int(act.at.timestamp() * 1e6))
            for act in simulate_actions(one, self.shelf, self.config["days"], self.config["seed"])
            if act.name in DID
        ]
        rows.sort(key=lambda row: row[2])
        items, actions, at = np.array(rows, np.int64).reshape(-1, 3).T
        return History(items, actions.astype(np.int8), at)


# -- groups -------------------------------------------------------------------------------------------------


def groups(world: World) -> dict[str, Any]:
    found = world.reader.groups
    families = {name: k for k, name in enumerate(sorted({kind.path.split(" > ")[1] for kind in TYPES}))}
    family = np.array([families[TYPES[k].path.split(" > ")[1]] for k in world.kind])
    truths = {"type and style": world.kind * 100 + world.style, "type": world.kind, "family": family}
    levels = {"interests": found.group, "themes": found.theme_of_items}
    return {
        level: {"groups": len(np.unique(mine)), **{name: _alike(mine, true) for name, true in truths.items()}}
        for level, mine in levels.items()
    }


def _alike(mine: np.ndarray, true: np.ndarray) -> dict[str, float]:
    """Normalised mutual information, and the same less what chance gives (50 shuffles)."""
    mine, true = (np.unique(labels, return_inverse=True)[1] for labels in (mine, true))
    rng = np.random.default_rng(0)
    chance = np.mean([_information(mine, rng.permutation(true)) for _ in range(50)])
    information, most = _information(mine, true), (_entropy(mine) + _entropy(true)) / 2
    return {
        "nmi": round(information / most, 3),
        "adjusted": round(float((information - chance) / (most - chance)), 3),
    }


def _information(one: np.ndarray, other: np.ndarray) -> float:
    return _entropy(one) + _entropy(other) - _entropy(one * (other.max() + 1) + other)


def _entropy(labels: np.ndarray) -> float:
    share = np.unique(labels, return_counts=True)[1] / len(labels)
    return float(-(share * np.log(share)).sum())


# -- drift --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Watched:
    """One shopper, watched from a moment on."""

    drifts: bool
    events: int  # from that moment on
    new: int | None  # events until the first that speaks for the new interest, itself included
    alarms: dict[str, int | None]  # events until the first alarm, "perhaps" or "clearly" told


def drift(world: World, numbers: Sequence[int]) -> dict[str, Any]:
    watched = [one for number in numbers if (one := _watched(world, number)) is not None]
    changed, steady = [one for one in watched if one.drifts], [one for one in watched if not one.drifts]
    told: dict[str, Any] = {
        "changed": len(changed),
        "steady": len(steady),
        "median events after the change": float(np.median([one.events for one in changed])),
        "median events until one speaks for the new interest": _median(
            [(one.new, one.events) for one in changed]
        ),
    }
    for name in ("perhaps", "clearly"):
        waits = [(one.alarms[name], one.events) for one in changed]
        since = [_since(one, name) for one in changed if one.new is not None]
        false = np.array([one.alarms[name] is not None for one in steady], float)
        events = sum(one.events for one in steady)
        told[name] = {
            "noticed": mean_interval(np.array([wait is not None for wait, _ in waits], float)).as_dict(),
            "events needed": _median_interval(waits),
            "events needed since one spoke for the new interest": _median_interval(since),
            "steady shoppers alarmed": mean_interval(false).as_dict(),
            "false alarms per 100 events": round(100 * false.sum() / events, 2),
        }
    return told


def _since(one: Watched, name: str) -> tuple[int | None, int]:
    """Events from the first that speaks for the new interest to the first alarm, and to the log's end."""
    assert one.new is not None
    alarm = one.alarms[name]
    return None if alarm is None else max(1, alarm - one.new + 1), one.events - one.new + 1


def _watched(world: World, number: int) -> Watched | None:
    """A shopper from the change on, or, where there is none, from the middle of the time of changes on."""
    one = world.shopper(number)
    history = world.history(one)
    days = world.config["days"]
    ends = int(WORLD_ENDS.timestamp() * 1e6)
    moment = int(one.drift_at.timestamp() * 1e6) if one.drift_at else ends - int(0.4 * days * DAY)
    first = int(np.searchsorted(history.at, moment))
    if first < LEAST_BEFORE:
        return None
    alarms: dict[str, int | None] = {"perhaps": None, "clearly": None}
    for row in np.flatnonzero(history.weights >= 1.0):
        if row >= first and None in alarms.values():
            until = history.where(np.arange(len(history)) <= row)
            found = drift_of(until, world.reader.vectors, world.sample, int(history.at[row]))
            for told, noticed in (("perhaps", found), ("clearly", found and found.clear)):
                if noticed and alarms[told] is None:
                    alarms[told] = int(row) - first + 1
    return Watched(one.drift_at is not None, len(history) - first, _new(world, one, history, first), alarms)


def _new(world: World, one: SimulatedUser, history: History, first: int) -> int | None:
    """Events until the first on a product that the new interest wants more than any other does."""
    if one.drift_at is None:
        return None
    product = np.empty(len(world.position), np.int64)
    product[world.position] = np.arange(len(world.position))
    mine = product[history.items[first:]]
    new, *old = (
        world.shelf.utility(each, 0.0)[mine] for each in (one.interests_after_drift[0], *one.interests)
    )
    # 3.2: about half of such products are clicked (see demo/users.py)
    rows = np.flatnonzero((new >= 3.2) & (new > np.max(old, axis=0)))
    return int(rows[0]) + 1 if len(rows) else None


def _median(waits: Sequence[tuple[int | None, int]]) -> float | None:
    """Median wait by Kaplan and Meier, of (wait or None, watched until); None where it is never reached."""
    ends = np.array([until if wait is None else wait for wait, until in waits])
    seen = np.array([wait is not None for wait, _ in waits])
    left = 1.0
    for moment in np.unique(ends[seen]):
        left *= 1 - (seen & (ends == moment)).sum() / (ends >= moment).sum()
        if left <= 0.5:
            return float(moment)
    return None


def _median_interval(waits: Sequence[tuple[int | None, int]]) -> dict[str, float | None]:
    rng = np.random.default_rng(0)
    drawn = [_median([waits[k] for k in rng.integers(len(waits), size=len(waits))]) for _ in range(200)]
    values = np.sort([np.inf if one is None else one for one in drawn])
    low, high = values[4], values[195]
    return {
        "median": _median(waits),
        "low": float(low) if np.isfinite(low) else None,
        "high": float(high) if np.isfinite(high) else None,
    }


# -- tastes -------------------------------------------------------------------------------------------------


def tastes(world: World, numbers: Sequence[int], k: int) -> dict[str, Any]:
    graph, vectors = world.reader.graph, world.sample
    half_lives = graph.store.settings.half_life_days
    recalls: dict[str, list[np.ndarray]] = {}
    for number in numbers:
        one = world.shopper(number)
        state = graph.state(one.user_id)
        items, weights = liked_weights(state, half_lives)
        if not len(items):
            continue
        open_ = state.unseen(len(vectors))
        found = world.reader.tastes(state)
        wanted = [_best(world, one, k_, open_) for k_ in range(len(one.interests_after_drift))]
        ranked = {
            "tastes": _around(found, queries_of(found, world.reader.vectors), vectors, open_, k),
            "medoids": _around(found, vectors[[one.medoid for one in found]], vectors, open_, k),
            "average": _top(vectors @ (weights @ vectors[items]), open_, k),
            "plain average": _top(vectors @ vectors[items].sum(axis=0), open_, k),
        }
        for name, top in ranked.items():
            hits = [len(set(top.tolist()) & best) / len(best) for best in wanted]
            recalls.setdefault(name, []).append(np.array(hits))
    told: dict[str, Any] = {"people": len(recalls["medoids"])}
    for name, over in (("mean of true tastes", np.mean), ("worst-served", np.min)):
        values = {arm: np.array([over(one) for one in rows]) for arm, rows in recalls.items()}
        told[name] = {arm: mean_interval(each).as_dict() for arm, each in values.items()}
        for ours in ("tastes", "medoids"):
            for other in ("average", "plain average"):
                ratio = paired_intervals(values[ours], values[other])[1]
                told[name][f"{ours} / {other}"] = ratio.as_dict()
    return told


def _best(world: World, one: SimulatedUser, taste: int, open_: np.ndarray) -> set[int]:
    """The products that a true taste wants most among those not dealt with."""
    wanted = np.empty(len(open_))
    wanted[world.position] = world.shelf.utility(one.interests_after_drift[taste], one.price_sensitivity)
    return set(_top(wanted, open_, RELEVANT).tolist())


def _top(scores: np.ndarray, open_: np.ndarray, k: int) -> np.ndarray:
    return np.argsort(-np.where(open_, scores, -np.inf), kind="stable")[:k]


def _around(
    found: Sequence[DistinctTaste], queries: np.ndarray, vectors: np.ndarray, open_: np.ndarray, k: int
) -> np.ndarray:
    """The items nearest to each taste's query in turn; its turns go with the root of its importance."""
    orders = [iter(_top(vectors @ query, open_, len(vectors)).tolist()) for query in queries]
    shares = np.sqrt([one.weight for one in found])
    due, chosen = np.zeros(len(found)), dict[int, None]()
    while len(chosen) < k:
        due += shares / shares.sum()
        turn = int(due.argmax())
        due[turn] -= 1
        chosen[next(item for item in orders[turn] if item not in chosen)] = None
    return np.array(list(chosen))


def _print(told: dict[str, Any]) -> None:
    console = Console(width=130)
    table = Table(
        "level", "groups", *(f"{name}: NMI (adjusted)" for name in ("type and style", "type", "family"))
    )
    for level, row in told["groups"].items():
        cells = [f"{row[name]['nmi']:.3f} ({row[name]['adjusted']:.3f})" for name in list(row)[1:]]
        table.add_row(level, str(row["groups"]), *cells)
    console.print(table)
    table = Table("shoppers", "told", "noticed", "events needed", "since one spoke for it", "steady, alarmed")
    for name, part in told["drift"].items():
        for grade in ("perhaps", "clearly"):
            row = part[grade]
            table.add_row(
                f"{name}: {part['changed']} changed, {part['steady']} steady",
                grade,
                _said(row["noticed"], "mean"),
                _said(row["events needed"], "median"),
                _said(row["events needed since one spoke for the new interest"], "median"),
                _said(row["steady shoppers alarmed"], "mean"),
            )
    console.print(table)
    table = Table("first", "recall of", *told["tastes"]["20"]["worst-served"])
    for k, part in told["tastes"].items():
        for name in ("mean of true tastes", "worst-served"):
            table.add_row(k, name, *(_said(one, "mean") for one in part[name].values()))
    console.print(table)


def _said(interval: dict[str, float | None], middle: str) -> str:
    cells = ["–" if interval[key] is None else f"{interval[key]:.3g}" for key in (middle, "low", "high")]
    return f"{cells[0]} [{cells[1]}, {cells[2]}]"


if __name__ == "__main__":
    main()

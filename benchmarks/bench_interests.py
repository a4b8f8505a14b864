"""How accurate are the interests that bowerbird finds? On a demo world with known ground truth.

    python benchmarks/bench_interests.py STORE WORLD [--more N]

STORE was imported and embedded from WORLD (`bowerbird demo` leaves both). Parts:

- groups: normalised mutual information of interests and themes with the products' classes. A shopper of the
  demo world prefers types in a style, so a product's true interest is its type and style; also by type alone
  and by family (the path's second part). Many small groups share information with any labels, so the adjusted
  figure (1 for equal, 0 for chance) is given as well.
- drift: shoppers who change at a known moment, and shoppers who do not: the world's own, and N more that the
  store never saw. The detector runs after every like. Events (clicks, views, saves, …) from the change to the
  first alarm, and from the first event on the new interest; a shopper whose log ends before an alarm is
  censored (median after Kaplan & Meier, 1958). False alarms: alarms for steady shoppers in the period in
  which the others change.
- tastes: recall of each true taste's best unseen products among the first 20 and 50, retrieved around each
  taste cluster (`medoids.cluster_queries`), or its medoid, ranks shared by the root of their importance; and
  around one averaged vector, of likes weighted as the clusters weigh them, or equally ("plain"); the mean
  over a shopper's true tastes, and the worst of them.

95 % intervals: 1,000 bootstrap draws of users. The last line is one JSON line.
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
from bowerbird.data.times import DAY
from bowerbird.demo.behaviour import ProductArrays, simulate_actions
from bowerbird.demo.products import WORLD_ENDS, generate_products
from bowerbird.demo.users import SimulatedUser, generate_user
from bowerbird.demo.vocabulary import TYPES
from bowerbird.evaluate.bootstrap import mean_interval, paired_intervals
from bowerbird.taste.interests.drift import detect_drift
from bowerbird.taste.profile.medoids import TasteCluster, cluster_queries, liked_weights
from bowerbird.taste.profile.reader import TasteReader

FIRST_EXTRA = 1_200  # number of the first extra shopper; the thresholds were tuned on those before it
MIN_EVENTS_BEFORE = 8  # events before the change; with fewer the user is unknown
N_RELEVANT = 20  # best products of a true taste
DRAWS = 1_000
ACTION_OF_EVENT = {
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
        "--more", type=int, default=1_200, help="number of extra shoppers; with 0 no drift is measured"
    )
    args = parser.parse_args()
    world = DemoWorld.open(args.store, args.world)
    own_shoppers, extra_shoppers = range(world.config["users"]), range(FIRST_EXTRA, FIRST_EXTRA + args.more)
    result = {
        "bench": "interests",
        "groups": measure_groups(world),
        "drift": {"own": measure_drift(world, own_shoppers), "more": measure_drift(world, extra_shoppers)}
        if args.more
        else {},
        "tastes": {str(k): measure_tastes(world, own_shoppers, k) for k in (20, 50)},
    }
    _print_results(result)
    print(json.dumps(result))


@dataclass(frozen=True)
class DemoWorld:
    """A store, and the demo world that it was made from. N products."""

    reader: TasteReader
    config: dict[str, Any]
    assortment: ProductArrays
    position: np.ndarray  # (N,) of each product in the catalogue
    kind: np.ndarray  # (items,) of each item
    style: np.ndarray  # (items,)
    sample: np.ndarray  # vectors of all items, (items, D)

    @classmethod
    def open(cls, store: Path, world: Path) -> DemoWorld:
        config = json.loads((world / "world.json").read_text())
        all_products = list(generate_products(config["items"], config["days"], config["seed"]))
        reader = TasteReader.open(Store.open(store).snapshot())
        position = np.array([reader.catalogue.position[product.item_id] for product in all_products])
        kind, style = np.empty(len(all_products), np.int64), np.empty(len(all_products), np.int64)
        kind[position], style[position] = (
            [product.kind for product in all_products],
            [product.style for product in all_products],
        )
        return cls(
            reader,
            config,
            ProductArrays(all_products),
            position,
            kind,
            style,
            reader.vectors(np.arange(len(all_products))),
        )

    def shopper(self, number: int) -> SimulatedUser:
        return generate_user(number, self.config["days"], self.config["seed"])

    def history(self, shopper: SimulatedUser) -> History:
        """Simulate a shopper's events, as the log would store them."""
        rows = [
            (
                self.position[act.items[0]],
                ACTION_CODE[ACTION_OF_EVENT[act.name]],
                int(act.at.timestamp() * 1e6),
            )
            for act in simulate_actions(shopper, self.assortment, self.config["days"], self.config["seed"])
            if act.name in ACTION_OF_EVENT
        ]
        rows.sort(key=lambda row: row[2])
        items, actions, at = np.array(rows, np.int64).reshape(-1, 3).T
        return History(items, actions.astype(np.int8), at)


# -- groups -------------------------------------------------------------------------------------------------


def measure_groups(world: DemoWorld) -> dict[str, Any]:
    item_groups = world.reader.groups
    families = {name: k for k, name in enumerate(sorted({kind.path.split(" > ")[1] for kind in TYPES}))}
    family = np.array([families[TYPES[k].path.split(" > ")[1]] for k in world.kind])
    truths = {"type and style": world.kind * 100 + world.style, "type": world.kind, "family": family}
    levels = {"interests": item_groups.group, "themes": item_groups.theme_of_items}
    return {
        level: {
            "groups": len(np.unique(labels)),
            **{name: _mutual_information(labels, truth) for name, truth in truths.items()},
        }
        for level, labels in levels.items()
    }


def _mutual_information(labels: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """Compute normalised mutual information, and the same adjusted for chance (50 shuffles)."""
    labels, truth = (np.unique(labels, return_inverse=True)[1] for labels in (labels, truth))
    rng = np.random.default_rng(0)
    chance = np.mean([_information(labels, rng.permutation(truth)) for _ in range(50)])
    information, mean_entropy = _information(labels, truth), (_entropy(labels) + _entropy(truth)) / 2
    return {
        "nmi": round(information / mean_entropy, 3),
        "adjusted": round(float((information - chance) / (mean_entropy - chance)), 3),
    }


def _information(labels: np.ndarray, other_labels: np.ndarray) -> float:
    return (
        _entropy(labels) + _entropy(other_labels) - _entropy(labels * (other_labels.max() + 1) + other_labels)
    )


def _entropy(labels: np.ndarray) -> float:
    share = np.unique(labels, return_counts=True)[1] / len(labels)
    return float(-(share * np.log(share)).sum())


# -- drift --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class DriftRecord:
    """The detector's results for one shopper from a moment on."""

    drifts: bool
    events: int  # from that moment on
    new: int | None  # events up to and including the first on the new interest
    alarms: dict[str, int | None]  # events until the first alarm, at level "perhaps" or "clearly"


def measure_drift(world: DemoWorld, numbers: Sequence[int]) -> dict[str, Any]:
    records = [record for number in numbers if (record := _observe(world, number)) is not None]
    changed, steady = (
        [record for record in records if record.drifts],
        [record for record in records if not record.drifts],
    )
    result: dict[str, Any] = {
        "changed": len(changed),
        "steady": len(steady),
        "median events after the change": float(np.median([record.events for record in changed])),
        "median events until the first on the new interest": _kaplan_meier_median(
            [(record.new, record.events) for record in changed]
        ),
    }
    for name in ("perhaps", "clearly"):
        waits = [(record.alarms[name], record.events) for record in changed]
        since = [_since(record, name) for record in changed if record.new is not None]
        false = np.array([record.alarms[name] is not None for record in steady], float)
        events = sum(record.events for record in steady)
        result[name] = {
            "noticed": mean_interval(np.array([wait is not None for wait, _ in waits], float)).as_dict(),
            "events needed": _median_interval(waits),
            "events needed since the first on the new interest": _median_interval(since),
            "steady shoppers alarmed": mean_interval(false).as_dict(),
            "false alarms per 100 events": round(100 * false.sum() / events, 2),
        }
    return result


def _since(record: DriftRecord, name: str) -> tuple[int | None, int]:
    """Count events from the first on the new interest to the first alarm, and to the log's end."""
    assert record.new is not None
    alarm = record.alarms[name]
    return None if alarm is None else max(1, alarm - record.new + 1), record.events - record.new + 1


def _observe(world: DemoWorld, number: int) -> DriftRecord | None:
    """Run the detector on a shopper from the change on; if there is none, from the middle of the change
    period on."""
    shopper = world.shopper(number)
    history = world.history(shopper)
    days = world.config["days"]
    ends = int(WORLD_ENDS.timestamp() * 1e6)
    moment = int(shopper.drift_at.timestamp() * 1e6) if shopper.drift_at else ends - int(0.4 * days * DAY)
    first = int(np.searchsorted(history.at, moment))
    if first < MIN_EVENTS_BEFORE:
        return None
    alarms: dict[str, int | None] = {"perhaps": None, "clearly": None}
    for row in np.flatnonzero(history.weights >= 1.0):
        if row >= first and None in alarms.values():
            until = history.where(np.arange(len(history)) <= row)
            detection = detect_drift(until, world.reader.vectors, world.sample, int(history.at[row]))
            for level, is_noticed in (
                ("perhaps", detection),
                ("clearly", detection and detection.is_clear),
            ):
                if is_noticed and alarms[level] is None:
                    alarms[level] = int(row) - first + 1
    return DriftRecord(
        shopper.drift_at is not None,
        len(history) - first,
        _first_new_interest(world, shopper, history, first),
        alarms,
    )


def _first_new_interest(world: DemoWorld, shopper: SimulatedUser, history: History, first: int) -> int | None:
    """Count events until the first on a product with a higher utility for the new interest than for any
    other."""
    if shopper.drift_at is None:
        return None
    product = np.empty(len(world.position), np.int64)
    product[world.position] = np.arange(len(world.position))
    products_acted_on = product[history.items[first:]]
    new_utility, *old_utilities = (
        world.assortment.utility(interest, 0.0)[products_acted_on]
        for interest in (shopper.interests_after_drift[0], *shopper.interests)
    )
    # 3.2: about half of such products are clicked (see demo/behaviour.py)
    rows = np.flatnonzero((new_utility >= 3.2) & (new_utility > np.max(old_utilities, axis=0)))
    return int(rows[0]) + 1 if len(rows) else None


def _kaplan_meier_median(waits: Sequence[tuple[int | None, int]]) -> float | None:
    """Estimate the median wait by Kaplan and Meier, of (wait or None, observed until); None if never
    reached."""
    ends = np.array([until if wait is None else wait for wait, until in waits])
    is_observed = np.array([wait is not None for wait, _ in waits])
    survival = 1.0
    for moment in np.unique(ends[is_observed]):
        survival *= 1 - (is_observed & (ends == moment)).sum() / (ends >= moment).sum()
        if survival <= 0.5:
            return float(moment)
    return None


def _median_interval(waits: Sequence[tuple[int | None, int]]) -> dict[str, float | None]:
    rng = np.random.default_rng(0)
    medians = [
        _kaplan_meier_median([waits[k] for k in rng.integers(len(waits), size=len(waits))])
        for _ in range(200)
    ]
    values = np.sort([np.inf if median is None else median for median in medians])
    low, high = values[4], values[195]
    return {
        "median": _kaplan_meier_median(waits),
        "low": float(low) if np.isfinite(low) else None,
        "high": float(high) if np.isfinite(high) else None,
    }


# -- tastes -------------------------------------------------------------------------------------------------


def measure_tastes(world: DemoWorld, numbers: Sequence[int], k: int) -> dict[str, Any]:
    graph, vectors = world.reader.graph, world.sample
    half_life_days = graph.store.settings.taste.half_life_days
    recalls: dict[str, list[np.ndarray]] = {}
    for number in numbers:
        shopper = world.shopper(number)
        state = graph.state(shopper.user_id)
        items, weights = liked_weights(state, half_life_days)
        if not len(items):
            continue
        eligible = state.unseen(len(vectors))
        taste_clusters = world.reader.taste_clusters(state)
        best_of_taste = [
            _best_products(world, shopper, k_, eligible) for k_ in range(len(shopper.interests_after_drift))
        ]
        ranked = {
            "tastes": _interleave(
                taste_clusters, cluster_queries(taste_clusters, world.reader.vectors), vectors, eligible, k
            ),
            "medoids": _interleave(
                taste_clusters, vectors[[shopper.medoid for shopper in taste_clusters]], vectors, eligible, k
            ),
            "average": _top(vectors @ (weights @ vectors[items]), eligible, k),
            "plain average": _top(vectors @ vectors[items].sum(axis=0), eligible, k),
        }
        for name, top in ranked.items():
            recalls_of_shopper = [len(set(top.tolist()) & best) / len(best) for best in best_of_taste]
            recalls.setdefault(name, []).append(np.array(recalls_of_shopper))
    result: dict[str, Any] = {"users": len(recalls["medoids"])}
    for name, aggregate in (("mean of true tastes", np.mean), ("worst-served", np.min)):
        values = {arm: np.array([aggregate(shopper) for shopper in rows]) for arm, rows in recalls.items()}
        result[name] = {arm: mean_interval(values_of_arm).as_dict() for arm, values_of_arm in values.items()}
        for method in ("tastes", "medoids"):
            for baseline in ("average", "plain average"):
                ratio = paired_intervals(values[method], values[baseline])[1]
                result[name][f"{method} / {baseline}"] = ratio.as_dict()
    return result


def _best_products(world: DemoWorld, shopper: SimulatedUser, taste: int, eligible: np.ndarray) -> set[int]:
    """Find the products with the highest utility for a true taste among the unseen ones."""
    utility = np.empty(len(eligible))
    utility[world.position] = world.assortment.utility(
        shopper.interests_after_drift[taste], shopper.price_sensitivity
    )
    return set(_top(utility, eligible, N_RELEVANT).tolist())


def _top(scores: np.ndarray, eligible: np.ndarray, k: int) -> np.ndarray:
    return np.argsort(-np.where(eligible, scores, -np.inf), kind="stable")[:k]


def _interleave(
    taste_clusters: Sequence[TasteCluster],
    queries: np.ndarray,
    vectors: np.ndarray,
    eligible: np.ndarray,
    k: int,
) -> np.ndarray:
    """Interleave the items nearest to each taste's query; turns are proportional to the root of its
    importance."""
    orders = [iter(_top(vectors @ query, eligible, len(vectors)).tolist()) for query in queries]
    shares = np.sqrt([taste.weight for taste in taste_clusters])
    due, items = np.zeros(len(taste_clusters)), dict[int, None]()
    while len(items) < k:
        due += shares / shares.sum()
        turn = int(due.argmax())
        due[turn] -= 1
        items[next(item for item in orders[turn] if item not in items)] = None
    return np.array(list(items))


def _print_results(result: dict[str, Any]) -> None:
    console = Console(width=130)
    table = Table(
        "level", "groups", *(f"{name}: NMI (adjusted)" for name in ("type and style", "type", "family"))
    )
    for level, row in result["groups"].items():
        cells = [f"{row[name]['nmi']:.3f} ({row[name]['adjusted']:.3f})" for name in list(row)[1:]]
        table.add_row(level, str(row["groups"]), *cells)
    console.print(table)
    table = Table("shoppers", "level", "noticed", "events needed", "since the first on it", "steady, alarmed")
    for name, block in result["drift"].items():
        for grade in ("perhaps", "clearly"):
            row = block[grade]
            table.add_row(
                f"{name}: {block['changed']} changed, {block['steady']} steady",
                grade,
                _format(row["noticed"], "mean"),
                _format(row["events needed"], "median"),
                _format(row["events needed since the first on the new interest"], "median"),
                _format(row["steady shoppers alarmed"], "mean"),
            )
    console.print(table)
    table = Table("first", "recall of", *result["tastes"]["20"]["worst-served"])
    for k, block in result["tastes"].items():
        for name in ("mean of true tastes", "worst-served"):
            table.add_row(k, name, *(_format(interval, "mean") for interval in block[name].values()))
    console.print(table)


def _format(interval: dict[str, float | None], middle: str) -> str:
    cells = ["–" if interval[key] is None else f"{interval[key]:.3g}" for key in (middle, "low", "high")]
    return f"{cells[0]} [{cells[1]}, {cells[2]}]"


if __name__ == "__main__":
    main()

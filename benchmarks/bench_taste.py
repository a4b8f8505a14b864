"""How fast the taste graph learns, what a person costs, and whether growing makes it slower.

    python benchmarks/bench_taste.py [--parts learning effect http people growth walks] [--events N]

Parts, each with all its arms in turn in this process, three rounds, medians of the rounds' ratios:

- learning: the same events taken in by the taste graph (one by one, and in batches of 500), by River's matrix
  factorisation (`reco.BiasedMF`) and, durably, by a plain SQLite upsert with a commit for each event beside
  the event log and the graph in batches of 500.
- effect: from an event to a changed recommendation, in process, durable: log, learn, recommend.
- http: the same over loopback HTTP, while 500 events a second come in and ten readers ask (`taste_effect`).
- people: so many simulated people with 100 events each: bytes a person, snapshot, start-up, replay.
- walks: steps and walks a second over the live graph (see `taste_walks`).
- growth: seconds an event for 10^3 to 10^6 people and for 10^3 to 10^6 items.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import json
import sqlite3
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from bowerbird.data.events import ACTION_CODE, Action, Event
from bowerbird.data.items import Catalogue, Item
from bowerbird.data.store import Store
from bowerbird.taste.graph import TasteGraph
from bowerbird.taste.interests.interests import Interests
from bowerbird.taste.state.user_state import DAY, SECOND
from bowerbird.taste.state.user_states import UserStates
from bowerbird.taste.state.user_table import ROW_BYTES
from taste_effect import effect, http
from taste_walks import walks

ROUNDS = 3
BATCH = 500
START = datetime(2026, 1, 1, tzinfo=UTC)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parts = {
        "learning": learning,
        "effect": effect,
        "http": http,
        "people": people,
        "growth": growth,
        "walks": lambda folder, args: walks(),
    }
    parser.add_argument("--parts", nargs="+", choices=list(parts), default=list(parts))
    parser.add_argument("--events", type=int, default=20_000, help="of the part learning")
    parser.add_argument("--people", type=int, default=1_000_000, help="of the part people")
    parser.add_argument("--store", type=Path, help="of the parts effect and http; else one is made")
    parser.add_argument(
        "--workers", type=int, nargs="+", default=[1], help="processes that serve, each in turn"
    )
    parser.add_argument("--batch", type=int, default=1, help="events in a request of the part http")
    args = parser.parse_args()
    told: dict[str, Any] = {"bench": "taste", "row_bytes": ROW_BYTES}
    for name in args.parts:
        with tempfile.TemporaryDirectory() as folder:
            told[name] = parts[name](Path(folder), args)
        Console().print(_table(name, told[name]))
    print(json.dumps(told))


# -- learning -----------------------------------------------------------------------------------------------


def learning(folder: Path, args: argparse.Namespace) -> dict[str, Any]:
    from river import reco

    rounds: list[dict[str, float]] = []
    for turn in range(ROUNDS):
        events = simulated(args.events, people=2_000, items=5_000, seed=turn)
        batches = [events[start : start + BATCH] for start in range(0, len(events), BATCH)]
        few = events[: args.events // 10]
        store, one, graph, durable = (folder / f"{name}-{turn}" for name in "abcd")
        rounds.append(
            {
                "graph, one by one": _rate(events, _each(_graph(one).learn_one)),
                "graph, batches": _rate(batches, _each(_graph(graph).learn), len(events)),
                "river, one by one": _rate(events, _each(_river(reco.BiasedMF()))),
                "durable: sqlite upsert an event": _rate(few, _each(_upsert(store))),
                "durable: graph, batches": _rate(batches, _each(_logged(_graph(durable))), len(events)),
            }
        )
    rates = {name: _median([one[name] for one in rounds]) for name in rounds[0]}

    def times(ours: str, theirs: str) -> list[float]:
        ratios = sorted(one[ours] / one[theirs] for one in rounds)
        return [round(ratios[k], 2) for k in (len(ratios) // 2, 0, -1)]

    return {
        "events_per_s": {name: round(rate) for name, rate in rates.items()},
        "one by one over river [median, least, most]": times("graph, one by one", "river, one by one"),
        "batches over river": times("graph, batches", "river, one by one"),
        "durable over sqlite": times("durable: graph, batches", "durable: sqlite upsert an event"),
    }


def simulated(count: int, people: int, items: int, seed: int) -> list[Event]:
    """Events in order of time; a few people and items are busy, most are not."""
    rng = np.random.default_rng(seed)
    who = (people * rng.random(count) ** 2).astype(int)
    what = (items * rng.random(count) ** 3).astype(int)
    actions = [Action.VIEW, Action.CLICK, Action.SAVE, Action.PURCHASE]
    how = rng.choice(len(actions), count, p=[0.3, 0.5, 0.15, 0.05])
    at = [START + timedelta(seconds=int(second)) for second in np.sort(rng.integers(0, 10**7, count))]
    return [
        Event(f"person-{w:07d}", f"item-{i}", actions[h], moment, event_id=f"{seed}-{k}")
        for k, (w, i, h, moment) in enumerate(zip(who, what, how, at, strict=True))
    ]


def _graph(folder: Path, items: int = 5_000) -> TasteGraph:
    catalogue = Catalogue.of(Item(f"item-{k}", f"item {k}") for k in range(items))
    vectors = np.random.default_rng(0).normal(size=(items, 16)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    graph = TasteGraph(Store.create(folder), catalogue, Interests.from_vectors(vectors, catalogue))
    graph.refresh()
    graph.learn(simulated(2, 10, items, seed=99))  # compiled code is loaded now
    return graph


def _river(model: Any) -> Callable[[Event], None]:
    weight = {Action.VIEW: 0.5, Action.CLICK: 1.0, Action.SAVE: 3.0, Action.PURCHASE: 5.0}
    return lambda event: model.learn_one(user=event.user_id, item=event.item_id, y=weight[event.action])


def _upsert(path: Path) -> Callable[[Event], None]:
    """A table of weights by person and item, one durable transaction an event."""
    base = sqlite3.connect(path, isolation_level=None)
    base.execute("PRAGMA journal_mode=WAL")
    base.execute("PRAGMA synchronous=FULL")
    base.execute("CREATE TABLE taste (user TEXT, item TEXT, n REAL, at TEXT, PRIMARY KEY (user, item))")
    said = "INSERT INTO taste VALUES (?, ?, 1, ?) ON CONFLICT (user, item) DO UPDATE SET n = n + 1, at = ?"

    def upsert(event: Event) -> None:
        moment = event.at.isoformat()
        base.execute(said, (event.user_id, event.item_id, moment, moment))

    return upsert


def _logged(graph: TasteGraph) -> Callable[[list[Event]], None]:
    def learn(events: list[Event]) -> None:
        graph.store.log.append(events)
        graph.refresh()

    return learn


def _each(do: Callable[[Any], Any]) -> Callable[[list[Any]], None]:
    def all_of(things: list[Any]) -> None:
        for one in things:
            do(one)

    return all_of


def _rate(things: list[Any], do: Callable[[list[Any]], None], events: int | None = None) -> float:
    """Events a second of wall time."""
    started = time.perf_counter()
    do(things)
    return (events or len(things)) / (time.perf_counter() - started)


# -- people -------------------------------------------------------------------------------------------------


def people(folder: Path, args: argparse.Namespace) -> dict[str, Any]:
    count, items = args.people, 100_000
    rng = np.random.default_rng(0)
    interest = rng.integers(0, 500, items)
    everybody = UserStates(interest)
    before = _memory()
    rows = everybody.rows_of([f"person-{k:08d}" for k in range(count)])
    spent = 0.0
    for turn in range(100):  # everybody does something each day
        at = (20_000 + turn) * DAY + rng.integers(0, 86_400, count) * SECOND
        what = rng.integers(0, items, count)
        how = rng.choice([ACTION_CODE["view"], ACTION_CODE["click"], ACTION_CODE["save"]], count)
        started = time.perf_counter()
        everybody.learn(rows, at, what, how)
        spent += time.perf_counter() - started
    memory = _memory() - before
    everybody.save(folder / "kept")
    size = sum(path.stat().st_size for path in (folder / "kept").iterdir())
    started = time.perf_counter()
    again = UserStates.open(folder / "kept", interest)
    opened = time.perf_counter() - started
    both = [crowd.table.state("person-00000007").items.tolist() for crowd in (again, everybody)]
    assert both[0] == both[1]
    return {
        "people": count,
        "events": 100 * count,
        "bytes_per_person_in_memory": round(memory / count),
        "bytes_per_person_on_disk": round(size / count),
        "start_up_s": round(opened, 2),
        "replay_events_per_s": round(100 * count / spent),
    }


def _memory() -> int:
    """Bytes of this process that are its own."""
    status = Path("/proc/self/status").read_text()
    return 1024 * int(next(line for line in status.splitlines() if line.startswith("RssAnon")).split()[1])


# -- growth -------------------------------------------------------------------------------------------------


def growth(folder: Path, args: argparse.Namespace) -> dict[str, Any]:
    """Microseconds an event, by ids of people and items, learned 500 at a time, as they come from a log."""
    sizes = (1_000, 10_000, 100_000, 1_000_000)
    by_people, by_items = (
        {f"{n:,}": [] for n in sizes},
        {f"{n:,}": [] for n in sizes},
    )
    catalogues = {n: Catalogue.of(Item(f"item-{k}") for k in range(n)) for n in sizes}
    graphs = {}
    for n in sizes:
        graphs[n, 1_000] = _grown_to(folder / f"p{n}", n, catalogues[1_000])
        if n > 1_000:
            graphs[1_000, n] = _grown_to(folder / f"i{n}", 1_000, catalogues[n])
    for turn in range(5):
        for (n, m), graph in graphs.items():
            events = simulated(10_000, n, m, seed=100 + turn)
            batches = [events[start : start + BATCH] for start in range(0, len(events), BATCH)]
            spent = 1e6 / _rate(batches, _each(graph.learn), len(events))
            if m == 1_000:
                by_people[f"{n:,}"].append(spent)
            if n == 1_000:
                by_items[f"{m:,}"].append(spent)
    told = {}
    for name, found in (("people", by_people), ("items", by_items)):
        middle = {size: round(_median(spent), 2) for size, spent in found.items()}
        told[f"us_per_event_by_{name}"] = middle
        told[f"most over 1,000 {name}"] = round(max(middle.values()) / middle["1,000"], 2)
    return told


def _grown_to(folder: Path, count: int, catalogue: Catalogue) -> TasteGraph:
    n = len(catalogue)
    vectors = np.eye(16, dtype=np.float32)[np.arange(n) % 16]
    graph = TasteGraph(Store.create(folder), catalogue, Interests.from_vectors(vectors, catalogue))
    graph.refresh()
    for k in range(count):
        graph._states.table.row_of(f"person-{k:07d}")
    return graph


# -- telling ------------------------------------------------------------------------------------------------


def _median(values: list[float]) -> float:
    return sorted(values)[len(values) // 2]


def _table(name: str, told: dict[str, Any]) -> Table:
    table = Table("what", "value", title=name, title_justify="left")
    for what, value in told.items():
        said = value if not isinstance(value, dict) else ", ".join(f"{k}: {v:,}" for k, v in value.items())
        table.add_row(what, str(said))
    return table


if __name__ == "__main__":
    main()

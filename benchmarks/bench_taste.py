"""How fast does the taste graph learn, what does a user cost, and does growth make it slower?

    python benchmarks/bench_taste.py [--parts learning effect http users growth walks] [--events N]

Parts, each with all its arms alternating in this process, three rounds, medians of the rounds' ratios:

- learning: the same events learned by the taste graph (one by one, and in batches of 500), by River's matrix
  factorisation (`reco.BiasedMF`) and, durably, by a plain SQLite upsert with a commit for each event compared
  with the event log and the graph in batches of 500.
- effect: from an event to a changed recommendation, in process, durable: log, learn, recommend.
- http: the same over loopback HTTP, while 500 events per second arrive and ten readers request
  recommendations (`taste_effect`).
- users: `--users` simulated users with 100 events each: bytes per user, snapshot, start-up, replay.
- walks: steps and walks a second over the live graph (see `taste_walks`).
- growth: seconds per event for 10^3 to 10^6 users and for 10^3 to 10^6 items.
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
from bowerbird.data.times import DAY, SECOND
from bowerbird.taste.graph import TasteGraph
from bowerbird.taste.interests.interests import Interests
from bowerbird.taste.state.user_states import UserStates
from bowerbird.taste.state.user_table import ROW_BYTES
from taste_effect import measure_effect, measure_http
from taste_walks import measure_walks

ROUNDS = 3
BATCH = 500
START = datetime(2026, 1, 1, tzinfo=UTC)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parts = {
        "learning": measure_learning,
        "effect": measure_effect,
        "http": measure_http,
        "users": measure_users,
        "growth": measure_growth,
        "walks": lambda folder, args: measure_walks(),
    }
    parser.add_argument("--parts", nargs="+", choices=list(parts), default=list(parts))
    parser.add_argument("--events", type=int, default=20_000, help="number of events for the part learning")
    parser.add_argument("--users", type=int, default=1_000_000, help="number of users for the part users")
    parser.add_argument("--store", type=Path, help="store for the parts effect and http; else one is created")
    parser.add_argument(
        "--workers", type=int, nargs="+", default=[1], help="numbers of server processes to measure"
    )
    parser.add_argument("--batch", type=int, default=1, help="events per request in the part http")
    args = parser.parse_args()
    result: dict[str, Any] = {"bench": "taste", "row_bytes": ROW_BYTES}
    for name in args.parts:
        with tempfile.TemporaryDirectory() as folder:
            result[name] = parts[name](Path(folder), args)
        Console().print(_table(name, result[name]))
    print(json.dumps(result))


# -- learning -----------------------------------------------------------------------------------------------


def measure_learning(folder: Path, args: argparse.Namespace) -> dict[str, Any]:
    from river import reco

    rounds: list[dict[str, float]] = []
    for turn in range(ROUNDS):
        events = simulate(args.events, measure_users=2_000, n_items=5_000, seed=turn)
        batches = [events[start : start + BATCH] for start in range(0, len(events), BATCH)]
        first_events = events[: args.events // 10]
        sqlite_folder, one_folder, batch_folder, durable = (folder / f"{name}-{turn}" for name in "abcd")
        rounds.append(
            {
                "graph, one by one": _rate(events, _apply_to_each(_graph(one_folder).learn_one)),
                "graph, batches": _rate(batches, _apply_to_each(_graph(batch_folder).learn), len(events)),
                "river, one by one": _rate(events, _apply_to_each(_river(reco.BiasedMF()))),
                "durable: sqlite upsert per event": _rate(
                    first_events, _apply_to_each(_upsert(sqlite_folder))
                ),
                "durable: graph, batches": _rate(
                    batches, _apply_to_each(_log_and_learn(_graph(durable))), len(events)
                ),
            }
        )
    rates = {name: _median([one_folder[name] for one_folder in rounds]) for name in rounds[0]}

    def ratio_range(arm: str, baseline: str) -> list[float]:
        ratios = sorted(one_folder[arm] / one_folder[baseline] for one_folder in rounds)
        return [round(ratios[k], 2) for k in (len(ratios) // 2, 0, -1)]

    return {
        "events_per_s": {name: round(rate) for name, rate in rates.items()},
        "one by one over river [median, min, max]": ratio_range("graph, one by one", "river, one by one"),
        "batches over river": ratio_range("graph, batches", "river, one by one"),
        "durable over sqlite": ratio_range("durable: graph, batches", "durable: sqlite upsert per event"),
    }


def simulate(count: int, n_users: int, n_items: int, seed: int) -> list[Event]:
    """Simulate events in order of time; a few users and items are active, most are not."""
    rng = np.random.default_rng(seed)
    users = (n_users * rng.random(count) ** 2).astype(int)
    item_numbers = (n_items * rng.random(count) ** 3).astype(int)
    actions = [Action.VIEW, Action.CLICK, Action.SAVE, Action.PURCHASE]
    action_codes = rng.choice(len(actions), count, p=[0.3, 0.5, 0.15, 0.05])
    times_of = [START + timedelta(seconds=int(second)) for second in np.sort(rng.integers(0, 10**7, count))]
    return [
        Event(f"user-{user:07d}", f"item-{item}", actions[action], moment, event_id=f"{seed}-{number}")
        for number, (user, item, action, moment) in enumerate(
            zip(users, item_numbers, action_codes, times_of, strict=True)
        )
    ]


def _graph(folder: Path, items: int = 5_000) -> TasteGraph:
    catalogue = Catalogue.of(Item(f"item-{k}", f"item {k}") for k in range(items))
    vectors = np.random.default_rng(0).normal(size=(items, 16)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    graph = TasteGraph(Store.create(folder), catalogue, Interests.from_vectors(vectors, catalogue))
    graph.refresh()
    graph.learn(simulate(2, 10, items, seed=99))  # warm-up: loads compiled code
    return graph


def _river(model: Any) -> Callable[[Event], None]:
    weight = {Action.VIEW: 0.5, Action.CLICK: 1.0, Action.SAVE: 3.0, Action.PURCHASE: 5.0}
    return lambda event: model.learn_one(user=event.user_id, item=event.item_id, y=weight[event.action])


def _upsert(path: Path) -> Callable[[Event], None]:
    """Create a table of weights by user and item, with one durable transaction per event."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("CREATE TABLE taste (user TEXT, item TEXT, n REAL, at TEXT, PRIMARY KEY (user, item))")
    statement = (
        "INSERT INTO taste VALUES (?, ?, 1, ?) ON CONFLICT (user, item) DO UPDATE SET n = n + 1, at = ?"
    )

    def upsert(event: Event) -> None:
        moment = event.at.isoformat()
        connection.execute(statement, (event.user_id, event.item_id, moment, moment))

    return upsert


def _log_and_learn(graph: TasteGraph) -> Callable[[list[Event]], None]:
    def learn(events: list[Event]) -> None:
        graph.store.log.append(events)
        graph.refresh()

    return learn


def _apply_to_each(process: Callable[[Any], Any]) -> Callable[[list[Any]], None]:
    def process_all(values: list[Any]) -> None:
        for value in values:
            process(value)

    return process_all


def _rate(values: list[Any], process: Callable[[list[Any]], None], events: int | None = None) -> float:
    """Measure events per second of wall time."""
    start = time.perf_counter()
    process(values)
    return (events or len(values)) / (time.perf_counter() - start)


# -- users --------------------------------------------------------------------------------------------------


def measure_users(folder: Path, args: argparse.Namespace) -> dict[str, Any]:
    count, items = args.users, 100_000
    rng = np.random.default_rng(0)
    interest = rng.integers(0, 500, items)
    user_states = UserStates(interest)
    memory_before = _memory()
    rows = user_states.rows_of([f"user-{k:08d}" for k in range(count)])
    learn_seconds = 0.0
    for turn in range(100):  # every user has one event each day
        at = (20_000 + turn) * DAY + rng.integers(0, 86_400, count) * SECOND
        item_numbers = rng.integers(0, items, count)
        action_codes = rng.choice([ACTION_CODE["view"], ACTION_CODE["click"], ACTION_CODE["save"]], count)
        start = time.perf_counter()
        user_states.learn(rows, at, item_numbers, action_codes)
        learn_seconds += time.perf_counter() - start
    memory = _memory() - memory_before
    user_states.save(folder / "kept")
    size = sum(path.stat().st_size for path in (folder / "kept").iterdir())
    start = time.perf_counter()
    loaded = UserStates.open(folder / "kept", interest)
    open_seconds = time.perf_counter() - start
    items_of_user = [states.table.state("user-00000007").items.tolist() for states in (loaded, user_states)]
    assert items_of_user[0] == items_of_user[1]
    return {
        "users": count,
        "events": 100 * count,
        "bytes_per_user_in_memory": round(memory / count),
        "bytes_per_user_on_disk": round(size / count),
        "start_up_s": round(open_seconds, 2),
        "replay_events_per_s": round(100 * count / learn_seconds),
    }


def _memory() -> int:
    """Return the bytes of this process's own memory."""
    status = Path("/proc/self/status").read_text()
    return 1024 * int(next(line for line in status.splitlines() if line.startswith("RssAnon")).split()[1])


# -- growth -------------------------------------------------------------------------------------------------


def measure_growth(folder: Path, args: argparse.Namespace) -> dict[str, Any]:
    """Measure microseconds per event, by number of users and items, learned 500 at a time, as from a log."""
    sizes = (1_000, 10_000, 100_000, 1_000_000)
    by_n_users, by_n_items = (
        {f"{n_users:,}": [] for n_users in sizes},
        {f"{n_users:,}": [] for n_users in sizes},
    )
    catalogues = {n_users: Catalogue.of(Item(f"item-{k}") for k in range(n_users)) for n_users in sizes}
    graphs = {}
    for n_users in sizes:
        graphs[n_users, 1_000] = _graph_with_users(folder / f"p{n_users}", n_users, catalogues[1_000])
        if n_users > 1_000:
            graphs[1_000, n_users] = _graph_with_users(folder / f"i{n_users}", 1_000, catalogues[n_users])
    for turn in range(5):
        for (n_users, n_items), graph in graphs.items():
            events = simulate(10_000, n_users, n_items, seed=100 + turn)
            batches = [events[start : start + BATCH] for start in range(0, len(events), BATCH)]
            microseconds = 1e6 / _rate(batches, _apply_to_each(graph.learn), len(events))
            if n_items == 1_000:
                by_n_users[f"{n_users:,}"].append(microseconds)
            if n_users == 1_000:
                by_n_items[f"{n_items:,}"].append(microseconds)
    result = {}
    for name, spent_by_size in (("users", by_n_users), ("items", by_n_items)):
        medians = {size: round(_median(microseconds), 2) for size, microseconds in spent_by_size.items()}
        result[f"us_per_event_by_{name}"] = medians
        result[f"max over 1,000 {name}"] = round(max(medians.values()) / medians["1,000"], 2)
    return result


def _graph_with_users(folder: Path, count: int, catalogue: Catalogue) -> TasteGraph:
    n_items = len(catalogue)
    vectors = np.eye(16, dtype=np.float32)[np.arange(n_items) % 16]
    graph = TasteGraph(Store.create(folder), catalogue, Interests.from_vectors(vectors, catalogue))
    graph.refresh()
    for number in range(count):
        graph._states.table.row_of(f"user-{number:07d}")
    return graph


# -- reporting-----------------------------------------------------------------------------------------------


def _median(values: list[float]) -> float:
    return sorted(values)[len(values) // 2]


def _table(name: str, result: dict[str, Any]) -> Table:
    table = Table("measure", "value", title=name, title_justify="left")
    for measure, value in result.items():
        text = value if not isinstance(value, dict) else ", ".join(f"{k}: {v:,}" for k, v in value.items())
        table.add_row(measure, str(text))
    return table


if __name__ == "__main__":
    main()

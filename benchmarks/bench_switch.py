"""How soon do new prices and rollbacks reach the answers of a running server, and do requests fail?

    python benchmarks/bench_switch.py STORE [--rounds 10]

A copy of the STORE is served by `bowerbird serve` while two clients continuously request recommendations and
searches by item. In each round a price is published and the item polled until it has that price; then this is
rolled back; then a version set with other vectors and another ranker is activated. Ends in one JSON line.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import httpx
import numpy as np

from bowerbird.data.items import Catalogue
from bowerbird.data.store import Store
from bowerbird.recommend.train import complete
from server_process import running_server

POLL_INTERVAL_S = 0.01  # between two checks of the price


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("store", type=Path)
    parser.add_argument("--rounds", type=int, default=10)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "store"
        shutil.copytree(args.store, path)
        store = Store.open(path)
        complete(store)
        publish_vectors_again(store)
        complete(store)
        result = measure(store, args.rounds)
    for name, seconds in result["seconds"].items():
        print(f"{name:>10}: median {np.median(seconds):.2f} s, {min(seconds):.2f} to {max(seconds):.2f}")
    print(f"{result['requests']:,} concurrent requests, {result['failed']} failed")
    print(json.dumps({"bench": "switch", "store": args.store.name, **result}))


def publish_vectors_again(store: Store) -> None:
    """Publish the same vectors as another version, so that nothing of the first stays valid."""
    version = store.snapshot().version("vectors")
    assert version is not None
    names = [path.name for path in version.path.iterdir() if path.name != "meta.json"]

    def write(folder: Path) -> None:
        for name in names:
            shutil.copy2(version.path / name, folder / name)

    store.publish("vectors", dict(version.meta), write)


def measure(store: Store, rounds: int) -> dict[str, object]:
    """Measure seconds until new prices and rollbacks are served, and count failed requests meanwhile."""
    item = store.snapshot().catalogue.item(0)
    seconds: dict[str, list[float]] = {"price": [], "price back": [], "vectors": []}
    complete_sets = [version_set for version_set in store.history().sets if version_set.complete][-2:]
    with running_server(store.path) as server:
        load = Load(server.address, item.item_id, store)
        try:
            with httpx.Client(base_url=server.address, timeout=120) as client:

                def seconds_until_price(price: float | None) -> float:
                    return seconds_until(
                        lambda: client.get(f"/items/{quote(item.item_id)}").json()["price"] == price
                    )

                for number in range(rounds):
                    price = 1_000_000.0 + number
                    catalogue = store.catalogue()
                    old_price = catalogue.item(catalogue.position[item.item_id]).price
                    changed_item = replace(
                        item, price=price, image=catalogue.image(catalogue.position[item.item_id])
                    )
                    store.publish_catalogue(catalogue.updated(Catalogue.of([changed_item])), catalogue)
                    seconds["price"].append(seconds_until_price(price))
                    store.roll_back()
                    seconds["price back"].append(seconds_until_price(old_price))
                    store.roll_back(complete_sets[number % 2].number)
                    expected_vectors = complete_sets[number % 2].versions["vectors"]
                    seconds["vectors"].append(seconds_until(lambda: vectors_of(client) == expected_vectors))  # noqa: B023
        finally:
            load.end()
    return {
        "items": len(store.item_ids()),
        "seconds": seconds,
        "requests": load.answered,
        "failed": load.failed,
    }


def vectors_of(client: httpx.Client) -> str:
    name: str = client.get("/healthz").json()["versions"]["vectors"]
    return name


def seconds_until(condition: Callable[[], bool]) -> float:
    start = time.perf_counter()
    while not condition():
        time.sleep(POLL_INTERVAL_S)
    return time.perf_counter() - start


class Load:
    """Two clients that send requests continuously."""

    def __init__(self, address: str, item_id: str, store: Store) -> None:
        user = store.log.read().slice(0, 1)["user_id"][0].as_py()
        self.answered = self.failed = 0
        self._ended = threading.Event()
        paths = (f"/users/{quote(user)}/recommendations", f"/search?item={quote(item_id)}")
        self._threads = [threading.Thread(target=self._ask, args=(address, path)) for path in paths]
        for thread in self._threads:
            thread.start()

    def _ask(self, address: str, path: str) -> None:
        with httpx.Client(base_url=address, timeout=120) as client:
            while not self._ended.is_set():
                self.answered += 1
                self.failed += client.get(path).status_code != 200

    def end(self) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()


if __name__ == "__main__":
    main()

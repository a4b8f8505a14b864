"""Fetch the pictures that a catalogue's items link to, and publish them with the items.

A picture belongs to the link it was fetched from: an import that changes the link drops it, any other keeps
it. What was fetched waits in the store (see `ledger`) until it is published, so a fetch that was killed is
continued by the same command.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa

from bowerbird.data.files.durable import write_atomically
from bowerbird.data.items import Catalogue
from bowerbird.data.pictures.download import Validators
from bowerbird.data.pictures.ledger import Ledger
from bowerbird.data.pictures.links import items_by_link, linked_items, unfetched_items, with_pictures
from bowerbird.data.pictures.progress import FetchProgress
from bowerbird.data.pictures.queue import Outcome, fetch_links
from bowerbird.data.store import Store

PUBLISH_BYTES = 256_000_000
"""Pictures that wait for being published, at most: about the memory that publishing takes."""
BROKEN_FILE = "broken-pictures.jsonl"


@dataclass
class FetchReport:
    """What became of the links of a catalogue."""

    links: int = 0
    """Different links that were asked for."""
    fetched: int = 0
    unchanged: int = 0
    """Asked again, and the same as before."""
    items: int = 0
    """Items that have got a picture."""
    broken: Counter[str] = field(default_factory=Counter)
    """Links without a picture, by reason."""
    broken_file: Path | None = None
    """Lists them with their items."""
    seconds: float = 0.0


def fetch_pictures(store: Store, *, is_refresh: bool = False) -> FetchReport:
    """Fetch missing pictures; with `is_refresh` ask again for those that are there.

    Raises `StoreError` where there are no items. One process fetches at a time; others may write meanwhile.
    """
    start = time.perf_counter()
    with store.exclusive("pictures"):
        ledger = Ledger(store.path)
        try:
            report = _Fetch(store, ledger).run(is_refresh)
        finally:
            ledger.close()
    report.seconds = time.perf_counter() - start
    return report


class _Fetch:
    """A running fetch."""

    def __init__(self, store: Store, ledger: Ledger) -> None:
        self.store, self.ledger, self.report = store, ledger, FetchReport()
        self.waiting_bytes = 0

    def run(self, is_refresh: bool) -> FetchReport:
        self._publish()  # what a killed fetch has left
        catalogue = self.store.snapshot().imported
        chosen = linked_items(catalogue) if is_refresh else unfetched_items(catalogue)
        items = items_by_link(catalogue, chosen)
        missing = set(items_by_link(catalogue, unfetched_items(catalogue)))
        self.report.links = len(items)
        asyncio.run(self._fetch(list(items), missing))
        self._publish()
        self._list_broken(catalogue, items)
        return self.report

    async def _fetch(self, links: Sequence[str], missing: set[str]) -> None:
        progress = FetchProgress(len(links))

        def known(link: str) -> Validators:
            return Validators() if link in missing else self.ledger.validators_of(link)

        async for outcome in fetch_links(links, known, self.store.settings.pictures):
            self._record(outcome)
            progress.advance(is_broken=outcome.fault is not None)
            if self.waiting_bytes >= PUBLISH_BYTES:
                self._publish()
        progress.close()

    def _record(self, outcome: Outcome) -> None:
        if outcome.fault is not None:
            self.report.broken[str(outcome.fault)] += 1
            self.ledger.add_fault(outcome.link, str(outcome.fault))
        elif outcome.picture is None:
            self.report.unchanged += 1
        else:
            self.report.fetched += 1
            self.ledger.add_picture(outcome.link, outcome.picture, outcome.validators)
            self.waiting_bytes += len(outcome.picture)

    def _publish(self) -> None:
        """Publish the pictures that wait, with the items that link to them now."""
        waiting = self.ledger.waiting()
        self.waiting_bytes = 0
        if not waiting:
            return
        with self.store.lock("bowerbird pictures fetch", wait=True):
            before = self.store.catalogue()
            items = items_by_link(before, linked_items(before))
            links = [link for link in waiting if link in items]
            if links:
                rows = np.array([row for link in links for row in items[link]], np.int64)
                pictures = [picture for link, picture in self.ledger.pictures(links) for _ in items[link]]
                after = with_pictures(before, rows, pa.chunked_array([pictures], pa.binary()))
                self.store.publish_catalogue(after, before)
                self.report.items += len(rows)
        self.ledger.set_published(list(waiting))

    def _list_broken(self, catalogue: Catalogue, items: Mapping[str, Sequence[int]]) -> None:
        path = self.store.reports / BROKEN_FILE
        path.unlink(missing_ok=True)
        if faults := self.ledger.faults(items):
            rows = (
                {"link": link, "reason": fault, "items": [catalogue.ids[row] for row in items[link]]}
                for link, fault in faults.items()
            )
            lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
            write_atomically(path, lines.encode())
            self.report.broken_file = path

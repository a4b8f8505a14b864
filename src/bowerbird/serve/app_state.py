"""The state of the server: one store, served in its newest versions."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

from bowerbird.data.events import Alias, Event
from bowerbird.data.ingest.event_checks import EventIngestor, IngestionResult
from bowerbird.data.logs.exposures import ExposureLog
from bowerbird.data.snapshot import StoreSnapshot
from bowerbird.data.store import Store
from bowerbird.data.versions.catalogue_files import read_availability
from bowerbird.data.versions.meta import CatalogueMeta
from bowerbird.recommend.rerank.shop_rules import RuleFile
from bowerbird.serve.dialogue_cache import DialogueCache
from bowerbird.serve.exposure_buffer import ExposureBuffer
from bowerbird.serve.maintenance import MaintenanceProcess
from bowerbird.serve.served_snapshot import ServedSnapshot
from bowerbird.taste.control.erasure_queue import ErasureQueue

POLL_S = 0.2  # seconds between two checks for new versions, and between two for what is not sold any more
POLLS_PER_FLUSH = 50  # polls between two flushes of the exposures
POLLS_PER_LOG_CHECK = 10  # polls between two checks for imported events that the ranker does not know
_log = logging.getLogger(__name__)


class AppState:
    """A store and its served snapshot. A request reads `served` once, so it sees one set of versions."""

    def __init__(self, path: Path, address: str = "") -> None:
        """`address` is the path that all addresses of the store begin with, where it is one of several."""
        self.store, self.address = Store.open(path), address
        self.served = ServedSnapshot(_servable_snapshot(self.store), address)
        self._in_force = self.served.snapshot
        self._ingestor = EventIngestor(self.store)
        self.rules = RuleFile(self.store.path)
        self.dialogues = DialogueCache()
        self._closed = threading.Event()
        self._following = threading.Lock()
        self._erasures = ErasureQueue(self.store)
        self.exposures = ExposureBuffer(ExposureLog(self.store.path), self._erasures)
        self._maintenance = MaintenanceProcess(self.store)
        self._failed: dict[str, str] | None = None  # versions that could not be opened
        self._followed: tuple[tuple[int, int], ServedSnapshot] | None = None
        """The versions and the snapshot of which what is not sold was left out last."""

    @property
    def synthetic(self) -> bool:
        """Whether the store holds the demo world."""
        return (self.store.path / "SYNTHETIC").exists()

    @property
    def is_training(self) -> bool:
        """Whether missing versions are trained, or users erased, right now."""
        return self._maintenance.is_running

    def check_log(self) -> None:
        """Raise `StoreError` where the event log can't be read any more."""
        _ = self.store.log.generation

    def ingest(self, batches: Sequence[Sequence[Event]]) -> list[IngestionResult]:
        """Log the events of several requests durably, in one commit, and update the taste graph."""
        events = [event for batch in batches for event in batch]
        reasons = self._ingestor.rejection_reasons(events)
        accepted = [event for event, reason in zip(events, reasons, strict=True) if not reason]
        # `append` returns the new events in their order: one pass over both gives the counts of each request.
        new_events = iter([*self.store.log.append(accepted), None])
        self.served.taste.refresh()
        with_reasons, next_new = iter(zip(events, reasons, strict=True)), next(new_events)
        results = []
        for batch in batches:
            n_new, rejected = 0, []
            for event, reason in islice(with_reasons, len(batch)):
                if reason:
                    rejected.append((event, reason))
                elif event is next_new:
                    n_new, next_new = n_new + 1, next(new_events)
            results.append(IngestionResult(n_new, len(batch) - len(rejected) - n_new, rejected))
        return results

    def join(self, aliases: Sequence[Alias]) -> list[tuple[Alias, str]]:
        """Join ids of one user durably; returns the rejected aliases with their reasons."""
        rejected = self._ingestor.join(aliases)
        self.served.taste.refresh()
        return rejected

    def ids_in_erasure(self) -> set[str]:
        """All ids of the users whose erasure was acknowledged, while files still name them."""
        return self._erasures.ids_in_erasure()

    # -- new versions -------------------------------------------------------------------------------------

    def watch(self) -> None:
        """Start polling for new versions; they are served as soon as they are open, and the old ones until
        then. Another thread polls for what is not sold any more: opening versions takes seconds."""
        threading.Thread(target=self._watch, name="new versions", daemon=True).start()
        threading.Thread(target=self._watch_catalogue, name="items not sold", daemon=True).start()

    def close(self) -> None:
        """Stop polling, and the maintenance process."""
        self._closed.set()
        self.exposures.flush()
        self._maintenance.stop()

    def _watch(self) -> None:
        seen, polls = None, 0
        while not self._closed.wait(POLL_S):
            token, polls = (self.store.history_token(), self._erasures.file_stamp()), polls + 1
            try:
                if polls % POLLS_PER_FLUSH == 0:
                    self.exposures.flush()
                if token != seen:
                    seen = token
                    self.follow()
                elif polls % POLLS_PER_LOG_CHECK == 0 or self._maintenance.has_ended:
                    self._maintenance.start_if_needed(self._in_force)
            except Exception:
                if not self._closed.is_set():
                    _log.exception(
                        "new versions of %s can't be read; the old ones are still served", self.store.path
                    )
                seen = None
                self._closed.wait(POLLS_PER_LOG_CHECK * POLL_S)

    def _watch_catalogue(self) -> None:
        while not self._closed.wait(POLL_S):
            try:
                self.follow_catalogue()
            except Exception:
                if not self._closed.is_set():
                    _log.exception("the newest catalogue of %s can't be read", self.store.path)
                self._closed.wait(POLLS_PER_LOG_CHECK * POLL_S)

    def follow_catalogue(self) -> None:
        """Stop naming what is not sold any more, and price what is for sale as sales begin and end."""
        served, token = self.served, self.store.history_token()
        served.catalogue.follow_sales(datetime.now(UTC))
        if (token, served) != self._followed:
            self._leave_out_unsold(served)
            self._followed = token, served

    def follow(self) -> None:
        """Serve the versions in force, as far as they are complete; start the erasure of queued users and the
        training of missing versions."""
        with self._following:
            self._leave_out_unsold(self.served)
            self.served.taste.refresh()  # drops erased users, even if no request comes
            in_force = self._in_force = self.store.snapshot(self.served.snapshot)
            target = in_force if in_force.complete else self.served.snapshot.with_facts_of(in_force)
            if target.names not in (self.served.snapshot.names, self._failed):
                self._swap(target)
            if not self._closed.is_set():
                self._maintenance.start_if_needed(in_force)

    def _leave_out_unsold(self, served: ServedSnapshot) -> None:
        """Stop naming what the newest catalogue does not sell: its versions may take seconds to open."""
        current, own = self.store.history().current, served.snapshot.version(CatalogueMeta.KIND)
        name = current.versions.get(CatalogueMeta.KIND) if current else None
        if current is None or name is None or own is None:
            return
        if name == own.name:
            if current.rolled_back:
                served.catalogue.undo_leave_out()
        elif (newest := self.store.version(CatalogueMeta.KIND, name)) is not None:
            served.catalogue.leave_out(read_availability(newest.path))

    def _swap(self, snapshot: StoreSnapshot) -> None:
        try:
            opened = ServedSnapshot(snapshot, self.address)
            opened.warm_up(self.served)
            self._leave_out_unsold(opened)
        except Exception:
            self._failed = snapshot.names
            _log.exception("versions of %s can't be opened; the old ones are still served", self.store.path)
            return
        previous, self.served, self._failed = self.served, opened, None
        if previous.snapshot.version("vectors") != snapshot.version("vectors"):
            previous.taste.save()  # for a rollback


def _servable_snapshot(store: Store) -> StoreSnapshot:
    """The versions in force; while they are incomplete, the newest complete set with the newest catalogue. In
    a store without a complete set, missing versions are trained when the snapshot is opened."""
    current = store.snapshot()
    complete = [version_set.number for version_set in store.history().sets if version_set.complete]
    if current.complete or not complete:
        return current
    return store.snapshot(number=complete[-1]).with_facts_of(current)

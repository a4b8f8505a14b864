"""One store, ready to answer, and always in its latest versions."""

from __future__ import annotations

import contextlib
import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from bowerbird.data.events import Event
from bowerbird.data.ingestion import Intake
from bowerbird.data.snapshot import StoreSnapshot
from bowerbird.data.store import Store
from bowerbird.recommend.rerank.boosts import Boosts
from bowerbird.recommend.saved import is_trained
from bowerbird.serve.served_snapshot import Stages
from bowerbird.taste.control.erasure_queue import ErasureQueue, ErasureRequest

BOOSTS_FILE = "boosts.toml"
"""In a store's folder: the shop's boosts, which every recommendation served by HTTP follows."""
LOOK_S = 0.2  # between two looks at whether there are new versions
LOG_LOOKS = 10  # of them, between two looks at whether events were imported that the ranker does not know
AGAIN_S = 60.0  # before a training that failed is tried again
NICENESS = 5  # of the process that trains while this one answers
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Learnt:
    """What became of the events of one request."""

    new: int
    repeated: int
    refused: list[str]
    """The reason of each."""


class Shop:
    """A store and its stages. A request takes `now` once, and so speaks of one set of versions throughout."""

    def __init__(self, path: Path) -> None:
        self.store = Store.open(path)
        self.now = Stages(_servable(self.store))
        self._current = self.now.snapshot
        self._intake = Intake(self.store)
        rules = self.store.path / BOOSTS_FILE
        self.boosts = Boosts.load(rules) if rules.exists() else Boosts()
        self._closed = threading.Event()
        self._following = threading.Lock()
        self._erasures = ErasureQueue(self.store)
        self._training = Training(self.store)
        self._failed: dict[str, str] | None = None  # versions that could not be opened

    @property
    def synthetic(self) -> bool:
        """Whether the store holds the demo world."""
        return (self.store.path / "SYNTHETIC").exists()

    def learn(self, lots: Sequence[Sequence[Event]]) -> list[Learnt]:
        """Log the events of some requests durably, in one commit, and let the taste graph know."""
        events = [event for lot in lots for event in lot]
        reasons = self._intake.reasons(events)
        new = self.store.log.append([one for one, why in zip(events, reasons, strict=True) if not why])
        self.now.taste.refresh()
        left, told = iter(zip(events, reasons, strict=True)), iter([*new, None])  # both in order
        found, next_new = [], next(told)
        for lot in lots:
            fresh, refused = 0, []
            for event, why in islice(left, len(lot)):
                if why:
                    refused.append(why)
                elif event is next_new:
                    fresh, next_new = fresh + 1, next(told)
            found.append(Learnt(fresh, len(lot) - len(refused) - fresh, refused))
        return found

    # -- new versions -------------------------------------------------------------------------------------

    def watch(self) -> None:
        """From now on, look for new versions, and answer from them as soon as they are opened; until then
        from those before."""
        threading.Thread(target=self._watch, name="new versions", daemon=True).start()

    def close(self) -> None:
        """Stop looking."""
        self._closed.set()
        self._training.stop()

    def _watch(self) -> None:
        seen, looks = None, 0
        while not self._closed.wait(LOOK_S):
            changed, looks = (self.store.history_changed(), self._erasures.file_stamp()), looks + 1
            try:
                if changed != seen:
                    seen = changed
                    self.follow()
                elif looks % LOG_LOOKS == 0 or self._training.ended:
                    self._training.see_to(self._current)
            except Exception:
                if not self._closed.is_set():
                    _log.exception("new versions of %s can't be read; the old ones go on", self.store.path)
                seen = None
                self._closed.wait(LOG_LOOKS * LOOK_S)

    def follow(self) -> None:
        """Go over to the versions in force, as far as they can be served; have erased who is queued, and
        trained what the versions lack."""
        with self._following:
            self.now.taste.refresh()  # whoever was erased is unknown, also where nobody asks
            current = self._current = self.store.snapshot(self.now.snapshot)
            wanted = current if current.complete else self.now.snapshot.with_facts_of(current)
            if wanted.names not in (self.now.snapshot.names, self._failed):
                self._swap(wanted)
            if not self._closed.is_set():
                self._training.see_to(current)

    def _swap(self, wanted: StoreSnapshot) -> None:
        try:
            stages = Stages(wanted)
            stages.warm_up(self.now)
        except Exception:
            self._failed = wanted.names
            _log.exception("versions of %s can't be opened; the old ones go on", self.store.path)
            return
        before, self.now, self._failed = self.now, stages, None
        if before.snapshot.version("vectors") != wanted.version("vectors"):
            before.taste.save()  # for a rollback


class Training:
    """Has another process erase who is queued and train what a set of versions lacks, gently: here it would
    hold up the answers."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._erasures = ErasureQueue(store)
        self._child: subprocess.Popen[bytes] | None = None
        self._tried: tuple[dict[str, str], int, tuple[ErasureRequest, ...]] | None = None
        self._again_at = 0.0

    @property
    def ended(self) -> bool:
        """Whether a process has ended that nobody has looked after yet."""
        return self._child is not None and self._child.poll() is not None

    def see_to(self, current: StoreSnapshot) -> None:
        """Start a process if somebody is to be erased or versions lack something, none is running, and the
        same was not just tried."""
        if self._child is not None and self._child.poll() is None:
            return
        self._child = None
        queued = self._erasures.read().requests
        if not queued and current.complete and is_trained(current):
            self._tried = None
            return
        wanted = (current.names, self._store.log.generation, queued)
        if wanted == self._tried and time.monotonic() < self._again_at:
            return
        self._tried, self._again_at = wanted, time.monotonic() + AGAIN_S
        command = [sys.executable, "-m", "bowerbird.recommend.train", str(self._store.path)]
        # OpenMP threads that spin while they wait would take the processor from answers and from each other.
        environment = {"OMP_WAIT_POLICY": "PASSIVE", **os.environ}
        self._child = subprocess.Popen(command, stdin=subprocess.DEVNULL, env=environment)
        with contextlib.suppress(ProcessLookupError):  # it may have ended already
            os.setpriority(os.PRIO_PROCESS, self._child.pid, NICENESS)

    def stop(self) -> None:
        if self._child is not None:
            self._child.terminate()


def _servable(store: Store) -> StoreSnapshot:
    """The versions in force; while they lack something, the newest models that can be served, with their
    catalogue. Where there are none yet, what is lacking is trained when they are opened."""
    current = store.snapshot()
    complete = [chosen.number for chosen in store.history().sets if chosen.complete]
    if current.complete or not complete:
        return current
    return store.snapshot(number=complete[-1]).with_facts_of(current)

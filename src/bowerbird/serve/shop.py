"""One store, ready to answer, and always in its latest versions."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from bowerbird.data.events import Event
from bowerbird.data.intake import Intake
from bowerbird.data.snapshot import StoreSnapshot
from bowerbird.data.store import Store
from bowerbird.data.versions import NEEDED
from bowerbird.recommend.rerank.boosts import Boosts
from bowerbird.serve.stages import Stages

BOOSTS_FILE = "boosts.toml"
"""In a store's folder: the shop's boosts, which every recommendation served by HTTP follows."""
LOOK_S = 1.0  # between two looks at whether there are new versions
NICENESS = 5  # of the process that learns a new ranker while this one answers
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Learnt:
    """What became of the events of one request."""

    new: int
    repeated: int
    refused: list[str]
    """The reason of each."""


class Shop:
    """A store and its stages. A request takes `now` once, and so speaks of one catalogue throughout."""

    def __init__(self, path: Path) -> None:
        self.store = Store.open(path)
        self.now = Stages(self.store.snapshot())
        self._intake = Intake(self.store)
        rules = self.store.path / BOOSTS_FILE
        self.boosts = Boosts.load(rules) if rules.exists() else Boosts()
        self._closed = threading.Event()
        self._child: subprocess.Popen[bytes] | None = None

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
        if self._child is not None:
            self._child.terminate()

    def _watch(self) -> None:
        failed: dict[str, str] | None = None  # versions that can't be opened
        while not self._closed.wait(LOOK_S):
            try:
                snapshot = self.store.snapshot(self.now.snapshot)
                if snapshot.names in (self.now.snapshot.names, failed):
                    continue
                failed = snapshot.names
                if not _complete(snapshot):
                    self._train_aside()
                    snapshot = self.store.snapshot(self.now.snapshot)
                self.now = Stages(snapshot)
                failed = None
            except Exception:
                if not self._closed.is_set():
                    _log.exception("new versions of %s can't be opened; the old ones go on", self.store.path)

    def _train_aside(self) -> None:
        """Let another process train what new versions lack, gently: here it would hold up the answers."""
        command = [sys.executable, "-m", "bowerbird.recommend.train", str(self.store.path)]
        self._child = subprocess.Popen(command, stdin=subprocess.DEVNULL)
        os.setpriority(os.PRIO_PROCESS, self._child.pid, NICENESS)
        if self._closed.is_set():
            self._child.terminate()
        self._child.wait()  # where it failed, opening tells why


def _complete(snapshot: StoreSnapshot) -> bool:
    return all(snapshot.version(kind) is not None for kind in NEEDED)

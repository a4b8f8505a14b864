"""The maintenance process of a server: erasures and training, next to the answers."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time

from bowerbird.data.snapshot import StoreSnapshot
from bowerbird.data.store import Store
from bowerbird.recommend.saved import is_trained
from bowerbird.taste.control.erasure_queue import ErasureQueue, ErasureRequest

RETRY_S = 60.0  # seconds before a failed training is retried
NICENESS = 5  # of the process, which trains while the server answers


class MaintenanceProcess:
    """A child process at low priority that erases queued users and trains missing versions; in this process
    it would delay answers."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._erasures = ErasureQueue(store)
        self._child: subprocess.Popen[bytes] | None = None
        self._last_task: tuple[dict[str, str], int, tuple[ErasureRequest, ...]] | None = None
        self._retry_at = 0.0

    @property
    def is_running(self) -> bool:
        """Whether a process erases or trains now."""
        return self._child is not None and self._child.poll() is None

    @property
    def has_ended(self) -> bool:
        """Whether the last process has ended, and `start_if_needed` was not called since."""
        return self._child is not None and self._child.poll() is not None

    def start_if_needed(self, in_force: StoreSnapshot) -> None:
        """Start a process if users are queued for erasure or versions are missing, none is running, and the
        same task was not started recently."""
        if self.is_running:
            return
        self._child = None
        queued = self._erasures.read().requests
        if not queued and in_force.complete and is_trained(in_force):
            self._last_task = None
            return
        task = (in_force.names, self._store.log.generation, queued)
        if task == self._last_task and time.monotonic() < self._retry_at:
            return
        self._last_task, self._retry_at = task, time.monotonic() + RETRY_S
        command = [sys.executable, "-m", "bowerbird.recommend.train", str(self._store.path)]
        # OpenMP threads that spin while they wait would take CPU time from answers and from each other.
        environment = {"OMP_WAIT_POLICY": "PASSIVE", **os.environ}
        self._child = subprocess.Popen(command, stdin=subprocess.DEVNULL, env=environment)
        with contextlib.suppress(ProcessLookupError):  # it may have ended already
            os.setpriority(os.PRIO_PROCESS, self._child.pid, NICENESS)

    def stop(self) -> None:
        """Stop after the work under way."""
        if self._child is not None:
            self._child.terminate()

"""Exposures that wait to be written, without those of users who are being erased."""

from __future__ import annotations

import logging
import threading
from collections.abc import Collection, Sequence

from bowerbird.data.logs.exposures import ExposureLog, Row
from bowerbird.taste.control.erasure_queue import ErasureQueue, Erasures

MAX_PENDING = 20_000
"""Exposures in memory; where the disk does not take them, later ones are dropped."""
_log = logging.getLogger(__name__)


class ExposureBuffer:
    """The exposures of one server that are not yet in its log's files. Safe to use from several threads.

    Nothing of a user is written from the acknowledgement of an erasure, by whatever process, until the files
    are rewritten. Exposures of a new user with the same id are lost for these seconds.
    """

    def __init__(self, log: ExposureLog, erasures: ErasureQueue) -> None:
        self.log = log
        self._erasures = erasures
        self._pending: list[Row] = []
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self._seen = erasures.read()
        self._known_requests = _finished_requests(self._seen)
        self._ids_in_erasure: set[str] = set()

    def add(self, rows: Sequence[Row]) -> None:
        """Note exposures, fields of `EXPOSURE_SCHEMA` each, for the next `flush`."""
        with self._lock:
            self._follow_erasures()
            room = MAX_PENDING - len(self._pending)
            self._pending += [row for row in rows if row["user_id"] not in self._ids_in_erasure][:room]

    def flush(self) -> None:
        """Write what was noted. A disk that does not take it costs exposures."""
        if not self._pending:
            return
        try:
            # The lock of all processes comes first: erasures that another one finished meanwhile count.
            with self.log.writing(), self._writing:
                if rows := self._take():
                    self.log.append(rows)
        except OSError as error:
            _log.error("%s can't be written (%s): exposures are lost", self.log.folder, error.strerror)

    def drop(self, users: Collection[str]) -> None:
        """Drop what was noted of some users; afterwards none of it is on its way to the files."""
        with self._writing, self._lock:
            self._pending = [row for row in self._pending if row["user_id"] not in users]

    def _take(self) -> list[Row]:
        with self._lock:
            self._follow_erasures()
            rows, self._pending = self._pending, []
            return rows

    def _follow_erasures(self) -> None:
        """Drop what was noted of users who are being erased; look only where the queue changed."""
        erasures = self._erasures.read()
        if erasures is self._seen:
            return
        self._seen, finished = erasures, _finished_requests(erasures)
        queued = {request.id for request in erasures.requests}
        self._ids_in_erasure = self._erasures.ids_in_erasure()
        # The users of requests that came and were finished between two looks aren't known any more.
        is_one_missed = not finished <= self._known_requests
        self._known_requests = finished | queued
        self._pending = [
            row for row in self._pending if not is_one_missed and row["user_id"] not in self._ids_in_erasure
        ]


def _finished_requests(erasures: Erasures) -> set[str]:
    return {id_ for batch in erasures.batches if batch.after is not None for id_ in batch.requests}

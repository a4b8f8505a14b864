"""Users to be erased: a durable queue in the store, which every process follows.

`erasures.json` holds the erasures that were acknowledged and are not yet done in every file. It is flushed
before an acknowledgement, and contains no user id any more when the work is done.

A mark of the log defines what an erasure removes: the end of the log at the acknowledgement. A time would not
do: events bring their own, of wrong clocks and of days long past, so that "before" would mean nothing. Events
after the mark belong to a new user with the same id, and stay however late the work is done.
"""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from bowerbird.data.files.durable import FileStamp, file_stamp, remove_partial_files
from bowerbird.data.files.records import read_record, write_record
from bowerbird.data.logs.contract import EVERYTHING, LogMark
from bowerbird.data.logs.group_commit import GroupCommit
from bowerbird.data.store import Store
from bowerbird.errors import StoreError

FILE = "erasures.json"
MAX_BATCHES = 16
"""Finished batches that are remembered. A server that misses more of them has to read the whole log again."""


@dataclass(frozen=True)
class ErasureRequest:
    """One acknowledged erasure."""

    id: str
    user_id: str
    live: int
    imported: int
    log: str
    """Which kind of log the mark is of: it means nothing in another one, to which a store may have moved."""

    def until(self, store: Store) -> LogMark:
        """The end of the events to erase."""
        return LogMark(self.live, self.imported) if self.log == _kind_of_log(store) else EVERYTHING


@dataclass(frozen=True)
class ErasureBatch:
    """Requests that are erased together; contains no user id."""

    requests: tuple[str, ...]
    """Their ids."""
    before: int
    """Generation of the log before they were erased; -1 where something else changed it too."""
    after: int | None = None
    """Generation of the log afterwards; None while the work goes on, or was cut short."""
    collections: str = ""
    """Version of the collections after they were erased: earlier ones may name the users."""


@dataclass(frozen=True)
class Erasures:
    """The content of the queue at one moment."""

    requests: tuple[ErasureRequest, ...] = ()
    batches: tuple[ErasureBatch, ...] = ()
    """The current one, and the last ones before it, oldest first."""

    def requests_of(self, batch: ErasureBatch) -> list[ErasureRequest]:
        """The requests of a batch that are not finished, in order of arrival."""
        return [request for request in self.requests if request.id in batch.requests]


class ErasureQueue:
    """The queue of one store. Safe to use from several threads and processes."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._path = store.path / FILE
        self._cached: tuple[FileStamp | None, Erasures] = (None, Erasures())
        self._group = GroupCommit(self._append)

    def file_stamp(self) -> FileStamp | None:
        """A value that differs after every change; costs next to nothing."""
        return file_stamp(self._path)

    def read(self) -> Erasures:
        """The current content; read again only where it changed. Raises `StoreError` where it is broken."""
        stamp = self.file_stamp()
        if stamp != self._cached[0]:
            self._cached = (stamp, self._read())
        return self._cached[1]

    def ids_in_erasure(self) -> set[str]:
        """All ids of the users whose erasure was acknowledged, while files still name them."""
        users = {request.user_id for request in self.read().requests}
        return users.union(*(self._store.log.ids_of(user) for user in users))

    def add(self, user_ids: Sequence[str]) -> None:
        """Queue users, durably when this returns. Threads that call it simultaneously share one write.

        Raises `StoreError` where it can't be written.
        """
        self._group.commit(list(user_ids))

    def _append(self, user_ids: Sequence[str]) -> list[bool]:
        log = _kind_of_log(self._store)

        def append(erasures: Erasures) -> Erasures:
            live, imported = self._store.log.mark
            new = (ErasureRequest(uuid.uuid4().hex, user, live, imported, log) for user in user_ids)
            return replace(erasures, requests=(*erasures.requests, *new))

        self._update(append)
        return [True] * len(user_ids)

    def begin(self, generation: int) -> tuple[ErasureBatch, bool]:
        """Record that all current requests are being erased from a log of a generation.

        Returns them, and whether earlier work was cut short. The caller holds the store's lock.
        """
        is_resumed = any(batch.after is None for batch in self.read().batches)

        def add_batch(erasures: Erasures) -> Erasures:
            batch = ErasureBatch(tuple(request.id for request in erasures.requests), generation)
            return replace(erasures, batches=(*_finished_batches(erasures), batch))

        return self._update(add_batch).batches[-1], is_resumed

    def finish(self, batch: ErasureBatch) -> None:
        """Record that a batch is erased from every file, and drop its requests."""

        def finish_batch(erasures: Erasures) -> Erasures:
            requests = tuple(request for request in erasures.requests if request.id not in batch.requests)
            return Erasures(requests, (*_finished_batches(erasures), batch)[-MAX_BATCHES:])

        self._update(finish_batch)

    # -- the file -----------------------------------------------------------------------------------------

    def _read(self) -> Erasures:
        if not self._path.exists():
            return Erasures()
        try:
            return read_record(self._path, Erasures)
        except StoreError as error:
            raise StoreError(
                f"{error}; or delete it and repeat the erasures that were requested since"
            ) from None

    def _update(self, change: Callable[[Erasures], Erasures]) -> Erasures:
        with self._locked():
            erasures = change(self._read())
            write_record(self._path, erasures)
        return erasures

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """Held for milliseconds."""
        try:
            with self._store.exclusive("erasures"):
                remove_partial_files(self._path)
                yield
        except OSError as error:
            raise StoreError(
                f"{self._path} can't be written ({error}); no new erasure is accepted: free some space or "
                "repair the folder's permissions, and repeat the request"
            ) from error


def _kind_of_log(store: Store) -> str:
    return store.log.kind


def _finished_batches(erasures: Erasures) -> tuple[ErasureBatch, ...]:
    return tuple(batch for batch in erasures.batches if batch.after is not None)

"""Who is to be erased: a durable queue in the store, which every process follows.

`erasures.json` holds what was acknowledged and is not yet erased from every file. It is flushed before an
acknowledgement, and names nobody any more when the work is done.

What an erasure takes is told by a mark of the log: how far it had come at the acknowledgement. Not by a time:
events bring their own, of clocks that are wrong and of days long past, so that "before" would mean nothing.
What arrives behind the mark is of a new user with the same id, and stays however late the work is done.
"""

from __future__ import annotations

import contextlib
import json
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace

from bowerbird.data.durable import remove_partial_files, write_atomically
from bowerbird.data.logs.contract import EVERYTHING, LogMark
from bowerbird.data.logs.group_commit import GroupCommit
from bowerbird.data.store import Store
from bowerbird.errors import StoreError

FILE = "erasures.json"
KEPT_BATCHES = 16
"""A server that looks at the queue more seldom than so many batches take reads everybody's taste again."""


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
        return LogMark(self.live, self.imported) if self.log == _kind_of_log(store) else EVERYTHING


@dataclass(frozen=True)
class ErasureBatch:
    """Requests that are erased together; names nobody."""

    requests: tuple[str, ...]
    """Their ids."""
    before: int
    """Generation of the log before they were erased; -1 where something else changed it too."""
    after: int | None = None
    """And after it; None while the work goes on, or was cut short."""
    collections: str = ""
    """Version of the collections that was in force when they were erased: those before may name them."""


@dataclass(frozen=True)
class Erasures:
    """What the queue holds at one moment."""

    requests: tuple[ErasureRequest, ...] = ()
    batches: tuple[ErasureBatch, ...] = ()
    """The one under way, and the last ones before it, oldest first."""

    def of(self, requests: Sequence[str]) -> list[ErasureRequest]:
        """Requests by their ids, in order of arrival."""
        return [request for request in self.requests if request.id in requests]


class ErasureQueue:
    """The queue of one store. Safe to use from several threads and processes."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._path = store.path / FILE
        self._cached: tuple[tuple[int, int, int], Erasures] = (_ABSENT, Erasures())
        self._group = GroupCommit(self._append)

    def changed(self) -> tuple[int, int, int]:
        """What is another one after every change; costs next to nothing to ask."""
        try:
            about = self._path.stat()
        except FileNotFoundError:
            return _ABSENT
        return about.st_ino, about.st_mtime_ns, about.st_size

    def read(self) -> Erasures:
        """What the queue holds now; read again only where it changed. Raises `StoreError` where it is
        broken."""
        changed = self.changed()
        if changed != self._cached[0]:
            self._cached = (changed, self._read())
        return self._cached[1]

    def add(self, user_ids: Sequence[str]) -> None:
        """Queue users, durably when this returns. Threads that come at once share one write.

        Raises `StoreError` where it can't be written.
        """
        self._group.commit(list(user_ids))

    def _append(self, user_ids: Sequence[str]) -> list[bool]:
        log = _kind_of_log(self._store)

        def appended(now: Erasures) -> Erasures:
            live, imported = self._store.log.mark
            new = (ErasureRequest(uuid.uuid4().hex, user, live, imported, log) for user in user_ids)
            return replace(now, requests=(*now.requests, *new))

        self._change(appended)
        return [True] * len(user_ids)

    def begin(self, generation: int) -> tuple[ErasureBatch, bool]:
        """Note that all requests of now are being erased from a log of a generation; gives them, and whether
        earlier work was cut short. The caller holds the store's lock."""
        is_resumed = any(batch.after is None for batch in self.read().batches)

        def begun(now: Erasures) -> Erasures:
            batch = ErasureBatch(tuple(request.id for request in now.requests), generation)
            return replace(now, batches=(*_finished(now), batch))

        return self._change(begun).batches[-1], is_resumed

    def finish(self, batch: ErasureBatch) -> None:
        """Note that a batch is erased from every file, and drop its requests."""

        def finished(now: Erasures) -> Erasures:
            requests = tuple(request for request in now.requests if request.id not in batch.requests)
            return Erasures(requests, (*_finished(now), batch)[-KEPT_BATCHES:])

        self._change(finished)

    # -- the file -----------------------------------------------------------------------------------------

    def _read(self) -> Erasures:
        try:
            raw = json.loads(self._path.read_text())
            return Erasures(
                tuple(ErasureRequest(**row) for row in raw["requests"]),
                tuple(ErasureBatch(**row | {"requests": tuple(row["requests"])}) for row in raw["batches"]),
            )
        except FileNotFoundError:
            return Erasures()
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise StoreError(
                f"{self._path} can't be read ({error}): restore it, or delete it and erase again whoever "
                "asked for it since"
            ) from None

    def _change(self, change: Callable[[Erasures], Erasures]) -> Erasures:
        with self._locked():
            after = change(self._read())
            write_atomically(self._path, json.dumps(asdict(after), indent=1).encode())
        return after

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """Held for milliseconds."""
        try:
            with self._store.exclusive("erasures"):
                remove_partial_files(self._path)
                yield
        except OSError as error:
            raise StoreError(
                f"{self._path} can't be written ({error}); nobody new is erased: free some space or mend the "
                "folder's permissions, and ask again"
            ) from error


_ABSENT = (0, 0, 0)


def _kind_of_log(store: Store) -> str:
    return type(store.log).__name__


def _finished(erasures: Erasures) -> tuple[ErasureBatch, ...]:
    return tuple(batch for batch in erasures.batches if batch.after is not None)

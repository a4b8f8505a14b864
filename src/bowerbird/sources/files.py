"""A growing file of JSON lines, or a folder of them, followed as `tail -F` does: `file:///PATH`.

A file is known by its inode and its first bytes, not by its name, so it may be renamed (`events.jsonl.1`) or
truncated after a copy; whatever is doubtful is read again, since repeats are recognised. Lines count when
they are whole. How far each file was acknowledged is kept in the store's `sources/`.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import IO

from bowerbird.data.store import write_atomically
from bowerbird.errors import InputError, SourceUnavailable, SourceError
from bowerbird.sources.address import Address
from bowerbird.sources.positions import Position, ended, fits, lines_from, with_head
from bowerbird.sources.source import Lag, Message, Notify

LOOK_S = 0.1  # between two looks for something new
MOST_BATCH_BYTES = 8 * 2**20
MOST_OPEN = 64  # files kept open, so that one that is deleted is read to its end
LATE_S = 60.0  # so long a deleted file is looked at: its writer may not have noticed yet
_ROTATED = r"([.-]\d[\d.T:_-]*)?"  # events.jsonl.1, events.jsonl-20260131


class FileSource:
    """Lines of one file and of what it was rotated to, or of every JSON-lines file of a folder."""

    def __init__(self, address: Address, positions: Path, notify: Notify) -> None:
        address.check(())
        if address.hosts:
            raise InputError(f"{address.shown}: give file:// and then the whole path, with three slashes")
        self._path, self._notify = Path(address.path), notify
        name = hashlib.blake2b(str(self._path.absolute()).encode(), digest_size=8).hexdigest()
        self._kept = positions / f"{name}.json"
        self._lock: IO[str] | None = None
        self._acknowledged: dict[int, Position] = {}  # by inode, as all of these
        self._read: dict[int, Position] = {}
        self._open: dict[int, int] = {}
        self._idle: dict[int, tuple[int, int]] = {}  # size and time of change when nothing was left
        self._gone: dict[int, float] = {}
        self._names: dict[int, str] = {}

    # -- the contract -------------------------------------------------------------------------------------

    def connect(self) -> None:
        if not self._path.parent.is_dir():
            raise SourceUnavailable(f"there is no folder {self._path.parent}")
        if not self._path.exists():
            self._notify(f"there is no {self._path} yet: waiting for it")
        if self._lock is None:
            self._hold()
            self._acknowledged = self._load()
            self._keep()  # now: what is rotated away before the first event comes must be known as new
        self._read = dict(self._acknowledged)
        self._idle.clear()

    def fetch(self, most: int, wait_s: float) -> list[Message]:
        until = time.monotonic() + wait_s
        while True:
            if found := self._look(most):
                return found
            left = until - time.monotonic()
            if left <= 0:
                return []
            time.sleep(min(left, LOOK_S))

    def acknowledge(self, messages: Sequence[Message]) -> None:
        for message in messages:
            inode, position = message.receipt
            self._acknowledged[inode] = position
        self._keep()

    def lag(self) -> Lag | None:
        done = self._acknowledged
        left = sum(
            max(0, stat.st_size - done.get(stat.st_ino, Position()).offset) for _, stat in self._present()
        )
        return Lag(left, "bytes")

    def close(self) -> None:
        for file in self._open.values():
            os.close(file)
        self._open.clear()
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    # -- where we were ------------------------------------------------------------------------------------

    def _hold(self) -> None:
        """One listener a file: a second one would only read it twice."""
        self._kept.parent.mkdir(exist_ok=True)
        lock = self._kept.with_suffix(".lock").open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            raise SourceError(
                f"{self._path} is followed by another listener of this store: stop it first"
            ) from None
        self._lock = lock

    def _keep(self) -> None:
        """Write down how far every file is acknowledged that is still there."""
        here = {stat.st_ino for _, stat in self._present()} | set(self._open)
        kept = {inode: asdict(one) for inode, one in self._acknowledged.items() if inode in here}
        text = json.dumps({"path": str(self._path), "files": kept})
        try:
            write_atomically(self._kept, text.encode())
        except OSError as error:
            raise SourceError(
                f"{self._kept} can't be written ({error}): free some space; the last lines will be read again"
            ) from error

    def _load(self) -> dict[int, Position]:
        try:
            kept = json.loads(self._kept.read_text())["files"]
            known = {int(inode): Position(**one) for inode, one in kept.items()}
        except FileNotFoundError:
            return self._rotated_before()
        except (ValueError, TypeError, KeyError, AttributeError):
            self._notify(f"{self._kept} can't be read: {self._path} is read again, repeats don't count")
            return self._rotated_before()
        if known and not known.keys() & {stat.st_ino for _, stat in self._present()}:
            self._notify(
                f"what was followed as {self._path} is gone: what was written to it after the last stop "
                "is not read; import the file that it became"
            )
        return known

    def _rotated_before(self) -> dict[int, Position]:
        """At the very first start, what a single file was rotated to before is none of our business."""
        if self._path.is_dir():
            return {}
        rotated = [(path, stat) for path, stat in self._present() if path != self._path]
        return {stat.st_ino: ended(path) for path, stat in rotated}

    # -- reading ------------------------------------------------------------------------------------------

    def _present(self) -> list[tuple[Path, os.stat_result]]:
        """The files to follow, those changed longest ago first."""
        if self._path.is_dir():
            folder, pattern = self._path, re.compile(r"[^.].*\.(jsonl|ndjson|json)" + _ROTATED)
        else:
            folder, pattern = self._path.parent, re.compile(re.escape(self._path.name) + _ROTATED)
        found = []
        for path in folder.iterdir():
            if pattern.fullmatch(path.name) and path.is_file():
                with contextlib.suppress(FileNotFoundError):  # renamed just now: the next look sees it
                    found.append((path, path.stat()))
        return sorted(found, key=lambda one: (one[1].st_mtime_ns, one[0].name))

    def _look(self, most: int) -> list[Message]:
        """New whole lines of all files, at most so many."""
        found: list[Message] = []
        size = 0
        present = self._present()
        for path, stat in present:
            self._names[stat.st_ino] = path.name
            for message in self._new_lines(path, stat):
                found.append(message)
                size += len(message.body)
                if len(found) >= most or size >= MOST_BATCH_BYTES:
                    return found
        for inode in self._open.keys() - {stat.st_ino for _, stat in present}:
            found += self._of_deleted(inode)
        return found

    def _new_lines(self, path: Path, stat: os.stat_result) -> Iterator[Message]:
        inode, state = stat.st_ino, (stat.st_size, stat.st_mtime_ns)
        if self._idle.get(inode) != state and (file := self._opened(inode, path)) is not None:
            yield from self._lines(inode, file)
            self._idle[inode] = state

    def _opened(self, inode: int, path: Path) -> int | None:
        """The open file; None where its name is another file's by now: the next look sees where it went."""
        file = self._open.pop(inode, None)
        if file is None:
            if len(self._open) >= MOST_OPEN:
                os.close(self._open.pop(next(iter(self._open))))
            try:
                file = os.open(path, os.O_RDONLY)
            except FileNotFoundError:
                return None
            if os.fstat(file).st_ino != inode:
                os.close(file)
                return None
        self._open[inode] = file  # last: the one that grew last is closed last
        return file

    def _lines(self, inode: int, file: int) -> Iterator[Message]:
        """Whole lines from where we were; each moves us on as it is given."""
        position = self._read.get(inode, Position())
        if not fits(file, position):
            self._notify(f"{self._names[inode]} is another file now, or was cut: it is read from its start")
            position = self._read[inode] = Position()
        for line, whole in lines_from(file, position.offset):
            start, skipping = position.offset, position.skipping
            position = with_head(file, replace(position, offset=start + len(line), skipping=not whole))
            self._read[inode] = position
            if line.strip() and not skipping:
                yield Message(line, f"{self._names[inode]} byte {start}", (inode, position))

    def _of_deleted(self, inode: int) -> list[Message]:
        """The last lines of a file that is no more; after a while it is let go."""
        file, now = self._open[inode], time.monotonic()
        found = list(self._lines(inode, file))
        since = now if found else self._gone.setdefault(inode, now)
        self._gone[inode] = since
        if now - since > LATE_S:
            os.close(file)
            for state in (self._open, self._gone, self._idle, self._read, self._acknowledged, self._names):
                state.pop(inode, None)
        return found

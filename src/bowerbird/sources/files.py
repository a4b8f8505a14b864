"""A growing file of JSON lines, or a folder of them, followed like `tail -F`: `file:///PATH`.

A file is identified by its inode and its first bytes, not by its name, so it may be renamed
(`events.jsonl.1`) or truncated after a copy; in doubtful cases it is read again, since repeated events are
recognised. Only complete lines are read. The acknowledged position of each file is stored in the store's
`sources/`.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

from bowerbird.data.files.locks import try_lock
from bowerbird.data.files.records import read_record, write_record
from bowerbird.errors import InputError, SourceError, SourceUnavailable, StoreError
from bowerbird.sources.address import Address
from bowerbird.sources.positions import Position, is_same_file, position_at_end, read_lines, with_head
from bowerbird.sources.source import Lag, Message, Notify

POLL_S = 0.1  # between two checks for new lines
MAX_BATCH_BYTES = 8 * 2**20
MAX_OPEN_FILES = 64  # files are kept open, so that a deleted one is read to its end
DELETED_GRACE_S = 60.0  # a deleted file is still read for this long: its writer may not have noticed
_ROTATED = r"([.-]\d[\d.T:_-]*)?"  # events.jsonl.1, events.jsonl-20260131


@dataclass(frozen=True)
class SavedPositions:
    """The acknowledged positions of a followed file or folder, as they are saved."""

    path: str
    files: dict[int, Position]
    """By inode."""


class FileSource:
    """Lines of one file and its rotated versions, or of every JSON-lines file of a folder."""

    def __init__(self, address: Address, positions: Path, notify: Notify) -> None:
        address.check(())
        if address.hosts:
            raise InputError(
                f"{address.redacted}: give file:// and then the absolute path, with three slashes"
            )
        self._path, self._notify = Path(address.path), notify
        name = hashlib.blake2b(str(self._path.absolute()).encode(), digest_size=8).hexdigest()
        self._positions_file = positions / f"{name}.json"
        self._lock_file: IO[str] | None = None
        self._acknowledged: dict[int, Position] = {}  # by inode, as all of these
        self._read_positions: dict[int, Position] = {}
        self._open_files: dict[int, int] = {}
        self._read_to_end: dict[
            int, tuple[int, int]
        ] = {}  # size and modification time when it was read to its end
        self._deleted_since: dict[int, float] = {}
        self._names_by_inode: dict[int, str] = {}

    # -- the contract -------------------------------------------------------------------------------------

    def connect(self) -> None:
        """See `Source.connect`."""
        if not self._path.parent.is_dir():
            raise SourceUnavailable(f"there is no folder {self._path.parent}")
        if not self._path.exists():
            self._notify(f"there is no {self._path} yet: waiting for it")
        if self._lock_file is None:
            self._acquire_lock()
            self._acknowledged = self._load_positions()
            # Immediately: a file rotated before the first event must be recognised as new.
            self._save_positions()
        self._read_positions = dict(self._acknowledged)
        self._read_to_end.clear()

    def fetch(self, max_messages: int, wait_s: float) -> list[Message]:
        """See `Source.fetch`."""
        deadline = time.monotonic() + wait_s
        while True:
            if messages := self._read_new_lines(max_messages):
                return messages
            remaining_s = deadline - time.monotonic()
            if remaining_s <= 0:
                return []
            time.sleep(min(remaining_s, POLL_S))

    def acknowledge(self, messages: Sequence[Message]) -> None:
        """See `Source.acknowledge`."""
        for message in messages:
            inode, position = message.receipt
            self._acknowledged[inode] = position
        self._save_positions()

    def lag(self) -> Lag | None:
        """See `Source.lag`."""
        acknowledged = self._acknowledged
        n_bytes = sum(
            max(0, stat.st_size - acknowledged.get(stat.st_ino, Position()).offset)
            for _, stat in self._list_files()
        )
        return Lag(n_bytes, "bytes")

    def close(self) -> None:
        """See `Source.close`."""
        for file in self._open_files.values():
            os.close(file)
        self._open_files.clear()
        if self._lock_file is not None:
            self._lock_file.close()
            self._lock_file = None

    # -- positions ---------------------------------------------------------------------------------------

    def _acquire_lock(self) -> None:
        """Allow one consumer per file: a second one would read every line twice."""
        self._positions_file.parent.mkdir(exist_ok=True)
        lock = self._positions_file.with_suffix(".lock").open("w")
        if not try_lock(lock):
            lock.close()
            raise SourceError(f"{self._path} is followed by another consumer of this store: stop it first")
        self._lock_file = lock

    def _save_positions(self) -> None:
        """Save the acknowledged position of every file that still exists."""
        existing = {stat.st_ino for _, stat in self._list_files()} | set(self._open_files)
        positions = {inode: position for inode, position in self._acknowledged.items() if inode in existing}
        try:
            write_record(self._positions_file, SavedPositions(str(self._path), positions))
        except OSError as error:
            raise SourceError(
                f"{self._positions_file} can't be written ({error}): free some space; "
                "the last lines will be read again"
            ) from error

    def _load_positions(self) -> dict[int, Position]:
        if not self._positions_file.exists():
            return self._positions_of_rotated_files()
        try:
            positions = read_record(self._positions_file, SavedPositions).files
        except StoreError:
            self._notify(
                f"{self._positions_file} can't be read: {self._path} is read again, "
                "repeated events are ignored"
            )
            return self._positions_of_rotated_files()
        if positions and not positions.keys() & {stat.st_ino for _, stat in self._list_files()}:
            self._notify(
                f"the file followed as {self._path} no longer exists: lines written to it after the last "
                "stop are not read; import the file that it was renamed to"
            )
        return positions

    def _positions_of_rotated_files(self) -> dict[int, Position]:
        """On the first start, skip the existing rotated versions of a single file."""
        if self._path.is_dir():
            return {}
        rotated = [(path, stat) for path, stat in self._list_files() if path != self._path]
        return {stat.st_ino: position_at_end(path) for path, stat in rotated}

    # -- reading ------------------------------------------------------------------------------------------

    def _list_files(self) -> list[tuple[Path, os.stat_result]]:
        """The files to follow, by modification time."""
        if self._path.is_dir():
            folder, pattern = self._path, re.compile(r"[^.].*\.(jsonl|ndjson|json)" + _ROTATED)
        else:
            folder, pattern = self._path.parent, re.compile(re.escape(self._path.name) + _ROTATED)
        files = []
        for path in folder.iterdir():
            if pattern.fullmatch(path.name) and path.is_file():
                with contextlib.suppress(
                    FileNotFoundError
                ):  # renamed in the meantime: the next check finds it
                    files.append((path, path.stat()))
        return sorted(files, key=lambda entry: (entry[1].st_mtime_ns, entry[0].name))

    def _read_new_lines(self, max_messages: int) -> list[Message]:
        """Read new complete lines of all files, at most `max_messages`."""
        messages: list[Message] = []
        size = 0
        files = self._list_files()
        for path, stat in files:
            self._names_by_inode[stat.st_ino] = path.name
            for message in self._read_file(path, stat):
                messages.append(message)
                size += len(message.body)
                if len(messages) >= max_messages or size >= MAX_BATCH_BYTES:
                    return messages
        for inode in self._open_files.keys() - {stat.st_ino for _, stat in files}:
            messages += self._read_deleted(inode)
        return messages

    def _read_file(self, path: Path, stat: os.stat_result) -> Iterator[Message]:
        inode, state = stat.st_ino, (stat.st_size, stat.st_mtime_ns)
        if self._read_to_end.get(inode) != state and (file := self._open_file(inode, path)) is not None:
            yield from self._read_from(inode, file)
            self._read_to_end[inode] = state

    def _open_file(self, inode: int, path: Path) -> int | None:
        """Open a file, or return the open one; None if its name now belongs to another file."""
        file = self._open_files.pop(inode, None)
        if file is None:
            if len(self._open_files) >= MAX_OPEN_FILES:
                os.close(self._open_files.pop(next(iter(self._open_files))))
            try:
                file = os.open(path, os.O_RDONLY)
            except FileNotFoundError:
                return None
            if os.fstat(file).st_ino != inode:
                os.close(file)
                return None
        self._open_files[inode] = file  # re-inserted at the end: the most recently read file is closed last
        return file

    def _read_from(self, inode: int, file: int) -> Iterator[Message]:
        """Yield complete lines from the read position, which advances with each line."""
        position = self._read_positions.get(inode, Position())
        if not is_same_file(file, position):
            self._notify(
                f"{self._names_by_inode[inode]} was replaced or truncated: it is read from its start"
            )
            position = self._read_positions[inode] = Position()
        for line, is_complete in read_lines(file, position.offset):
            start, skipping = position.offset, position.skipping
            position = with_head(file, replace(position, offset=start + len(line), skipping=not is_complete))
            self._read_positions[inode] = position
            if line.strip() and not skipping:
                yield Message(line, f"{self._names_by_inode[inode]} byte {start}", (inode, position))

    def _read_deleted(self, inode: int) -> list[Message]:
        """Read the last lines of a deleted file; after a grace period it is closed."""
        file, now = self._open_files[inode], time.monotonic()
        messages = list(self._read_from(inode, file))
        since = now if messages else self._deleted_since.setdefault(inode, now)
        self._deleted_since[inode] = since
        if now - since > DELETED_GRACE_S:
            os.close(file)
            for state in (
                self._open_files,
                self._deleted_since,
                self._read_to_end,
                self._read_positions,
                self._acknowledged,
                self._names_by_inode,
            ):
                state.pop(inode, None)
        return messages

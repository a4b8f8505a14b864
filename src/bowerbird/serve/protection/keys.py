"""API keys of a store: random secrets, of which only digests are kept.

`keys.json` in the store's folder holds them. A key is `bb_ID_SECRET`; the secret has 256 random bits, so that
its SHA-256 can't be searched for, and no slow hash is needed. Servers notice changes of the file at once.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path

from bowerbird.data.files.durable import FileStamp, file_stamp, remove_partial_files
from bowerbird.data.files.locks import hold_lock
from bowerbird.data.files.records import read_record, write_record
from bowerbird.errors import InputError, NotFoundError

FILE = "keys.json"
PREFIX = "bb"


class Role(StrEnum):
    """What a caller may do."""

    EVENTS_WRITE = "events:write"
    """Send events."""
    READ = "read"
    """Read items and metrics, search, and get recommendations for any user."""
    CHAT = "chat"
    """Use the assistant and the embeddings."""
    PROFILE = "profile"
    """See, correct, export and erase a taste: with a user token one's own, with a key nobody's."""
    ADMIN = "admin"
    """Everything, of every user."""


class KeyState(StrEnum):
    """Whether a key opens anything."""

    VALID = "valid"
    EXPIRED = "expired"
    REVOKED = "revoked"


KEY_ROLES = (Role.EVENTS_WRITE, Role.READ, Role.CHAT, Role.ADMIN)
"""Roles that a key may have; `profile` comes with a user token."""


@dataclass(frozen=True)
class ApiKey:
    """A key, without its secret."""

    id: str
    roles: tuple[Role, ...]
    digest: str
    """SHA-256 of the secret, in hexadecimal digits."""
    created: datetime
    expires: datetime | None = None
    revoked: datetime | None = None
    note: str = ""

    def is_valid(self, now: datetime) -> bool:
        """Whether it opens anything at a moment."""
        return self.revoked is None and (self.expires is None or now < self.expires)

    def state(self) -> KeyState:
        """Its state now."""
        if self.revoked:
            return KeyState.REVOKED
        return KeyState.VALID if self.is_valid(datetime.now(UTC)) else KeyState.EXPIRED


@dataclass(frozen=True)
class KeyFile:
    """The content of `keys.json`."""

    keys: tuple[ApiKey, ...] = ()
    token_secret: str = ""
    """Signs user tokens; empty until the first is made."""


class KeyEndedError(InputError):
    """A key that was to be used once more, after its end."""


class KeyRing:
    """The keys of one store. Safe to use from several threads and processes."""

    def __init__(self, store: Path) -> None:
        self.path = store / FILE
        self._stamp: FileStamp | None = None
        self._file = KeyFile()
        self._by_id: Mapping[str, ApiKey] = {}

    def read(self) -> KeyFile:
        """The current content; read again only where the file was replaced. Raises `StoreError`."""
        stamp = file_stamp(self.path)
        if stamp is None:
            self._stamp, self._file, self._by_id = None, KeyFile(), {}
        elif stamp != self._stamp:
            self._file = read_record(self.path, KeyFile)
            self._by_id = {key.id: key for key in self._file.keys}
            self._stamp = stamp
        return self._file

    def find(self, presented: str) -> ApiKey | None:
        """The valid key that a caller presents; None for any other text."""
        self.read()
        parts = presented.split("_", 2)
        key = self._by_id.get(parts[1]) if len(parts) == 3 and parts[0] == PREFIX else None
        digest = _digest(parts[-1])
        is_equal = hmac.compare_digest(digest, key.digest if key else _digest(""))
        return key if key and is_equal and key.is_valid(datetime.now(UTC)) else None

    def create(self, roles: Sequence[Role], days: float | None = None, note: str = "") -> tuple[ApiKey, str]:
        """Make a key; returns it, and the text to present, which is stored nowhere.

        Raises `InputError` for no role, a role that a key can't have, and a lifetime that is not positive.
        """
        if not roles or not set(roles) <= set(KEY_ROLES):
            raise InputError(f"a key needs roles out of {', '.join(KEY_ROLES)}")
        now, secret = datetime.now(UTC), secrets.token_urlsafe(32)
        expires = None if days is None else _end_after(now, days)
        key = ApiKey(secrets.token_hex(6), tuple(roles), _digest(secret), now, expires, None, note)

        self._update(lambda file: replace(file, keys=(*file.keys, key)))
        return key, f"{PREFIX}_{key.id}_{secret}"

    def token_secret(self) -> str:
        """The secret that signs user tokens, made at its first use."""

        def add(file: KeyFile) -> KeyFile:
            return replace(file, token_secret=file.token_secret or secrets.token_urlsafe(32))

        return self.read().token_secret or self._update(add).token_secret

    def expire(self, key_id: str, days: float) -> ApiKey:
        """Let a key end after some days. Raises `InputError` for an unknown one, and a wrong lifetime."""
        end = _end_after(datetime.now(UTC), days)
        return self._change(key_id, lambda key: replace(key, expires=end))

    def revoke(self, key_id: str) -> ApiKey:
        """Make a key invalid at once. Raises `InputError` for an unknown one."""
        return self._change(key_id, lambda key: replace(key, revoked=key.revoked or datetime.now(UTC)))

    def rotate(self, key_id: str, grace_hours: float) -> tuple[ApiKey, str]:
        """Make a successor with the same roles; the old key expires after `grace_hours`.

        Raises `KeyEndedError` for a key that is valid no more, and `NotFoundError` for an unknown one.
        """
        old = self._find_id(self.read(), key_id)
        if not old.is_valid(datetime.now(UTC)):
            raise KeyEndedError(f"the key {key_id!r} has ended, and has no successor: create another one")
        lifetime = None if old.expires is None else (old.expires - old.created).total_seconds() / 86_400
        successor = self.create(old.roles, lifetime, old.note)
        end = datetime.now(UTC) + timedelta(hours=grace_hours)
        self._change(key_id, lambda key: replace(key, expires=min(end, key.expires or end)))
        return successor

    def _change(self, key_id: str, change: Callable[[ApiKey], ApiKey]) -> ApiKey:
        def replaced(file: KeyFile) -> KeyFile:
            self._find_id(file, key_id)
            return replace(file, keys=tuple(change(k) if k.id == key_id else k for k in file.keys))

        return self._find_id(self._update(replaced), key_id)

    @staticmethod
    def _find_id(file: KeyFile, key_id: str) -> ApiKey:
        for key in file.keys:
            if key.id == key_id:
                return key
        raise NotFoundError(f"there is no key {key_id!r}: `bowerbird keys list` shows them")

    def _update(self, change: Callable[[KeyFile], KeyFile]) -> KeyFile:
        with hold_lock(self.path.with_suffix(".lock")):
            remove_partial_files(self.path)
            file = change(self.read())
            self.path.touch(mode=0o600)  # before the first secret is in it
            write_record(self.path, file)
            self.path.chmod(0o600)
        return file


def _end_after(now: datetime, days: float) -> datetime:
    if not 0 < days <= 36_500:
        raise InputError(f"the lifetime is {days} days, expected more than 0 and at most 36500")
    return now + timedelta(days=days)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode(errors="replace")).hexdigest()

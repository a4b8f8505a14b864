"""From the setting `events` to the log that it names."""

from __future__ import annotations

from pathlib import Path

from bowerbird.data.logs.contract import EventLog
from bowerbird.errors import StoreError

IN_FOLDER = "folder"
"""The setting `events` of a log in the store's own folder."""


def open_log(where: str, folder: Path) -> EventLog:
    """The log that the setting `events` names; a server is asked only when the log is first used.

    What a store's folder holds from before it had a server is moved there at that moment.
    Raises `StoreError` for a setting that names none.
    """
    if where == IN_FOLDER:
        from bowerbird.data.logs.embedded import EmbeddedLog

        return EmbeddedLog(folder)
    scheme = where.partition("://")[0].lower()
    if scheme in ("postgres", "postgresql"):
        from bowerbird.data.logs.postgres import PostgresLog

        return PostgresLog(where, before=folder)
    if scheme in ("redis", "rediss"):
        from bowerbird.data.logs.redis import RedisLog

        return RedisLog(where, before=folder)
    raise StoreError(  # without what came: it may hold a password
        f'the setting `events` names no log: write events = "{IN_FOLDER}", '
        '"postgres://user@host/database" or "redis://host:6379/0"'
    )

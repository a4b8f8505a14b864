"""Opening the log that the setting `events` names."""

from __future__ import annotations

from pathlib import Path

from bowerbird.data.logs.aliases import AliasTable
from bowerbird.data.logs.contract import EventLog
from bowerbird.data.logs.joined import JoinedLog
from bowerbird.errors import StoreError

ALIASES_FILE = "aliases.db"
IN_FOLDER = "folder"
"""Value of the setting `events` for a log in the store's own folder."""


def open_log(setting: str, folder: Path) -> JoinedLog:
    """Open the log that the setting `events` names, with the alias table in the store's folder.

    Raises `StoreError` for an invalid setting.
    """
    return JoinedLog(_open_backend(setting, folder), AliasTable(folder / ALIASES_FILE))


def _open_backend(setting: str, folder: Path) -> EventLog:
    """Open the log that the setting `events` names; a server is contacted only when the log is first used.

    Events in the store's folder, from before it had a server, are moved to the server at that time.
    Raises `StoreError` for an invalid setting.
    """
    if setting == IN_FOLDER:
        from bowerbird.data.logs.local.embedded import EmbeddedLog

        return EmbeddedLog(folder)
    scheme = setting.partition("://")[0].lower()
    if scheme in ("postgres", "postgresql"):
        from bowerbird.data.logs.postgres import PostgresLog

        return PostgresLog(setting, before=folder)
    if scheme in ("redis", "rediss"):
        from bowerbird.data.logs.redis import RedisLog

        return RedisLog(setting, before=folder)
    raise StoreError(  # without the value: it may contain a password
        f'the setting `events` does not name a log: write events = "{IN_FOLDER}", '
        '"postgres://user@host/database" or "redis://host:6379/0"'
    )

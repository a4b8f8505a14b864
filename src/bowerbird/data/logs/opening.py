"""Opening the log that the setting `events` names."""

from __future__ import annotations

from pathlib import Path

from bowerbird.data.logs.aliases.local import LocalAliases
from bowerbird.data.logs.aliases.server import ServerAliases
from bowerbird.data.logs.joined import JoinedLog
from bowerbird.errors import StoreError

ALIASES_FILE = "aliases.db"
IN_FOLDER = "folder"
"""Value of the setting `events` for a log in the store's own folder."""


def open_log(setting: str, folder: Path) -> JoinedLog:
    """Open the log that the setting `events` names, and its alias table; both lie in the same place.

    A server is contacted only when the log is first used. What is in the store's folder, from before it had a
    server, is moved to the server at that time. Raises `StoreError` for an invalid setting.
    """
    local = LocalAliases(folder / ALIASES_FILE)
    if setting == IN_FOLDER:
        from bowerbird.data.logs.local.embedded import EmbeddedLog

        return JoinedLog(EmbeddedLog(folder), local)
    scheme = setting.partition("://")[0].lower()
    if scheme in ("postgres", "postgresql"):
        from bowerbird.data.logs.aliases.postgres import PostgresAliasRows
        from bowerbird.data.logs.postgres import PostgresLog

        postgres = PostgresLog(setting, before=folder)
        return JoinedLog(postgres, ServerAliases(PostgresAliasRows(postgres), local))
    if scheme in ("redis", "rediss"):
        from bowerbird.data.logs.aliases.redis import RedisAliasRows
        from bowerbird.data.logs.redis import RedisLog

        redis = RedisLog(setting, before=folder)
        return JoinedLog(redis, ServerAliases(RedisAliasRows(redis), local))
    raise StoreError(  # without the value: it may contain a password
        f'the setting `events` does not name a log: write events = "{IN_FOLDER}", '
        '"postgres://user@host/database" or "redis://host:6379/0"'
    )

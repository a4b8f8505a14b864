"""The alias table on a Redis server, in the database of the log.

{bowerbird}:aliases          number in order of arrival -> [alias, user, end of the live events]
{bowerbird}:aliases:last     the last number
{bowerbird}:aliases:erased   how often rows were removed
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from bowerbird.data.events import Alias
from bowerbird.data.logs.aliases.server import AliasRows, StoredAlias, TableState
from bowerbird.data.logs.redis import RedisLog

_ROWS, _LAST, _ERASED = ("{bowerbird}:aliases" + suffix for suffix in ("", ":last", ":erased"))
_APPEND = """
local last = tonumber(redis.call('GET', KEYS[2]) or '0')
if last ~= tonumber(ARGV[1]) or tonumber(redis.call('GET', KEYS[3]) or '0') ~= tonumber(ARGV[2]) then
    return 0
end
for i = 3, #ARGV do
    last = last + 1
    redis.call('HSET', KEYS[1], last, ARGV[i])
end
redis.call('SET', KEYS[2], last)
return 1
"""
_ROWS_PER_COMMAND = 10_000


class RedisAliasRows(AliasRows):
    """The rows in one hash."""

    def __init__(self, log: RedisLog) -> None:
        self._log = log

    def state(self) -> TableState:
        """See `AliasRows.state`."""
        with self._log.translate_errors():
            last, erased = self._log.server().mget(_LAST, _ERASED)
        return TableState(int(last or 0), int(erased or 0))

    def after(self, number: int) -> list[StoredAlias]:
        """See `AliasRows.after`."""
        rows, last = [], self.state().last
        for start in range(number + 1, last + 1, _ROWS_PER_COMMAND):
            numbers = range(start, min(start + _ROWS_PER_COMMAND, last + 1))
            with self._log.translate_errors():
                contents = self._log.server().hmget(_ROWS, numbers)
            rows += [
                StoredAlias(n, *json.loads(content))
                for n, content in zip(numbers, contents, strict=True)
                if content is not None
            ]
        return rows

    def append(self, aliases: Sequence[Alias], live: int, expected: TableState) -> bool:
        """See `AliasRows.append`."""
        rows = [json.dumps([alias.alias, alias.user_id, live]) for alias in aliases]
        with self._log.translate_errors():
            return bool(self._log.server().eval(_APPEND, 3, _ROWS, _LAST, _ERASED, *expected, *rows))

    def delete(self, numbers: Sequence[int]) -> None:
        """See `AliasRows.delete`."""
        with self._log.translate_errors():
            with self._log.server().pipeline(transaction=True) as pipeline:
                for start in range(0, len(numbers), _ROWS_PER_COMMAND):
                    pipeline.hdel(_ROWS, *numbers[start : start + _ROWS_PER_COMMAND])
                pipeline.incr(_ERASED)
                pipeline.execute()
            self._log.rewrite_files()

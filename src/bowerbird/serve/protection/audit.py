"""The audit log: who erased a user, or changed keys or rules, and when. `audit.jsonl` in the store's folder.

It names callers by the ids of their keys, and never a user: an erasure must not leave the id that it erased.
"""

from __future__ import annotations

import json
import logging
import os
from collections import deque
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bowerbird.data.files.locks import hold_lock

FILE = "audit.jsonl"
_log = logging.getLogger(__name__)


class AuditLog:
    """The audit log of one store; entries are appended durably, and never changed."""

    def __init__(self, store: Path) -> None:
        self.path = store / FILE

    def write(self, action: str, caller: str, **details: str) -> None:
        """Append an entry. One that can't be written goes to the process's log: the action has happened."""
        entry = {"at": datetime.now(UTC).isoformat(), "action": action, "caller": caller, **details}
        line = json.dumps(entry, ensure_ascii=False) + "\n"
        try:
            with hold_lock(self.path.with_suffix(".lock")), self.path.open("a", encoding="utf-8") as file:
                file.write(line)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            _log.error("the audit log can't be written (%s): %s", error.strerror, line.strip())

    def read(self, n: int, action: str = "") -> list[dict[str, Any]]:
        """The latest n entries, of one action if it is named: `at`, `action`, `caller`, `details`."""
        if not self.path.exists():
            return []
        with self.path.open(encoding="utf-8") as file:
            rows = map(json.loads, file)
            latest = deque((row for row in rows if action in ("", row["action"])), maxlen=n)
        own = ("at", "action", "caller")
        return [
            {name: row[name] for name in own}
            | {"details": {name: str(value) for name, value in row.items() if name not in own}}
            for row in reversed(latest)
        ]

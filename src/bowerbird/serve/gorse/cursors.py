"""Cursors that name the last entry of a page."""

from __future__ import annotations

import base64
import binascii
import json

from bowerbird.errors import NotFoundError


def write_cursor(*names: str) -> str:
    """The cursor behind an entry, by the names that identify it.

    >>> read_cursor(write_cursor("ann", "lamp"), 2)
    ('ann', 'lamp')
    """
    return base64.urlsafe_b64encode(json.dumps(names).encode()).decode()


def read_cursor(cursor: str, count: int) -> tuple[str, ...]:
    """The names of a cursor. Raises `NotFoundError` for a broken one."""
    try:
        names = json.loads(base64.urlsafe_b64decode(cursor))
    except (binascii.Error, ValueError):
        names = None
    if not isinstance(names, list) or len(names) != count or not all(isinstance(name, str) for name in names):
        raise NotFoundError("the cursor is broken: send `Cursor` of the last answer as it was")
    return tuple(names)

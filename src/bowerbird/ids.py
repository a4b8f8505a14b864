"""Which ids of users are valid; without imports, so that clients stay light."""

from __future__ import annotations

MAX_ID_LENGTH = 500  # characters


def id_fault(user_id: str) -> str:
    """What is wrong with a user's id; empty where nothing is.

    Any characters will do, since shops use mail addresses and paths; but an id must be sendable in a URL.

    >>> id_fault("team/Anna Ö."), id_fault(""), id_fault("..")
    ('', 'is empty', 'is a step in a path')
    """
    if not user_id:
        return "is empty"
    if len(user_id) > MAX_ID_LENGTH:
        return f"has more than {MAX_ID_LENGTH} characters"
    if user_id in (".", ".."):
        return "is a step in a path"
    if "\0" in user_id or any("\ud800" <= char <= "\udfff" for char in user_id):
        return "has a NUL character or half a character"
    return ""

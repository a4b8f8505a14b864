"""One item of the served catalogue."""

from __future__ import annotations

from fastapi import HTTPException

from bowerbird.serve.served_snapshot import ServedSnapshot


def known_position(item_id: str, served: ServedSnapshot) -> int:
    """The position of an item; status 404 for an unknown one."""
    position = served.position_of(item_id)
    if position is None:
        raise HTTPException(404, f"there is no item {item_id!r}")
    return position

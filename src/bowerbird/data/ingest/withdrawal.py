"""Withdraw items: they leave every answer, also of running servers; their history stays in the log."""

from __future__ import annotations

from collections.abc import Sequence

from bowerbird.data.items import Catalogue
from bowerbird.data.store import Store
from bowerbird.errors import InputError

SHOWN_IDS = 10


def require_items(catalogue: Catalogue, item_ids: Sequence[str]) -> None:
    """Raise `InputError` where a catalogue lacks any of some ids."""
    unknown = [item_id for item_id in item_ids if item_id not in catalogue]
    if unknown:
        shown = ", ".join(unknown[:SHOWN_IDS]) + (", …" if len(unknown) > SHOWN_IDS else "")
        raise InputError(f"the store has no item {shown}: `bowerbird items list` names those it has")


def withdraw_items(store: Store, item_ids: Sequence[str]) -> list[str]:
    """Withdraw items, holding the store's lock; returns the ids of those that were not withdrawn before.

    An import that has them again brings them back. Raises `InputError` for unknown ids; then none is
    withdrawn.
    """
    with store.lock("bowerbird items remove"):
        before = store.catalogue()
        require_items(before, item_ids)
        fresh = [
            item_id for item_id in dict.fromkeys(item_ids) if not before.withdrawn[before.position[item_id]]
        ]
        if fresh:
            store.publish_catalogue(before.without(fresh), before)
    return fresh

"""Changes of single items: new prices and stock, other fields, withdrawals; all of a call, or none.

Withdrawn items leave every answer, also of running servers; their history stays in the log.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bowerbird.data.items import ITEM_SCHEMA, Catalogue, Item
from bowerbird.data.store import Store
from bowerbird.errors import InputError

SHOWN_IDS = 10
PRICE_FIELDS = ("price", "list_price", "sale_price", "sale_starts", "sale_ends")
PATCHED_FIELDS = (*PRICE_FIELDS, "currency", "availability")


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


def change_item(store: Store, item_id: str, change: Callable[[Item], Item]) -> None:
    """Put what `change` makes of an item in its place, holding the store's lock; its picture stays.

    Raises `InputError` for an unknown id, and what `change` raises; then nothing is changed.
    """
    with store.lock("changing an item"):
        before = store.catalogue()
        require_items(before, [item_id])
        position = before.position[item_id]
        changed = replace(change(before.item(position)), item_id=item_id, image=before.image(position))
        store.publish_catalogue(before.updated(Catalogue.of([changed])), before)


@dataclass(frozen=True)
class ItemPatch:
    """New values of one item's fields, of `PATCHED_FIELDS`; None empties a field."""

    item_id: str
    values: Mapping[str, Any] = field(default_factory=dict)

    @property
    def changes(self) -> Mapping[str, Any]:
        """All that changes: a new price without a sale ends the sale, which would otherwise set the price."""
        if "price" in self.values and not {"list_price", "sale_price"} & set(self.values):
            return {**dict.fromkeys(PRICE_FIELDS), **self.values}
        return self.values


def patch_items(store: Store, patches: Sequence[ItemPatch]) -> None:
    """Change items, holding the store's lock; the last patch of an item counts.

    Raises `InputError` for unknown ids and for fields that can't be patched; then nothing is changed.
    """
    unknown = {name for patch in patches for name in patch.values} - set(PATCHED_FIELDS)
    if unknown:
        raise InputError(f"{', '.join(sorted(unknown))} can't be patched: {', '.join(PATCHED_FIELDS)} can")
    with store.lock("patching items"):
        before = store.catalogue()
        require_items(before, [patch.item_id for patch in patches])
        store.publish_catalogue(patched(before, patches), before)


def patched(catalogue: Catalogue, patches: Sequence[ItemPatch]) -> Catalogue:
    """A catalogue whose items, all known, have new values."""
    table = catalogue.table
    for name in PATCHED_FIELDS:
        new = {
            catalogue.position[patch.item_id]: patch.changes[name]
            for patch in patches
            if name in patch.changes
        }
        if new:
            mask = np.zeros(len(catalogue), bool)
            rows = sorted(new)
            mask[rows] = True
            values = pa.array([new[row] for row in rows], ITEM_SCHEMA.field(name).type)
            column = pc.replace_with_mask(table[name].combine_chunks(), pa.array(mask), values)
            table = table.set_column(ITEM_SCHEMA.get_field_index(name), ITEM_SCHEMA.field(name), column)
    return Catalogue(table)

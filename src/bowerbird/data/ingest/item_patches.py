"""Changes of single items by a shop's system: prices and stock, all at once or not at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bowerbird.data.ingest.withdrawal import require_items
from bowerbird.data.items import ITEM_SCHEMA, Catalogue
from bowerbird.data.store import Store
from bowerbird.errors import InputError

PRICE_FIELDS = ("price", "list_price", "sale_price", "sale_starts", "sale_ends")
PATCHED_FIELDS = (*PRICE_FIELDS, "currency", "availability")


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

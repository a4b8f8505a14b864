"""What is wrong with the items of a catalogue: what a shop would mend to have them shown, and shown well."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

import numpy as np

from bowerbird.data.arrays import BoolArray, IntArray
from bowerbird.data.items import Catalogue
from bowerbird.data.pictures.ledger import LEDGER_FILE, Ledger
from bowerbird.data.snapshot import StoreSnapshot
from bowerbird.recommend.filtering.conditions import contains, is_filled

SEARCHED = ("item_id", "title", "brand")


class Fault(StrEnum):
    """What may be wrong with an item."""

    NO_TITLE = "no_title"
    NO_PRICE = "no_price"
    NO_PICTURE = "no_picture"
    """Neither a picture nor a link to one."""
    PICTURE_UNREAD = "picture_unread"
    """A link, but no picture that could be fetched and read from it."""
    NO_VECTOR = "no_vector"
    """Not encoded yet, so that no list holds it."""
    SOLD_OUT = "sold_out"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True)
class FaultyCatalogue:
    """All imported items of a snapshot, with their faults."""

    snapshot: StoreSnapshot

    @property
    def catalogue(self) -> Catalogue:
        """The items, in import order."""
        return self.snapshot.imported

    @cached_property
    def masks(self) -> Mapping[Fault, BoolArray]:
        """Which items have each fault, (items,) bool."""
        catalogue, table = self.catalogue, self.catalogue.table
        has_picture, has_link = is_filled(table["image"]), is_filled(table["image_link"])
        encoded = set(self.snapshot.item_ids or ())
        return {
            Fault.NO_TITLE: ~is_filled(table["title"]),
            Fault.NO_PRICE: np.isnan(catalogue.prices),
            Fault.NO_PICTURE: ~has_picture & ~has_link,
            Fault.PICTURE_UNREAD: ~has_picture & has_link,
            Fault.NO_VECTOR: np.array([item_id not in encoded for item_id in catalogue.ids], bool),
            Fault.SOLD_OUT: ~catalogue.available & ~catalogue.withdrawn,
            Fault.WITHDRAWN: catalogue.withdrawn,
        }

    def find(self, text: str, fault: Fault | None) -> IntArray:
        """Rows of the items whose id, title or brand contains a text, and that have a fault, (k,) int64."""
        matches = np.ones(len(self.catalogue), bool) if fault is None else self.masks[fault].copy()
        if text:
            matches &= np.any([contains(self.catalogue.table[name], text) for name in SEARCHED], axis=0)
        return np.flatnonzero(matches)

    def faults_of(self, row: int) -> list[Fault]:
        """What is wrong with one item."""
        return [fault for fault, mask in self.masks.items() if mask[row]]

    def picture_faults(self, rows: IntArray) -> dict[str, str]:
        """Why links of some items have no picture, by link, as far as a fetch says."""
        if not (self.snapshot.store.path / LEDGER_FILE).exists():
            return {}
        links = self.catalogue.table["image_link"].take(rows).to_pylist()
        ledger = Ledger(self.snapshot.store.path)
        try:
            return ledger.faults(link for link in links if link)
        finally:
            ledger.close()

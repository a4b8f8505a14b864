"""Items bought together: how many users bought both within a day, against what chance would give."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

import numpy as np

from bowerbird.data.arrays import BoolArray, DoubleArray, IntArray
from bowerbird.data.events import ACTION_CODE, Action
from bowerbird.data.interactions import Interactions
from bowerbird.data.items import Catalogue
from bowerbird.data.snapshot import StoreSnapshot
from bowerbird.data.times import DAY

BOUGHT = (ACTION_CODE[Action.PURCHASE], ACTION_CODE[Action.ADD_TO_CART])
MIN_AGE_S = 60.0
"""Baskets are read again after so long, and after so many times as long as reading them took."""
READING_SHARE = 100
MIN_USERS = 2
"""Users who bought both: fewer prove nothing, and one would be a person's own basket."""


@dataclass(frozen=True)
class Baskets:
    """What users put into carts or bought within a day, B baskets."""

    basket: IntArray  # (n,) number of each entry's basket
    item: IntArray  # (n,) each item once a basket
    user: IntArray  # (n,)
    sizes: IntArray  # (items,) baskets with each item
    count: int  # B

    @classmethod
    def of(cls, events: Interactions, catalogue: Catalogue) -> Baskets:
        """Collect the baskets of some events."""
        is_bought = np.isin(events.action, BOUGHT)
        user, item, day = events.user[is_bought], events.item[is_bought], events.at[is_bought] // DAY
        if not len(user):
            none = np.zeros(0, np.int64)
            return cls(none, none, none, np.zeros(len(catalogue), np.int64), 0)
        rows = np.unique(np.stack([user, day, item], axis=1), axis=0)
        _, basket = np.unique(rows[:, :2], axis=0, return_inverse=True)
        sizes = np.bincount(rows[:, 2], minlength=len(catalogue))
        return cls(basket.ravel(), rows[:, 2], rows[:, 0], sizes, int(basket.max()) + 1)

    def bought_with(self, position: int, eligible: BoolArray) -> tuple[DoubleArray, IntArray]:
        """Score items by what stands in baskets with one item, and count the users: (items,) each.

        The score is the lift, pairs · B / (baskets of the one · baskets of the other), damped for rare pairs
        by pairs / (pairs + 2); 0 where fewer than `MIN_USERS` bought both, and for what is not eligible.
        """
        n_items = len(self.sizes)
        with_item = np.zeros(self.count + 1, bool)
        with_item[self.basket[self.item == position]] = True
        entries = with_item[self.basket] & (self.item != position)
        pairs = np.bincount(self.item[entries], minlength=n_items)
        users = np.unique(np.stack([self.item[entries], self.user[entries]]), axis=1)[0]
        n_users = np.bincount(users, minlength=n_items)
        chance = np.maximum(self.sizes * self.sizes[position], 1)
        lift = pairs * self.count / chance * (pairs / (pairs + 2))
        return np.where(eligible & (n_users >= MIN_USERS), lift, 0.0), n_users


class LiveBaskets:
    """The baskets of a store's log, read again from time to time, and after every import and erasure."""

    def __init__(self, snapshot: StoreSnapshot) -> None:
        self._snapshot = snapshot
        self._lock = threading.Lock()
        self._baskets: Baskets | None = None
        self._generation = -1
        self._until = 0.0

    @classmethod
    def open(cls, snapshot: StoreSnapshot) -> LiveBaskets:
        """Those of a snapshot, shared by all who ask."""
        return snapshot.open_once("baskets", lambda: cls(snapshot), of=("catalogue", "vectors"))

    def current(self) -> Baskets:
        """The baskets now."""
        log, catalogue = self._snapshot.store.log, self._snapshot.catalogue
        with self._lock:
            generation, start = log.generation, time.monotonic()
            if self._baskets is None or generation != self._generation or start > self._until:
                self._baskets = Baskets.of(Interactions.of(log.read(), catalogue), catalogue)
                self._generation, end = generation, time.monotonic()
                self._until = end + max(MIN_AGE_S, READING_SHARE * (end - start))
            return self._baskets

"""Collections: named sets of items made by a user or an editor (board, outfit, room, basket).

In training they are engagement: their items belong together, and their owner likes them.

A board's items count as liked by its owner, before any of the owner's logged events. An editor's room or
outfit is nobody's taste, but shows equally well which items go together: it becomes a user of its own.

Collections carry no time, so leakage is avoided by what the log knows of their owners: collections of
held-out users, or of users whose first event is after the holdout's time, are left out, and so is every item
with which its owner first interacted after that time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from bowerbird.data.arrays import IntArray
from bowerbird.data.events import ACTION_CODE, Action
from bowerbird.data.interactions import Interactions
from bowerbird.data.items import Catalogue
from bowerbird.data.splits import Holdout

COLLECTION_SCHEMA = pa.schema(
    [
        pa.field("collection_id", pa.string(), nullable=False),
        pa.field("name", pa.string()),
        pa.field("kind", pa.string()),
        pa.field("user_id", pa.string()),
        pa.field("item_ids", pa.list_(pa.string()), nullable=False),
    ]
)
COLLECTION_USER = "\0collection\0"
"""Prefix of the ids of users that stand for an editor's collection; no event can have such a user id."""
STEP = 1_000_000  # microseconds between two items of a collection
SAVE = ACTION_CODE[Action.SAVE.value]


@dataclass(frozen=True, slots=True)
class Collection:
    """A named set of items; `user_id` is empty for an editor's collection."""

    collection_id: str
    item_ids: tuple[str, ...]
    name: str = ""
    kind: str = "board"
    user_id: str = ""


@dataclass(frozen=True)
class ItemSet:
    """The known items of one collection."""

    collection_id: str
    user_id: str
    """The owner; empty for an editor's collection."""
    items: IntArray  # (k,) positions, each once, in the collection's order


def select_training_sets(
    collections: Sequence[Collection], events: Interactions, catalogue: Catalogue, holdout: Holdout
) -> list[ItemSet]:
    """Select the collections to train on, ordered by id; `events` are all events of the log.

    Sets with a single item are kept, since their owner likes it; sets without a known item are dropped.
    """
    owners = {collection.user_id for collection in collections} - {""}
    seen = _FirstSeen.of(events, owners)
    sets = []
    for collection in sorted(collections, key=lambda collection: collection.collection_id):
        user_id = collection.user_id
        if user_id and (holdout.is_held_out(user_id) or seen.is_new_after(user_id, holdout.until)):
            continue
        positions = [catalogue.position[item] for item in collection.item_ids if item in catalogue]
        items = np.array(list(dict.fromkeys(positions)), np.int64)
        if user_id:
            items = items[~np.isin(items, seen.items_after(user_id, holdout.until))]
        if len(items):
            sets.append(ItemSet(collection.collection_id, user_id, items))
    return sets


def build_training_events(
    events: Interactions, collections: Sequence[Collection], catalogue: Catalogue, holdout: Holdout
) -> Interactions:
    """Combine the training events with a save for every item of a collection; `events` are all of the log.

    The user of such a save is the collection's owner, or the collection itself where it has no owner. Items
    that the owner has events of in the log get no extra save. The saves come right before the first event,
    one second apart: recent popularity does not change, all-time likes do.
    """
    sets = select_training_sets(collections, events, catalogue, holdout)
    training = holdout.training(events)
    if not sets:
        return training
    known_items = dict(_FirstSeen.of(events, {item_set.user_id for item_set in sets} - {""}).items)
    index_of_user = {user: row for row, user in enumerate(events.users)}
    max_size = max(len(item_set.items) for item_set in sets)
    start = (int(training.at.min()) if len(training) else max_size * STEP) - max_size * STEP
    user, item, at = [training.user], [training.item], [training.at]
    for item_set in sets:
        user_id = item_set.user_id or f"{COLLECTION_USER}{item_set.collection_id}"
        known_before = known_items.get(user_id, np.zeros(0, np.int64))
        items = item_set.items[~np.isin(item_set.items, known_before)]
        known_items[user_id] = np.concatenate([known_before, items])
        user.append(np.full(len(items), index_of_user.setdefault(user_id, len(index_of_user))))
        item.append(items)
        at.append(start + STEP * np.arange(max_size - len(items), max_size))
    return _sort_by_time(list(index_of_user), training, *map(np.concatenate, (user, item, at)))


def _sort_by_time(
    users: list[str], training: Interactions, user: IntArray, item: IntArray, at: IntArray
) -> Interactions:
    """Sort (n,) arrays by time; the first rows are training events, the others saves of collections."""
    saves = np.full(len(item) - len(training), SAVE, np.int8)
    action = np.concatenate([training.action, saves])
    list_rank = training.list_rank
    if list_rank is not None:
        list_rank = np.concatenate([list_rank, np.zeros(len(saves), list_rank.dtype)])
    order = np.argsort(at, kind="stable")
    return Interactions(
        *(users, user[order], item[order], action[order], at[order], training.n_items),
        None if list_rank is None else list_rank[order],
    )


@dataclass(frozen=True)
class _FirstSeen:
    """When some users first interacted with the items that they have seen."""

    items: dict[str, IntArray]
    at: dict[str, IntArray]

    @classmethod
    def of(cls, events: Interactions, users: set[str]) -> _FirstSeen:
        is_selected = np.array([user in users for user in events.users], bool)
        seen = events.where(is_selected[events.user]).seen() if len(events) else events
        items, at = {}, {}
        for index, history in seen.histories():
            items[seen.users[index]], first_row = np.unique(history.items, return_index=True)
            at[seen.users[index]] = history.at[first_row]
        return cls(items, at)

    def is_new_after(self, user_id: str, until: int | None) -> bool:
        return until is not None and user_id in self.at and bool(self.at[user_id].min() > until)

    def items_after(self, user_id: str, until: int | None) -> IntArray:
        if until is None or user_id not in self.at:
            return np.zeros(0, np.int64)
        later: IntArray = self.items[user_id][self.at[user_id] > until]
        return later

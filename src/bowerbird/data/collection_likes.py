"""Collections as engagement: their items belong together, and who put them together likes them.

A board's items are liked by its owner, before anything that the log holds of them. An editor's room or outfit
is nobody's taste, but as good as a person's for what goes together: it becomes a user of its own.

Collections carry no time, so a leak is avoided by what the log knows of their owners: collections of people
who are held out, or who first came after the holdout's moment, are left out, and so is every item with which
its owner first dealt after that moment.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bowerbird.data.collections import Collection
from bowerbird.data.events import ACTION_CODE, Action
from bowerbird.data.interactions import Interactions
from bowerbird.data.items import Catalogue
from bowerbird.data.splits import Holdout

COLLECTION_USER = "\0collection\0"
"""Begins the ids of users that stand for an editor's collection; no event can name such a user."""
STEP = 1_000_000  # microseconds between two items of a collection
SAVE = ACTION_CODE[Action.SAVE.value]


@dataclass(frozen=True)
class ItemSet:
    """The known items of one collection."""

    collection_id: str
    user_id: str
    """The owner; empty where an editor made it."""
    items: np.ndarray  # (k,) int64 positions, each once, in the collection's order


def is_collection_user(user_id: str) -> bool:
    """Whether a user of training events stands for an editor's collection."""
    return user_id.startswith(COLLECTION_USER)


def training_sets(
    collections: Sequence[Collection], events: Interactions, catalogue: Catalogue, holdout: Holdout
) -> list[ItemSet]:
    """The collections that may be learned from, by their ids; `events` are all of the log's.

    Sets of a single item stay, since their owner likes it; sets without a known item do not.
    """
    owners = {collection.user_id for collection in collections} - {""}
    seen = _FirstSeen.of(events, owners)
    sets = []
    for collection in sorted(collections, key=lambda collection: collection.collection_id):
        user_id = collection.user_id
        if user_id and (holdout.holds(user_id) or seen.came_after(user_id, holdout.until)):
            continue
        known = [catalogue.position[item] for item in collection.item_ids if item in catalogue]
        items = np.array(list(dict.fromkeys(known)), np.int64)
        if user_id:
            items = items[~np.isin(items, seen.items_after(user_id, holdout.until))]
        if len(items):
            sets.append(ItemSet(collection.collection_id, user_id, items))
    return sets


def training_likes(
    events: Interactions, collections: Sequence[Collection], catalogue: Catalogue, holdout: Holdout
) -> Interactions:
    """The events that may be learned from, and what collections say next to them; `events` are all there are.

    Every item of a collection is one that its owner saved, or the collection itself where it has no owner. An
    item that the owner dealt with in the log is left to the log. All these come right before the first event,
    a second apart: what is popular lately does not change, what was ever liked does.
    """
    sets = training_sets(collections, events, catalogue, holdout)
    training = holdout.training(events)
    if not sets:
        return training
    known = dict(_FirstSeen.of(events, {each.user_id for each in sets} - {""}).items)
    number = {user: row for row, user in enumerate(events.users)}
    longest = max(len(each.items) for each in sets)
    start = (int(training.at.min()) if len(training) else longest * STEP) - longest * STEP
    user, item, at = [training.user], [training.item], [training.at]
    for each in sets:
        name = each.user_id or f"{COLLECTION_USER}{each.collection_id}"
        before = known.get(name, np.zeros(0, np.int64))
        items = each.items[~np.isin(each.items, before)]
        known[name] = np.concatenate([before, items])
        user.append(np.full(len(items), number.setdefault(name, len(number))))
        item.append(items)
        at.append(start + STEP * np.arange(longest - len(items), longest))
    return _in_order(list(number), training, *map(np.concatenate, (user, item, at)))


def _in_order(
    users: list[str], training: Interactions, user: np.ndarray, item: np.ndarray, at: np.ndarray
) -> Interactions:
    """Training events first in (n,) arrays, saves of collections after them, by time."""
    saves = np.full(len(item) - len(training), SAVE, np.int8)
    action = np.concatenate([training.action, saves])
    place = training.place
    if place is not None:
        place = np.concatenate([place, np.zeros(len(saves), place.dtype)])
    order = np.argsort(at, kind="stable")
    return Interactions(
        *(users, user[order], item[order], action[order], at[order], training.n_items),
        None if place is None else place[order],
    )


@dataclass(frozen=True)
class _FirstSeen:
    """When some people first dealt with the items that they have seen."""

    items: dict[str, np.ndarray]
    at: dict[str, np.ndarray]

    @classmethod
    def of(cls, events: Interactions, users: set[str]) -> _FirstSeen:
        chosen = np.array([user in users for user in events.users], bool)
        seen = events.where(chosen[events.user]).seen() if len(events) else events
        items, at = {}, {}
        for number, history in seen.histories():
            items[seen.users[number]], first = np.unique(history.items, return_index=True)
            at[seen.users[number]] = history.at[first]
        return cls(items, at)

    def came_after(self, user_id: str, until: int | None) -> bool:
        return until is not None and user_id in self.at and bool(self.at[user_id].min() > until)

    def items_after(self, user_id: str, until: int | None) -> np.ndarray:
        if until is None or user_id not in self.at:
            return np.zeros(0, np.int64)
        later: np.ndarray = self.items[user_id][self.at[user_id] > until]
        return later

"""The stages that a server answers from, opened once from the versions in force, shared by all requests."""

from __future__ import annotations

import threading
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from bowerbird.data.store import Store
from bowerbird.recommend.recommender import Recommender
from bowerbird.taste.graph import TasteGraph

if TYPE_CHECKING:
    from bowerbird.assist.assistant import Assistant
    from bowerbird.embed.search import Searcher

KINDS = ("catalogue", "vectors", "ranker")


def versions_of(store: Store) -> dict[str, str]:
    """The names of the versions in force that stages are opened from."""
    found = {kind: store.current(kind) for kind in KINDS}
    return {kind: version.name for kind, version in found.items() if version is not None}


class Stages:
    """One catalogue and what was made for it; positions mean nothing to the stages of another one.

    Recommending needs no deep-learning library; searching by text and chatting load one when they are first
    asked for.
    """

    def __init__(self, store: Store) -> None:
        """Raises `StoreError` where the store has no items or no vectors."""
        self.store = store
        before = versions_of(store)
        self.taste = TasteGraph.open(store)
        self.recommender = Recommender.open(store, self.taste)
        # A catalogue that came meanwhile is seen as new; a ranker that was learnt here is not.
        self.versions = before | {"ranker": versions_of(store)["ranker"]}
        self.catalogue = self.recommender.catalogue
        self._opening = threading.Lock()

    @property
    def searcher(self) -> Searcher:
        with self._opening:
            return self._searcher

    @property
    def assistant(self) -> Assistant:
        with self._opening:
            return self._assistant

    @cached_property
    def _searcher(self) -> Searcher:
        from bowerbird.embed.search import Searcher

        return Searcher.open(self.store)

    @cached_property
    def _assistant(self) -> Assistant:
        from bowerbird.assist.assistant import Assistant

        return Assistant.open(self.store, taste=self.taste, recommender=self.recommender)

    def item(self, position: int) -> dict[str, Any]:
        """An item as the API tells it."""
        item = self.catalogue.item(position)
        return {
            "item_id": item.item_id,
            "title": item.title,
            "description": item.description,
            "price": item.price,
            "currency": item.currency,
            "brand": item.brand,
            "category": list(item.category),
            "attributes": dict(item.attributes),
            "availability": item.availability,
            "image": f"/items/{quote(item.item_id, safe='')}/image",
        }

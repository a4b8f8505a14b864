"""The stages that a server answers from, all of one snapshot, shared by all requests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from bowerbird.data.snapshot import StoreSnapshot
from bowerbird.recommend.recommender import Recommender
from bowerbird.recommend.saved import open_ranker
from bowerbird.taste.graph import TasteGraph
from bowerbird.taste.profile.profile import TasteReader

if TYPE_CHECKING:
    from bowerbird.assist.assistant import Assistant
    from bowerbird.embed.search.searcher import Searcher


class Stages:
    """One set of versions, open. A request takes it once, and so speaks of one catalogue throughout.

    Recommending needs no deep-learning library; searching by text and chatting load one when they are first
    asked for.
    """

    def __init__(self, snapshot: StoreSnapshot) -> None:
        """Raises `StoreError` where the store has no items or no vectors."""
        self.snapshot = snapshot
        self.taste = TasteGraph.open(snapshot)
        open_ranker(snapshot, as_published=snapshot.complete)
        self.recommender = Recommender.open(snapshot)
        self.catalogue = snapshot.catalogue
        self._used: set[str] = set()

    def warm_up(self, previous: Stages) -> None:
        """Open what the stages before were asked for, so that nobody waits for it."""
        if "searcher" in previous._used:
            _ = self.searcher
        if "assistant" in previous._used:
            _ = self.assistant.vocabulary, self.assistant.lexicon

    @property
    def reader(self) -> TasteReader:
        return TasteReader.open(self.snapshot)

    @property
    def searcher(self) -> Searcher:
        from bowerbird.embed.search.searcher import Searcher

        self._used.add("searcher")
        return self.snapshot.open_once("searcher", lambda: Searcher.open(self.snapshot))

    @property
    def assistant(self) -> Assistant:
        from bowerbird.assist.assistant import Assistant

        self._used.add("assistant")
        return self.snapshot.open_once("assistant", lambda: Assistant.open(self.snapshot))

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

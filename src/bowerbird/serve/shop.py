"""The stages that a server answers from, opened once and shared by all requests."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from bowerbird.data.events import Event
from bowerbird.data.intake import latest_possible, why_refused
from bowerbird.data.store import Store
from bowerbird.recommend.boosts import Boosts
from bowerbird.recommend.recommender import Recommender
from bowerbird.taste.graph import TasteGraph

if TYPE_CHECKING:
    from bowerbird.assist.assistant import Assistant
    from bowerbird.embed.search import Searcher

BOOSTS_FILE = "boosts.toml"
"""In a store's folder: the shop's boosts, which every recommendation served by HTTP follows."""


class Shop:
    """One store, ready to answer. Recommending needs no deep-learning library; searching by text and chatting
    load one when they are first asked for."""

    def __init__(self, path: Path) -> None:
        self.store = Store.open(path)
        self.taste = TasteGraph.open(self.store)
        self.recommender = Recommender.open(self.store, self.taste)
        self.catalogue = self.recommender.catalogue
        rules = self.store.path / BOOSTS_FILE
        self.boosts = Boosts.load(rules) if rules.exists() else Boosts()
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

    @property
    def synthetic(self) -> bool:
        """Whether the store holds the demo world."""
        return (self.store.path / "SYNTHETIC").exists()

    def learn(self, events: Sequence[Event]) -> tuple[int, int, list[str]]:
        """Log events durably and let the taste graph know: (new, repeated, reasons of the refused)."""
        latest = latest_possible()
        reasons = [why_refused(event, event.item_id in self.catalogue, latest) for event in events]
        refused = [reason for reason in reasons if reason]
        good = [event for event, reason in zip(events, reasons, strict=True) if not reason]
        new = self.store.log.append(good)
        self.taste.refresh()
        return len(new), len(good) - len(new), refused

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

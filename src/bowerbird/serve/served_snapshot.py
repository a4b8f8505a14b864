"""A store snapshot with everything that requests need opened from it, shared by all requests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from bowerbird.data.arrays import IntArray
from bowerbird.data.snapshot import StoreSnapshot
from bowerbird.recommend.lists.paging import digest_ids
from bowerbird.recommend.recommender import Recommender
from bowerbird.recommend.saved import open_ranker
from bowerbird.taste.graph import TasteGraph
from bowerbird.taste.profile.reader import TasteReader

if TYPE_CHECKING:
    from bowerbird.assist.assistant import Assistant
    from bowerbird.embed.search.searcher import Searcher


class ServedSnapshot:
    """One set of versions, opened. A request reads it once, so its whole answer is from one catalogue.

    Recommendations need no deep-learning library; text search and chat load one on first use.
    """

    def __init__(self, snapshot: StoreSnapshot, address: str = "") -> None:
        """`address` is the path that all addresses of the store begin with, where it is one of several.

        Raises `StoreError` where the store has no items or no vectors.
        """
        self.snapshot, self._address = snapshot, address
        self.taste = TasteGraph.open(snapshot)
        open_ranker(snapshot, as_published=snapshot.complete)
        self.recommender = Recommender.open(snapshot)
        self.catalogue = snapshot.catalogue
        self._used: set[str] = set()

    def warm_up(self, previous: ServedSnapshot) -> None:
        """Open what requests have used of the previous snapshot, so that the next requests need not wait."""
        if "searcher" in previous._used:
            _ = self.searcher
        if "assistant" in previous._used:
            self.assistant.parts.warm_up()

    @property
    def is_warming_up(self) -> bool:
        """Whether the assistant's models are being opened in the background."""
        return "assistant" in self._used and self.assistant.parts.is_warming_up

    @property
    def reader(self) -> TasteReader:
        """Reads tastes in words."""
        return TasteReader.open(self.snapshot)

    @property
    def searcher(self) -> Searcher:
        """Searches the catalogue."""
        from bowerbird.embed.search.searcher import Searcher

        self._used.add("searcher")
        return self.snapshot.open_once("searcher", lambda: Searcher.open(self.snapshot))

    @property
    def assistant(self) -> Assistant:
        """Answers messages."""
        from bowerbird.assist.assistant import Assistant

        self._used.add("assistant")
        return self.snapshot.open_once("assistant", lambda: Assistant.open(self.snapshot))

    @property
    def article_digests(self) -> IntArray:
        """Digests of each item's article, by which cursors name what was shown, (items,) int64."""
        return self.snapshot.open_once("article digests", self._digest, of=("catalogue", "vectors"))

    def _digest(self) -> IntArray:
        groups = self.catalogue.table["group_id"].to_pylist()
        names = zip(groups, self.catalogue.ids, strict=True)
        return digest_ids(f"group {group}" if group else item_id for group, item_id in names)

    def position_of(self, item_id: str) -> int | None:
        """The position of an item; None for one that is unknown or withdrawn."""
        position = self.catalogue.position.get(item_id)
        return None if position is None or self.catalogue.withdrawn[position] else position

    def title_of(self, item_id: str) -> str:
        """The title of an item, withdrawn ones too; empty for an unknown one."""
        position = self.catalogue.position.get(item_id)
        return "" if position is None else self.catalogue.title(position)

    def item_page(self, position: int) -> dict[str, Any]:
        """The API's JSON form of an item with all its fields and its variants."""
        item = self.catalogue.item(position)
        names = ("link", "sale_ends", "rating", "rating_count", "condition", "shipping", "returns")
        fields = {name: getattr(item, name) for name in (*names, "gtin", "mpn", "language")}
        fields |= {"additional_images": list(item.additional_images), "variants": self._variants(position)}
        return self.item(position) | fields

    def _variants(self, position: int) -> list[dict[str, Any]]:
        positions = self.catalogue.articles.variants_of(position)
        names = ("item_id", "title", "price", "currency", "on_sale", "attributes", "availability", "image")
        bodies = [self.item(int(each)) for each in positions[~self.catalogue.withdrawn[positions]]]
        return [{name: body[name] for name in names} for body in bodies] if len(positions) > 1 else []

    def item(self, position: int) -> dict[str, Any]:
        """The API's JSON form of an item."""
        item = self.catalogue.item(position)
        return {
            "item_id": item.item_id,
            "title": item.title,
            "description": item.description,
            "price": item.price,
            "currency": item.currency,
            "list_price": item.list_price,
            "on_sale": item.on_sale,
            "brand": item.brand,
            "category": list(item.category),
            "attributes": dict(item.attributes),
            "availability": item.availability,
            "image": self.picture_of(position),
            "group_id": item.group_id,
            "also_in": {name: list(values) for name, values in self.catalogue.also_in(position).items()},
        }

    def picture_of(self, position: int) -> str | None:
        """The address of an item's picture; None where it has none."""
        if not self.catalogue.has_image(position):
            return None
        return f"{self._address}/items/{quote(self.catalogue.ids[position], safe='')}/image"

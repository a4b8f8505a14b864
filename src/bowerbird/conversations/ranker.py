"""The conversational recommender: links items in the text, asks the sources, fuses their scores."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bowerbird.conversations.contexts import ContextBuilder, ConversationContext
from bowerbird.conversations.fusion import EXCLUDED, Fusion
from bowerbird.conversations.linking import ItemLinker
from bowerbird.conversations.sources.co_likes import CoLikeSource
from bowerbird.conversations.sources.co_mentions import CoMentionSource
from bowerbird.conversations.sources.nearest import NearestContextSource
from bowerbird.conversations.sources.network import NetworkConfig, NetworkSource
from bowerbird.conversations.sources.popularity import PopularitySource
from bowerbird.conversations.sources.request_text import RequestTextSource
from bowerbird.conversations.sources.source import ConversationSource
from bowerbird.data.arrays import FloatArray, IntArray
from bowerbird.data.files.records import read_record, write_record
from bowerbird.data.interactions import Interactions
from bowerbird.data.items import Catalogue
from bowerbird.data.ranks import top_k
from bowerbird.errors import StoreError

RANKER_FILE = "ranker.json"


@dataclass(frozen=True)
class SavedRanker:
    """What the ranker's file holds next to the folders of the sources."""

    item_ids: list[str]
    popularity: list[float]
    everyday_words: list[str]
    weights: dict[str, tuple[float, ...]]


class ConversationRanker:
    """Ranks the whole catalogue for conversations."""

    def __init__(
        self,
        catalogue: Catalogue,
        popularity: FloatArray,
        everyday_words: Collection[str],
        sources: Sequence[ConversationSource],
        fusion: Fusion,
    ) -> None:
        """`catalogue` holds the items by position; `popularity` (items,) decides between namesakes."""
        self.catalogue, self.sources, self.fusion = catalogue, sources, fusion
        self._popularity, self._everyday_words = popularity, sorted(everyday_words)
        titles = [title or "" for title in catalogue.table["title"].to_pylist()]
        self.contexts = ContextBuilder(ItemLinker(titles, popularity, everyday_words), catalogue.position)

    def source_scores(self, contexts: Sequence[ConversationContext]) -> dict[str, FloatArray]:
        """Scores of each source by its name, (contexts, items)."""
        return {source.name: source.scores(contexts) for source in self.sources}

    def scores(self, contexts: Sequence[ConversationContext]) -> FloatArray:
        """Fused scores of all items, (contexts, items); items already named score `EXCLUDED`."""
        fused = [source for source in self.sources if source.name in self.fusion.weights]
        by_source = {source.name: source.scores(contexts) for source in fused}  # baselines are not asked
        scores = self.fusion.scores(by_source, contexts)
        for row, context in enumerate(contexts):
            scores[row, context.named] = EXCLUDED
        return scores

    def recommend(self, contexts: Sequence[ConversationContext], n: int) -> list[tuple[IntArray, FloatArray]]:
        """The best `n` items of each context, positions and scores, without those already named."""
        scores = self.scores(contexts)
        lists = []
        for row, best in zip(scores, top_k(scores, n), strict=True):
            eligible = best[row[best] > EXCLUDED]
            lists.append((eligible, row[eligible]))
        return lists

    def save(self, folder: Path) -> None:
        """Write the ranker into an empty folder, each source into a folder of its name."""
        saved = SavedRanker(
            self.catalogue.ids, self._popularity.tolist(), self._everyday_words, dict(self.fusion.weights)
        )
        write_record(folder / RANKER_FILE, saved)
        for source in self.sources:
            (folder / source.name).mkdir()
            source.save(folder / source.name)

    @classmethod
    def load(cls, folder: Path, catalogue: Catalogue) -> ConversationRanker:
        """Read what `save` wrote. Raises `StoreError` where it is broken, or of other items."""
        saved = read_record(folder / RANKER_FILE, SavedRanker)
        if any(item_id not in catalogue.position for item_id in saved.item_ids):
            raise StoreError(
                "items were removed since the dialogues were learned: run `bowerbird graft` again"
            )
        known = catalogue.by_ids(saved.item_ids)
        sources = new_sources(known)
        for source in sources:
            source.load(folder / source.name)
        popularity = np.array(saved.popularity, np.float32)
        return cls(known, popularity, saved.everyday_words, sources, Fusion(saved.weights))


def item_texts(catalogue: Catalogue) -> list[str]:
    """Title, description, categories and attribute values of each item as one text."""
    texts = []
    for position in range(len(catalogue)):
        item = catalogue.item(position)
        values = (item.title, item.description, *item.category, *item.attributes.values())
        texts.append(" ".join(str(value) for value in values if value))
    return texts


def new_sources(
    catalogue: Catalogue, network: NetworkConfig | None = None, events: Interactions | None = None
) -> list[ConversationSource]:
    """All sources, fitted on no dialogue; `events` of the store are what co-likes learn from."""
    texts, n_items = item_texts(catalogue), len(catalogue)
    return [
        NetworkSource(texts, network),
        CoMentionSource(n_items),
        CoLikeSource(n_items, events),
        NearestContextSource(n_items),
        PopularitySource(n_items),
        RequestTextSource(texts),
    ]

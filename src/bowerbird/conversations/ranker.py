"""The conversational recommender: links items in the text, asks the sources, fuses their scores."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bowerbird.conversations.config import NetworkConfig
from bowerbird.conversations.contexts import ContextBuilder, ConversationContext
from bowerbird.conversations.fusion import EXCLUDED, Fusion
from bowerbird.conversations.linking import ItemLinker
from bowerbird.conversations.sources.co_likes import CoLikeSource
from bowerbird.conversations.sources.co_mentions import CoMentionSource
from bowerbird.conversations.sources.nearest import NearestContextSource
from bowerbird.conversations.sources.network import NetworkSource
from bowerbird.conversations.sources.popularity import PopularitySource
from bowerbird.conversations.sources.request_text import RequestTextSource
from bowerbird.conversations.sources.source import ConversationSource
from bowerbird.data.arrays import FloatArray, IntArray
from bowerbird.data.files.records import read_record, write_record
from bowerbird.data.interactions import Interactions
from bowerbird.data.items import Catalogue
from bowerbird.data.ranks import top_k

RANKER_FILE = "ranker.json"

ExtraSources = Callable[[Catalogue], Sequence[ConversationSource]]
"""Opens sources from outside this package for a catalogue: the request head of a graft."""


def no_extra_sources(catalogue: Catalogue) -> Sequence[ConversationSource]:
    """Open no sources from outside."""
    return ()


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
        self._not_sold = np.flatnonzero(~catalogue.available)

    def source_scores(self, contexts: Sequence[ConversationContext]) -> dict[str, FloatArray]:
        """Scores of each source by its name, (contexts, items)."""
        return {source.name: source.scores(contexts) for source in self.sources}

    def fused(self, contexts: Sequence[ConversationContext]) -> FloatArray:
        """Fused scores of all items, (contexts, items), whatever was named.

        Sources without weight, baselines among them, are not asked.
        """
        weighted = [source for source in self.sources if any(self.fusion.weights.get(source.name, ()))]
        by_source = {source.name: source.scores(contexts) for source in weighted or self.sources}
        return self.fusion.scores(by_source, contexts)

    def scores(self, contexts: Sequence[ConversationContext]) -> FloatArray:
        """Fused scores of all items, (contexts, items).

        Items already named, sold out or withdrawn score `EXCLUDED`.
        """
        scores = self.fused(contexts)
        scores[:, self._not_sold] = EXCLUDED
        for row, context in enumerate(contexts):
            scores[row, context.mentioned_items] = EXCLUDED
        return scores

    def recommend(self, contexts: Sequence[ConversationContext], n: int) -> list[tuple[IntArray, FloatArray]]:
        """The best `n` articles of each context by their best variants, positions and scores.

        Articles of which a variant was named already are left out.
        """
        articles, scores = self.catalogue.articles, self.scores(contexts)
        count, lists = min(n * articles.max_variants, len(self.catalogue)), []
        for context, row, best in zip(contexts, scores, top_k(scores, count), strict=True):
            eligible = best[row[best] > EXCLUDED]
            if articles.has_variants:
                is_named = articles.shares_article(np.asarray(context.mentioned_items, np.int64))
                eligible = eligible[~is_named[eligible]]
            chosen = eligible[articles.first_rows(eligible)][:n]
            lists.append((chosen, row[chosen]))
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
    def load(
        cls, folder: Path, catalogue: Catalogue, extra_sources: ExtraSources = no_extra_sources
    ) -> ConversationRanker:
        """Read what `save` wrote, for a catalogue that may have changed since.

        Items are matched by id: withdrawn ones are not recommended, new ones come last and are scored by
        their content. `extra_sources` opens trained ones; where it opens none, the others rank without them.
        Raises `StoreError` where a file is broken.
        """
        saved = read_record(folder / RANKER_FILE, SavedRanker)
        trained = frozenset(saved.item_ids)
        new_ids = [item_id for item_id in catalogue.ids if item_id not in trained]
        items = catalogue.by_ids([*saved.item_ids, *new_ids])
        sources = new_sources(items)
        for source in sources:
            source.load(folder / source.name)
        if any(name not in {source.name for source in sources} for name in saved.weights):
            sources += extra_sources(items)
        popularity = np.pad(np.array(saved.popularity, np.float32), (0, len(new_ids)))
        return cls(items, popularity, saved.everyday_words, sources, Fusion(saved.weights))


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

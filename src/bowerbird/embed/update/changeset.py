"""What an update learns from, and what of it the version in force does not know yet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bowerbird.data.collection_likes import select_training_sets
from bowerbird.data.interactions import Interactions
from bowerbird.data.items import Catalogue
from bowerbird.data.splits import Holdout
from bowerbird.data.store import Store
from bowerbird.embed.encode.features import ItemFeatures
from bowerbird.embed.encode.modalities import words_of
from bowerbird.embed.train.changes import ItemChanges, contents_of, holdout_after, likes_key, unseen_share
from bowerbird.embed.train.negatives import categories_of
from bowerbird.embed.train.neighbours import Strings
from bowerbird.embed.train.validation import Lots
from bowerbird.embed.train.version_files import Before


@dataclass(frozen=True)
class News:
    """Today's N items and likes beside those of a version. False where nothing is new."""

    items: ItemChanges
    contents: np.ndarray  # (N,) keys
    told: np.ndarray  # (N, F + Wt), by the maps of the version before
    shown: np.ndarray  # (N, Wi)
    unseen_words: dict[str, float | None]
    """Shares of words that the sides' maps do not know: of new and changed items, and of the others."""
    categories: np.ndarray
    """A number for each item's category, (N,) int64."""
    holdout: Holdout
    strings: Strings
    lots: Lots
    likes: dict[str, int]
    """`new` are later than what was learned from before; `earlier` came late, less those that are gone."""
    likes_key: str
    other_likes: bool
    """Whether what may be learned from likes differs from before."""

    @classmethod
    def of(
        cls, store: Store, catalogue: Catalogue, features: ItemFeatures, before: Before, keep_out: bool
    ) -> News:
        """`keep_out`: whether people and the newest events are held out, as before."""
        meta = before.vectors.meta
        events = Interactions.of(store.log.read(), catalogue)
        holdout = holdout_after(Holdout(**meta["holdout"]), events) if keep_out else Holdout(None, 0.0)
        sets = select_training_sets(store.collections(), events, catalogue, holdout)
        strings = Strings.of(holdout.training(events), sets)
        lots = Lots.of(events.users, catalogue.ids, meta["seed"])
        said = [words_of(item) for item in catalogue.items()]
        contents = contents_of(said, features)
        items = ItemChanges.of(catalogue.ids, contents, before.vectors.ids, before.contents)
        key = likes_key(strings, lots)
        later = int((strings.at > meta["learned_until"]).sum())
        return cls(
            items,
            contents,
            before.sides.told(said, features.text),
            before.sides.shown(features.image),
            {
                "new": unseen_share(_chosen(said, ~items.same), before.sides.words),
                "others": unseen_share(_chosen(said, items.same), before.sides.words),
            },
            categories_of(catalogue),
            holdout,
            strings,
            lots,
            {"new": later, "earlier": len(strings) - later - meta["likes"]},
            key,
            key != meta["likes_key"],
        )

    def __bool__(self) -> bool:
        return self.other_likes or any(self.items.counts.values())


def _chosen(said: Sequence[set[str]], rows: np.ndarray) -> list[set[str]]:
    return [words for words, chosen in zip(said, rows.tolist(), strict=True) if chosen]

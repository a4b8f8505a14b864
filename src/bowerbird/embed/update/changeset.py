"""The changeset of an update: what it trains on, and what of that the previous version does not know yet."""

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
from bowerbird.embed.encode.modalities import extract_item_words
from bowerbird.embed.train.content_changes import (
    ItemChanges,
    compute_content_keys,
    hash_likes,
    unknown_word_share,
    update_holdout,
)
from bowerbird.embed.train.negatives import number_categories
from bowerbird.embed.train.neighbours import InteractionSequences
from bowerbird.embed.train.validation import HashSplit
from bowerbird.embed.train.version_files import PreviousVersion


@dataclass(frozen=True)
class Changeset:
    """The N current items and likes, compared with those of a version. False if nothing has changed."""

    items: ItemChanges
    content_keys: np.ndarray  # (N,) hash of each item's content
    text: np.ndarray  # (N, F + Wt), by the encoders of the previous version
    image: np.ndarray  # (N, Wi)
    unknown_words: dict[str, float | None]
    """Shares of words that the encoders do not know: of new and changed items, and of the others."""
    categories: np.ndarray
    """The number of each item's category, (N,) int64."""
    holdout: Holdout
    sequences: InteractionSequences
    split: HashSplit
    likes: dict[str, int]
    """`new`: later than those trained on before; `earlier`: late arrivals, less those that are gone."""
    likes_hash: str
    likes_changed: bool
    """Whether the likes to train on differ from those of the previous version."""

    @classmethod
    def of(
        cls,
        store: Store,
        catalogue: Catalogue,
        features: ItemFeatures,
        previous: PreviousVersion,
        hold_out: bool,
    ) -> Changeset:
        """`hold_out`: whether users and the newest events are held out, as before."""
        meta = previous.vectors.meta
        events = Interactions.of(store.log.read(), catalogue)
        holdout = update_holdout(Holdout(**meta["holdout"]), events) if hold_out else Holdout(None, 0.0)
        sets = select_training_sets(store.collections(), events, catalogue, holdout)
        sequences = InteractionSequences.of(holdout.training(events), sets)
        split = HashSplit.of(events.users, catalogue.ids, meta["seed"])
        item_words = [extract_item_words(item) for item in catalogue.items()]
        content_keys = compute_content_keys(item_words, features)
        items = ItemChanges.of(catalogue.ids, content_keys, previous.vectors.ids, previous.content_keys)
        likes_hash = hash_likes(sequences, split)
        n_new = int((sequences.at > meta["learned_until"]).sum())
        lsa = previous.encoders.lsa
        return cls(
            items,
            content_keys,
            previous.encoders.encode_texts(item_words, features.text),
            previous.encoders.encode_images(features.image),
            {
                "new": unknown_word_share(_select(item_words, ~items.unchanged), lsa),
                "others": unknown_word_share(_select(item_words, items.unchanged), lsa),
            },
            number_categories(catalogue),
            holdout,
            sequences,
            split,
            {"new": n_new, "earlier": len(sequences) - n_new - meta["likes"]},
            likes_hash,
            likes_hash != meta["likes_key"],
        )

    def __bool__(self) -> bool:
        return self.likes_changed or any(self.items.counts.values())


def _select(item_words: Sequence[set[str]], mask: np.ndarray) -> list[set[str]]:
    return [words for words, selected in zip(item_words, mask.tolist(), strict=True) if selected]

"""The changeset of an update: what it trains on, and what of that the previous version does not know yet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bowerbird.data.arrays import BoolArray, FloatArray, IntArray, KeyArray
from bowerbird.data.collections import select_training_sets
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
from bowerbird.embed.update_report import ItemCounts, LikeCounts, UnknownWords


@dataclass(frozen=True)
class Changeset:
    """The N current items and likes, compared with those of a version. False if nothing has changed."""

    items: ItemChanges
    content_keys: KeyArray  # (N,) hash of each item's content
    text: FloatArray  # (N, F + Wt), by the encoders of the previous version
    image: FloatArray  # (N, Wi)
    unknown_words: UnknownWords
    categories: IntArray
    """The number of each item's category, (N,) int64."""
    holdout: Holdout
    sequences: InteractionSequences
    split: HashSplit
    likes: LikeCounts
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
        holdout = update_holdout(previous.vectors.holdout, events) if hold_out else Holdout(None, 0.0)
        sets = select_training_sets(store.collections(), events, catalogue, holdout)
        sequences = InteractionSequences.of(holdout.training(events), sets)
        split = HashSplit.of(events.users, catalogue.ids, meta.seed or 0)
        item_words = [extract_item_words(item) for item in catalogue.items()]
        content_keys = compute_content_keys(item_words, features)
        items = ItemChanges.of(catalogue.ids, content_keys, previous.vectors.ids, previous.content_keys)
        likes_hash = hash_likes(sequences, split)
        n_new = int((sequences.at > meta.trained_until).sum())
        lsa = previous.encoders.lsa
        return cls(
            items,
            content_keys,
            previous.encoders.encode_texts(item_words, features.text),
            previous.encoders.encode_images(features.image),
            UnknownWords(
                unknown_word_share(_select(item_words, ~items.unchanged), lsa),
                unknown_word_share(_select(item_words, items.unchanged), lsa),
            ),
            number_categories(catalogue),
            holdout,
            sequences,
            split,
            LikeCounts(n_new, len(sequences) - n_new - meta.likes),
            likes_hash,
            likes_hash != meta.likes_hash,
        )

    def __bool__(self) -> bool:
        return self.likes_changed or self.items.counts != ItemCounts(0, 0, 0)


def _select(item_words: Sequence[set[str]], mask: BoolArray) -> list[set[str]]:
    return [words for words, selected in zip(item_words, mask.tolist(), strict=True) if selected]

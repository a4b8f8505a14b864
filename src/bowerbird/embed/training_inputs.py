"""What a training of the vectors reads: items, likes, backbones, and the hash of all of it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bowerbird.choices import HoldoutChoice
from bowerbird.data.collections import select_training_sets
from bowerbird.data.interactions import Interactions
from bowerbird.data.items import Catalogue
from bowerbird.data.splits import Holdout
from bowerbird.data.store import Store
from bowerbird.embed.config import EmbedConfig
from bowerbird.embed.encode.features import ItemFeatures, compute_item_features
from bowerbird.embed.encode.modalities import extract_item_words
from bowerbird.embed.encode.precompute import Precompute
from bowerbird.embed.train.neighbours import InteractionSequences
from bowerbird.embed.train.validation import HashSplit
from bowerbird.models.backbones import DEFAULT_TEXT, MULTILINGUAL_TEXT, find_backbone
from bowerbird.models.fetching import is_pulled
from bowerbird.text.languages import ENGLISH, detect_catalogue_language


@dataclass(frozen=True)
class TrainingInputs:
    """What a training reads from a store. N items."""

    catalogue: Catalogue
    language: str | None
    item_words: Sequence[set[str]]
    features: ItemFeatures
    users: Sequence[str]
    holdout: Holdout
    sequences: InteractionSequences
    """Likes that may be trained on."""

    def split(self, seed: int) -> HashSplit:
        """Validation numbers of users and items."""
        return HashSplit.of(self.users, self.catalogue.ids, seed)


def read_inputs(
    store: Store, catalogue: Catalogue, config: EmbedConfig, precompute: Precompute
) -> TrainingInputs:
    """Read a store as it is now, and encode its items' pictures and texts."""
    language = detect_catalogue_language(catalogue)
    text_backbone = config.text_backbone or choose_text_backbone(language)
    features = compute_item_features(store, catalogue, config.image_backbone, text_backbone, precompute)
    events = Interactions.of(store.log.read(), catalogue)
    holdout = Holdout.default(events) if config.holdout is HoldoutChoice.DEFAULT else Holdout(None, 0.0)
    sets = select_training_sets(store.collections(), events, catalogue, holdout)
    sequences = InteractionSequences.of(holdout.training(events), sets)
    item_words = [extract_item_words(item) for item in catalogue.items()]
    return TrainingInputs(catalogue, language, item_words, features, events.users, holdout, sequences)


def choose_text_backbone(language: str | None) -> str:
    """Choose the text encoder for a catalogue: a multilingual one, if installed, unless it is in English.

    `language` is a code of `text.languages`; a catalogue of unknown language is taken for English.
    """
    multilingual = find_backbone(MULTILINGUAL_TEXT)
    is_english = language in (None, ENGLISH)
    return (
        DEFAULT_TEXT if is_english or not multilingual or not is_pulled(multilingual) else multilingual.name
    )


def backbones_by_modality(features: ItemFeatures) -> dict[str, str]:
    """Names of the encoders, for `meta.json`."""
    return dict(zip(("image", "text"), features.backbones, strict=True))


def hash_inputs(ids: list[str], features: ItemFeatures, sequences: InteractionSequences) -> str:
    """Hash everything that the training read to 128 bits."""
    digest = hashlib.blake2b(json.dumps(ids).encode(), digest_size=16)
    for array in (features.image, features.text, sequences.items, sequences.owner, sequences.at):
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()

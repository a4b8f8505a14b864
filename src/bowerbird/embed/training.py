"""Trains the tower on a store's content and engagement, and publishes the items' vectors.

After each epoch (see `train.objective`) the tower is validated on held-out users and items, with several
weights of what was learned. The best state is rotated so that its first dimensions are useful alone (see
`train.matryoshka`) and published: the untrained one, if nothing improved on it.
"""

from __future__ import annotations

import hashlib
import json
import resource
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bowerbird.choices import HoldoutChoice, Precision
from bowerbird.data.arrays import FloatArray
from bowerbird.data.collections import select_training_sets
from bowerbird.data.interactions import Interactions
from bowerbird.data.items import Catalogue
from bowerbird.data.splits import Holdout
from bowerbird.data.store import Store
from bowerbird.data.versions.version import Version
from bowerbird.embed.config import DEFAULTS, EmbedConfig
from bowerbird.embed.encode.features import ItemFeatures, compute_item_features
from bowerbird.embed.encode.modalities import ModalityEncoders, extract_item_words
from bowerbird.embed.encode.precompute import LOCAL, Precompute
from bowerbird.embed.finetune.finetuning import FinetuningData, finetune_backbones, select_backbones
from bowerbird.embed.index.rows import normalize_rows, quantize_int8
from bowerbird.embed.meta import BackbonesMeta, StageSeconds, VectorsMeta
from bowerbird.embed.train.content_changes import compute_content_keys, hash_likes
from bowerbird.embed.train.fit import TowerFit, fit_tower
from bowerbird.embed.train.negatives import number_categories
from bowerbird.embed.train.neighbours import InteractionSequences
from bowerbird.embed.train.seeds import summarize_seeds
from bowerbird.embed.train.tower import ModalityFeatures
from bowerbird.embed.train.validation import HashSplit
from bowerbird.embed.train.version_files import VersionFiles
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


def train_embedding(store: Store, config: EmbedConfig = DEFAULTS, precompute: Precompute = LOCAL) -> Version:
    """Train on the store and publish a version of `vectors`, with inputs, settings and metrics in its `meta`.

    Items and events may change meanwhile: the vectors are of the items there were at the start.
    Raises `StoreError` if the store has no items or is being trained on, `BackboneError` if a backbone is not
    available.
    """
    started = time.monotonic()
    with store.training_lock("bowerbird embed"):
        snapshot = store.snapshot()  # its pictures stay, whatever is imported meanwhile
        inputs = _read_inputs(store, snapshot.imported, config, precompute)
        config = replace(config, text_backbone=inputs.features.backbones[1])
        encoded = time.monotonic()
        finetuning = None
        if config.unfreeze:
            inputs, finetuning = _finetune(store, inputs, config, precompute)
        fits, files = _fit(inputs, config)
        fit, other_fits = fits[0], fits[1:]
        meta = VectorsMeta(
            config=config,
            items=len(inputs.catalogue),
            dim=config.dim,
            seed=config.seed,
            backbones=backbones_by_modality(inputs.features),
            language=inputs.language,
            finetuning=finetuning,
            holdout=inputs.holdout,
            modality_widths=files.encoders.widths,
            likes=len(inputs.sequences),
            epochs=fit.epochs,
            metrics=fit.metrics,
            over_seeds=summarize_seeds(config.seed, [fit.metrics, *(other.metrics for other in other_fits)]),
            inputs=_hash_inputs(inputs.catalogue.ids, inputs.features, inputs.sequences),
            likes_hash=hash_likes(inputs.sequences, inputs.split(config.seed)),
            trained_until=int(inputs.sequences.at.max(initial=0)),
            validation_thresholds=fit.validation_thresholds,
        )

        def write(folder: Path) -> VectorsMeta:
            files.write(folder)
            return add_cost(meta, started, encoded)

        with store.lock("bowerbird embed", wait=True):
            return store.publish(VectorsMeta.KIND, meta, write)


def _read_inputs(
    store: Store, catalogue: Catalogue, config: EmbedConfig, precompute: Precompute
) -> TrainingInputs:
    language = detect_catalogue_language(catalogue)
    text_backbone = config.text_backbone or choose_text_backbone(language)
    features = compute_item_features(store, catalogue, config.image_backbone, text_backbone, precompute)
    events = Interactions.of(store.log.read(), catalogue)
    holdout = Holdout.default(events) if config.holdout is HoldoutChoice.DEFAULT else Holdout(None, 0.0)
    sets = select_training_sets(store.collections(), events, catalogue, holdout)
    sequences = InteractionSequences.of(holdout.training(events), sets)
    item_words = [extract_item_words(item) for item in catalogue.items()]
    return TrainingInputs(catalogue, language, item_words, features, events.users, holdout, sequences)


def _finetune(
    store: Store, inputs: TrainingInputs, config: EmbedConfig, precompute: Precompute
) -> tuple[TrainingInputs, BackbonesMeta | None]:
    """Fine-tune the backbones, and encode the items again where that helped."""
    data = FinetuningData(
        inputs.catalogue, inputs.item_words, inputs.features, inputs.sequences, inputs.split(config.seed)
    )
    finetune = replace(
        config.finetune,
        layers=config.unfreeze,
        only=config.unfreeze_only,
        seed=config.seed,
        dim=config.dim,
    )
    version = finetune_backbones(store, data, finetune)
    backbones = select_backbones(version, inputs.features.backbones)
    features = compute_item_features(store, inputs.catalogue, *backbones, precompute)
    report = None if version is None else version.read_meta(BackbonesMeta)
    return replace(inputs, features=features), report


def _fit(inputs: TrainingInputs, config: EmbedConfig) -> tuple[list[TowerFit], VersionFiles]:
    """Train a tower for each seed; the files are those of the first."""
    features, item_words = inputs.features, inputs.item_words
    encoders = ModalityEncoders.of(item_words, features, config.modalities)
    image, text = encoders.encode_images(features.image), encoders.encode_texts(item_words, features.text)
    generic, modalities = generic_vectors(features), ModalityFeatures.of(image, text)
    categories = number_categories(inputs.catalogue)
    fits = [
        fit_tower(
            modalities, generic, inputs.sequences, inputs.split(seed), replace(config, seed=seed), categories
        )
        for seed in range(config.seed, config.seed + config.seeds)
    ]
    return fits, VersionFiles(
        inputs.catalogue.ids,
        convert_precision(fits[0].vectors, config.precision),
        generic,
        np.concatenate([text, image], axis=1),
        compute_content_keys(item_words, features),
        encoders,
        fits[0].tower.state_dict(),
        fits[0].offsets,
    )


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


def add_cost(meta: VectorsMeta, started: float, encoded: float) -> VectorsMeta:
    """Add time and peak memory; the moments are those of `time.monotonic`, in seconds."""
    seconds = StageSeconds(round(encoded - started, 2), round(time.monotonic() - encoded, 2))
    peak_memory_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return replace(meta, seconds=seconds, peak_memory_mb=peak_memory_mb)


def convert_precision(vectors: FloatArray, precision: Precision) -> NDArray[np.float16] | NDArray[np.int8]:
    """Convert vectors (N, D) to the precision in which they are stored."""
    return quantize_int8(vectors) if precision is Precision.INT8 else vectors.astype(np.float16)


def generic_vectors(features: ItemFeatures) -> FloatArray:
    """The frozen features, concatenated, (items, Di + Dt) of length 1: the untrained baseline."""
    return normalize_rows(np.concatenate([features.image, features.text], axis=1))


def _hash_inputs(ids: list[str], features: ItemFeatures, sequences: InteractionSequences) -> str:
    """Hash everything that the training read to 128 bits."""
    digest = hashlib.blake2b(json.dumps(ids).encode(), digest_size=16)
    for array in (features.image, features.text, sequences.items, sequences.owner, sequences.at):
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()

"""Trains the tower on a store's content and engagement, and publishes the items' vectors.

After each epoch (see `train.objective`) the tower is validated on held-out users and items, with several
weights of what was learned. The best state is rotated so that its first dimensions are useful alone (see
`train.matryoshka`) and published: the untrained one, if nothing improved on it.
"""

from __future__ import annotations

import resource
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bowerbird.choices import Precision
from bowerbird.data.arrays import FloatArray
from bowerbird.data.store import Store
from bowerbird.data.versions.version import Version
from bowerbird.embed.config import DEFAULTS, EmbedConfig
from bowerbird.embed.encode.features import ItemFeatures, compute_item_features
from bowerbird.embed.encode.modalities import ModalityEncoders
from bowerbird.embed.encode.precompute import LOCAL, Precompute
from bowerbird.embed.finetune.finetuning import FinetuningData, finetune_backbones, select_backbones
from bowerbird.embed.index.rows import normalize_rows, quantize_int8
from bowerbird.embed.meta import BackbonesMeta, StageSeconds, VectorsMeta
from bowerbird.embed.train.content_changes import compute_content_keys, hash_likes
from bowerbird.embed.train.fit import TowerFit, fit_tower
from bowerbird.embed.train.negatives import number_categories
from bowerbird.embed.train.seeds import summarize_seeds
from bowerbird.embed.train.tower import ModalityFeatures
from bowerbird.embed.train.version_files import VersionFiles
from bowerbird.embed.training_inputs import TrainingInputs, backbones_by_modality, hash_inputs, read_inputs


def train_embedding(store: Store, config: EmbedConfig = DEFAULTS, precompute: Precompute = LOCAL) -> Version:
    """Train on the store and publish a version of `vectors`, with inputs, settings and metrics in its `meta`.

    Items and events may change meanwhile: the vectors are of the items there were at the start.
    Raises `StoreError` if the store has no items or is being trained on, `BackboneError` if a backbone is not
    available.
    """
    started = time.monotonic()
    with store.training_lock("bowerbird embed"):
        snapshot = store.snapshot()  # its pictures stay, whatever is imported meanwhile
        inputs = read_inputs(store, snapshot.imported, config, precompute)
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
            inputs=hash_inputs(inputs.catalogue.ids, inputs.features, inputs.sequences),
            likes_hash=hash_likes(inputs.sequences, inputs.split(config.seed)),
            trained_until=int(inputs.sequences.at.max(initial=0)),
            validation_thresholds=fit.validation_thresholds,
        )

        def write(folder: Path) -> VectorsMeta:
            files.write(folder)
            return add_cost(meta, started, encoded)

        with store.lock("bowerbird embed", wait=True):
            return store.publish(VectorsMeta.KIND, meta, write)


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

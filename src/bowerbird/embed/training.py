"""Trains the tower on a store's content and engagement, and publishes the items' vectors.

After each epoch (see `train.objective`) the tower is validated on held-out users and items, with several
weights of what was learned. The best state is rotated so that its first dimensions are useful alone (see
`train.matryoshka`) and published: the untrained one, if nothing improved on it.
"""

from __future__ import annotations

import hashlib
import json
import math
import resource
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

from bowerbird.data.collection_likes import select_training_sets
from bowerbird.data.interactions import Interactions
from bowerbird.data.splits import Holdout
from bowerbird.data.store import Store
from bowerbird.data.versions import Version
from bowerbird.embed.encode.adapted_backbones import Modality
from bowerbird.embed.encode.features import ItemFeatures, compute_item_features
from bowerbird.embed.encode.modalities import ModalityEncoders, extract_item_words
from bowerbird.embed.encode.precompute import LOCAL, Precompute
from bowerbird.embed.finetune.finetuning import (
    FinetuneConfig,
    FinetuningData,
    finetune_backbones,
    select_backbones,
)
from bowerbird.embed.index.rows import normalize_rows, quantize_int8
from bowerbird.embed.train.content_changes import compute_content_keys, hash_likes
from bowerbird.embed.train.negatives import number_categories
from bowerbird.embed.train.neighbours import InteractionSequences
from bowerbird.embed.train.objective import TowerTrainer, TrainingDataset
from bowerbird.embed.train.seeds import summarize_seeds
from bowerbird.embed.train.tower import ModalityFeatures, Tower
from bowerbird.embed.train.validation import HashSplit, Quality, Validator
from bowerbird.embed.train.version_files import VersionFiles
from bowerbird.errors import InputError
from bowerbird.models.backbones import DEFAULT_TEXT, MULTILINGUAL_TEXT, find_backbone
from bowerbird.models.fetching import is_pulled
from bowerbird.progress import track
from bowerbird.text.languages import ENGLISH, detect_catalogue_language

PATIENCE = 3
LEARNED_WEIGHTS = (0.15, 0.3, 0.5, 1.0)
"""Weights of what was learned that are validated: in full it pulls known items away from new ones."""
DEFAULT_LEARNED_WEIGHT = 0.3
"""The weight if there are no validation users."""


@dataclass(frozen=True)
class EmbedConfig:
    """Settings of one training."""

    dim: int = 256
    """Width of an item vector."""
    epochs: int = 12
    """Passes over the neighbour pairs at most; fewer if the validation score stops rising."""
    seed: int = 0
    seeds: int = 1
    """Number of trainings, with `seed` and the numbers after it. The first is published; all are reported."""
    holdout: Literal["default", "none"] = "default"
    """`default` holds out users and the newest events, for `evaluate`; `none` trains on everything."""
    precision: Literal["float16", "int8"] = "float16"
    """How vectors are stored: int8 takes half the space."""
    image_backbone: str = "efficientnet-lite0"
    text_backbone: str | None = None
    """None chooses by the catalogue's language: `minilm-l6` for English, `multilingual-e5-small` (where it
    is installed) for others."""
    unfreeze: int = 0
    """Top blocks of the backbones to fine-tune on the store first; 0 leaves the backbones as they are."""
    unfreeze_only: Modality | None = None

    def __post_init__(self) -> None:
        if not 8 <= self.dim <= 1024:
            raise InputError(f"the width of a vector is {self.dim}, expected 8 to 1024")
        if self.seeds < 1:
            raise InputError(f"{self.seeds} seeds train nothing, expected 1 or more")
        if self.epochs < 0:
            raise InputError(f"the number of epochs is {self.epochs}, expected 0 or more")
        if self.holdout not in ("default", "none"):
            raise InputError(f"the holdout is {self.holdout!r}, expected default or none")
        if self.unfreeze < 0:
            raise InputError(f"the number of blocks to unfreeze is {self.unfreeze}, expected 0 or more")
        if self.unfreeze_only not in (None, "image", "text"):
            raise InputError(f"the modality to unfreeze is {self.unfreeze_only!r}, expected image or text")


def train_embedding(
    store: Store, config: EmbedConfig = EmbedConfig(), precompute: Precompute = LOCAL
) -> Version:
    """Train on the store and publish a version of `vectors`, with inputs, settings and metrics in its `meta`.

    Raises `StoreError` if the store has no items or is being written, `BackboneError` if a backbone is not
    available.
    """
    started = time.monotonic()
    with store.lock("embed"):
        catalogue = store.catalogue()
        language = detect_catalogue_language(catalogue)
        text_backbone = config.text_backbone or choose_text_backbone(language)
        config = replace(config, text_backbone=text_backbone)
        features = compute_item_features(store, catalogue, config.image_backbone, text_backbone, precompute)
        encoded = time.monotonic()
        events = Interactions.of(store.log.read(), catalogue)
        holdout = Holdout.default(events) if config.holdout == "default" else Holdout(None, 0.0)
        sets = select_training_sets(store.collections(), events, catalogue, holdout)
        sequences = InteractionSequences.of(holdout.training(events), sets)
        item_words = [extract_item_words(item) for item in catalogue.items()]
        split = HashSplit.of(events.users, catalogue.ids, config.seed)
        adapted = None
        if config.unfreeze:
            data = FinetuningData(catalogue, item_words, features, sequences, split)
            finetune = FinetuneConfig(config.unfreeze, config.unfreeze_only, config.seed, config.dim)
            adapted = finetune_backbones(store, data, finetune)
            backbones = select_backbones(adapted, features.backbones)
            features = compute_item_features(store, catalogue, *backbones, precompute)
        encoders = ModalityEncoders.of(item_words, features)
        image = encoders.encode_images(features.image)
        text = encoders.encode_texts(item_words, features.text)
        generic = generic_vectors(features)
        modalities, categories = ModalityFeatures.of(image, text), number_categories(catalogue)

        def train(seed: int) -> tuple[TowerFit, HashSplit]:
            split = HashSplit.of(events.users, catalogue.ids, seed)
            seed_config = replace(config, seed=seed)
            return fit_tower(modalities, generic, sequences, split, seed_config, categories), split

        fit, split = train(config.seed)
        other_metrics = [train(config.seed + k)[0].metrics for k in range(1, config.seeds)]
        meta: dict[str, Any] = {
            "items": len(catalogue),
            **settings_meta(config, features.backbones),
            "language": language,
            "unfrozen": adapted and adapted.meta,
            "holdout": asdict(holdout),
            "sides": encoders.widths,
            "likes": len(sequences),
            "epochs": fit.epochs,
            "metrics": fit.metrics,
            "over_seeds": summarize_seeds(config.seed, [fit.metrics, *other_metrics]),
            "inputs": _hash_inputs(catalogue.ids, features, sequences),
            "likes_key": hash_likes(sequences, split),
            "learned_until": int(sequences.at.max(initial=0)),
            "judged_below": fit.validation_thresholds,
        }
        files = VersionFiles(
            catalogue.ids,
            convert_precision(fit.vectors, config.precision),
            generic,
            np.concatenate([text, image], axis=1),
            compute_content_keys(item_words, features),
            encoders,
            fit.tower.state_dict(),
            fit.offsets,
        )

        def write(folder: Path) -> None:
            files.write(folder)
            meta.update(cost_meta(started, encoded))

        return store.publish("vectors", meta, write)


def choose_text_backbone(language: str | None) -> str:
    """Choose the text encoder for a catalogue: a multilingual one, if installed, unless it is in English.

    `language` is a code of `text.languages`; a catalogue of unknown language is taken for English.
    """
    multilingual = find_backbone(MULTILINGUAL_TEXT)
    is_english = language in (None, ENGLISH)
    return (
        DEFAULT_TEXT if is_english or not multilingual or not is_pulled(multilingual) else multilingual.name
    )


def settings_meta(config: EmbedConfig, backbones: tuple[str, str]) -> dict[str, Any]:
    """The settings for `meta.json`; `backbones` are the names of the image and the text encoder."""
    return {
        "dim": config.dim,
        "seed": config.seed,
        "config": asdict(config),
        "backbones": dict(zip(("image", "text"), backbones, strict=True)),
    }


def cost_meta(started: float, encoded: float) -> dict[str, Any]:
    """Time and peak memory for `meta.json`; the moments are those of `time.monotonic`, in seconds."""
    return {
        "seconds": {
            "features": round(encoded - started, 2),
            "training": round(time.monotonic() - encoded, 2),
        },
        "peak_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


def convert_precision(vectors: np.ndarray, precision: str) -> np.ndarray:
    """Convert vectors (N, D) float32 to the precision in which they are stored."""
    return quantize_int8(vectors) if precision == "int8" else vectors.astype(np.float16)


def generic_vectors(features: ItemFeatures) -> np.ndarray:
    """The frozen features, concatenated, (items, Di + Dt) float32 of length 1: the untrained baseline."""
    return normalize_rows(np.concatenate([features.image, features.text], axis=1))


@dataclass(frozen=True)
class TowerFit:
    """A trained tower and its vectors of all items."""

    tower: Tower
    offsets: np.ndarray  # (items, dim) float32, learned from pairs about one item beyond its content
    vectors: np.ndarray  # (items, dim) float32 of length 1; zeros for items without features
    epochs: int
    metrics: dict[str, Any]
    validation_thresholds: tuple[float, float]
    """Highest split numbers of users and items in the validation set: those below were not trained on."""


def fit_tower(
    features: ModalityFeatures,
    generic: np.ndarray,
    sequences: InteractionSequences,
    split: HashSplit,
    config: EmbedConfig,
    categories: np.ndarray | None = None,
) -> TowerFit:
    """Train a tower on content and likes. Owners in `sequences` that are in the `split` are users; `generic`
    (N, E) are vectors to compare with; `categories` (N,) int64 is the number of each item's category."""
    rng = np.random.default_rng(config.seed)
    torch.manual_seed(config.seed)
    has_both = (features.has_image * features.has_text)[:, 0].numpy() > 0
    validator = Validator(sequences, split, has_both=has_both)
    dataset = TrainingDataset(features, validator.training, categories, validator.cross_modal_items)
    trainer = TowerTrainer(dataset, config.dim, rng)
    untrained = best_quality = trainer.validate(validator) if validator else None
    generic_quality = validator.quality(generic) if validator else None
    best, best_epoch, best_weight = trainer.scale_learned(0.0), 0, 0.0
    for epoch in track(range(1, config.epochs + 1), "training the tower"):
        trainer.train_epoch()
        if best_quality is None:
            best_epoch, best_weight = epoch, DEFAULT_LEARNED_WEIGHT
            best = trainer.scale_learned(best_weight)
            continue
        for weight in LEARNED_WEIGHTS:
            state = trainer.scale_learned(weight)
            quality = trainer.validate(validator, state)
            if quality.score > best_quality.score:
                best, best_epoch, best_weight, best_quality = state, epoch, weight, quality
        if epoch - best_epoch >= PATIENCE:
            break
    trainer.restore(best)
    trainer.order_dimensions(config.seed)
    offsets = trainer.offset.weight.detach()
    vectors = trainer.tower.encode(features, offsets)
    first_quarter = normalize_rows(vectors[:, : config.dim // 4])
    metrics = {
        "trust": best_weight,
        "what": "gain and recall of the last fifth of the likes of held-out users, by the mean of the others",
        "people": len(validator.users),
        "generic": metrics_as_dict(generic_quality),
        "untrained": metrics_as_dict(untrained),
        "tower": metrics_as_dict(best_quality),
        "first quarter": metrics_as_dict(validator.quality(first_quarter) if validator else None),
    }
    return TowerFit(trainer.tower, offsets.numpy(), vectors, best_epoch, metrics, validator.thresholds)


def metrics_as_dict(quality: Quality | None) -> dict[str, float | None] | None:
    """A quality for `meta.json`; None for NaN, which JSON does not have."""
    if quality is None:
        return None
    return {name: None if math.isnan(value) else round(value, 5) for name, value in asdict(quality).items()}


def _hash_inputs(ids: list[str], features: ItemFeatures, sequences: InteractionSequences) -> str:
    """Hash everything that the training read to 128 bits."""
    digest = hashlib.blake2b(json.dumps(ids).encode(), digest_size=16)
    for array in (features.image, features.text, sequences.items, sequences.owner, sequences.at):
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()

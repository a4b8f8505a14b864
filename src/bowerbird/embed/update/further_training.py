"""Trains the tower further on what is new, and rotates it back to its previous space."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch

from bowerbird.data.arrays import FloatArray, StoredArray
from bowerbird.embed.config import EmbedConfig, UpdateConfig
from bowerbird.embed.meta import TrainingMetrics
from bowerbird.embed.train.alignment import fit_rotation, rotate_tower
from bowerbird.embed.train.objective import TrainingDataset
from bowerbird.embed.train.tower import ModalityFeatures
from bowerbird.embed.train.validation import Validator
from bowerbird.embed.train.version_files import PreviousVersion
from bowerbird.embed.training import convert_precision
from bowerbird.embed.update.changeset import Changeset
from bowerbird.embed.update.drift import measure_movement
from bowerbird.embed.update.warm_start import continue_tower
from bowerbird.embed.update_report import Movement


@dataclass(frozen=True)
class UpdateFit:
    """What an update trained. N items, vectors of width D."""

    stored: StoredArray  # (N, D) float16 or int8
    tower: dict[str, torch.Tensor]
    offsets: FloatArray  # (N, D) float32
    epochs: int
    metrics: TrainingMetrics
    moved_before_alignment: Movement | None


def train_further(
    previous: PreviousVersion,
    changeset: Changeset,
    settings: EmbedConfig,
    config: UpdateConfig,
    previous_stored: StoredArray,
    old: FloatArray,
) -> UpdateFit:
    """Train the tower on what is new, and rotate it back to its previous space.

    `previous_stored` (N, D): the previous vectors in the current order; `old` (n, D): those of unchanged
    items, of length 1.
    """
    unchanged = changeset.items.unchanged
    offsets = changeset.items.reorder(previous.offsets)
    features = ModalityFeatures.of(changeset.image, changeset.text)
    has_both = (features.has_image * features.has_text)[:, 0].numpy() > 0
    thresholds = previous.vectors.meta.validation_thresholds
    validator = Validator(changeset.sequences, changeset.split, thresholds, has_both, settings.validation)
    # New items alone need no training: the tower projects them.
    epochs = settings.epochs if changeset.likes_changed else 0
    fit = continue_tower(
        TrainingDataset(features, validator.training, changeset.categories, validator.cross_modal_items),
        (previous.tower, torch.from_numpy(offsets)),
        validator,
        previous.vectors.meta.trained_until,
        replace(settings, epochs=epochs),
        config,
    )
    tower, learned_offsets = fit.state
    moved_before_alignment = measure_movement(fit.vectors[unchanged], old)
    if not fit.share:
        stored = convert_precision(fit.vectors, settings.precision)
        if stored.dtype == previous_stored.dtype:  # the same to the bit, so that an index can be updated
            stored[unchanged] = previous_stored[unchanged]
        return UpdateFit(stored, tower, offsets, fit.epochs, fit.metrics, moved_before_alignment)
    rotation = fit_rotation(fit.vectors[unchanged], old)
    return UpdateFit(
        convert_precision(fit.vectors @ rotation, settings.precision),
        rotate_tower(tower, rotation),
        learned_offsets.numpy() @ rotation,
        fit.epochs,
        fit.metrics,
        moved_before_alignment,
    )

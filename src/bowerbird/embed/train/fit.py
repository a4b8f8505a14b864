"""Fits a tower: trains it epoch by epoch and keeps the state that validates best."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from bowerbird.data.arrays import FloatArray, IntArray
from bowerbird.embed.config import EmbedConfig
from bowerbird.embed.index.rows import normalize_rows
from bowerbird.embed.meta import Quality, TrainingMetrics
from bowerbird.embed.train.neighbours import InteractionSequences
from bowerbird.embed.train.objective import TowerState, TowerTrainer, TrainingDataset
from bowerbird.embed.train.tower import ModalityFeatures, Tower
from bowerbird.embed.train.validation import HashSplit, Validator
from bowerbird.progress import track


@dataclass(frozen=True)
class TowerFit:
    """A trained tower and its vectors of all items."""

    tower: Tower
    offsets: FloatArray  # (items, dim) learned from pairs about one item beyond its content
    vectors: FloatArray  # (items, dim) of length 1; zeros for items without features
    epochs: int
    metrics: TrainingMetrics
    validation_thresholds: tuple[float, float]
    """Highest split numbers of users and items in the validation set: those below were not trained on."""


@dataclass(frozen=True)
class _BestState:
    state: TowerState
    epoch: int
    weight: float
    """Of what was learned."""
    quality: Quality | None


def fit_tower(
    features: ModalityFeatures,
    generic: FloatArray,
    sequences: InteractionSequences,
    split: HashSplit,
    config: EmbedConfig,
    categories: IntArray | None = None,
) -> TowerFit:
    """Train a tower on content and likes. Owners in `sequences` that are in the `split` are users; `generic`
    (N, E) are vectors to compare with; `categories` (N,) is the number of each item's category."""
    rng = np.random.default_rng(config.seed)
    torch.manual_seed(config.seed)
    has_both = (features.has_image * features.has_text)[:, 0].numpy() > 0
    validator = Validator(sequences, split, has_both=has_both, config=config.validation)
    dataset = TrainingDataset(features, validator.training, categories, validator.cross_modal_items)
    trainer = TowerTrainer(dataset, config, rng)
    untrained = trainer.validate(validator) if validator else None
    best = _train_until_best(trainer, validator, untrained, config)
    trainer.restore(best.state)
    trainer.order_dimensions(config.seed)
    offsets = trainer.offset.weight.detach()
    vectors = trainer.tower.encode(features, offsets)
    prefix = normalize_rows(vectors[:, : config.dim // config.matryoshka.prefix_fraction])
    metrics = TrainingMetrics(
        users=len(validator.users),
        learned_weight=best.weight,
        generic=validator.quality(generic).rounded() if validator else None,
        untrained=untrained and untrained.rounded(),
        tower=best.quality and best.quality.rounded(),
        first_quarter=validator.quality(prefix).rounded() if validator else None,
    )
    return TowerFit(trainer.tower, offsets.numpy(), vectors, best.epoch, metrics, validator.thresholds)


def _train_until_best(
    trainer: TowerTrainer, validator: Validator, untrained: Quality | None, config: EmbedConfig
) -> _BestState:
    """Train until the validation score stops rising; without validation users, all epochs."""
    best = _BestState(trainer.scale_learned(0.0), 0, 0.0, untrained)
    for epoch in track(range(1, config.epochs + 1), "training the tower"):
        trainer.train_epoch()
        if best.quality is None:
            weight = config.default_learned_weight
            best = _BestState(trainer.scale_learned(weight), epoch, weight, None)
            continue
        # What was learned, in full, pulls known items away from new ones: smaller weights are tried too.
        for weight in config.learned_weights:
            state = trainer.scale_learned(weight)
            quality = trainer.validate(validator, state)
            if best.quality is None or quality.score > best.quality.score:
                best = _BestState(state, epoch, weight, quality)
        if epoch - best.epoch >= config.patience:
            break
    return best

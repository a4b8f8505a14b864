"""Continues the training of a tower: on what is new, regularised towards what is known.

Each epoch samples the pairs around new likes, and as many from all likes (replay), so that its cost follows
what is new and old items are not forgotten. Items are pulled towards their previous vectors. The published
weights lie on the line between the old and the new ones, where the validation score is best (WiSE-FT;
Wortsman et al., CVPR 2022): the old weights, if nothing improved on them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from bowerbird.data.arrays import FloatArray, IntArray
from bowerbird.embed.config import UPDATE_DEFAULTS, EmbedConfig, UpdateConfig
from bowerbird.embed.meta import TrainingMetrics
from bowerbird.embed.train.losses import anchor_loss
from bowerbird.embed.train.neighbours import InteractionSequences
from bowerbird.embed.train.objective import TowerState, TowerTrainer, TrainingDataset
from bowerbird.embed.train.tower import BLOCK, ModalityFeatures, Tower
from bowerbird.embed.train.validation import Validator
from bowerbird.progress import track


@dataclass(frozen=True)
class WarmStartFit:
    """A tower after further training, and its vectors of N items."""

    state: TowerState
    vectors: FloatArray  # (N, D) float32 of length 1
    share: float
    """Position between the old weights (0) and the new ones (1); 0 if nothing improved."""
    epochs: int
    metrics: TrainingMetrics


def continue_tower(
    dataset: TrainingDataset,
    start: TowerState,
    validator: Validator,
    since: int,
    config: EmbedConfig,
    update: UpdateConfig = UPDATE_DEFAULTS,
) -> WarmStartFit:
    """Continue from `start` for `config.epochs` epochs over the likes later than `since` (microseconds)."""
    torch.manual_seed(config.seed)
    rng = np.random.default_rng(config.seed)
    trainer = WarmStartTrainer(dataset, config, update, rng, start, since)
    previous = best_quality = trainer.validate(validator) if validator else None
    best, best_epoch, best_share = start, 0, 0.0
    for epoch in track(range(1, config.epochs + 1), "training the tower further"):
        trainer.train_epoch()
        current = trainer.scale_learned(1.0)
        if best_quality is None:
            best_epoch, best_share = epoch, config.default_learned_weight
            best = interpolate(start, current, best_share)
            continue
        for share in update.shares:
            state = interpolate(start, current, share)
            quality = trainer.validate(validator, state)
            if quality.score > best_quality.score:
                best, best_epoch, best_share, best_quality = state, epoch, share, quality
    metrics = TrainingMetrics(
        users=len(validator.users),
        learned_weight=best_share,
        previous=previous and previous.rounded(),
        tower=best_quality and best_quality.rounded(),
    )
    return WarmStartFit(best, trainer.encode_items(best), best_share, best_epoch, metrics)


class WarmStartTrainer(TowerTrainer):
    """Trains a tower further from the state in which another training ended."""

    def __init__(
        self,
        dataset: TrainingDataset,
        config: EmbedConfig,
        update: UpdateConfig,
        rng: np.random.Generator,
        start: TowerState,
        since: int,
    ) -> None:
        features = dataset.features
        tower = Tower(features.image.shape[1], features.text.shape[1], config.dim, config.tower)
        super().__init__(dataset, config, rng, tower)
        self.update = update
        self.restore(start)
        # Content vectors never change here, and every validation needs them.
        self._content = compute_content_vectors(self.tower, features)
        self._anchors = torch.from_numpy(self.encode_items())
        new = select_new_likes(self.sequences, since, config.pairs.max_distance)
        # Likes that are new but not later (collections, late arrivals) leave nothing to select: use all.
        self._new_sequences = new if len(new) else self.sequences

    @torch.inference_mode()
    def encode_items(self, state: TowerState | None = None) -> FloatArray:
        if state is not None:
            return super().encode_items(state)
        self.tower.eval()
        vectors = []
        for block in split_into_blocks(self.features):
            features = self.features.take(block)
            raw = self._content[block] + self.tower.correction(features) + self.offset.weight[block]
            has_content = (features.has_image + features.has_text) > 0
            vectors.append(torch.nn.functional.normalize(raw, dim=1) * has_content)
        all_vectors: FloatArray = torch.cat(vectors).numpy()
        return all_vectors

    def _sample_pairs(self) -> IntArray:
        new = self._new_sequences.sample_pairs(self.rng, self.config.pairs)
        replay = self.sequences.sample_pairs(self.rng, self.config.pairs)[: len(new)]
        return self.rng.permutation(np.concatenate([new, replay]))

    def _content_loss(self) -> torch.Tensor:
        loss = super()._content_loss()
        size = min(self.update.anchor_batch, len(self.content_items))
        if not size:
            return loss
        rows = torch.from_numpy(self.rng.choice(self.content_items, size, replace=False))
        vectors = self.tower(self.features.take(rows), self.offset(rows).detach())
        return loss + self.update.anchor_weight * anchor_loss(vectors, self._anchors[rows])


def split_into_blocks(features: ModalityFeatures) -> list[slice]:
    """Split N items into blocks to encode at a time; at least one block, which may be empty."""
    return [slice(start, start + BLOCK) for start in range(0, max(1, len(features.image)), BLOCK)]


@torch.inference_mode()
def compute_content_vectors(tower: Tower, features: ModalityFeatures) -> torch.Tensor:
    """Encode N items by their content, without the learned correction, (N, D)."""
    return torch.cat([tower.content(features.take(block)) for block in split_into_blocks(features)])


def interpolate(old: TowerState, new: TowerState, share: float) -> TowerState:
    """Interpolate weights linearly from old (share 0) to new ones (share 1)."""
    tower = {name: torch.lerp(tensor, new[0][name], share) for name, tensor in old[0].items()}
    return tower, torch.lerp(old[1], new[1], share)


def select_new_likes(sequences: InteractionSequences, since: int, max_distance: int) -> InteractionSequences:
    """Select the likes later than `since`, and the owner's likes at most `max_distance` from one."""
    later = np.flatnonzero(sequences.at > since)
    keep = np.zeros(len(sequences), bool)
    for distance in range(-max_distance, max_distance + 1):
        neighbour = later + distance
        inside = (neighbour >= 0) & (neighbour < len(sequences))
        neighbour, like = neighbour[inside], later[inside]
        keep[neighbour[sequences.owner[neighbour] == sequences.owner[like]]] = True
    return InteractionSequences(sequences.items[keep], sequences.owner[keep], sequences.at[keep])

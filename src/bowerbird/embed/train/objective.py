"""The training objective of the tower, and one epoch over it.

A sum of three losses: neighbours (see `neighbours`) close together; an item's picture and its text close
together; and no change of content neighbourhoods without a reason.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from bowerbird.data.arrays import FloatArray, IntArray
from bowerbird.embed.config import EmbedConfig
from bowerbird.embed.meta import Quality
from bowerbird.embed.train.alignment import rotate_tower
from bowerbird.embed.train.losses import content_loss, neighbour_loss, same_item_loss
from bowerbird.embed.train.matryoshka import fit_matryoshka_rotation
from bowerbird.embed.train.negatives import SameCategoryNegatives
from bowerbird.embed.train.neighbours import InteractionSequences
from bowerbird.embed.train.tower import IMAGE_ONLY, TEXT_ONLY, ModalityFeatures, Tower
from bowerbird.embed.train.validation import Validator

TowerState = tuple[dict[str, Any], torch.Tensor]  # of the tower, and the items' offsets


@dataclass(frozen=True)
class TrainingDataset:
    """Modality features of N items, and who liked them."""

    features: ModalityFeatures
    sequences: InteractionSequences
    """Likes that may be trained on."""
    categories: IntArray | None = None
    """The number of each item's category, (N,) int64; without them there are no hard negatives."""
    cross_modal_items: IntArray = field(default_factory=lambda: np.zeros(0, np.int64))
    """Positions of items for cross-modal validation: that their picture and text match is not trained on."""


class TowerTrainer:
    """Trains a tower, and an offset for each item, on a dataset."""

    def __init__(
        self,
        dataset: TrainingDataset,
        config: EmbedConfig,
        rng: np.random.Generator,
        tower: Tower | None = None,
    ) -> None:
        """Trains the given `tower`; without one, a tower that starts from the content's components."""
        self.config, objective = config, config.objective
        self.features, self.sequences, self.rng = dataset.features, dataset.sequences, rng
        self.cross_modal_items = dataset.cross_modal_items
        n_items = len(self.features.image)
        self.tower = tower or Tower(
            self.features.image.shape[1], self.features.text.shape[1], config.dim, config.tower
        )
        if tower is None:
            self.tower.initialize_from(self.features)
        # What pairs teach about one item beyond its content; zero for items that are in no pair.
        self.offset = torch.nn.Embedding(n_items, config.dim, sparse=True)
        torch.nn.init.zeros_(self.offset.weight)
        self.log_frequency = torch.from_numpy(np.log(self.sequences.frequency(n_items) + 1e-9)).float()
        self.negatives = None
        if dataset.categories is not None:
            self.negatives = SameCategoryNegatives(self.sequences, dataset.categories)
        self.optimizer = torch.optim.AdamW(
            self.tower.parameters(), lr=objective.learning_rate, weight_decay=objective.weight_decay
        )
        self.offset_optimizer = torch.optim.SparseAdam(
            list(self.offset.parameters()), lr=objective.learning_rate
        )
        has_content = ((self.features.has_image + self.features.has_text)[:, 0] > 0).numpy()
        has_content[self.cross_modal_items] = False
        self.content_items = np.flatnonzero(has_content)

    def train_epoch(self) -> None:
        """Train on one sample of the pairs, and on the content of as many batches of items."""
        self.tower.train()
        for pairs in self._batches():
            loss = self._content_loss()
            if pairs is not None:
                loss = loss + self._neighbour_loss(torch.from_numpy(pairs))
            self.optimizer.zero_grad()
            self.offset_optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(self.tower.parameters(), 1.0)
            self.optimizer.step()
            if pairs is not None:
                self.offset_optimizer.step()  # type: ignore[no-untyped-call]

    def encode_items(self, state: TowerState | None = None) -> FloatArray:
        """Encode every item by the current or another state, (N, dim) float32."""
        if state is None:
            return self.tower.encode(self.features, self.offset.weight.detach())
        current = self.scale_learned(1.0)
        self.restore(state)
        vectors = self.encode_items()
        self.restore(current)
        return vectors

    def validate(self, validator: Validator, state: TowerState | None = None) -> Quality:
        """Measure the quality of the current or another state."""
        if state is not None:
            current = self.scale_learned(1.0)
            self.restore(state)
            quality = self.validate(validator)
            self.restore(current)
            return quality
        features = self.features.take(torch.from_numpy(validator.cross_modal_items))
        pictures, texts = (self.tower.encode(features.mask(*mask)) for mask in (IMAGE_ONLY, TEXT_ONLY))
        return validator.quality(self.encode_items(), pictures, texts)

    def scale_learned(self, weight: float) -> TowerState:
        """Copy the state, with what was learned on top of the content multiplied by `weight`."""
        tower = copy.deepcopy(self.tower.state_dict())
        tower["fusion.weight"] *= weight
        return tower, self.offset.weight.detach() * weight

    def order_dimensions(self, seed: int) -> None:
        """Rotate the tower so that the first quarter of its dimensions is useful alone."""
        pictures, texts = (self.tower.encode(self.features.mask(*mask)) for mask in (IMAGE_ONLY, TEXT_ONLY))
        has_both = (self.features.has_image * self.features.has_text)[:, 0].numpy() > 0
        has_both[self.cross_modal_items] = False
        pictures[~has_both], texts[~has_both] = 0, 0
        rotation = fit_matryoshka_rotation(
            self.encode_items(), (pictures, texts), self.sequences, seed, self.config.matryoshka
        )
        offset = self.offset.weight.detach() @ torch.from_numpy(rotation)
        self.restore((rotate_tower(self.tower.state_dict(), rotation), offset))

    def restore(self, state: TowerState) -> None:
        """Load a state that `scale_learned` copied."""
        self.tower.load_state_dict(state[0])
        self.offset.weight.data.copy_(state[1])

    def _batches(self) -> Iterator[IntArray | None]:
        steps, batch = 0, self.config.objective.batch
        while steps < self.config.objective.min_steps:
            pairs = self._sample_pairs()
            if len(pairs) < 2:  # without likes, the other two losses are still trained
                yield None
                steps += 1
            for start in range(0, len(pairs) - 1, batch):
                yield pairs[start : start + batch]
                steps += 1

    def _sample_pairs(self) -> IntArray:
        return self.sequences.sample_pairs(self.rng, self.config.pairs)

    def _neighbour_loss(self, pairs: torch.Tensor) -> torch.Tensor:
        rows, negatives = pairs.T.reshape(-1), None
        if self.negatives is not None:
            negatives = torch.from_numpy(self.negatives.sample(pairs[:, 1].numpy(), self.rng))
            rows = torch.cat([rows, negatives])
        has_offset = self.rng.random((len(rows), 1)) >= self.config.objective.offset_dropout
        keep_offset = torch.from_numpy(has_offset).float()
        features = self._drop_modalities(self.features.take(rows))
        vectors = self.tower(features, self.offset(rows) * keep_offset)
        anchors, partners, *negative_vectors = vectors.split(len(pairs))
        hard_negatives = None if negatives is None else (negative_vectors[0], negatives)
        temperature = self.config.objective.temperature
        return neighbour_loss(anchors, partners, pairs, self.log_frequency, temperature, hard_negatives)

    def _content_loss(self) -> torch.Tensor:
        config = self.config.objective
        size = min(config.content_batch, len(self.content_items))
        if size < 2:
            return torch.zeros((), requires_grad=True)
        features = self.features.take(
            torch.from_numpy(self.rng.choice(self.content_items, size, replace=False))
        )
        moved = content_loss(self.tower(features), self.tower.content(features), config.content_temperature)
        loss: torch.Tensor = config.content_weight * moved
        with_both = torch.nonzero((features.has_image * features.has_text)[:, 0])[:, 0]
        if len(with_both) > 1:
            paired = features.take(with_both)
            images, texts = (self.tower(paired.mask(*mask)) for mask in (IMAGE_ONLY, TEXT_ONLY))
            loss = loss + config.same_item_weight * same_item_loss(images, texts, config.temperature)
        return loss

    def _drop_modalities(self, features: ModalityFeatures) -> ModalityFeatures:
        """Hide one modality of a random part of the items that have both (modality dropout)."""
        share = self.config.objective.modality_dropout
        draw = torch.from_numpy(self.rng.random((len(features.image), 1)))
        has_both = features.has_image * features.has_text
        no_text = (draw < share).float() * has_both
        no_image = (draw > 1 - share).float() * has_both
        return features.mask(1 - no_image, 1 - no_text)

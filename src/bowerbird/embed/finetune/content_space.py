"""Content vectors as a differentiable function of the features of two backbones.

The maps in between (modality encoders, principal components, predictions of one modality from the other) are
fitted on the frozen features and stay fixed. So everything that is learned goes into the backbones, where it
helps unseen items too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from bowerbird.data.arrays import IntArray
from bowerbird.embed.config import DEFAULTS, FinetuneConfig
from bowerbird.embed.encode.features import ItemFeatures
from bowerbird.embed.encode.modalities import ModalityEncoders
from bowerbird.embed.encode.reductions import Whitening
from bowerbird.embed.train.losses import content_loss, neighbour_loss, same_item_loss
from bowerbird.embed.train.tower import IMAGE_ONLY, TEXT_ONLY, ModalityFeatures, Tower


@dataclass(frozen=True)
class FinetuningBatch:
    """Pairs of neighbours, and other items for the content loss. M items, P pairs."""

    items: IntArray  # (M,) positions, distinct and ascending
    pairs: IntArray  # (P, 2) positions

    @classmethod
    def of(cls, pairs: IntArray, content_items: IntArray) -> FinetuningBatch:
        """Join the items of the pairs with those of the content loss."""
        return cls(np.unique(np.concatenate([pairs.reshape(-1), content_items])), pairs)


class ContentSpace:
    """Content vectors of N items in D dimensions, from picture and text features of Ei and Et dimensions."""

    def __init__(
        self,
        item_words: Sequence[set[str]],
        features: ItemFeatures,
        encoders: ModalityEncoders,
        config: FinetuneConfig,
    ) -> None:
        """Fit the maps on the items' words and frozen features."""
        self.config, objective = config, DEFAULTS.objective
        self._temperatures = objective.temperature, objective.content_temperature
        self.encoders = encoders
        text = self.encoders.encode_texts(item_words, features.text)
        facts_width = self.encoders.widths[0]
        # Facts are words, not features: no backbone changes them, so they are encoded once.
        self._facts = torch.from_numpy(text[:, :facts_width].copy())
        modalities = ModalityFeatures.of(self.encoders.encode_images(features.image), text)
        self._tower = Tower(modalities.image.shape[1], modalities.text.shape[1], config.dim)
        self._tower.initialize_from(modalities)
        with torch.no_grad():
            self.frozen = self._tower.content(modalities)
        """Content vectors of all items from the frozen features, (N, D)."""

    def encode_modalities(self, items: IntArray, image: torch.Tensor, text: torch.Tensor) -> ModalityFeatures:
        """Encode the current features (M, Ei) and (M, Et) of M items; zeros for a missing modality."""
        image = _whiten(image, self.encoders.image)
        text = torch.cat([self._facts[torch.from_numpy(items)], _whiten(text, self.encoders.text)], 1)
        # Which modalities an item has is no function of the weights.
        has_image, has_text = (rows.detach().any(1, keepdim=True).float() for rows in (image, text))
        return ModalityFeatures(image, text, has_image, has_text)

    def loss(
        self,
        batch: FinetuningBatch,
        image: torch.Tensor,
        text: torch.Tensor,
        log_frequency: torch.Tensor,
        rng: np.random.Generator,
    ) -> torch.Tensor:
        """Compute the tower's losses from the features (M, Ei) and (M, Et) of a batch's items."""
        modalities = self.encode_modalities(batch.items, image, text)
        frozen = self.frozen[torch.from_numpy(batch.items)]
        temperature, content_temperature = self._temperatures
        moved = content_loss(self._tower.content(modalities), frozen, content_temperature)
        loss = self.config.content_weight * moved
        with_both = torch.nonzero((modalities.has_image * modalities.has_text)[:, 0])[:, 0]
        # A contrast needs another item: with a single row, this loss is 0 whatever the weights.
        if len(with_both) > 1:
            paired = modalities.take(with_both)
            images, texts = (self._tower.content(paired.mask(*mask)) for mask in (IMAGE_ONLY, TEXT_ONLY))
            loss = loss + self.config.same_item_weight * same_item_loss(images, texts, temperature)
        if len(batch.pairs) > 1:
            pair_rows = torch.from_numpy(np.searchsorted(batch.items, batch.pairs))
            share = self.config.modality_dropout
            anchors, partners = (
                self._tower.content(_drop_modalities(modalities.take(rows), share, rng))
                for rows in pair_rows.T
            )
            positions = torch.from_numpy(batch.pairs)
            loss = loss + neighbour_loss(anchors, partners, positions, log_frequency, temperature)
        return loss


def _whiten(rows: torch.Tensor, whitening: Whitening) -> torch.Tensor:
    """The same as `Whitening.transform`, in torch."""
    has_modality = (rows.detach() != 0).any(1, keepdim=True)
    mean, components = torch.from_numpy(whitening.mean), torch.from_numpy(whitening.components)
    return torch.nn.functional.normalize((rows - mean) @ components, dim=1) * has_modality


def _drop_modalities(
    modalities: ModalityFeatures, share: float, rng: np.random.Generator
) -> ModalityFeatures:
    """Hide one modality of a random part of the items that have both (modality dropout)."""
    draw = torch.from_numpy(rng.random((len(modalities.image), 1)))
    has_both = modalities.has_image * modalities.has_text
    no_text = (draw < share).float() * has_both
    no_image = (draw > 1 - share).float() * has_both
    return modalities.mask(1 - no_image, 1 - no_text)

"""From two backbones' features to the vectors that content alone gives an item, so that gradients go back.

The maps (sides, principal components, what one side says of the other) are those of the frozen features, and
are held: what is learned has to go into the backbones, which is where it helps things that nobody saw.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from bowerbird.embed.encode.features import ItemFeatures
from bowerbird.embed.encode.modalities import Sides, Whitening
from bowerbird.embed.train.losses import content_loss, neighbour_loss, same_item_loss
from bowerbird.embed.train.tower import Tower, Views

SAME_ITEM_WEIGHT, CONTENT_WEIGHT = 0.3, 1.0
HIDE_SIDE = 0.25
"""Share of a batch of which only the picture, and of which only the words, are shown: each learns alone."""


@dataclass(frozen=True)
class Batch:
    """Pairs of neighbours, and others whose content is looked at beside them. M items, P pairs."""

    items: np.ndarray  # (M,) int64 positions, each once
    pairs: np.ndarray  # (P, 2) int64 positions

    @classmethod
    def of(cls, pairs: np.ndarray, others: np.ndarray) -> Batch:
        return cls(np.unique(np.concatenate([pairs.reshape(-1), others])), pairs)


class ContentSpace:
    """N items, D dimensions; Ei and Et wide features of pictures and texts."""

    def __init__(self, said: Sequence[set[str]], features: ItemFeatures, sides: Sides, dim: int) -> None:
        """Of the items' words, their frozen features, and the maps from both to sides."""
        self.sides = sides
        told = self.sides.told(said, features.text)
        facts = self.sides.widths[0]
        self._facts = torch.from_numpy(told[:, :facts].copy())
        views = Views.of(self.sides.shown(features.image), told)
        self._tower = Tower(views.image.shape[1], views.text.shape[1], dim)
        self._tower.start_from(views)
        with torch.no_grad():
            self.frozen = self._tower.content(views)
        """Where the frozen backbones put every item, (N, D)."""

    def views(self, items: np.ndarray, image: torch.Tensor, text: torch.Tensor) -> Views:
        """The sides of M items by their features now, (M, Ei) and (M, Et); zeros for what an item has not."""
        shown = _whitened(image, self.sides.image)
        told = torch.cat([self._facts[torch.from_numpy(items)], _whitened(text, self.sides.text)], 1)
        return Views(shown, told, *(rows.detach().any(1, keepdim=True).float() for rows in (shown, told)))

    def loss(
        self,
        batch: Batch,
        image: torch.Tensor,
        text: torch.Tensor,
        log_frequency: torch.Tensor,
        rng: np.random.Generator,
    ) -> torch.Tensor:
        """What the tower's losses ask of the features of a batch's items, (M, Ei) and (M, Et)."""
        views = self.views(batch.items, image, text)
        before = self.frozen[torch.from_numpy(batch.items)]
        loss = CONTENT_WEIGHT * content_loss(self._tower.content(views), before)
        both = torch.nonzero((views.has_image * views.has_text)[:, 0])[:, 0]
        if len(both) > 1:
            paired = views.rows(both)
            images, texts = (self._tower.content(paired.shown(*side)) for side in ((1, 0), (0, 1)))
            loss = loss + SAME_ITEM_WEIGHT * same_item_loss(images, texts)
        if len(batch.pairs) > 1:
            ends = torch.from_numpy(np.searchsorted(batch.items, batch.pairs))
            anchors, partners = (self._tower.content(_some_hidden(views.rows(one), rng)) for one in ends.T)
            loss = loss + neighbour_loss(anchors, partners, torch.from_numpy(batch.pairs), log_frequency)
        return loss


def _whitened(rows: torch.Tensor, whitening: Whitening) -> torch.Tensor:
    """As `Whitening.vectors`, by torch."""
    has = (rows.detach() != 0).any(1, keepdim=True)
    mean, directions = torch.from_numpy(whitening.mean), torch.from_numpy(whitening.directions)
    return torch.nn.functional.normalize((rows - mean) @ directions, dim=1) * has


def _some_hidden(views: Views, rng: np.random.Generator) -> Views:
    lot = torch.from_numpy(rng.random((len(views.image), 1)))
    both = views.has_image * views.has_text
    no_text, no_image = (lot < HIDE_SIDE).float() * both, (lot > 1 - HIDE_SIDE).float() * both
    return views.shown(1 - no_image, 1 - no_text)

"""The tower: encodes the picture, the words or both of an item or a query as one vector.

It starts as the principal components of the modalities and learns a correction to them. So before the first
step it represents all the content that fits into its width, and items without interactions keep their content
vectors. After training it is rotated so that the first dimensions are useful alone (see `matryoshka`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import nn

from bowerbird.data.arrays import FloatArray
from bowerbird.embed.config import DEFAULTS, TowerConfig

BLOCK = 4096  # rows encoded at a time
IMAGE_ONLY, TEXT_ONLY = (1.0, 0.0), (0.0, 1.0)
"""Arguments of `ModalityFeatures.mask`."""


@dataclass(frozen=True)
class ModalityFeatures:
    """Modality features of N items or queries (see `modalities`), and which of them are present."""

    image: torch.Tensor  # (N, Di) picture
    text: torch.Tensor  # (N, Dt) facts and text
    has_image: torch.Tensor  # (N, 1) float, 1 if the picture is present
    has_text: torch.Tensor  # (N, 1) float

    @classmethod
    def of(cls, image: FloatArray, text: FloatArray) -> ModalityFeatures:
        """From features (N, Di) and (N, Dt); a row of zeros is a missing modality."""
        tensors = [torch.from_numpy(np.ascontiguousarray(rows, np.float32)) for rows in (image, text)]
        return cls(*tensors, *(rows.any(1, keepdim=True).float() for rows in tensors))

    def take(self, rows: torch.Tensor | slice) -> ModalityFeatures:
        """Select rows."""
        return ModalityFeatures(self.image[rows], self.text[rows], self.has_image[rows], self.has_text[rows])

    def mask(self, image: torch.Tensor | float, text: torch.Tensor | float) -> ModalityFeatures:
        """Hide the modalities where `image` or `text`, (N, 1) or a number, is 0."""
        return ModalityFeatures(self.image, self.text, self.has_image * image, self.has_text * text)


class Tower(nn.Module):
    """The content's principal components plus a correction, the mean of learned projections."""

    def __init__(
        self, image_width: int, text_width: int, dim: int, config: TowerConfig = DEFAULTS.tower
    ) -> None:
        super().__init__()
        self.config = config
        self.register_buffer("image_mean", torch.zeros(image_width))
        self.register_buffer("text_mean", torch.zeros(text_width))
        self.register_buffer("image_base", torch.zeros(image_width, dim))
        self.register_buffer("text_base", torch.zeros(text_width, dim))
        # Predict a missing modality from the other one.
        self.register_buffer("image_to_text", torch.zeros(image_width, text_width))
        self.register_buffer("text_to_image", torch.zeros(text_width, image_width))
        self.image = _hidden_layer(image_width, config.hidden)
        self.text = _hidden_layer(text_width, config.hidden)
        self.fusion = nn.Linear(config.hidden, dim, bias=False)
        nn.init.zeros_(self.fusion.weight)

    def initialize_from(self, features: ModalityFeatures) -> None:
        """Fit the content's principal components, which the tower corrects, on these features."""
        self.image_mean.copy_(_mean(features.image, features.has_image))
        self.text_mean.copy_(_mean(features.text, features.has_text))
        image, text = self._centred(features)
        has_both = (features.has_image * features.has_text)[:, 0] > 0
        self.image_to_text.copy_(_fit_ridge(image[has_both], text[has_both], self.config.ridge))
        self.text_to_image.copy_(_fit_ridge(text[has_both], image[has_both], self.config.ridge))
        centred = torch.cat([image, text], 1).double()  # (N, Di + Dt)
        _, eigenvectors = torch.linalg.eigh(centred.T @ centred)
        components = eigenvectors.flip(1)[:, : self.image_base.shape[1]].float()  # by falling variance
        image_width = len(self.image_mean)
        self.image_base[:, : components.shape[1]] = components[:image_width]
        self.text_base[:, : components.shape[1]] = components[image_width:]

    def content(self, features: ModalityFeatures) -> torch.Tensor:
        """Encode content without the correction, (N, dim) of length 1.

        A missing modality is predicted from the other one, so that a text lies near its picture.
        """
        image, text = self._centred(features)
        raw = torch.zeros(len(image), self.image_base.shape[1])
        if features.has_image.any():  # skip a modality that is missing everywhere
            expected = (image @ self.image_to_text) * (1 - features.has_text)
            raw = raw + image @ self.image_base + expected @ self.text_base
        if features.has_text.any():
            expected = (text @ self.text_to_image) * (1 - features.has_image)
            raw = raw + text @ self.text_base + expected @ self.image_base
        return nn.functional.normalize(raw, dim=1)

    def correction(self, features: ModalityFeatures) -> torch.Tensor:
        """The learned correction, (N, dim)."""
        image, text = self._centred(features)
        # Rows have length 1; the first layer is initialised for numbers of size 1.
        hidden = torch.zeros(len(image), self.config.hidden)
        if features.has_image.any():
            hidden = hidden + self.image(image * image.shape[1] ** 0.5) * features.has_image
        if features.has_text.any():
            hidden = hidden + self.text(text * text.shape[1] ** 0.5) * features.has_text
        n_modalities = (features.has_image + features.has_text).clamp(min=1)
        fused: torch.Tensor = self.fusion(hidden / n_modalities)
        return fused

    def forward(self, features: ModalityFeatures, extra: torch.Tensor | None = None) -> torch.Tensor:
        """Encode with gradients, (N, dim) of length 1; `extra` (N, dim) is added to the correction."""
        raw = self.content(features) + self.correction(features)
        return nn.functional.normalize(raw if extra is None else raw + extra, dim=1)

    @torch.inference_mode()
    def encode(self, features: ModalityFeatures, extra: torch.Tensor | None = None) -> FloatArray:
        """Encode without gradients, (N, dim) float32 of length 1; zeros where both modalities are missing."""
        self.eval()
        vectors = []
        for start in range(0, len(features.image), BLOCK):
            block = slice(start, start + BLOCK)
            block_features = features.take(block)
            has_content = ((block_features.has_image + block_features.has_text) > 0).float()
            vectors.append(self(block_features, None if extra is None else extra[block]) * has_content)
        if not vectors:
            return np.zeros((0, self.fusion.out_features), np.float32)
        encoded: FloatArray = torch.cat(vectors).numpy()
        return encoded

    def _centred(self, features: ModalityFeatures) -> tuple[torch.Tensor, torch.Tensor]:
        image = (features.image - self.image_mean) * features.has_image
        return image, (features.text - self.text_mean) * features.has_text

    image_mean: torch.Tensor
    text_mean: torch.Tensor
    image_base: torch.Tensor
    text_base: torch.Tensor
    image_to_text: torch.Tensor
    text_to_image: torch.Tensor


def _mean(rows: torch.Tensor, has: torch.Tensor) -> torch.Tensor:
    return (rows * has).sum(0) / has.sum().clamp(min=1)


def _hidden_layer(width: int, hidden: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(width, hidden), nn.LayerNorm(hidden), nn.GELU())


def _fit_ridge(inputs: torch.Tensor, targets: torch.Tensor, share: float) -> torch.Tensor:
    """Fit W for inputs @ W ≈ targets, (N, A), (N, B) -> (A, B), by ridge regression (Hoerl & Kennard, 1970).

    W = (XᵀX + λI)⁻¹ XᵀY, where λ is a `share` of the mean variance, and more with fewer rows than columns.
    """
    rows, width = inputs.shape
    x, y = inputs.double(), targets.double()
    gram = x.T @ x
    ridge = (share + width / (10 * max(rows, 1))) * gram.diagonal().mean() + 1e-9
    weights: torch.Tensor = torch.linalg.solve(gram + ridge * torch.eye(width).double(), x.T @ y)
    return weights.float()


def load_tower(state: dict[str, Any]) -> Tower:
    """Load a tower from its saved tensors."""
    config = replace(DEFAULTS.tower, hidden=state["fusion.weight"].shape[1])
    tower = Tower(len(state["image_mean"]), len(state["text_mean"]), state["image_base"].shape[1], config)
    tower.load_state_dict(state)
    return tower.eval()

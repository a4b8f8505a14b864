"""The tower: what a picture shows, what words tell or both, to one vector of an item or of a query.

It starts as the principal components of the sides and learns a correction to them. So before the
first step it knows all the content that fits into its width, and an item that nobody touched keeps its place.
Once trained it is turned so that the first dimensions stand alone (see `nested`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

HIDDEN = 384
RIDGE = 0.01  # of the mean variance of a side
BLOCK = 4096


@dataclass(frozen=True)
class Views:
    """The sides of N things (see `sides`), and which are shown."""

    image: torch.Tensor  # (N, Di) what the picture shows
    text: torch.Tensor  # (N, Dt) what the words tell
    has_image: torch.Tensor  # (N, 1) float, 1 where the picture is shown
    has_text: torch.Tensor  # (N, 1) float

    @classmethod
    def of(cls, shown: np.ndarray, told: np.ndarray) -> Views:
        """All that is there: (N, Di), (N, Dt); a row of zeros is a side that a thing does not have."""
        sides = [torch.from_numpy(np.ascontiguousarray(rows, np.float32)) for rows in (shown, told)]
        image, text = sides
        return cls(image, text, *(rows.any(1, keepdim=True).float() for rows in sides))

    def rows(self, rows: torch.Tensor | slice) -> Views:
        return Views(self.image[rows], self.text[rows], self.has_image[rows], self.has_text[rows])

    def shown(self, image: torch.Tensor | float, text: torch.Tensor | float) -> Views:
        """The same things with sides hidden where `image` or `text`, (N, 1) or a number, is 0."""
        return Views(self.image, self.text, self.has_image * image, self.has_text * text)


class Tower(nn.Module):
    """Per-side projections, their mean, a correction added to the content's principal components."""

    def __init__(self, image_width: int, text_width: int, dim: int) -> None:
        super().__init__()
        self.register_buffer("image_mean", torch.zeros(image_width))
        self.register_buffer("text_mean", torch.zeros(text_width))
        self.register_buffer("image_base", torch.zeros(image_width, dim))
        self.register_buffer("text_base", torch.zeros(text_width, dim))
        # What one side says of the other, where that is missing.
        self.register_buffer("image_to_text", torch.zeros(image_width, text_width))
        self.register_buffer("text_to_image", torch.zeros(text_width, image_width))
        self.image = nn.Sequential(nn.Linear(image_width, HIDDEN), nn.LayerNorm(HIDDEN), nn.GELU())
        self.text = nn.Sequential(nn.Linear(text_width, HIDDEN), nn.LayerNorm(HIDDEN), nn.GELU())
        self.fusion = nn.Linear(HIDDEN, dim, bias=False)
        nn.init.zeros_(self.fusion.weight)

    def start_from(self, views: Views) -> None:
        """Make the content's principal components (of these things) what the tower corrects."""
        self.image_mean.copy_(_mean(views.image, views.has_image))
        self.text_mean.copy_(_mean(views.text, views.has_text))
        image, text = self._centred(views)
        both = (views.has_image * views.has_text)[:, 0] > 0
        self.image_to_text.copy_(_ridge(image[both], text[both]))
        self.text_to_image.copy_(_ridge(text[both], image[both]))
        centred = torch.cat([image, text], 1).double()  # (N, Di + Dt)
        _, directions = torch.linalg.eigh(centred.T @ centred)
        best = directions.flip(1)[:, : self.image_base.shape[1]].float()  # by falling variance
        split = len(self.image_mean)
        self.image_base[:, : best.shape[1]] = best[:split]
        self.text_base[:, : best.shape[1]] = best[split:]

    def content(self, views: Views) -> torch.Tensor:
        """Where content alone puts things, (N, dim), length 1.

        Of a side that is not shown the other says what to expect, so that a text lands near its picture.
        """
        image, text = self._centred(views)
        raw = torch.zeros(len(image), self.image_base.shape[1])
        if views.has_image.any():  # a side that nothing shows costs nothing
            expected = (image @ self.image_to_text) * (1 - views.has_text)
            raw = raw + image @ self.image_base + expected @ self.text_base
        if views.has_text.any():
            expected = (text @ self.text_to_image) * (1 - views.has_image)
            raw = raw + text @ self.text_base + expected @ self.image_base
        return nn.functional.normalize(raw, dim=1)

    def correction(self, views: Views) -> torch.Tensor:
        """What was learned on top, (N, dim)."""
        image, text = self._centred(views)
        # Rows have length 1; the first layer is made for numbers of size 1.
        hidden = torch.zeros(len(image), HIDDEN)
        if views.has_image.any():
            hidden = hidden + self.image(image * image.shape[1] ** 0.5) * views.has_image
        if views.has_text.any():
            hidden = hidden + self.text(text * text.shape[1] ** 0.5) * views.has_text
        sides = (views.has_image + views.has_text).clamp(min=1)
        fused: torch.Tensor = self.fusion(hidden / sides)
        return fused

    def forward(self, views: Views, extra: torch.Tensor | None = None) -> torch.Tensor:
        """Vectors as they are trained, (N, dim) of length 1; `extra` (N, dim) is added to the correction."""
        raw = self.content(views) + self.correction(views)
        return nn.functional.normalize(raw if extra is None else raw + extra, dim=1)

    @torch.inference_mode()
    def encode(self, views: Views, extra: torch.Tensor | None = None) -> np.ndarray:
        """Vectors (N, dim) float32 of length 1; zeros where nothing is shown."""
        self.eval()
        parts = []
        for start in range(0, len(views.image), BLOCK):
            block = slice(start, start + BLOCK)
            part = views.rows(block)
            seen = ((part.has_image + part.has_text) > 0).float()
            parts.append(self(part, None if extra is None else extra[block]) * seen)
        out: np.ndarray = torch.cat(parts).numpy() if parts else np.zeros((0, self.fusion.out_features))
        return out.astype(np.float32)

    def _centred(self, views: Views) -> tuple[torch.Tensor, torch.Tensor]:
        image = (views.image - self.image_mean) * views.has_image
        return image, (views.text - self.text_mean) * views.has_text

    image_mean: torch.Tensor
    text_mean: torch.Tensor
    image_base: torch.Tensor
    text_base: torch.Tensor
    image_to_text: torch.Tensor
    text_to_image: torch.Tensor


def _mean(rows: torch.Tensor, has: torch.Tensor) -> torch.Tensor:
    return (rows * has).sum(0) / has.sum().clamp(min=1)


def _ridge(given: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """W so that given @ W comes near wanted: (N, A), (N, B) -> (A, B). Few rows, more ridge."""
    rows, width = given.shape
    x, y = given.double(), wanted.double()
    gram = x.T @ x
    strength = (RIDGE + width / (10 * max(rows, 1))) * gram.diagonal().mean() + 1e-9
    solved: torch.Tensor = torch.linalg.solve(gram + strength * torch.eye(width).double(), x.T @ y)
    return solved.float()


def tower_of(state: dict[str, Any]) -> Tower:
    """A tower from its saved tensors."""
    tower = Tower(len(state["image_mean"]), len(state["text_mean"]), state["image_base"].shape[1])
    tower.load_state_dict(state)
    return tower.eval()

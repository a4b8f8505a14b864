"""Image encoders: a picture in, one vector out, or one vector for each cell of its last feature map."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from bowerbird.errors import BackboneError
from bowerbird.models import efficientnet
from bowerbird.models.backbones import backbone_named
from bowerbird.models.trainable import TrainableBackbone, trainable_backbone
from bowerbird.models.fetching import fetch
from bowerbird.models.pixels import ImageSpec, decode_image, decode_images
from bowerbird.models.precision import autocast_bfloat16
from bowerbird.models.pretrained import pretrained
from bowerbird.models.qwen_embedding import is_qwen_embedding, qwen_embedding

__all__ = ["ImageEncoder", "load_image_encoder", "pixels_of", "pixels_of_many"]

Features = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class ImageEncoder:
    """A network and what it wants to see. S is `sight.side`."""

    name: str
    image_spec: ImageSpec
    width: int
    features: Features
    """(B, S, S, 3) uint8 -> (B, width), or cells of which the mean is taken, (B, cells, width); float32."""

    def encode(self, pixels: np.ndarray) -> np.ndarray:
        """Features of pictures, L2-normalised: (B, S, S, 3) uint8 -> (B, width) float32."""
        if not len(pixels):
            return np.zeros((0, self.width), np.float32)
        rows = self.features(pixels)
        pooled = rows.mean(1) if rows.ndim == 3 else rows
        vectors: np.ndarray = pooled / np.linalg.norm(pooled, axis=1, keepdims=True).clip(min=1e-12)
        return vectors.astype(np.float32, copy=False)

    def cells(self, pixels: np.ndarray) -> np.ndarray:
        """The last feature map's cells: (B, S, S, 3) uint8 -> (B, cells, width) float32.

        Raises `BackboneError` where the network gives one vector for the whole picture.
        """
        rows = self.features(pixels)
        if rows.ndim != 3:
            raise BackboneError(
                f"{self.name} has one vector for a picture and no cells: name another backbone"
            )
        return rows


def load_image_encoder(name: str = "efficientnet-lite0", weights: Path | None = None) -> ImageEncoder:
    """Load an image encoder by name.

    The default one; a Hugging Face vision model, the picture side of a CLIP or SigLIP pair, or a
    Qwen3-VL-Embedding by `hf:org/name` or folder; a timm model by `timm:name` or `timm:folder`. `weights` is
    a file with what was trained of it. Raises `BackboneError` where it can't be loaded.
    """
    if backbone_named(name) is not None:
        features = efficientnet.feature_map(name, fetch(name), weights)
        return ImageEncoder(name, efficientnet.SIGHT, efficientnet.WIDTH, features)
    network, image_spec, width = _network(name)
    if weights is not None:
        network.load(weights)
    return ImageEncoder(name, image_spec, width, network.numbers)


def load_trainable_image_encoder(name: str) -> tuple[TrainableBackbone, ImageSpec]:
    """The network that `load_image_encoder` runs, by torch and with gradients; and what it wants to see.

    Raises `BackboneError` where it can't be loaded.
    """
    if backbone_named(name) is not None:
        return efficientnet.load_trainable_network(name, fetch(name)), efficientnet.SIGHT
    network, image_spec, _ = _network(name)
    return network, image_spec


def _network(name: str) -> tuple[TrainableBackbone, ImageSpec, int]:
    """A network of Hugging Face or timm, its sight and its width."""
    if name.startswith("timm:"):
        from bowerbird.models.timm_images import timm_network

        model, width, image_spec = timm_network(name)
        return trainable_backbone(name, model, _on_pixels(image_spec, model, model)), image_spec, width
    from transformers import AutoModel

    model = pretrained(
        name, "an image encoder", lambda source: AutoModel.from_pretrained(source, dtype=torch.float32).eval()
    )
    processor = _processor(name)
    if is_qwen_embedding(model):
        qwen = qwen_embedding(name, model)
        pictures = partial(qwen.pictures, processor=processor)
        whole = trainable_backbone(name, model, pictures, model.language_model)
        return whole, qwen.image_spec(processor), qwen.width
    image_spec = _sight(name, processor)
    if hasattr(model, "get_image_features"):  # projected to where the texts are

        def projected(batch: torch.Tensor) -> torch.Tensor:
            rows: torch.Tensor = model.get_image_features(pixel_values=batch).pooler_output
            return rows

        config = model.config
        width = getattr(config, "projection_dim", None) or config.vision_config.hidden_size
        side = trainable_backbone(
            name, model, _on_pixels(image_spec, model, projected), model.vision_model, ["visual_projection"]
        )
        return side, image_spec, int(width)
    features = _on_pixels(image_spec, model, lambda batch: _cells(model, batch))
    return (
        trainable_backbone(name, model, features, getattr(model, "vision_model", None)),
        image_spec,
        _width(model),
    )


def _on_pixels(
    image_spec: ImageSpec, model: torch.nn.Module, network: Callable[[torch.Tensor], torch.Tensor]
) -> Callable[[np.ndarray], torch.Tensor]:
    def features(pixels: np.ndarray) -> torch.Tensor:
        device = next(model.parameters()).device
        with autocast_bfloat16(device):
            return network(torch.from_numpy(image_spec.normalised(pixels)).to(device))

    return features


def _cells(model: Any, batch: torch.Tensor) -> torch.Tensor:
    """The last states of a vision model, (B, cells, width): of a convolutional one the map's cells."""
    states: torch.Tensor = getattr(model, "vision_model", model)(pixel_values=batch).last_hidden_state
    return states.flatten(2).transpose(1, 2) if states.ndim == 4 else states


def _width(model: Any) -> int:
    config = getattr(model.config, "vision_config", model.config)
    return int(getattr(config, "hidden_size", 0) or config.hidden_sizes[-1])


def _processor(name: str) -> Any:
    """The model's own image processor; by Pillow, since nothing else needs torchvision."""
    from transformers import AutoImageProcessor

    return pretrained(
        name,
        "an image encoder",
        lambda source: AutoImageProcessor.from_pretrained(source, backend="pil"),
    )


def _sight(name: str, processor: Any) -> ImageSpec:
    cropped = getattr(processor, "do_center_crop", False) and getattr(processor, "crop_size", None)
    size = dict(cropped or processor.size)
    sides = {size[key] for key in ("height", "width", "shortest_edge") if size.get(key)}
    if len(sides) != 1:
        raise BackboneError(
            f"{name} wants pictures of {size}, expected a square's side: name a backbone of square pictures"
        )
    if not getattr(processor, "do_normalize", True):
        return ImageSpec(int(sides.pop()), (0.0,) * 3, (1.0,) * 3)
    return ImageSpec(int(sides.pop()), tuple(processor.image_mean), tuple(processor.image_std))

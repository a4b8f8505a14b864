"""Image encoders: one vector per picture, or one vector per cell of its last feature map."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from bowerbird.data.arrays import FloatArray, PixelArray
from bowerbird.errors import BackboneError
from bowerbird.models.backbones import find_backbone
from bowerbird.models.fetching import fetch
from bowerbird.models.pictures import efficientnet
from bowerbird.models.pixels import ImageSpec, decode_image, decode_images
from bowerbird.models.precision import autocast_bfloat16
from bowerbird.models.pretrained import load_pretrained
from bowerbird.models.qwen_embedding import is_qwen_embedding, wrap_qwen_embedding
from bowerbird.models.trainable import TrainableBackbone, wrap_trainable

__all__ = ["ImageEncoder", "decode_image", "decode_images", "load_image_encoder"]

Features = Callable[[PixelArray], FloatArray]


@dataclass(frozen=True)
class ImageEncoder:
    """An image network and its input specification. S is `image_spec.side`."""

    name: str
    image_spec: ImageSpec
    width: int
    features: Features
    """(B, S, S, 3) uint8 -> (B, width), or cells to be averaged, (B, cells, width); float32."""

    def encode(self, pixels: PixelArray) -> FloatArray:
        """Encode pictures, L2-normalised: (B, S, S, 3) uint8 -> (B, width) float32."""
        if not len(pixels):
            return np.zeros((0, self.width), np.float32)
        rows = self.features(pixels)
        pooled = rows.mean(1) if rows.ndim == 3 else rows
        vectors: FloatArray = pooled / np.linalg.norm(pooled, axis=1, keepdims=True).clip(min=1e-12)
        return vectors.astype(np.float32, copy=False)

    def cells(self, pixels: PixelArray) -> FloatArray:
        """Encode the last feature map's cells: (B, S, S, 3) uint8 -> (B, cells, width) float32.

        Raises `BackboneError` if the network only gives one vector for the whole picture.
        """
        rows = self.features(pixels)
        if rows.ndim != 3:
            raise BackboneError(
                f"{self.name} has one vector for a picture and no cells: name another backbone"
            )
        return rows


def load_image_encoder(name: str = "efficientnet-lite0", weights: Path | None = None) -> ImageEncoder:
    """Load an image encoder by name.

    The default one; a Hugging Face vision model, the image tower of a CLIP or SigLIP pair, or a
    Qwen3-VL-Embedding by `hf:org/name` or folder; a timm model by `timm:name` or `timm:folder`. `weights` is
    a file of fine-tuned weights. Raises `BackboneError` if it can't be loaded.
    """
    if find_backbone(name) is not None:
        features = efficientnet.load_feature_map(name, fetch(name), weights)
        return ImageEncoder(name, efficientnet.IMAGE_SPEC, efficientnet.WIDTH, features)
    network, image_spec, width = _load_network(name)
    if weights is not None:
        network.load_weights(weights)
    return ImageEncoder(name, image_spec, width, network.extract_features)


def load_trainable_image_encoder(name: str) -> tuple[TrainableBackbone, ImageSpec]:
    """Load the network of `load_image_encoder` on torch, with gradients, and its input specification.

    Raises `BackboneError` if it can't be loaded.
    """
    if find_backbone(name) is not None:
        return efficientnet.load_trainable_network(name, fetch(name)), efficientnet.IMAGE_SPEC
    network, image_spec, _ = _load_network(name)
    return network, image_spec


def _load_network(name: str) -> tuple[TrainableBackbone, ImageSpec, int]:
    """Load a network of Hugging Face or timm, its input specification and its width."""
    if name.startswith("timm:"):
        from bowerbird.models.pictures.timm_images import load_timm_network

        model, width, image_spec = load_timm_network(name)
        return wrap_trainable(name, model, _on_pixels(image_spec, model, model)), image_spec, width
    from transformers import AutoModel

    model = load_pretrained(
        name, "an image encoder", lambda source: AutoModel.from_pretrained(source, dtype=torch.float32).eval()
    )
    processor = _load_processor(name)
    if is_qwen_embedding(model):
        qwen = wrap_qwen_embedding(name, model)
        pictures = partial(qwen.encode_pictures, processor=processor)
        backbone = wrap_trainable(name, model, pictures, model.language_model)
        return backbone, qwen.build_image_spec(processor), qwen.width
    image_spec = _read_image_spec(name, processor)
    if hasattr(model, "get_image_features"):  # projected into the space shared with texts

        def projected(batch: torch.Tensor) -> torch.Tensor:
            rows: torch.Tensor = model.get_image_features(pixel_values=batch).pooler_output
            return rows

        config = model.config
        width = getattr(config, "projection_dim", None) or config.vision_config.hidden_size
        tower = wrap_trainable(
            name, model, _on_pixels(image_spec, model, projected), model.vision_model, ["visual_projection"]
        )
        return tower, image_spec, int(width)
    features = _on_pixels(image_spec, model, lambda batch: _extract_cells(model, batch))
    return (
        wrap_trainable(name, model, features, getattr(model, "vision_model", None)),
        image_spec,
        _read_width(model),
    )


def _on_pixels(
    image_spec: ImageSpec, model: torch.nn.Module, network: Callable[[torch.Tensor], torch.Tensor]
) -> Callable[[PixelArray], torch.Tensor]:
    def features(pixels: PixelArray) -> torch.Tensor:
        device = next(model.parameters()).device
        with autocast_bfloat16(device):
            return network(torch.from_numpy(image_spec.normalise(pixels)).to(device))

    return features


def _extract_cells(model: Any, batch: torch.Tensor) -> torch.Tensor:
    """The last hidden states of a vision model, (B, cells, width); of a convolutional one, the map's
    cells."""
    states: torch.Tensor = getattr(model, "vision_model", model)(pixel_values=batch).last_hidden_state
    return states.flatten(2).transpose(1, 2) if states.ndim == 4 else states


def _read_width(model: Any) -> int:
    config = getattr(model.config, "vision_config", model.config)
    return int(getattr(config, "hidden_size", 0) or config.hidden_sizes[-1])


def _load_processor(name: str) -> Any:
    """Load the model's image processor on the Pillow backend, so that torchvision is not needed."""
    from transformers import AutoImageProcessor

    return load_pretrained(
        name,
        "an image encoder",
        lambda source: AutoImageProcessor.from_pretrained(source, backend="pil"),
    )


def _read_image_spec(name: str, processor: Any) -> ImageSpec:
    crop_size = getattr(processor, "do_center_crop", False) and getattr(processor, "crop_size", None)
    size = dict(crop_size or processor.size)
    sides = {size[key] for key in ("height", "width", "shortest_edge") if size.get(key)}
    if len(sides) != 1:
        raise BackboneError(
            f"{name} takes pictures of {size}, expected a square: name a backbone for square pictures"
        )
    if not getattr(processor, "do_normalize", True):
        return ImageSpec(int(sides.pop()), (0.0,) * 3, (1.0,) * 3)
    return ImageSpec(int(sides.pop()), tuple(processor.image_mean), tuple(processor.image_std))

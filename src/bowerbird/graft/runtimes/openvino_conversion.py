"""From a Hugging Face decoder to the files that OpenVINO opens: embeddings in, keys and values kept inside.

A conversion is traced once and kept in the cache folder under a name made of the base's fingerprint, the
precision of its weights and the versions that wrote it. It is built beside and renamed, so a process that is
killed leaves nothing half written, and of two that convert at once the later one uses the earlier one's.
"""

from __future__ import annotations

import copy
import hashlib
import os
import shutil
import tempfile
import warnings
from enum import StrEnum
from importlib import metadata
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer

from bowerbird.errors import BackboneError
from bowerbird.graft.base import Base
from bowerbird.graft.runtimes.openvino_packing import pack
from bowerbird.models.fetching import cache_folder

INPUTS = ("embedded", "mask", "positions", "wanted", "beams")
LAYOUT = 2
"""Counts up when the converted model takes or gives something else."""


class Precision(StrEnum):
    """What OpenVINO computes in."""

    FLOAT32 = "float32"
    """Writes the greedy tokens of the model itself in float32; weights that were widened are packed again."""
    BFLOAT16 = "bfloat16"
    INT8 = "int8"
    """Weights in eight bits, one scale a row; the arithmetic stays in float32."""


def converted(base: Base, precision: Precision, folder: Path | None = None) -> Path:
    """The file that OpenVINO reads, `model.xml` with its weights beside; made where it is not there yet.

    It is kept in `folder`, or in the cache folder where none is given.
    Raises `BackboneError` where the model can't be converted, a package is missing, or the disk is full.
    """
    target = (folder or cache_folder() / "openvino") / _key(base, precision)
    if not (target / "model.xml").exists():
        _convert_into(base, precision, target)
    return target / "model.xml"


def forget(path: Path) -> None:
    """Remove a conversion that can't be read, so that it is made again."""
    shutil.rmtree(path.parent, ignore_errors=True)


def _key(base: Base, precision: Precision) -> str:
    weights = precision.value
    versions = [metadata.version(package) for package in ("openvino", "torch", "transformers")]
    said = "/".join([base.fingerprint, weights, str(LAYOUT), *versions])
    return f"{type(base.model).__name__}-{weights}-{hashlib.sha256(said.encode()).hexdigest()[:16]}"


def _convert_into(base: Base, precision: Precision, folder: Path) -> None:
    import openvino as ov

    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        building = Path(tempfile.mkdtemp(prefix=".converting-", dir=folder.parent))
    except OSError as error:
        raise BackboneError(
            f"{folder.parent} can't be written ({error}): set BOWERBIRD_CACHE to another folder"
        ) from error
    try:
        model = _stateful(base)
        if precision is Precision.INT8:
            model = _in_eight_bits(model)
        elif precision is Precision.FLOAT32:
            pack(model)
        ov.save_model(model, building / "model.xml", compress_to_fp16=False)
        if (folder / "model.xml").exists():
            return  # another process was faster
        shutil.rmtree(folder, ignore_errors=True)
        building.rename(folder)
    except (OSError, RuntimeError) as error:
        if (folder / "model.xml").exists():
            return  # ... or faster by a moment
        raise BackboneError(
            f"{base.name} can't be converted for OpenVINO into {folder.parent} ({error}): free some space "
            "there, or run it on torch (EagerRuntime)"
        ) from error
    finally:
        shutil.rmtree(building, ignore_errors=True)


class _Traced(nn.Module):
    """A decoder whose keys and values come and go as plain tensors, since a trace knows no cache."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(
        self, embedded: Tensor, mask: Tensor, positions: Tensor, wanted: Tensor, beams: Tensor, *past: Tensor
    ) -> tuple[Tensor, ...]:
        """`embedded` (1, T, hidden), `mask` (1, 1, T, past + T) added to the scores, `positions` (1, T),
        `wanted` the places whose logits are computed; `past` a layer's keys, then its values, and so on."""
        cache = DynamicCache()
        for keys, values in zip(past[::2], past[1::2], strict=True):
            layer = DynamicLayer()
            layer.lazy_initialization(keys, values)
            # OpenVINO recognises attention over a cache by this look-up, which here changes nothing.
            layer.keys, layer.values = keys.index_select(0, beams), values.index_select(0, beams)
            cache.layers.append(layer)
        output = self.model(
            inputs_embeds=embedded,
            attention_mask=mask,
            position_ids=positions,
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=wanted,
        )
        return output.logits, *(one for layer in cache.layers for one in (layer.keys, layer.values))


def _stateful(base: Base) -> Any:
    """The traced model, its keys and values turned into state."""
    import openvino as ov
    from openvino._offline_transformations import apply_make_stateful_transformation
    from openvino.frontend import FrontEndManager
    from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder

    config = base.model.config
    heads, layers = int(config.num_key_value_heads), int(config.num_hidden_layers)
    width = int(getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads)
    # Two of everything, so that no length of one is taken for a constant.
    example = (
        *(torch.zeros(2, 3, base.hidden), torch.zeros(2, 1, 3, 5), torch.tensor([[2, 3, 4]] * 2)),
        *(torch.tensor([1, 2]), torch.tensor([0, 1])),
        *(torch.zeros(2, heads, 2, width) for _ in range(2 * layers)),
    )
    shapes = [[-1, -1, base.hidden], [-1, 1, -1, -1], [-1, -1], [-1], [-1]]
    shapes += [[-1, heads, -1, width]] * (2 * layers)
    kinds = [ov.Type.f32] * 2 + [ov.Type.i64] * 3 + [ov.Type.f32] * (2 * layers)
    # Traced in float32; the base itself stays in its own precision.
    whole = base.model if base.table.dtype == torch.float32 else copy.deepcopy(base.model).float()
    before = whole.config._attn_implementation
    try:
        whole.set_attn_implementation("sdpa")
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the tracer's, on values that are the same in every call
            decoder = TorchScriptPythonDecoder(_Traced(whole), example_input=example)
        # Not `openvino.convert_model`: that reports each conversion to its makers unless told not to.
        frontend = FrontEndManager().load_by_framework("pytorch")
        graph = frontend.load(decoder)
        for place, shape, kind in zip(graph.get_inputs(), shapes, kinds, strict=True):
            graph.set_partial_shape(place, ov.PartialShape(shape))
            graph.set_element_type(place, kind)
        model = frontend.convert(graph)
    finally:
        whole.set_attn_implementation(before)
    names = [*INPUTS, *(f"past.{i}" for i in range(2 * layers))]
    for tensor, name in zip(model.inputs, names, strict=True):
        tensor.get_tensor().set_names({name})
    for tensor, name in zip(
        model.outputs, ["logits", *(f"present.{i}" for i in range(2 * layers))], strict=True
    ):
        tensor.get_tensor().set_names({name})
    apply_make_stateful_transformation(model, {f"past.{i}": f"present.{i}" for i in range(2 * layers)})
    return model


def _in_eight_bits(model: Any) -> Any:
    os.environ.setdefault("NNCF_CI", "1")  # else it reports its use to its makers
    try:
        import nncf
    except ImportError as error:
        raise BackboneError(
            "nncf is missing, which brings weights to eight bits: pip install 'bowerbird[int8]'"
        ) from error
    return nncf.compress_weights(model, mode=nncf.CompressWeightsMode.INT8_ASYM)

"""Convert a Hugging Face decoder to an OpenVINO model: embeddings in, keys and values as internal state.

A conversion is traced once and stored in the cache folder under a name made of the base's fingerprint, the
weights' precision and the library versions. It is built in a temporary folder and renamed, so a killed
process leaves nothing half-written, and of two concurrent conversions the later one uses the earlier one's
result.
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
from bowerbird.graft.runtimes.openvino_packing import pack_weights
from bowerbird.models.fetching import cache_folder

INPUTS = ("embedded", "mask", "positions", "wanted", "beams")
LAYOUT = 2
"""Incremented when the inputs or outputs of the converted model change."""


class Precision(StrEnum):
    """The precision that OpenVINO computes in."""

    FLOAT32 = "float32"
    """Same greedy tokens as the model in float32; dequantised weights are packed again."""
    BFLOAT16 = "bfloat16"
    INT8 = "int8"
    """Weights in eight bits, one scale per row; the arithmetic stays in float32."""


def convert(base: Base, precision: Precision, folder: Path | None = None) -> Path:
    """Convert the base unless it has been converted before; returns the path of `model.xml`.

    It is stored in `folder`, by default in the cache folder.
    Raises `BackboneError` if the model can't be converted, a package is missing, or the disk is full.
    """
    target = (folder or cache_folder() / "openvino") / _conversion_key(base, precision)
    if not (target / "model.xml").exists():
        _convert_into(base, precision, target)
    return target / "model.xml"


def delete_conversion(path: Path) -> None:
    """Delete a conversion that can't be read, so that it is repeated."""
    shutil.rmtree(path.parent, ignore_errors=True)


def _conversion_key(base: Base, precision: Precision) -> str:
    weights = precision.value
    versions = [metadata.version(package) for package in ("openvino", "torch", "transformers")]
    identity = "/".join([base.fingerprint, weights, str(LAYOUT), *versions])
    return f"{type(base.model).__name__}-{weights}-{hashlib.sha256(identity.encode()).hexdigest()[:16]}"


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
        model = trace_stateful_model(base)
        if precision is Precision.INT8:
            model = compress_to_int8(model)
        elif precision is Precision.FLOAT32:
            pack_weights(model)
        ov.save_model(model, building / "model.xml", compress_to_fp16=False)
        if (folder / "model.xml").exists():
            return  # another process finished first
        shutil.rmtree(folder, ignore_errors=True)
        building.rename(folder)
    except (OSError, RuntimeError) as error:
        if (folder / "model.xml").exists():
            return  # another process finished in the meantime
        raise BackboneError(
            f"{base.name} can't be converted for OpenVINO into {folder.parent} ({error}): free some space "
            "there, or run it on torch (EagerRuntime)"
        ) from error
    finally:
        shutil.rmtree(building, ignore_errors=True)


class _CacheAsTensors(nn.Module):
    """A decoder with keys and values as plain tensor inputs and outputs, since a trace can't contain a
    cache."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(
        self,
        embedded: Tensor,
        mask: Tensor,
        positions: Tensor,
        logit_positions: Tensor,
        beams: Tensor,
        *past: Tensor,
    ) -> tuple[Tensor, ...]:
        """`embedded` (1, T, hidden), `mask` (1, 1, T, past + T) added to the scores, `positions` (1, T),
        `logit_positions` the positions whose logits are computed; `past` alternates each layer's keys and
        values."""
        cache = DynamicCache()
        for keys, values in zip(past[::2], past[1::2], strict=True):
            layer = DynamicLayer()
            layer.lazy_initialization(keys, values)
            # OpenVINO recognises attention over a cache by this index_select, which is an identity here.
            layer.keys, layer.values = keys.index_select(0, beams), values.index_select(0, beams)
            cache.layers.append(layer)
        output = self.model(
            inputs_embeds=embedded,
            attention_mask=mask,
            position_ids=positions,
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=logit_positions,
        )
        return output.logits, *(tensor for layer in cache.layers for tensor in (layer.keys, layer.values))


def trace_stateful_model(base: Base) -> Any:
    """Trace the model and turn its keys and values into state."""
    import openvino as ov
    from openvino._offline_transformations import apply_make_stateful_transformation
    from openvino.frontend import FrontEndManager
    from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder

    config = base.model.config
    heads, layers = int(config.num_key_value_heads), int(config.num_hidden_layers)
    width = int(getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads)
    # Example sizes of at least two, so that the tracer takes no dimension for a constant.
    example = (
        *(torch.zeros(2, 3, base.hidden), torch.zeros(2, 1, 3, 5), torch.tensor([[2, 3, 4]] * 2)),
        *(torch.tensor([1, 2]), torch.tensor([0, 1])),
        *(torch.zeros(2, heads, 2, width) for _ in range(2 * layers)),
    )
    shapes = [[-1, -1, base.hidden], [-1, 1, -1, -1], [-1, -1], [-1], [-1]]
    shapes += [[-1, heads, -1, width]] * (2 * layers)
    element_types = [ov.Type.f32] * 2 + [ov.Type.i64] * 3 + [ov.Type.f32] * (2 * layers)
    # Trace in float32; the base itself keeps its precision.
    model = base.model if base.embedding_table.dtype == torch.float32 else copy.deepcopy(base.model).float()
    attention_before = model.config._attn_implementation
    try:
        model.set_attn_implementation("sdpa")
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the tracer's, about values that are constant across calls
            decoder = TorchScriptPythonDecoder(_CacheAsTensors(model), example_input=example)
        # Not `openvino.convert_model`: it sends telemetry for each conversion unless disabled.
        frontend = FrontEndManager().load_by_framework("pytorch")
        graph = frontend.load(decoder)
        for graph_input, shape, element_type in zip(graph.get_inputs(), shapes, element_types, strict=True):
            graph.set_partial_shape(graph_input, ov.PartialShape(shape))
            graph.set_element_type(graph_input, element_type)
        ov_model = frontend.convert(graph)
    finally:
        model.set_attn_implementation(attention_before)
    names = [*INPUTS, *(f"past.{i}" for i in range(2 * layers))]
    for tensor, name in zip(ov_model.inputs, names, strict=True):
        tensor.get_tensor().set_names({name})
    for tensor, name in zip(
        ov_model.outputs, ["logits", *(f"present.{i}" for i in range(2 * layers))], strict=True
    ):
        tensor.get_tensor().set_names({name})
    apply_make_stateful_transformation(ov_model, {f"past.{i}": f"present.{i}" for i in range(2 * layers)})
    return ov_model


def compress_to_int8(model: Any) -> Any:
    """Compress the weights to 8-bit integers."""
    os.environ.setdefault("NNCF_CI", "1")  # disables its telemetry
    try:
        import nncf
    except ImportError as error:
        raise BackboneError(
            "nncf, which compresses weights to eight bits, is not installed: pip install 'bowerbird[int8]'"
        ) from error
    return nncf.compress_weights(model, mode=nncf.CompressWeightsMode.INT8_ASYM)

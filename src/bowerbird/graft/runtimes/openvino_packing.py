"""Lossless re-quantisation: weights that were dequantised from four or eight bits are packed again.

Small base models come as GGUF files: groups of 32 weights share a scale, and a weight is one of 16 or 255
integer steps. In float32, each generated token reads four bytes per weight; packed again it reads an eighth
of that (four bits), and the arithmetic stays float32. A weight w = scale · (q - 8) + shift is split into a
part that the engine fuses and a remainder: x · w = x · scale (q - 8) + (sum of x over the group) · shift.

A matrix is packed only if every weight lies on such a grid (to 2e-6 of its group's largest weight).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bowerbird.data.arrays import FloatArray

GROUP = 32
"""Weights that share a scale, as in GGUF's Q4_0, Q4_1 and Q8_0."""
TOLERANCE = 2e-6


@dataclass(frozen=True)
class QuantisedMatrix:
    """A matrix (out, in) as integer steps: w = scale · steps + shift, in groups of 32 along `in`."""

    steps: NDArray[np.int8]
    """(out, groups, 32) int8; from -8 to 7 where `is_four_bit`."""
    scale: FloatArray
    """(out, groups, 1) float32."""
    shift: FloatArray | None
    """(out, groups) float32; None for symmetric quantisation."""
    is_four_bit: bool


def find_quantisation(weight: FloatArray) -> QuantisedMatrix | None:
    """Recover the quantisation that a float32 matrix (out, in) was dequantised from; None if there was none.

    >>> rng = np.random.default_rng(0)
    >>> find_quantisation(rng.normal(size=(4, 64)).astype(np.float32)) is None
    True
    >>> quantised = find_quantisation((0.25 * rng.integers(-8, 8, (4, 64)) + 0.1).astype(np.float32))
    >>> quantised is not None and quantised.is_four_bit
    True
    """
    if weight.ndim != 2 or weight.shape[1] % GROUP:
        return None
    groups = weight.reshape(len(weight), -1, GROUP)
    if _find_four_bit_steps(groups[:64]) is not None:
        return _find_four_bit_steps(groups)
    return _find_eight_bit_steps(groups)


def _find_four_bit_steps(groups: FloatArray) -> QuantisedMatrix | None:
    """Sixteen steps from a group's lowest to its highest weight; fewer if the group does not use all."""
    low = groups.min(2, keepdims=True)
    span = groups.max(2, keepdims=True) - low
    tolerance = TOLERANCE * np.abs(groups).max(2, keepdims=True)
    steps = np.zeros(groups.shape, np.int8)
    scale = np.ones(low.shape, np.float32)
    unresolved = span[:, :, 0] > 0
    for n_steps in range(15, 0, -1):
        if not unresolved.any():
            break
        step_size = span[unresolved] / n_steps
        candidate_steps = np.rint((groups[unresolved] - low[unresolved]) / step_size)
        fits = (
            np.abs(low[unresolved] + candidate_steps * step_size - groups[unresolved])
            <= tolerance[unresolved]
        ).all(1)
        resolved = tuple(axis[fits] for axis in np.nonzero(unresolved))
        steps[resolved], scale[resolved] = candidate_steps[fits], step_size[fits]
        unresolved[resolved] = False
    if unresolved.any():
        return None
    return QuantisedMatrix(
        (steps - 8).astype(np.int8), scale, (low + 8 * scale)[:, :, 0].astype(np.float32), True
    )


def _find_eight_bit_steps(groups: FloatArray) -> QuantisedMatrix | None:
    """Steps from -127 to 127 around zero, where the largest weight is step ±127 (Q8_0)."""
    largest = np.abs(groups).max(2, keepdims=True)
    scale = np.where(largest > 0, largest / 127, 1).astype(np.float32)
    steps = np.rint(groups / scale)
    # The scale is stored in half precision, so the largest weight equals 127 scales only up to rounding.
    if not (np.abs(steps * scale - groups) <= TOLERANCE * largest).all():
        return None
    return QuantisedMatrix(steps.astype(np.int8), scale, None, False)


def pack_weights(model: Any) -> int:
    """Replace every matrix of an OpenVINO model that lies on a grid; returns how many there were."""
    from openvino import opset13 as op

    n_packed = 0
    for node in model.get_ordered_ops():
        if node.get_type_name() != "MatMul" or not node.get_attributes()["transpose_b"]:
            continue
        constant = node.input_value(1).get_node()
        if constant.get_type_name() != "Constant" or (quantised := find_quantisation(constant.data)) is None:
            continue
        x = node.input_value(0)
        result = op.matmul(x, _build_weight_graph(quantised), False, True)
        if quantised.shift is not None:
            groups = quantised.shift.shape[1]
            grouped = op.reshape(x, op.constant(np.array([0, 0, groups, GROUP])), True)
            sums = op.reduce_sum(grouped, op.constant(np.array([3])), False)
            result = op.add(result, op.matmul(sums, op.constant(quantised.shift), False, True))
        for target in list(node.output(0).get_target_inputs()):
            target.replace_source_output(result.output(0))
        n_packed += 1
    return n_packed


def _build_weight_graph(quantised: QuantisedMatrix) -> Any:
    """Build the graph that computes the matrix from steps and scales; the engine fuses it into the
    product."""
    import openvino as ov
    from openvino import opset13 as op

    out, groups, _ = quantised.steps.shape
    steps = op.constant(quantised.steps)
    if quantised.is_four_bit:
        flat = quantised.steps.reshape(-1).astype(np.uint8) & 15
        # The tensor must own its memory: a constant keeps the tensor alive, but not a numpy array behind it.
        tensor = ov.Tensor(ov.Type.i4, ov.Shape(quantised.steps.shape))
        tensor.data[:] = (flat[0::2] | (flat[1::2] << 4)).view(np.int8)
        steps = ov.op.Constant(tensor)
    scaled = op.multiply(op.convert(steps, "f32"), op.constant(quantised.scale))
    return op.reshape(scaled, op.constant(np.array([out, groups * GROUP])), False)

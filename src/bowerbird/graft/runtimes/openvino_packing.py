"""Weights that were widened from four or eight bits go back to them, without loss.

Small bases come as GGUF files: groups of 32 weights share a scale, and a weight is one of 16 or 255 steps. As
float32, every token of a reply reads all four bytes of each; put back into the steps they came from, it
reads an eighth, and the arithmetic stays float32. A weight w = scale · (q - 8) + shift is split into what the
engine fuses and what remains: x · w = x · scale (q - 8) + (sum of x over the group) · shift.

Only a matrix whose every weight lies on such a grid is packed (to 2e-6 of its group's largest weight); any
other stays as it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

GROUP = 32
"""Weights that share a scale, as in GGUF's Q4_0, Q4_1 and Q8_0."""
TOLERANCE = 2e-6


@dataclass(frozen=True)
class Steps:
    """A matrix (out, in) as steps: w = scale · steps + shift, by groups of 32 along `in`."""

    steps: np.ndarray
    """(out, groups, 32) int8; from -8 to 7 where `four_bits`."""
    scale: np.ndarray
    """(out, groups, 1) float32."""
    shift: np.ndarray | None
    """(out, groups) float32; None where there is none."""
    four_bits: bool


def steps_of(weight: np.ndarray) -> Steps | None:
    """The steps that a float32 matrix (out, in) was widened from; None where it was not.

    >>> rng = np.random.default_rng(0)
    >>> steps_of(rng.normal(size=(4, 64)).astype(np.float32)) is None
    True
    >>> found = steps_of((0.25 * rng.integers(-8, 8, (4, 64)) + 0.1).astype(np.float32))
    >>> found is not None and found.four_bits
    True
    """
    if weight.ndim != 2 or weight.shape[1] % GROUP:
        return None
    groups = weight.reshape(len(weight), -1, GROUP)
    if _four_bits(groups[:64]) is not None:
        return _four_bits(groups)
    return _eight_bits(groups)


def _four_bits(groups: np.ndarray) -> Steps | None:
    """Sixteen steps from a group's lowest weight to its highest; fewer where it does not use all."""
    low = groups.min(2, keepdims=True)
    span = groups.max(2, keepdims=True) - low
    bound = TOLERANCE * np.abs(groups).max(2, keepdims=True)
    steps = np.zeros(groups.shape, np.int8)
    scale = np.ones(low.shape, np.float32)
    left = span[:, :, 0] > 0
    for used in range(15, 0, -1):
        if not left.any():
            break
        size = span[left] / used
        tried = np.rint((groups[left] - low[left]) / size)
        fits = (np.abs(low[left] + tried * size - groups[left]) <= bound[left]).all(1)
        where = tuple(axis[fits] for axis in np.nonzero(left))
        steps[where], scale[where] = tried[fits], size[fits]
        left[where] = False
    if left.any():
        return None
    return Steps((steps - 8).astype(np.int8), scale, (low + 8 * scale)[:, :, 0].astype(np.float32), True)


def _eight_bits(groups: np.ndarray) -> Steps | None:
    """Steps from -127 to 127 around zero, the largest weight being the last one (Q8_0)."""
    largest = np.abs(groups).max(2, keepdims=True)
    scale = np.where(largest > 0, largest / 127, 1).astype(np.float32)
    steps = np.rint(groups / scale)
    # Its scale is kept in half precision, so the largest weight is 127 scales only to within a rounding.
    if not (np.abs(steps * scale - groups) <= TOLERANCE * largest).all():
        return None
    return Steps(steps.astype(np.int8), scale, None, False)


def pack(model: Any) -> int:
    """Replace every matrix of an OpenVINO model that lies on a grid; how many there were."""
    from openvino import opset13 as op

    packed = 0
    for node in model.get_ordered_ops():
        if node.get_type_name() != "MatMul" or not node.get_attributes()["transpose_b"]:
            continue
        constant = node.input_value(1).get_node()
        if constant.get_type_name() != "Constant" or (found := steps_of(constant.data)) is None:
            continue
        x = node.input_value(0)
        result = op.matmul(x, _weight(found), False, True)
        if found.shift is not None:
            groups = found.shift.shape[1]
            grouped = op.reshape(x, op.constant(np.array([0, 0, groups, GROUP])), True)
            sums = op.reduce_sum(grouped, op.constant(np.array([3])), False)
            result = op.add(result, op.matmul(sums, op.constant(found.shift), False, True))
        for target in list(node.output(0).get_target_inputs()):
            target.replace_source_output(result.output(0))
        packed += 1
    return packed


def _weight(found: Steps) -> Any:
    """Steps and scales as a graph that gives the matrix; the engine reads it as it multiplies."""
    import openvino as ov
    from openvino import opset13 as op

    out, groups, _ = found.steps.shape
    steps = op.constant(found.steps)
    if found.four_bits:
        flat = found.steps.reshape(-1).astype(np.uint8) & 15
        # The tensor must own its memory: a constant keeps the tensor alive, but no array that it was made of.
        tensor = ov.Tensor(ov.Type.i4, ov.Shape(found.steps.shape))
        tensor.data[:] = (flat[0::2] | (flat[1::2] << 4)).view(np.int8)
        steps = ov.op.Constant(tensor)
    scaled = op.multiply(op.convert(steps, "f32"), op.constant(found.scale))
    return op.reshape(scaled, op.constant(np.array([out, groups * GROUP])), False)

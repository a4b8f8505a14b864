"""Packing is lossless: the steps reproduce the weights, and the packed model generates the same tokens."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bowerbird.graft.runtimes.openvino_packing import GROUP, QuantisedMatrix, find_quantisation

pytest.importorskip("openvino", reason="pip install 'bowerbird[openvino]'")


def dequantise(quantised: QuantisedMatrix) -> np.ndarray:
    weight = quantised.scale.astype(np.float64) * quantised.steps
    if quantised.shift is not None:
        weight = weight + quantised.shift[:, :, None]
    return weight.reshape(len(weight), -1)


def on_grid(rng: np.random.Generator, out: int, width: int, is_four_bit: bool) -> np.ndarray:
    """A matrix as a GGUF file gives it: Q4_1 (sixteen steps and a lowest weight) or Q8_0."""
    groups = (out, width // GROUP, 1)
    scale = rng.uniform(0.001, 0.1, groups).astype(np.float16).astype(np.float32)
    if is_four_bit:
        steps = rng.integers(0, 16, (*groups[:2], GROUP))
        low = rng.normal(size=groups).astype(np.float16).astype(np.float32)
        return (scale * steps + low).astype(np.float32).reshape(out, width)
    steps = rng.integers(-127, 128, (*groups[:2], GROUP))
    steps[:, :, 0] = 127  # a group's scale is its largest weight's
    return (scale * steps).astype(np.float32).reshape(out, width)


@settings(max_examples=60)
@given(st.integers(0, 10_000), st.booleans(), st.sampled_from([32, 64, 160]))
def test_quantised_weights_are_recovered(seed: int, is_four_bit: bool, width: int) -> None:
    weight = on_grid(np.random.default_rng(seed), 5, width, is_four_bit)
    quantised = find_quantisation(weight)
    assert quantised is not None
    assert quantised.is_four_bit == is_four_bit
    assert np.abs(dequantise(quantised) - weight).max() <= 1e-5 * np.abs(weight).max()
    if is_four_bit:
        assert quantised.steps.min() >= -8
        assert quantised.steps.max() <= 7


def test_a_single_weight_off_the_grid_prevents_packing() -> None:
    for is_four_bit in (True, False):
        weight = on_grid(np.random.default_rng(0), 100, 64, is_four_bit)
        weight[77, 13] *= 1.001
        assert find_quantisation(weight) is None


@pytest.mark.parametrize("shape", [(4, 33), (4,), (2, 4, 32)])
def test_shapes_without_groups_are_not_packed(shape: tuple[int, ...]) -> None:
    assert find_quantisation(np.zeros(shape, np.float32)) is None


def test_a_packed_model_generates_the_same_tokens_and_is_smaller(
    tiny_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bowerbird.graft.base import Base
    from bowerbird.graft.runtime import PromptEmbeddings, SamplingParams
    from bowerbird.graft.runtimes.eager import EagerRuntime
    from bowerbird.graft.runtimes.openvino import OpenVinoRuntime
    from bowerbird.graft.runtimes.openvino_conversion import Precision, convert

    base = Base.load(str(tiny_base))
    float32_bytes = convert(base, Precision.FLOAT32, tmp_path / "whole").with_suffix(".bin").stat().st_size
    rng = np.random.default_rng(0)
    with torch.no_grad():
        for layer in base.model.model.layers:
            for module in layer.modules():
                if isinstance(module, torch.nn.Linear):
                    weight = on_grid(rng, module.out_features, module.in_features, True)
                    module.weight.copy_(torch.from_numpy(weight))
    base = Base.from_model(base.name, base.model, base.tokenizer)
    runtime = OpenVinoRuntime(base, folder=tmp_path / "packed")
    packed_bytes = convert(base, Precision.FLOAT32, tmp_path / "packed").with_suffix(".bin").stat().st_size
    assert packed_bytes < 0.5 * float32_bytes
    token_ids = rng.integers(5, len(base.embedding_table), 20)
    prompt = PromptEmbeddings(token_ids, base.embed_tokens(token_ids).numpy())
    sampling = SamplingParams(max_tokens=20, min_tokens=20)
    assert list(runtime.generate(prompt, sampling)) == list(EagerRuntime(base).generate(prompt, sampling))

"""Packing loses nothing: the steps give the weights back, and the packed model writes what it wrote."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bowerbird.graft.runtimes.openvino_packing import GROUP, Steps, steps_of

pytest.importorskip("openvino", reason="pip install 'bowerbird[openvino]'")


def back(found: Steps) -> np.ndarray:
    weight = found.scale.astype(np.float64) * found.steps
    if found.shift is not None:
        weight = weight + found.shift[:, :, None]
    return weight.reshape(len(weight), -1)


def on_grid(rng: np.random.Generator, out: int, width: int, four_bits: bool) -> np.ndarray:
    """A matrix as a GGUF file gives it: Q4_1 (sixteen steps and a lowest weight) or Q8_0."""
    groups = (out, width // GROUP, 1)
    scale = rng.uniform(0.001, 0.1, groups).astype(np.float16).astype(np.float32)
    if four_bits:
        steps = rng.integers(0, 16, (*groups[:2], GROUP))
        low = rng.normal(size=groups).astype(np.float16).astype(np.float32)
        return (scale * steps + low).astype(np.float32).reshape(out, width)
    steps = rng.integers(-127, 128, (*groups[:2], GROUP))
    steps[:, :, 0] = 127  # a group's scale is its largest weight's
    return (scale * steps).astype(np.float32).reshape(out, width)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.booleans(), st.sampled_from([32, 64, 160]))
def test_what_lies_on_a_grid_comes_back(seed: int, four_bits: bool, width: int) -> None:
    weight = on_grid(np.random.default_rng(seed), 5, width, four_bits)
    found = steps_of(weight)
    assert found is not None
    assert found.four_bits == four_bits
    assert np.abs(back(found) - weight).max() <= 1e-5 * np.abs(weight).max()
    if four_bits:
        assert found.steps.min() >= -8
        assert found.steps.max() <= 7


def test_one_weight_beside_the_grid_is_noticed() -> None:
    for four_bits in (True, False):
        weight = on_grid(np.random.default_rng(0), 100, 64, four_bits)
        weight[77, 13] *= 1.001
        assert steps_of(weight) is None


@pytest.mark.parametrize("shape", [(4, 33), (4,), (2, 4, 32)])
def test_shapes_without_groups_are_left(shape: tuple[int, ...]) -> None:
    assert steps_of(np.zeros(shape, np.float32)) is None


def test_a_packed_model_writes_what_it_wrote_and_is_smaller(
    tiny_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bowerbird.graft.base import Base
    from bowerbird.graft.runtime import SamplingParams, PromptEmbeddings
    from bowerbird.graft.runtimes.eager import EagerRuntime
    from bowerbird.graft.runtimes.openvino import OpenVinoRuntime
    from bowerbird.graft.runtimes.openvino_conversion import Precision, converted

    base = Base.load(str(tiny_base))
    whole = converted(base, Precision.FLOAT32, tmp_path / "whole").with_suffix(".bin").stat().st_size
    rng = np.random.default_rng(0)
    with torch.no_grad():
        for layer in base.model.model.layers:
            for module in layer.modules():
                if isinstance(module, torch.nn.Linear):
                    weight = on_grid(rng, module.out_features, module.in_features, True)
                    module.weight.copy_(torch.from_numpy(weight))
    base = Base.from_model(base.name, base.model, base.tokenizer)
    runtime = OpenVinoRuntime(base, folder=tmp_path / "packed")
    packed = converted(base, Precision.FLOAT32, tmp_path / "packed").with_suffix(".bin").stat().st_size
    assert packed < 0.5 * whole
    places = rng.integers(5, len(base.embedding_table), 20)
    prompt = PromptEmbeddings(places, base.embed_tokens(places).numpy())
    how = SamplingParams(max_tokens=20, min_tokens=20)
    assert list(runtime.generate(prompt, how)) == list(EagerRuntime(base).write(prompt, how))

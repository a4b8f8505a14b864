"""OpenVINO generates the model's own tokens, with prefix caching and with concurrent replies."""

import shutil
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from bowerbird.errors import BackboneError, InputError
from bowerbird.graft.base import Base
from bowerbird.graft.runtime import PromptEmbeddings, SamplingParams
from bowerbird.graft.runtimes.eager import EagerRuntime
from bowerbird.models import BACKBONES, is_pulled

pytest.importorskip("openvino", reason="pip install 'bowerbird[openvino]'")

from bowerbird.graft.runtimes.openvino import OpenVinoRuntime, open_embedded_runtime
from bowerbird.graft.runtimes.openvino_conversion import Precision, convert

IS_PULLED = any(backbone.name == "smollm2-135m" and is_pulled(backbone) for backbone in BACKBONES)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BOWERBIRD_CACHE", str(folder))
        yield folder


@pytest.fixture(scope="module")
def base(tiny_base: Path) -> Base:
    return Base.load(str(tiny_base))


@pytest.fixture(scope="module")
def runtime(cache: Path, base: Base) -> OpenVinoRuntime:
    return OpenVinoRuntime(base)


def make_prompt(base: Base, seed: int, length: int = 12) -> PromptEmbeddings:
    """A prompt in which every second position is a soft token: not the embedding of any token."""
    rng = np.random.default_rng(seed)
    token_keys = rng.integers(5, len(base.embedding_table), length)
    embeddings = base.embed_tokens(token_keys).numpy().copy()
    embeddings[1::2] = rng.normal(size=embeddings[1::2].shape) * embeddings.std()
    token_keys[1::2] = -1 - seed * 1000 - np.arange(len(token_keys[1::2]))
    return PromptEmbeddings(token_keys, embeddings)


def concat_prefix(first: PromptEmbeddings, n_prefix: int, second: PromptEmbeddings) -> PromptEmbeddings:
    return PromptEmbeddings(
        np.concatenate([first.token_keys[:n_prefix], second.token_keys]),
        np.concatenate([first.embeddings[:n_prefix], second.embeddings]),
    )


GREEDY = SamplingParams(max_tokens=24, min_tokens=24)


def test_greedy_tokens_are_those_of_the_model_itself(base: Base, runtime: OpenVinoRuntime) -> None:
    eager = EagerRuntime(base)
    for seed in range(8):
        prompt = make_prompt(base, seed, length=3 + 7 * seed)
        assert list(runtime.generate(prompt, GREEDY)) == list(eager.generate(prompt, GREEDY))


def test_prefix_caching_changes_no_token(base: Base, runtime: OpenVinoRuntime) -> None:
    first = make_prompt(base, 50, 20)
    list(runtime.generate(first, GREEDY))
    for keep in (0, 1, 7, 20):
        second = concat_prefix(first, keep, make_prompt(base, 51, 9))
        fresh = list(EagerRuntime(base).generate(second, GREEDY))
        assert list(runtime.generate(second, GREEDY)) == fresh
        assert list(runtime.generate(second, GREEDY)) == fresh  # all but its last position is cached now


def test_only_the_differing_suffix_is_computed(
    base: Base, runtime: OpenVinoRuntime, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bowerbird.graft.runtimes import openvino

    n_computed = []
    step = openvino._step
    monkeypatch.setattr(openvino, "_step", lambda r, e, start: n_computed.append(len(e)) or step(r, e, start))
    first = make_prompt(base, 60, 20)
    runtime.generate(first, GREEDY)
    runtime.generate(concat_prefix(first, 20, make_prompt(base, 61, 5)), GREEDY)
    assert n_computed == [20, 5]


def test_concurrent_replies_are_independent(base: Base, runtime: OpenVinoRuntime) -> None:
    prompts = [make_prompt(base, 70 + n, 10) for n in range(6)]
    expected = [list(runtime.generate(prompt, GREEDY)) for prompt in prompts]
    # In turns, in one thread ...
    assert [list(row) for row in zip(*[runtime.generate(p, GREEDY) for p in prompts], strict=True)] == [
        list(row) for row in zip(*expected, strict=True)
    ]
    # ... and in several.
    replies: dict[int, list[int]] = {}
    threads = [
        threading.Thread(
            target=lambda n=n: replies.__setitem__(n, list(runtime.generate(prompts[n], GREEDY)))
        )
        for n in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [replies[n] for n in range(6)] == expected


def test_sampling_is_repeatable_by_seed(base: Base, runtime: OpenVinoRuntime) -> None:
    prompt = make_prompt(base, 80)
    replies = [
        list(
            runtime.generate(prompt, SamplingParams(max_tokens=16, min_tokens=16, temperature=2.0, seed=seed))
        )
        for seed in (1, 1, 2)
    ]
    assert replies[0] == replies[1] != replies[2]


def test_forbidden_tokens_are_not_generated(base: Base, runtime: OpenVinoRuntime) -> None:
    prompt = make_prompt(base, 90)
    hot = SamplingParams(max_tokens=60, min_tokens=60, temperature=50.0)
    assert not set(runtime.generate(prompt, hot)) & (base.forbidden_ids | base.end_ids)
    only = SamplingParams(max_tokens=5, allowed_tokens=lambda generated: [7 + len(generated)])
    assert list(runtime.generate(prompt, only)) == [7, 8, 9, 10, 11]


def test_malformed_prompts_are_rejected_immediately(base: Base, runtime: OpenVinoRuntime) -> None:
    good = make_prompt(base, 95)
    broken = good.embeddings.copy()
    broken[3, 2] = np.nan
    for bad in (
        PromptEmbeddings(good.token_keys, broken),
        PromptEmbeddings(good.token_keys, good.embeddings[:, :-1]),
        PromptEmbeddings(good.token_keys[:0], good.embeddings[:0]),
        make_prompt(base, 1, base.context_length),
    ):
        with pytest.raises(InputError):
            runtime.generate(bad, GREEDY)
    assert list(runtime.generate(good, GREEDY)) == list(EagerRuntime(base).generate(good, GREEDY))


def test_a_conversion_is_cached_and_a_broken_one_is_repeated(
    tmp_path: Path, base: Base, runtime: OpenVinoRuntime, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = convert(base, Precision.FLOAT32)
    stamp = path.stat().st_mtime_ns
    assert convert(base, Precision.FLOAT32) == path and path.stat().st_mtime_ns == stamp
    monkeypatch.setenv("BOWERBIRD_CACHE", str(tmp_path))
    copied_path = tmp_path / path.relative_to(path.parents[2])
    expected = list(runtime.generate(make_prompt(base, 1), GREEDY))
    for name in ("model.bin", "model.xml"):
        shutil.rmtree(copied_path.parent, ignore_errors=True)
        shutil.copytree(path.parent, copied_path.parent)
        content = (copied_path.parent / name).read_bytes()
        (copied_path.parent / name).write_bytes(content[: len(content) // 2])
        assert list(OpenVinoRuntime(base).generate(make_prompt(base, 1), GREEDY)) == expected
        # Whole again; the names in it may differ.
        assert (copied_path.parent / name).stat().st_size > 0.9 * len(content)
    assert not list(copied_path.parents[1].glob(".converting-*"))


def test_without_openvino_the_error_names_the_extra_and_torch_is_used(
    base: Base, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(BackboneError, match=r"bowerbird\[openvino\]"):
        OpenVinoRuntime(base)
    monkeypatch.setattr("bowerbird.graft.runtimes.openvino.find_spec", lambda name: None)
    assert isinstance(open_embedded_runtime(base), EagerRuntime)


@pytest.mark.parametrize("precision", [Precision.BFLOAT16, Precision.INT8])
def test_other_precisions_generate_too(cache: Path, base: Base, precision: Precision) -> None:
    if precision is Precision.INT8:
        pytest.importorskip("nncf", reason="pip install 'bowerbird[int8]'")
    assert len(list(OpenVinoRuntime(base, precision).generate(make_prompt(base, 3), GREEDY))) == 24


@pytest.mark.slow
@pytest.mark.skipif(not IS_PULLED, reason="run `bowerbird models pull`")
def test_smollm2_generates_the_same_greedy_tokens() -> None:
    base = Base.load("smollm2-135m")
    runtime, eager = OpenVinoRuntime(base), EagerRuntime(base)
    for seed in range(2):
        prompt = make_prompt(base, seed, 60)
        assert list(runtime.generate(prompt, GREEDY)) == list(eager.generate(prompt, GREEDY))

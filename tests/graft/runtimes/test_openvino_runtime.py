"""OpenVINO writes what the model itself writes, whatever is kept from before and whoever else is writing."""

import shutil
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from bowerbird.errors import BackboneError, InputError
from bowerbird.graft.base import Base
from bowerbird.graft.runtime import SamplingParams, PromptEmbeddings
from bowerbird.graft.runtimes.eager import EagerRuntime
from bowerbird.models import BACKBONES, is_pulled

pytest.importorskip("openvino", reason="pip install 'bowerbird[openvino]'")

from bowerbird.graft.runtimes.openvino import OpenVinoRuntime, embedded_runtime
from bowerbird.graft.runtimes.openvino_conversion import Precision, converted

PULLED = any(one.name == "smollm2-135m" and is_pulled(one) for one in BACKBONES)


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


def prompt(base: Base, seed: int, length: int = 12) -> PromptEmbeddings:
    """A prompt in which every second place is an item: no token's embedding."""
    rng = np.random.default_rng(seed)
    places = rng.integers(5, len(base.embedding_table), length)
    embedded = base.embed_tokens(places).numpy().copy()
    embedded[1::2] = rng.normal(size=embedded[1::2].shape) * embedded.std()
    places[1::2] = -1 - seed * 1000 - np.arange(len(places[1::2]))
    return PromptEmbeddings(places, embedded)


def extended(one: PromptEmbeddings, keep: int, other: PromptEmbeddings) -> PromptEmbeddings:
    return PromptEmbeddings(
        np.concatenate([one.places[:keep], other.places]),
        np.concatenate([one.embedded[:keep], other.embedded]),
    )


GREEDY = SamplingParams(max_tokens=24, min_tokens=24)


def test_greedy_tokens_are_those_of_the_model_itself(base: Base, runtime: OpenVinoRuntime) -> None:
    eager = EagerRuntime(base)
    for seed in range(8):
        one = prompt(base, seed, length=3 + 7 * seed)
        assert list(runtime.generate(one, GREEDY)) == list(eager.write(one, GREEDY))


def test_a_kept_beginning_changes_no_token(base: Base, runtime: OpenVinoRuntime) -> None:
    first = prompt(base, 50, 20)
    list(runtime.generate(first, GREEDY))
    for keep in (0, 1, 7, 20):
        second = extended(first, keep, prompt(base, 51, 9))
        fresh = list(EagerRuntime(base).write(second, GREEDY))
        assert list(runtime.generate(second, GREEDY)) == fresh
        assert list(runtime.generate(second, GREEDY)) == fresh  # all but its last place is kept now


def test_only_what_differs_is_read(
    base: Base, runtime: OpenVinoRuntime, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bowerbird.graft.runtimes import openvino

    read = []
    step = openvino._step
    monkeypatch.setattr(openvino, "_step", lambda r, e, start: read.append(len(e)) or step(r, e, start))
    first = prompt(base, 60, 20)
    runtime.generate(first, GREEDY)
    runtime.generate(extended(first, 20, prompt(base, 61, 5)), GREEDY)
    assert read == [20, 5]


def test_replies_that_overlap_do_not_disturb_each_other(base: Base, runtime: OpenVinoRuntime) -> None:
    prompts = [prompt(base, 70 + n, 10) for n in range(6)]
    wanted = [list(runtime.generate(one, GREEDY)) for one in prompts]
    # In turns, in one thread ...
    assert [list(row) for row in zip(*[runtime.generate(p, GREEDY) for p in prompts], strict=True)] == [
        list(row) for row in zip(*wanted, strict=True)
    ]
    # ... and in several.
    got: dict[int, list[int]] = {}
    threads = [
        threading.Thread(target=lambda n=n: got.__setitem__(n, list(runtime.generate(prompts[n], GREEDY))))
        for n in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [got[n] for n in range(6)] == wanted


def test_a_seed_repeats_and_another_one_differs(base: Base, runtime: OpenVinoRuntime) -> None:
    one = prompt(base, 80)
    write = [
        list(runtime.generate(one, SamplingParams(max_tokens=16, min_tokens=16, temperature=2.0, seed=seed)))
        for seed in (1, 1, 2)
    ]
    assert write[0] == write[1] != write[2]


def test_what_is_never_or_not_allowed_is_not_written(base: Base, runtime: OpenVinoRuntime) -> None:
    one = prompt(base, 90)
    hot = SamplingParams(max_tokens=60, min_tokens=60, temperature=50.0)
    assert not set(runtime.generate(one, hot)) & (base.forbidden_ids | base.end_ids)
    only = SamplingParams(max_tokens=5, allowed=lambda written: [7 + len(written)])
    assert list(runtime.generate(one, only)) == [7, 8, 9, 10, 11]


def test_prompts_that_cannot_be_read_are_refused_at_once(base: Base, runtime: OpenVinoRuntime) -> None:
    good = prompt(base, 95)
    broken = good.embeddings.copy()
    broken[3, 2] = np.nan
    for bad in (
        PromptEmbeddings(good.token_keys, broken),
        PromptEmbeddings(good.token_keys, good.embeddings[:, :-1]),
        PromptEmbeddings(good.token_keys[:0], good.embeddings[:0]),
        prompt(base, 1, base.context_length),
    ):
        with pytest.raises(InputError):
            runtime.generate(bad, GREEDY)
    assert list(runtime.generate(good, GREEDY)) == list(EagerRuntime(base).write(good, GREEDY))


def test_a_conversion_is_kept_and_a_broken_one_is_made_again(
    tmp_path: Path, base: Base, runtime: OpenVinoRuntime, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = converted(base, Precision.FLOAT32)
    stamp = path.stat().st_mtime_ns
    assert converted(base, Precision.FLOAT32) == path and path.stat().st_mtime_ns == stamp
    monkeypatch.setenv("BOWERBIRD_CACHE", str(tmp_path))
    own = tmp_path / path.relative_to(path.parents[2])
    wanted = list(runtime.generate(prompt(base, 1), GREEDY))
    for name in ("model.bin", "model.xml"):
        shutil.rmtree(own.parent, ignore_errors=True)
        shutil.copytree(path.parent, own.parent)
        whole = (own.parent / name).read_bytes()
        (own.parent / name).write_bytes(whole[: len(whole) // 2])
        assert list(OpenVinoRuntime(base).write(prompt(base, 1), GREEDY)) == wanted
        # Whole again; the names in it may differ.
        assert (own.parent / name).stat().st_size > 0.9 * len(whole)
    assert not list(own.parents[1].glob(".converting-*"))


def test_without_openvino_the_error_names_the_extra_and_torch_is_used(
    base: Base, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(BackboneError, match=r"bowerbird\[openvino\]"):
        OpenVinoRuntime(base)
    monkeypatch.setattr("bowerbird.graft.runtimes.openvino.find_spec", lambda name: None)
    assert isinstance(embedded_runtime(base), EagerRuntime)


@pytest.mark.parametrize("precision", [Precision.BFLOAT16, Precision.INT8])
def test_the_other_precisions_write_too(cache: Path, base: Base, precision: Precision) -> None:
    if precision is Precision.INT8:
        pytest.importorskip("nncf", reason="pip install 'bowerbird[int8]'")
    assert len(list(OpenVinoRuntime(base, precision).write(prompt(base, 3), GREEDY))) == 24


@pytest.mark.skipif(not PULLED, reason="run `bowerbird models pull`")
def test_smollm2_writes_the_same_greedy_tokens() -> None:
    base = Base.load("smollm2-135m")
    runtime, eager = OpenVinoRuntime(base), EagerRuntime(base)
    for seed in range(2):
        one = prompt(base, seed, 60)
        assert list(runtime.generate(one, GREEDY)) == list(eager.write(one, GREEDY))

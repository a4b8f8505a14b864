"""For any logits, a generated marker names a candidate."""

import string
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from bowerbird.data.store import Store
from bowerbird.graft.base import Base
from bowerbird.graft.connector import Connector
from bowerbird.graft.model import Graft
from bowerbird.graft.naming.markers import MARKER, Markers, number_candidates
from bowerbird.graft.runtime import SamplingParams
from bowerbird.graft.streaming import decode_tokens

SINGLE = [*string.ascii_lowercase, *string.digits, *'[]#.,:" \n']
"""Every character is a token, as digits are in SmolLM2 and Qwen."""
MERGED = ["12", "25", "7]", "[1", "[12", "[0", "[3]", "[99]", "][", "]2", "1][", "[:", '["', "[]", " [", "[["]
"""Tokens that cross a marker's border, valid and invalid ones."""
ALPHABETS = {
    "single digits": SINGLE,
    "merged": [*SINGLE, *MERGED],
    "no closing bracket": [char for char in SINGLE if char != "]"],
    "closes only with seven": [*(char for char in SINGLE if char != "]"), "7]", "[", "[7", "17"],
}


@cache
def build_base(alphabet: str) -> Base:
    """A random one-layer Llama with these tokens, and its tokenizer."""
    vocabulary = ["<unk>", "<end>", "<repo_name>", "<file_sep>", *dict.fromkeys(ALPHABETS[alphabet])]
    tokenizer = Tokenizer(
        models.WordLevel({token: number for number, token in enumerate(vocabulary)}, unk_token="<unk>")
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    tokenizer.decoder = decoders.Fuse()
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        unk_token="<unk>",
        eos_token="<end>",
        additional_special_tokens=["<repo_name>", "<file_sep>"],
    )
    torch.manual_seed(1)
    config = LlamaConfig(
        vocab_size=len(vocabulary) + 3,  # padded, as large models are
        hidden_size=16,
        intermediate_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=1,
        max_position_embeddings=512,
        tie_word_embeddings=True,
        initializer_range=0.5,
        bos_token_id=1,
        eos_token_id=1,
        pad_token_id=1,
    )
    return Base.from_model("tiny", LlamaForCausalLM(config).eval(), fast)


@cache
def build_markers(alphabet: str) -> Markers:
    return Markers(build_base(alphabet))


def generate_text(base: Base, params: SamplingParams, favoured: str, seed: int) -> str:
    """What an engine's sampling loop generates from random logits that favour tokens of these characters."""
    rng = np.random.default_rng(seed)
    vocabulary_size = base.embedding_table.shape[0]
    texts = [
        decode_tokens(base.tokenizer, [token]) if token < vocabulary_size - 3 else ""
        for token in range(vocabulary_size)
    ]
    is_favoured = np.array([bool(text) and set(text) <= set(favoured) for text in texts])
    ids: list[int] = []
    for _ in range(params.max_tokens):
        logits = rng.normal(size=vocabulary_size) * 2 + 6 * is_favoured
        logits[sorted(base.forbidden_ids | base.end_ids)] = -np.inf
        allowed = params.allowed_tokens(ids) if params.allowed_tokens else None
        if allowed is not None:
            assert len(allowed) == len(set(allowed)) > 0
            masked = np.full(vocabulary_size, -np.inf)
            masked[list(allowed)] = logits[list(allowed)]
            logits = masked
        assert np.isfinite(logits.max()), "a marker that nothing can close"
        ids.append(int(logits.argmax()))
    return decode_tokens(base.tokenizer, ids)


def find_numbers(text: str) -> list[str]:
    """Numbers between brackets, by a naive parser."""
    numbers = [number.split("]")[0] for number in text.split("[")[1:] if "]" in number]
    return [number for number in numbers if number and set(number) <= set(string.digits)]


@settings(max_examples=150)
@given(st.sampled_from(sorted(ALPHABETS)), st.integers(0, 25), st.integers(0, 10**6))
def test_every_marker_names_a_candidate_for_any_logits(alphabet: str, count: int, seed: int) -> None:
    params = SamplingParams(max_tokens=40, allowed_tokens=build_markers(alphabet).constrain(count))
    text = generate_text(build_base(alphabet), params, "[]0123456789", seed)
    known = {str(number) for number in range(1, count + 1)}
    assert set(find_numbers(text)) <= known
    assert [match[1] for match in MARKER.finditer(text)] == find_numbers(text)


@pytest.mark.parametrize("alphabet", ["single digits", "merged"])
@pytest.mark.parametrize("count", [1, 2, 9, 10, 11, 12, 19, 20, 25, 100, 101])
def test_exactly_the_candidates_can_be_named(alphabet: str, count: int) -> None:
    base, allowed = build_base(alphabet), build_markers(alphabet).constrain(count)
    vocabulary = base.tokenizer.get_vocab()
    nameable = []
    for number in range(130):
        ids = [vocabulary[char] for char in f"x[{number}]"]
        steps = [allowed(ids[:n]) for n in range(1, len(ids))]
        if all(step is None or token in step for step, token in zip(steps, ids[1:], strict=True)):
            nameable.append(number)
    assert nameable == list(range(1, count + 1))


def test_text_is_unconstrained_if_no_token_crosses_a_marker() -> None:
    ids = build_base("single digits").tokenize("he said #12 and 7]")
    allowed = build_markers("single digits").constrain(3)
    assert all(allowed(ids[:n]) is None for n in range(len(ids) + 1))


def test_outside_markers_only_invalid_markers_are_forbidden() -> None:
    base = build_base("merged")
    free = build_markers("merged").constrain(3)([])
    assert free is not None
    forbidden = set(range(base.embedding_table.shape[0])) - set(free)
    names = base.tokenizer.convert_ids_to_tokens(sorted(forbidden))
    assert set(names) == {"[12", "[0", "[99]"}


def test_a_bracket_that_nothing_closes_is_not_generated() -> None:
    for alphabet, count, can_open in (
        ("no closing bracket", 9, False),
        ("closes only with seven", 6, False),
        ("closes only with seven", 7, True),
    ):
        base, free = build_base(alphabet), build_markers(alphabet).constrain(count)([])
        bracket = base.tokenizer.get_vocab()["["]
        assert (free is None or bracket in free) == can_open
    with pytest.raises(ValueError, match="1000"):
        build_markers("merged").constrain(1000)


def test_a_word_tokenizer_has_no_markers_to_constrain(tiny_base: Any) -> None:
    base = Base.load(str(tiny_base))
    assert Markers(base).constrain(5)([3, 4]) is None


@settings(max_examples=20)
@given(st.integers(1, 25), st.integers(0, 1000), st.sampled_from([0.0, 1.0, 50.0]))
def test_a_graft_names_only_candidates(count: int, seed: int, temperature: float) -> None:
    base = build_base("merged")
    graft = Graft(base, Connector(4, base.hidden, 1.0), np.eye(30, 4, dtype=np.float32))
    candidates = np.random.default_rng(seed).permutation(30)[:count].tolist()
    prompt = [*number_candidates(candidates), "i like "]
    params = SamplingParams(
        min_tokens=60,
        temperature=temperature,
        seed=seed,
        allowed_tokens=build_markers("merged").constrain(count),
    )
    texts = list(graft.generate(prompt, 60, sampling=params))
    assert all(1 <= int(number) <= count for number in find_numbers("".join(texts)))


def test_a_graft_reads_its_candidates(grafted: Store) -> None:
    graft = Graft.open(grafted.snapshot())
    assert graft.render([*number_candidates([7, 3]), "which"]).soft_items == (7, 3)


def test_candidates_are_numbered_as_markers_say() -> None:
    prompt = number_candidates([31, 7, 5])
    for marker, item in zip(prompt[0::3], prompt[1::3], strict=True):
        match = MARKER.match(str(marker))
        assert match is not None
        assert [31, 7, 5][int(match[1]) - 1] == item

"""Whatever a model's logits say, a marker names a candidate."""

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
from bowerbird.graft.streaming import decoded

SINGLE = [*string.ascii_lowercase, *string.digits, *'[]#.,:" \n']
"""Every character is a token, as digits are in SmolLM2 and Qwen."""
MERGED = ["12", "25", "7]", "[1", "[12", "[0", "[3]", "[99]", "][", "]2", "1][", "[:", '["', "[]", " [", "[["]
"""Tokens over a marker's borders, good and bad ones."""
ALPHABETS = {
    "single digits": SINGLE,
    "merged": [*SINGLE, *MERGED],
    "no closing bracket": [one for one in SINGLE if one != "]"],
    "closes only with seven": [*(one for one in SINGLE if one != "]"), "7]", "[", "[7", "17"],
}


@cache
def base_of(alphabet: str) -> Base:
    """A random one-layer Llama that writes these pieces, and its tokenizer."""
    pieces = ["<unk>", "<end>", "<repo_name>", "<file_sep>", *dict.fromkeys(ALPHABETS[alphabet])]
    tokenizer = Tokenizer(models.WordLevel({piece: n for n, piece in enumerate(pieces)}, unk_token="<unk>"))
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
        vocab_size=len(pieces) + 3,  # padded, as large models are
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
def markers_of(alphabet: str) -> Markers:
    return Markers(base_of(alphabet))


def written(base: Base, how: SamplingParams, favoured: str, seed: int) -> str:
    """What the loop of any engine writes by random logits, these characters' tokens being likely."""
    rng = np.random.default_rng(seed)
    rows = base.embedding_table.shape[0]
    texts = [decoded(base.tokenizer, [token]) if token < rows - 3 else "" for token in range(rows)]
    likely = np.array([bool(text) and set(text) <= set(favoured) for text in texts])
    ids: list[int] = []
    for _ in range(how.max_tokens):
        logits = rng.normal(size=rows) * 2 + 6 * likely
        logits[sorted(base.forbidden_ids | base.end_ids)] = -np.inf
        allowed = how.allowed(ids) if how.allowed else None
        if allowed is not None:
            assert len(allowed) == len(set(allowed)) > 0
            only = np.full(rows, -np.inf)
            only[list(allowed)] = logits[list(allowed)]
            logits = only
        assert np.isfinite(logits.max()), "a marker that nothing can close"
        ids.append(int(logits.argmax()))
    return decoded(base.tokenizer, ids)


def numbers_in(text: str) -> list[str]:
    """What stands between brackets and is a number, read naively."""
    parts = [part.split("]")[0] for part in text.split("[")[1:] if "]" in part]
    return [part for part in parts if part and set(part) <= set(string.digits)]


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(sorted(ALPHABETS)), st.integers(0, 25), st.integers(0, 10**6))
def test_whatever_the_logits_every_marker_is_of_a_candidate(alphabet: str, count: int, seed: int) -> None:
    how = SamplingParams(max_tokens=40, allowed=markers_of(alphabet).among(count))
    text = written(base_of(alphabet), how, "[]0123456789", seed)
    known = {str(number) for number in range(1, count + 1)}
    assert set(numbers_in(text)) <= known
    assert [match[1] for match in MARKER.finditer(text)] == numbers_in(text)


@pytest.mark.parametrize("alphabet", ["single digits", "merged"])
@pytest.mark.parametrize("count", [1, 2, 9, 10, 11, 12, 19, 20, 25, 100, 101])
def test_every_candidate_can_be_named_and_no_other(alphabet: str, count: int) -> None:
    base, allowed = base_of(alphabet), markers_of(alphabet).among(count)
    vocabulary = base.tokenizer.get_vocab()
    writable = []
    for number in range(130):
        ids = [vocabulary[char] for char in f"x[{number}]"]
        steps = [allowed(ids[:n]) for n in range(1, len(ids))]
        if all(step is None or token in step for step, token in zip(steps, ids[1:], strict=True)):
            writable.append(number)
    assert writable == list(range(1, count + 1))


def test_outside_markers_nothing_is_forbidden_where_tokens_are_plain() -> None:
    ids = base_of("single digits").tokens("he said #12 and 7]")
    allowed = markers_of("single digits").among(3)
    assert all(allowed(ids[:n]) is None for n in range(len(ids) + 1))


def test_outside_markers_only_wrong_markers_are_forbidden() -> None:
    base = base_of("merged")
    free = markers_of("merged").among(3)([])
    assert free is not None
    forbidden = set(range(base.embedding_table.shape[0])) - set(free)
    names = base.tokenizer.convert_ids_to_tokens(sorted(forbidden))
    assert set(names) == {"[12", "[0", "[99]"}


def test_a_bracket_that_nothing_closes_is_not_written() -> None:
    for alphabet, count, writable in (
        ("no closing bracket", 9, False),
        ("closes only with seven", 6, False),
        ("closes only with seven", 7, True),
    ):
        base, free = base_of(alphabet), markers_of(alphabet).among(count)([])
        bracket = base.tokenizer.get_vocab()["["]
        assert (free is None or bracket in free) == writable
    with pytest.raises(ValueError, match="1000"):
        markers_of("merged").among(1000)


def test_words_that_are_joined_by_spaces_write_no_markers(tiny_base: Any) -> None:
    base = Base.load(str(tiny_base))
    assert Markers(base).among(5)([3, 4]) is None


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 25), st.integers(0, 1000), st.sampled_from([0.0, 1.0, 50.0]))
def test_a_graft_names_only_candidates(count: int, seed: int, temperature: float) -> None:
    base = base_of("merged")
    graft = Graft(base, Connector(4, base.hidden, 1.0), np.eye(30, 4, dtype=np.float32))
    candidates = np.random.default_rng(seed).permutation(30)[:count].tolist()
    prompt = [*number_candidates(candidates), "i like "]
    how = SamplingParams(
        min_tokens=60, temperature=temperature, seed=seed, allowed=markers_of("merged").among(count)
    )
    texts = list(graft.generate(prompt, 60, decoding=how))
    assert all(1 <= int(number) <= count for number in numbers_in("".join(texts)))


def test_a_graft_reads_its_candidates(grafted: Store) -> None:
    graft = Graft.open(grafted.snapshot())
    assert graft.rendered([*number_candidates([7, 3]), "which"]).things == (7, 3)


def test_candidates_are_numbered_as_markers_say() -> None:
    prompt = number_candidates([31, 7, 5])
    for marker, item in zip(prompt[0::3], prompt[1::3], strict=True):
        match = MARKER.match(str(marker))
        assert match is not None
        assert [31, 7, 5][int(match[1]) - 1] == item

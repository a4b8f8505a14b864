"""Whatever a model's logits say, a marker names a candidate; and however a text is cut, it is read alike."""

import itertools
import re
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
from bowerbird.graft.naming.markers import MARKER, Markers, Named, Resolver, numbered, resolved, titled
from bowerbird.graft.runtimes.runtime import Decoding
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
    return Base.of("tiny", LlamaForCausalLM(config).eval(), fast)


@cache
def markers_of(alphabet: str) -> Markers:
    return Markers(base_of(alphabet))


def written(base: Base, how: Decoding, favoured: str, seed: int) -> str:
    """What the loop of any engine writes by random logits, these characters' tokens being likely."""
    rng = np.random.default_rng(seed)
    rows = base.table.shape[0]
    texts = [decoded(base.tokenizer, [token]) if token < rows - 3 else "" for token in range(rows)]
    likely = np.array([bool(text) and set(text) <= set(favoured) for text in texts])
    ids: list[int] = []
    for _ in range(how.max_tokens):
        logits = rng.normal(size=rows) * 2 + 6 * likely
        logits[sorted(base.never | base.ends)] = -np.inf
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
    how = Decoding(max_tokens=40, allowed=markers_of(alphabet).among(count))
    text = written(base_of(alphabet), how, "[]0123456789", seed)
    known = {str(number) for number in range(1, count + 1)}
    assert set(numbers_in(text)) <= known
    named = [piece for piece in resolved([text], range(100, 100 + count)) if isinstance(piece, Named)]
    assert len(named) == len(numbers_in(text))
    assert all(100 <= piece.position < 100 + count for piece in named)


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
    forbidden = set(range(base.table.shape[0])) - set(free)
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
    prompt = [*numbered(candidates), "i like "]
    how = Decoding(
        min_tokens=60, temperature=temperature, seed=seed, allowed=markers_of("merged").among(count)
    )
    texts = list(graft.generate(prompt, 60, decoding=how))
    assert all(1 <= int(number) <= count for number in numbers_in("".join(texts)))
    told = list(resolved(texts, candidates))
    assert {piece.position for piece in told if isinstance(piece, Named)} <= set(candidates)


def test_a_graft_reads_its_candidates(grafted: Store) -> None:
    graft = Graft.open(grafted.snapshot())
    assert graft.rendered([*numbered([7, 3]), "which"]).things == (7, 3)


# -- reading ------------------------------------------------------------------------------------------

TITLES = {
    3: "Lamp #3 [sic]",
    5: 'The "Alma" 2000',
    8: "Alma",
    9: "Alma Lamp",
    11: "[2] beside [1]",
}
TEXT = st.text(alphabet='ab [123450]]#"x\n', max_size=40) | st.text(max_size=20)


def joined(pieces: Any) -> list[str | Named]:
    """Neighbouring texts as one."""
    out: list[str | Named] = []
    for piece in pieces:
        if isinstance(piece, str) and out and isinstance(out[-1], str):
            out[-1] += piece
        else:
            out.append(piece)
    return out


@settings(max_examples=400, deadline=None)
@given(TEXT, st.lists(st.integers(0, 40), max_size=6), st.integers(0, 25))
def test_where_a_stream_is_cut_changes_nothing(text: str, cuts: list[int], count: int) -> None:
    places = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    parts = [text[a:b] for a, b in itertools.pairwise(places)]
    whole = joined(resolved([text], range(count)))
    assert joined(resolved(parts, range(count))) == whole
    assert joined(resolved(text, range(count))) == whole
    assert "" not in whole


@settings(max_examples=400, deadline=None)
@given(TEXT, st.integers(1, 25))
def test_nothing_is_lost_but_half_a_marker_at_the_end(text: str, count: int) -> None:
    pieces = list(resolved([text], range(count)))
    back = "".join(p if isinstance(p, str) else f"[{p.position + 1}]" for p in pieces)
    lost = text.removeprefix(back)
    assert back + lost == text
    assert lost == "" or (lost[0] == "[" and (not lost[1:] or lost[1:].isdigit()))


@settings(max_examples=300, deadline=None)
@given(TEXT, st.integers(1, 25))
def test_what_may_become_a_marker_waits_and_nothing_else_does(text: str, count: int) -> None:
    resolver, told = Resolver(range(count)), ""
    for fed, char in enumerate(text, 1):
        for piece in resolver.feed(char):
            told += piece if isinstance(piece, str) else f"[{piece.position + 1}]"
        begun = re.search(r"\[([1-9][0-9]{0,2})?\Z", text[:fed])
        assert told + (begun[0] if begun else "") == text[:fed]


def test_markers_become_titles_whatever_the_titles_hold() -> None:
    candidates = [3, 5, 8, 9, 11]
    text = "See [1], then [2] or [3]; not [4]s but [5]: [6] [0] [01] [x] [] #1"
    assert "".join(titled(resolved(text, candidates), TITLES)) == (
        'See Lamp #3 [sic], then The "Alma" 2000 or Alma; not Alma Lamps but [2] beside [1]: '
        "[6] [0] [01] [x] [] #1"
    )
    assert "".join(titled(resolved(["I like [1", "2"], candidates), TITLES)) == "I like "
    assert list(resolved(["[1][2]"], [4, 6])) == [Named(4), Named(6)]


def test_candidates_are_numbered_as_markers_say() -> None:
    prompt = numbered([31, 7, 5])
    for marker, item in zip(prompt[0::3], prompt[1::3], strict=True):
        match = MARKER.match(str(marker))
        assert match is not None
        assert [31, 7, 5][int(match[1]) - 1] == item

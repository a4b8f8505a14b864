"""What the act classifier sees of a message: hashed n-grams, its context, and what the rules say.

Hashing keeps the model small and needs no vocabulary (Weinberger et al., ICML 2009; without signs, since
collisions are rare in a short message).
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np

from bowerbird.assist.understand.act_patterns import Act
from bowerbird.assist.understand.acts import Message, recognise
from bowerbird.data.arrays import FloatArray

MAX_CHARACTERS = 200
"""Read of each end of a message: what it does is said at its start or its end."""
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*|[?!¿]")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_ACTS = tuple(Act)
N_SITUATION = 8
N_CONTEXT = N_SITUATION + 2 * len(_ACTS)


def hashed_ngrams(message: Message, n_buckets: int) -> dict[int, float]:
    """Weights of the buckets that the message's n-grams fall into; each kind of n-gram has length 1."""
    weights: dict[int, float] = {}
    for kind, ngrams in (
        ("w", _word_ngrams(message.text)),
        ("p", _word_ngrams(message.plain)),
        ("c", _character_ngrams(message.text)),
    ):
        distinct = {zlib.crc32(f"{kind}:{ngram}".encode()) % n_buckets for ngram in ngrams}
        for bucket in distinct:
            weights[bucket] = weights.get(bucket, 0.0) + len(distinct) ** -0.5
    return weights


def context_features(message: Message) -> FloatArray:
    """What else may tell an act, (N_CONTEXT,): the screen, references, and what the rules take it for."""
    reference = message.reference
    is_pointing = bool(reference.items or reference.missing)
    by_rule = recognise(
        message.plain, points=is_pointing, points_by_rank=is_pointing and reference.is_explicit
    )
    features = np.zeros(N_CONTEXT, np.float32)
    features[:N_SITUATION] = (
        message.n_on_screen > 0,
        message.has_question,
        message.names_type,
        message.names_value,
        len(reference.items) == 1,
        len(reference.items) > 1,
        bool(reference.missing),
        is_pointing and reference.is_explicit,
    )
    features[N_SITUATION + 2 * _ACTS.index(by_rule.act) + by_rule.is_sure] = 1.0
    return features


def _cut(text: str) -> str:
    joined = text if len(text) <= 2 * MAX_CHARACTERS else f"{text[:MAX_CHARACTERS]} {text[-MAX_CHARACTERS:]}"
    return _NUMBER.sub("0", joined)


def _word_ngrams(text: str) -> Iterator[str]:
    words = ["^", *_WORD.findall(_cut(text)), "$"]
    yield from words[1:-1]
    yield from _pairs(words)


def _pairs(words: Sequence[str]) -> Iterator[str]:
    for first, second in pairwise(words):
        yield f"{first} {second}"


def _character_ngrams(text: str) -> Iterator[str]:
    for word in _WORD.findall(_cut(text)):
        padded = f" {word} "
        for size in (2, 3, 4):
            for start in range(len(padded) - size + 1):
                yield padded[start : start + size]

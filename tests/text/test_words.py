"""Typos are corrected to the only word that one edit makes of them."""

from __future__ import annotations

from string import ascii_lowercase

from hypothesis import given
from hypothesis import strategies as st

from bowerbird.text.words import correct_typo

WORDS = st.text("abc", min_size=4, max_size=7)


def edits_of(word: str) -> set[str]:
    """All words one edit away, made one by one."""
    halves = [(word[:k], word[k:]) for k in range(len(word) + 1)]
    deleted = {a + b[1:] for a, b in halves if b}
    swapped = {a + b[1] + b[0] + b[2:] for a, b in halves if len(b) > 1}
    replaced = {a + letter + b[1:] for a, b in halves if b for letter in ascii_lowercase}
    inserted = {a + letter + b for a, b in halves for letter in ascii_lowercase}
    return (deleted | swapped | replaced | inserted) - {word}


@given(WORDS.filter(lambda word: len(word) > 4), st.sets(WORDS, max_size=8))
def test_the_only_word_one_edit_away_is_the_correction(word: str, vocabulary: set[str]) -> None:
    near = {other for other in vocabulary & edits_of(word) if other[0] == word[0]}
    assert correct_typo(word, vocabulary) == (near.pop() if len(near) == 1 else None)


def test_common_words_are_never_corrected() -> None:
    assert correct_typo("trian", ["train"]) == "train"
    assert correct_typo("brain", ["train"]) is None
    assert correct_typo("light", ["night"]) is None
    assert correct_typo("night", ["nights"]) is None

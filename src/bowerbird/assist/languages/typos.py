"""Typing mistakes in a message: corrected towards what the catalogue sells, and what people ask."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator

from bowerbird.assist.languages import ENGLISH, Language
from bowerbird.text.words import correct_typo, stem_phrase, tokenize, word_set

_COMMANDS = word_set(
    "hello thanks compare first second third similar return shipping delivery between recommend something "
    "anything please difference"
)
"""Words of plain English that make a message a command or a question."""


def correct_words(
    text: str, language: Language, known_stems: frozenset[str], knows_word: Callable[[str], bool]
) -> str:
    """A cleaned text with unknown words replaced by the only word of the language one edit away.

    Only words whose English is in `known_stems`, the words of the catalogue's facets, replace any.
    English messages are corrected later by the catalogue's own words, here only in what they ask for.
    """
    if not language.has_file:
        return text
    unknown = [word for word in set(tokenize(text)) if len(word) > 4 and not knows_word(word)]
    if not unknown:
        return text
    targets: dict[str, list[str]] = defaultdict(list)
    for target in _COMMANDS if language.code == ENGLISH else _words_for(language, known_stems):
        targets[target[0]].append(target)
    corrected = {word: correct_typo(word, targets[word[0]]) for word in unknown}
    if language.code == ENGLISH:  # "compared" is no typing mistake
        corrected = {
            word: target for word, target in corrected.items() if target and len(target) >= len(word)
        }
    return " ".join(corrected.get(word) or word for word in text.split(" "))


def _words_for(language: Language, known_stems: frozenset[str]) -> Iterator[str]:
    """Single words of a language for the words of the catalogue's facets."""
    for phrase, english in language.words.items():
        if len(phrase) == 1 and english and known_stems.issuperset(stem_phrase(english)):
            yield phrase[0]

"""Typing mistakes in a message of another language: corrected towards what the catalogue sells."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable

from bowerbird.assist.languages import ENGLISH, Language
from bowerbird.text.words import correct_typo, stem_phrase, tokenize


def correct_words(
    text: str, language: Language, known_stems: frozenset[str], knows_word: Callable[[str], bool]
) -> str:
    """A cleaned text with unknown words replaced by the only word of the language one edit away.

    Only words whose English is in `known_stems`, the words of the catalogue's facets, replace any.
    English messages are corrected later, by the catalogue's own words.
    """
    if language.code == ENGLISH or not language.has_file:
        return text
    unknown = [word for word in set(tokenize(text)) if len(word) > 4 and not knows_word(word)]
    if not unknown:
        return text
    targets: dict[str, list[str]] = defaultdict(list)
    for phrase, english in language.words.items():
        if len(phrase) == 1 and english and known_stems.issuperset(stem_phrase(english)):
            targets[phrase[0][0]].append(phrase[0])
    corrected = {word: correct_typo(word, targets[word[0]]) for word in unknown}
    return " ".join(corrected.get(word) or word for word in text.split(" "))

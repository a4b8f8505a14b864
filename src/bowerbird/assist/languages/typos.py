"""Typing mistakes in a message: corrected towards what the catalogue sells, and what people ask."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable

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
    for command in _COMMANDS if language.code == ENGLISH else ():
        targets[command[0]].append(command)
    for phrase, english in language.words.items() if language.code != ENGLISH else ():
        if len(phrase) == 1 and english and known_stems.issuperset(stem_phrase(english)):
            targets[phrase[0][0]].append(phrase[0])
    corrected = {word: correct_typo(word, _not_shorter(targets[word[0]], word)) for word in unknown}
    return " ".join(corrected.get(word) or word for word in text.split(" "))


def _not_shorter(targets: list[str], word: str) -> list[str]:
    """Targets at least as long as a word: "compared" is no typing mistake."""
    return [target for target in targets if len(target) >= len(word)]

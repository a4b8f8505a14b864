"""Finds text that is written like a name: runs of capitalised words, and short quotes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

BRACKETS = re.compile(r"\[[0-9]+\]")
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_QUOTED = re.compile(
    r"[\"“”„«»]([^\"“”„«»\n]{2,80})[\"“”«»]"
    r"|(?<!\w)['‘]([^'‘’\n]{2,80})['’](?!\w)"  # single quotes, no apostrophes
)
_SPEECH = re.compile(r"\w+(?:\W+(?:I\b|[^\WA-Z_])\w*){2,}[.!?]\s*\Z")
"""A quoted sentence: no capitals except the first and `I`."""
_NAME_SEPARATORS = " \t\"“”„«»'‘’#-+."
"""Characters that may separate two words of one name."""
_SENTENCE_PREFIXES = " \t\"“„«'‘(*-"
"""Characters that may precede a sentence's first word."""
_MAX_QUOTED_WORDS = 8
JOINING_WORDS = frozenset(("of", "the", "and", "de", "la", "von"))
"""Small words within names."""


@dataclass(frozen=True)
class Word:
    """A word of a text: as written, normalised, its span, and whether it starts a sentence."""

    text: str
    form: str
    span: tuple[int, int]
    starts_sentence: bool

    @property
    def has_capital(self) -> bool:
        """Whether a letter of it is a capital."""
        return any(char.isupper() for char in self.text)


def normalise_word(word: str) -> str:
    """Normalise case, plural and genitive of a word to one form.

    >>> normalise_word("Lamps"), normalise_word("Alma’s"), normalise_word("GLASS")
    ('lamp', 'alma', 'glass')
    """
    word = word.casefold().replace("’", "'").removesuffix("'s")
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word


def normalise_words(text: str) -> tuple[str, ...]:
    """Split a text into normalised words.

    >>> normalise_words('The "Alma" Lamps #3')
    ('the', 'alma', 'lamp', '3')
    """
    return tuple(normalise_word(match.group()) for match in _WORD.finditer(text))


def ngrams(forms: Sequence[str], size: int) -> Iterator[tuple[str, ...]]:
    """All n-grams of `size` consecutive words."""
    return (tuple(forms[start : start + size]) for start in range(len(forms) - size + 1))


def split_at_markers(text: str) -> list[list[Word]]:
    """The words of a text, split at its markers: a name never extends across a marker."""
    parts, start = [], 0
    for end, next_start in [*(match.span() for match in BRACKETS.finditer(text)), (len(text), len(text))]:
        parts.append(
            [
                Word(
                    match.group(),
                    normalise_word(match.group()),
                    match.span(),
                    _starts_sentence(text, match.start()),
                )
                for match in _WORD.finditer(text, start, end)
            ]
        )
        start = next_start
    return parts


def _starts_sentence(text: str, offset: int) -> bool:
    """Whether a sentence starts at an offset, ignoring quotes and markers before its first word."""
    preceding = text[max(0, offset - 24) : offset].rstrip(_SENTENCE_PREFIXES)
    while preceding.endswith("]") and (marker := re.search(r"\[[0-9]+\]\Z", preceding)):
        preceding = preceding[: marker.start()].rstrip(_SENTENCE_PREFIXES)
    return not preceding or preceding[-1] in ".!?:\n"


def span_of(words: Sequence[Word]) -> tuple[int, int]:
    """The span from the first to the last of some consecutive words."""
    return words[0].span[0], words[-1].span[1]


def find_capitalised_runs(words: Sequence[Word], text: str) -> Iterator[list[Word]]:
    """Find runs of capitalised words, with numbers and `of` and the like between them.

    A word that starts a sentence is capitalised for that reason, so it is not part of a run.
    """
    run: list[Word] = []
    for word in words:
        is_adjacent = bool(run) and not text[run[-1].span[1] : word.span[0]].strip(_NAME_SEPARATORS)
        is_capitalised = word.has_capital and not word.starts_sentence
        if run and not (
            is_adjacent and not word.starts_sentence and (is_capitalised or _continues_name(word))
        ):
            yield _trim_joining_words(run)
            run = []
        if is_capitalised or run:
            run.append(word)
    if run:
        yield _trim_joining_words(run)


def _continues_name(word: Word) -> bool:
    return word.form in JOINING_WORDS or word.form[0].isdigit()


def _trim_joining_words(run: list[Word]) -> list[Word]:
    """Remove joining words from the end of a run; its first word is capitalised."""
    while run[-1].form in JOINING_WORDS and not run[-1].has_capital:
        run = run[:-1]
    return run


def find_quoted_names(text: str) -> list[tuple[int, int]]:
    """Spans of quotes that look like a name: with a capital, at most eight words, not speech."""
    spans = []
    for match in _QUOTED.finditer(text):
        quoted = match[1] or match[2]
        looks_like_name = any(char.isupper() for char in quoted) and not _SPEECH.match(quoted)
        if looks_like_name and len(quoted.split()) <= _MAX_QUOTED_WORDS:
            spans.append(match.span(1 if match[1] else 2))
    return spans

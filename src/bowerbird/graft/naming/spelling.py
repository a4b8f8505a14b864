"""What in a text is written like a name: words in capitals that stand together, and short quotes."""

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
"""A sentence in quotes: no capitals but the first and `I`."""
_WITHIN = " \t\"“”„«»'‘’#-+."
"""What may stand between two words of one name."""
_BEFORE = " \t\"“„«'‘(*-"
"""What may stand between a sentence's beginning and its first word."""
_MOST_QUOTED = 8
JOINS = frozenset(("of", "the", "and", "de", "la", "von"))
"""Small words within names."""


@dataclass(frozen=True)
class Word:
    """A word of a text: as written, in its one form, from where to where; whether it opens a sentence."""

    said: str
    form: str
    span: tuple[int, int]
    opens: bool

    @property
    def capital(self) -> bool:
        return any(char.isupper() for char in self.said)


def form_of(word: str) -> str:
    """One form for a word in any letters, its plural and its genitive.

    >>> form_of("Lamps"), form_of("Alma’s"), form_of("GLASS")
    ('lamp', 'alma', 'glass')
    """
    word = word.casefold().replace("’", "'").removesuffix("'s")
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word


def forms_of(text: str) -> tuple[str, ...]:
    """The forms of a text's words.

    >>> forms_of('The "Alma" Lamps #3')
    ('the', 'alma', 'lamp', '3')
    """
    return tuple(form_of(match.group()) for match in _WORD.finditer(text))


def in_a_row(forms: Sequence[str], size: int) -> Iterator[tuple[str, ...]]:
    """All that `size` neighbouring forms say."""
    return (tuple(forms[n : n + size]) for n in range(len(forms) - size + 1))


def stretches(text: str) -> list[list[Word]]:
    """The words of a text between its markers: no name goes on over a marker."""
    found, start = [], 0
    for end, after in [*(match.span() for match in BRACKETS.finditer(text)), (len(text), len(text))]:
        found.append(
            [
                Word(m.group(), form_of(m.group()), m.span(), _opens(text, m.start()))
                for m in _WORD.finditer(text, start, end)
            ]
        )
        start = after
    return found


def _opens(text: str, at: int) -> bool:
    """Whether a sentence begins at a place, quotes and markers before its first word aside."""
    before = text[max(0, at - 24) : at].rstrip(_BEFORE)
    while before.endswith("]") and (marker := re.search(r"\[[0-9]+\]\Z", before)):
        before = before[: marker.start()].rstrip(_BEFORE)
    return not before or before[-1] in ".!?:\n"


def span_of(words: Sequence[Word]) -> tuple[int, int]:
    """From where to where some neighbouring words stand."""
    return words[0].span[0], words[-1].span[1]


def capital_runs(words: Sequence[Word], text: str) -> Iterator[list[Word]]:
    """Neighbouring words in capitals, with numbers and `of` and the like between them.

    A word that opens a sentence has its capital from there: it is no part of a run.
    """
    run: list[Word] = []
    for word in words:
        joined = bool(run) and not text[run[-1].span[1] : word.span[0]].strip(_WITHIN)
        capital = word.capital and not word.opens
        if run and not (joined and not word.opens and (capital or _goes_on(word))):
            yield _trimmed(run)
            run = []
        if capital or run:
            run.append(word)
    if run:
        yield _trimmed(run)


def _goes_on(word: Word) -> bool:
    return word.form in JOINS or word.form[0].isdigit()


def _trimmed(run: list[Word]) -> list[Word]:
    """The run up to its last word that is no joining one; its first word is in capitals."""
    while run[-1].form in JOINS and not run[-1].capital:
        run = run[:-1]
    return run


def quotes(text: str) -> list[tuple[int, int]]:
    """Where something stands in quotes like a name: with a capital, of at most eight words, no speech."""
    found = []
    for match in _QUOTED.finditer(text):
        said = match[1] or match[2]
        name = any(char.isupper() for char in said) and not _SPEECH.match(said)
        if name and len(said.split()) <= _MOST_QUOTED:
            found.append(match.span(1 if match[1] else 2))
    return found

"""Spellings under which an item's title appears in conversations.

>>> parse_title("Matrix, The (1999)")
ParsedTitle(forms=('the matrix', 'matrix the'), year=1999, short_forms=())
>>> parse_title("Seven (a.k.a. Se7en) (1995)").forms
('seven', 'se7en')
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

_YEAR = re.compile(r"\s*[\(\[]((?:18|19|20)\d\d)(?:\s*[-–]\s*(?:\d{2,4})?)?[\)\]]\s*$")
_PARENTHESES = re.compile(r"\(([^()]*)\)")
_SUBTITLE = re.compile(r":\s|\s[-–—]\s")
_ALIAS = re.compile(r"^\s*(?:a\.?k\.?a\.?|aka)\s*:?\s*", re.IGNORECASE)
_ARTICLE_AT_END = re.compile(
    r"^(.*),\s*(the|a|an|les?|la|l'|das|der|die|el|los|las|il|lo|gli|i|un|une|en|det|de)$", re.IGNORECASE
)
_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*")
_LEADING_ARTICLES = ("the ", "a ", "an ")


@dataclass(frozen=True)
class ParsedTitle:
    """A title's spellings, each as normalised words joined by blanks, and its year where it has one."""

    forms: tuple[str, ...]
    year: int | None
    short_forms: tuple[str, ...] = ()
    """What stands before a subtitle, the shortest first."""


def parse_title(title: str) -> ParsedTitle:
    """Split a title into its spellings and its year: articles in front, aliases in parentheses apart."""
    match = _YEAR.search(title)
    year = int(match[1]) if match else None
    name = title[: match.start()] if match else title
    aliases = [_ALIAS.sub("", alias) for alias in _PARENTHESES.findall(name)]
    names = [_PARENTHESES.sub(" ", name), *aliases]
    in_front = [_article_in_front(each.strip()) for each in names]
    forms = [" ".join(title_words(each)) for each in (*in_front, *names)]
    starts = [names[0][: match.start()] for match in _SUBTITLE.finditer(names[0])]
    short_forms = [" ".join(title_words(start)) for start in starts]
    return ParsedTitle(
        tuple(dict.fromkeys(form for form in forms if form)),
        year,
        tuple(form for form in short_forms if form),
    )


def without_article(form: str) -> str:
    """A spelling without its leading article.

    >>> without_article("the matrix")
    'matrix'
    """
    for article in _LEADING_ARTICLES:
        if form.startswith(article) and len(form) > len(article):
            return form[len(article) :]
    return form


def title_words(text: str) -> list[str]:
    """Normalised words of a text: lower case, without accents; numbers and "&" as words.

    >>> title_words("Amélie & WALL·E's 2nd")
    ['amelie', 'and', 'wall', "e's", '2nd']
    """
    return [word for word, _, _ in words_with_offsets(text)]


def words_with_offsets(text: str) -> list[tuple[str, int, int]]:
    """Normalised words with the start and end of each in the text."""
    # One character for one, so that offsets stay those of the text; "&" takes the place of "and".
    plain = "".join(_plain_character(character) for character in text)
    return [
        ("and" if match[0] == "&" else match[0], match.start(), match.end())
        for match in _WORD_OR_AND.finditer(plain)
    ]


_WORD_OR_AND = re.compile(rf"{_WORD.pattern}|&")


def _plain_character(character: str) -> str:
    if character.isascii():
        return character.lower()
    if character in "’‘ʼ`´":
        return "'"
    base = unicodedata.normalize("NFKD", character)[0].lower()
    return base[0] if base else character


def _article_in_front(name: str) -> str:
    match = _ARTICLE_AT_END.match(name)
    if not match:
        return name
    joint = "" if match[2].endswith("'") else " "
    return f"{match[2]}{joint}{match[1]}"

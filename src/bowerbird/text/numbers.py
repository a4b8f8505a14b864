"""Numbers in words, in digits: "sixty five", "mil quinientos", "fünfundvierzig", "quatre-vingt-dix"."""

from __future__ import annotations

import re
from dataclasses import dataclass

from text_to_num import find_numbers

SMALLEST = 10
"""Smaller numbers stay words: "one" and "un" are articles, "the first two" points at items."""
_TOKEN = re.compile(r"[^\W\d_]+|\d+|[^\w\s]")
_MULTIPLE = re.compile(r"(?<![\d.,])(\d{1,3}) (hundred|thousand|mil|tausend|mille|mila)\b")
_HUNDRED = "hundred"
_ONE_HUNDRED = re.compile(r"\ba (?=(?:hundred|thousand)\b)")
_BETWEEN = re.compile(r"\b(?:between|entre|zwischen|tra|fra) ")
_AND = re.compile(r" (?:and|et|y|e|und) ")
MAX_RANGE = 60
"""Characters in which the second number of a range begins."""
_SPACED = re.compile(r"(?<![\w.,])(\d{1,3}(?:[ '\u202f]\d{3})+)(?![\w.,'-]*\d)")


@dataclass(frozen=True)
class _Token:
    """A word or mark of a text; `text_to_num` asks for these two methods."""

    word: str
    start: int
    end: int

    def text(self) -> str:
        return self.word

    def nt_separated(self, previous: _Token) -> bool:
        return False

    def not_a_number_part(self) -> bool:
        return self.word.isdigit()


def digits_for_words(text: str, language: str = "en") -> str:
    """Numbers of ten and more in digits, without spaces between thousands; smaller ones stay as they are.

    `text` is in lower case, `language` one of those with a language file.

    >>> digits_for_words("under sixty five, two of a hundred and twenty, up to 2 hundred, 1 200")
    'under 65, two of 120, up to 200, 1200'
    >>> digits_for_words("por mil quinientos euros", "es"), digits_for_words("für fünfundvierzig", "de")
    ('por 1500 euros', 'für 45')
    >>> digits_for_words("between fifty and a hundred and twenty")
    'between 50 and 120'
    """
    start = _BETWEEN.search(text)
    if start:
        ends = _read_range(text[start.end() :], language)
        if ends:
            return _digits_for_words(text[: start.end()], language) + ends
    return _digits_for_words(text, language)


def _read_range(text: str, language: str) -> str:
    """The two numbers of a range and what follows, in digits; empty where it holds no such pair.

    The same word joins the two and the parts of each: "one hundred and ten and two hundred".
    """
    for joint in _AND.finditer(text[:MAX_RANGE]):
        low = _digits_for_words(text[: joint.start()], language)
        rest = _digits_for_words(text[joint.end() :], language)
        high = re.match(r"\d+", rest)
        if low.isdigit() and high and int(low) < int(high.group()):
            return f"{low}{joint.group()}{rest}"
    return ""


def _digits_for_words(text: str, language: str) -> str:
    text = _SPACED.sub(lambda match: re.sub(r"\D", "", match[1]), text)
    text = _MULTIPLE.sub(lambda match: str(int(match[1]) * (100 if match[2] == _HUNDRED else 1000)), text)
    text = _ONE_HUNDRED.sub("one ", text)
    tokens = [_Token(match.group(), *match.span()) for match in _TOKEN.finditer(text)]
    for number in reversed(find_numbers(tokens, language, 0.0)):
        if not number.is_ordinal and number.value >= SMALLEST:
            start, end = tokens[number.start].start, tokens[number.end - 1].end
            text = f"{text[:start]}{number.value:.0f}{text[end:]}"
    return text

"""Why an item may be for somebody, in the languages of the shop's page: a file of sentences each.

A reason is the name of a sentence and what stands in it, so that one answer can be worded in any of them.
Titles and attribute values stay as the catalogue has them.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from importlib import resources
from typing import Literal, TypeAlias, get_args

from babel.dates import format_date
from babel.numbers import format_decimal

ReasonLanguage = Literal["en", "de", "es", "fr", "it"]
ENGLISH: ReasonLanguage = "en"
UNKNOWN = "unknown"
"""The reason of what nothing speaks for: it is in the catalogue."""
Sentences = Mapping[str, str | list[str]]
"""By name; of a pair, the first is for one, the second for any other count."""


@dataclass(frozen=True)
class Reason:
    """Why an item may be for somebody."""

    name: str
    """Of a sentence in every language's file."""
    values: Mapping[str, ReasonValue] = field(default_factory=dict)
    """What stands in it: texts, a `count`, dates, texts that are listed, and reasons within it."""

    def phrase(self, language: ReasonLanguage = ENGLISH) -> str:
        """Word it.

        >>> Reason("popular", {"count": 1200}).phrase(), Reason("popular", {"count": 1}).phrase("de")
        ('liked by 1,200 people', 'gefällt einer Person')
        """
        sentence = sentences(language)[self.name]
        if not isinstance(sentence, str):
            sentence = sentence[0 if self.values["count"] == 1 else 1]
        return sentence.format(**{name: _worded(value, language) for name, value in self.values.items()})


ReasonValue: TypeAlias = str | int | date | tuple[str, ...] | Reason


def as_reason_language(code: str) -> ReasonLanguage | None:
    """A language that reasons can be worded in, by its code; None for another one."""
    return next((language for language in get_args(ReasonLanguage) if language == code), None)


@cache
def sentences(language: ReasonLanguage) -> Sentences:
    """All sentences of a language by name."""
    content = resources.files(__package__).joinpath(f"{language}.toml").read_text(encoding="utf-8")
    return tomllib.loads(content)


def _worded(value: ReasonValue, language: ReasonLanguage) -> str:
    if isinstance(value, Reason):
        return value.phrase(language)
    if isinstance(value, tuple):
        return str(sentences(language)["and"]).join(value)
    if isinstance(value, date):
        return str(format_date(value, "medium", locale=language))
    return value if isinstance(value, str) else str(format_decimal(value, locale=language))

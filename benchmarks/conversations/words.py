"""Nouns and adjectives of five languages, inflected, for the wording of generated conversations.

Written for the benchmark alone; the product's language files are not read.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

LANGUAGES = ("en", "es", "de", "fr", "it")
_FOLDER = Path(__file__).parent / "phrases"


@dataclass(frozen=True)
class Noun:
    """A kind of thing in one language."""

    singular: str
    plural: str
    gender: str = "f"
    """m, f or n."""
    is_plural_only: bool = False


def _lines(name: str) -> list[str]:
    """Rows of a table: English, then the forms in each language."""
    return (_FOLDER / f"{name}.txt").read_text(encoding="utf-8").strip().splitlines()


def _nouns() -> dict[str, dict[str, Noun]]:
    table: dict[str, dict[str, Noun]] = {code: {} for code in LANGUAGES}
    for line in _lines("nouns"):
        key, *columns = (part.strip() for part in line.split("|"))
        for code, column in zip(LANGUAGES, columns, strict=False):
            parts = column.split()
            if not parts:
                continue
            if key == "vest top":
                table[code][key] = Noun("vest top", "vest tops")
            else:
                mark = parts[2] if len(parts) > 2 else "f"
                table[code][key] = Noun(parts[0], parts[1], mark.replace("-", "f"), mark == "-")
    return table


def _adjectives(name: str) -> dict[str, dict[str, tuple[str, str]]]:
    table: dict[str, dict[str, tuple[str, str]]] = {code: {} for code in LANGUAGES}
    for line in _lines(name):
        key, *columns = (part.strip() for part in line.split("|"))
        table["en"][key] = (key, key)
        for code, column in zip(LANGUAGES[1:], columns, strict=True):
            forms = column.split()
            if forms != ["-"]:
                table[code][key] = (forms[0], forms[-1])
    return table


NOUNS = _nouns()
COLOURS = _adjectives("colours")
MATERIALS = _adjectives("materials")
_GERMAN_ENDING = {"m": "en", "f": "e", "n": "es"}


def coloured(colour: str, noun: Noun, language: str) -> str:
    """A noun phrase without its article: "green lamp", "lámpara verde", "grüne Lampe"."""
    masculine, feminine = COLOURS[language][colour]
    form = feminine if noun.gender == "f" else masculine
    if language == "de":
        return f"{form}{_GERMAN_ENDING[noun.gender]} {noun.singular}"
    return f"{form} {noun.singular}" if language == "en" else f"{noun.singular} {form}"


def article(noun: Noun, language: str, following: str) -> str:
    """The indefinite article of a noun, by its gender and by the word that follows."""
    if language == "en":
        if noun.is_plural_only:
            return "some"
        return "an" if following[0] in "aeiou" else "a"
    return {
        "es": {"m": "un", "f": "una"},
        "de": {"m": "einen", "f": "eine", "n": "ein"},
        "fr": {"m": "un", "f": "une"},
        "it": {"m": "uno" if following.startswith(("sp", "st", "z")) else "un", "f": "una"},
    }[language][noun.gender]

"""Nouns that are written together: "Holztisch" is a table of wood, "Stehlampe" a lamp."""

from __future__ import annotations

from collections.abc import Mapping

MIN_HEAD, MIN_MODIFIER = 4, 3  # letters
_LINKS = ("", "s", "es", "n", "en", "er", "e")
"""What may stand between the parts: "Küche-n-tisch"."""


def split_compound(word: str, words: Mapping[tuple[str, ...], str]) -> str:
    """The English of a compound by its parts, the longest last part first; empty where it is none.

    `words` has the English of phrases. A first part that it lacks stays as it is.
    """
    for start in range(MIN_MODIFIER, len(word) - MIN_HEAD + 1):
        head = words.get((word[start:],))
        if head:
            return f"{_modifier(word[:start], words)} {head}"
    return ""


def _modifier(part: str, words: Mapping[tuple[str, ...], str]) -> str:
    for link in _LINKS:
        base = part.removesuffix(link) if part.endswith(link) else ""
        english = next((words[form,] for form in (base, base + "e", base + "en") if (form,) in words), "")
        if english:
            return english
    return part

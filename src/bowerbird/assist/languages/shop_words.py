"""A shop's own words and wordings of a language: `languages/<code>.toml` in its store.

The file has the form of the package's own files; its words and replies come on top of theirs.
"""

from __future__ import annotations

import string
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bowerbird.errors import InputError

MAX_PHRASE = 8  # words and marks


@dataclass(frozen=True)
class ShopWords:
    """What a shop adds to a language."""

    words: Mapping[str, str] = field(default_factory=dict)
    """Phrases of the language, separated by commas, by their English."""
    replies: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Wordings by key."""


def read_shop_words(folder: Path | None, code: str, replies: Mapping[str, Any]) -> ShopWords:
    """Read a shop's file of a language; nothing where it has none.

    `replies` are the wordings of the package: the shop may reword these, with the same fields in braces.
    Raises `InputError` that names the file and what is wrong in it.
    """
    path = folder / f"{code}.toml" if folder else None
    if path is None or not path.exists():
        return ShopWords()
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path} can't be read ({error}): correct it") from None
    unknown = sorted(raw.keys() - {"words", "replies"})
    if unknown:
        raise InputError(f"{path} has the table {unknown[0]!r}: it may have [words] and [replies]")
    return ShopWords(_read_words(path, raw.get("words")), _read_replies(path, raw.get("replies"), replies))


def _read_words(path: Path, table: Any) -> dict[str, str]:
    words = {}
    for english, phrases in _table(path, table, "words").items():
        if not isinstance(phrases, str) or not all(map(str.strip, phrases.split(","))):
            raise InputError(f'{path}: {english} is {phrases!r}, expected phrases: "phrase, phrase"')
        if max(len(phrase.split()) for phrase in phrases.split(",")) > MAX_PHRASE:
            raise InputError(f"{path}: a phrase of {english} has more than {MAX_PHRASE} words")
        # Messages are lower-cased before they are read.
        words[english.lower()] = phrases.lower()
    return words


def _read_replies(path: Path, table: Any, known: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    replies = {}
    for key, value in _table(path, table, "replies").items():
        wordings = (value,) if isinstance(value, str) else tuple(value) if isinstance(value, list) else ()
        if key not in known:
            raise InputError(f"{path}: there is no reply {key!r}; see the keys of the package's file")
        allowed = set().union(*map(_fields, (known[key],) if isinstance(known[key], str) else known[key]))
        for wording in wordings or (value,):
            if not isinstance(wording, str) or not wording or not _fields(wording) <= allowed:
                fields = ", ".join(f"{{{name}}}" for name in sorted(allowed)) or "no fields"
                raise InputError(f"{path}: the reply {key} is {wording!r}, expected a text with {fields}")
        replies[key] = wordings
    return replies


def _fields(wording: str) -> set[str]:
    """The fields in braces; `{` for a text whose braces are broken."""
    try:
        return {name for _, name, _, _ in string.Formatter().parse(wording) if name is not None}
    except ValueError:
        return {"{"}


def _table(path: Path, table: Any, name: str) -> dict[str, Any]:
    if table is not None and not isinstance(table, dict):
        raise InputError(f"{path}: {name} is {table!r}, expected a table [{name}]")
    return table or {}

"""Languages that the assistant reads and writes: a file each, of words towards English and of replies.

A message is brought to plain English word by word (kinds, colours, materials, numbers, prices, requests), and
the same rules read it as any other. What a language file lacks is left as it is: it may be a name, or a word
of the shop's own. A shop extends a language by a file of the same form in its store, `languages/<code>.toml`.
"""

from __future__ import annotations

import re
import tomllib
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from importlib import resources
from pathlib import Path
from typing import Any

from bowerbird.assist.languages.compounds import split_compound
from bowerbird.assist.languages.names import LANGUAGE_NAMES
from bowerbird.assist.languages.plurals import plural
from bowerbird.assist.languages.shop_words import MAX_PHRASE, read_shop_words
from bowerbird.errors import InputError
from bowerbird.text.languages import STOP_WORDS
from bowerbird.text.words import stem

CODES = ("en", "es", "de", "fr", "it")
ENGLISH = "en"
HEADS_FIRST = ("es", "fr", "it")
"""Languages that name the thing before what it is like: "vino tinto"."""
MIN_PLURAL = 4  # letters
_NEUTRAL = frozenset(("ok", "okay", "hm", "hmm", "wow", "t", "total"))
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*|[^\w\s]|\s+")


@dataclass(frozen=True)
class Language:
    """One language: what its words are in English, and what is said in it."""

    code: str
    name: str
    replies: Mapping[str, tuple[str, ...]] = field(repr=False)
    """Wordings by key; several are chosen from by the message."""
    words: Mapping[tuple[str, ...], str] = field(repr=False)
    """English of each phrase; empty where it has none."""
    markers: frozenset[str] = field(repr=False)
    """Words by which the language is recognised."""
    has_capital_nouns: bool = False
    joins_nouns: bool = False
    """Whether it writes compounds as one word."""
    has_file: bool = True
    """Whether there is a file of it; replies in other languages are English until a model translates them."""

    def say(self, key: str, seed: str = "", **values: object) -> str:
        """A wording of a key; the same seed always gets the same one. Raises `KeyError` for another key."""
        choices = self.replies.get(key) or load_language(ENGLISH).replies[key]
        return choices[zlib.crc32(seed.encode()) % len(choices)].format(**values)

    def word_for(self, english: str) -> str:
        """A word of this language for an English one; the English one where it knows none."""
        return english if self.code == ENGLISH else self._words_for.get(english.lower(), english)

    def value_for(self, facet: str, value: str) -> str:
        """A value of a facet in this language; brands keep their spelling."""
        if facet == "brand":
            return value
        if facet == "type":
            return self.kind_for(value.lower(), is_plural=False)
        word = self.word_for(value.lower())
        is_noun = facet == "material" and self.has_capital_nouns
        return word[:1].upper() + word[1:] if is_noun else word

    def forms_of(self, english: str) -> tuple[str, ...]:
        """The phrases of this language for an English one, the longest first."""
        return tuple(sorted(self._forms_of.get(english, ()), key=len, reverse=True))

    @cached_property
    def _forms_of(self) -> dict[str, tuple[str, ...]]:
        forms: dict[str, tuple[str, ...]] = {}
        for phrase, english in self.words.items():
            forms[english] = (*forms.get(english, ()), _joined(phrase))
        return forms

    @cached_property
    def _words_for(self) -> dict[str, str]:
        reversed_words: dict[str, str] = {}
        for phrase, english in self.words.items():
            reversed_words.setdefault(english, _joined(phrase))
        return reversed_words

    def kind_for(self, english: str, *, is_plural: bool) -> str:
        """A kind of thing in this language; a file lists its singular first, then its plural."""
        if self.code == ENGLISH or not self.has_file:
            return plural(english) if is_plural else english
        own = self.words.get(_split(english.lower()), "")  # a value of a catalogue in this language
        forms = self._forms_of.get(english.lower()) or self._forms_of.get(own, (english,))
        word = forms[min(len(forms) - 1, int(is_plural))]
        return word[:1].upper() + word[1:] if self.has_capital_nouns else word

    def facet(self, name: str) -> str:
        """The name of a facet ("colour") in this language; the catalogue's own where it knows none."""
        return next(iter(self.replies.get(f"facet_{name.lower()}", (name,))))

    def to_english(self, text: str) -> str:
        """Bring a cleaned text to English, longest phrases first; unknown words stay."""
        if not self.words:
            return text
        matches = [match for match in _WORD.finditer(text) if not match.group().isspace()]
        words, at, end, english = tuple(match.group() for match in matches), 0, 0, list[str]()
        while at < len(words):
            sizes = range(min(MAX_PHRASE, len(words) - at), 0, -1)
            size = next((size for size in sizes if words[at : at + size] in self.words), 0)
            own = self.words[words[at : at + size]] if size else self.english_of_form(words[at])
            if size or own:
                english += [text[end : matches[at].start()], f" {own} "]
                end = matches[at + max(size, 1) - 1].end()
            at += size or 1
        joined = " ".join("".join([*english, text[end:]]).split())
        return re.sub(r"\s+([,.;:!?])", r"\1", joined)

    def english_of_form(self, word: str) -> str:
        """The English of a word that is not listed: by its singular, or by the parts of a compound."""
        for ending in ("s", "es"):
            singular = self.words.get((word.removesuffix(ending),)) if word.endswith(ending) else ""
            if singular and len(word) > MIN_PLURAL:
                return singular
        return split_compound(word, self.words) if self.joins_nouns and word.isalpha() else ""


def name_language(code: str) -> Language:
    """A language without a file, one of `LANGUAGE_NAMES`: a model reads it, and translates the replies."""
    return Language(code, LANGUAGE_NAMES[code], {}, {}, frozenset(), has_file=False)


@cache
def load_language(code: str, folder: Path | None = None) -> Language:
    """Load a language, with a shop's own words from `folder`.

    Raises `InputError` for an unknown code, and for a file of the shop that is broken.
    """
    if code not in CODES:
        raise InputError(f"the language {code!r} is not known: choose one of {', '.join(CODES)}")
    raw = tomllib.loads(resources.files(__package__).joinpath(f"{code}.toml").read_text(encoding="utf-8"))
    own = read_shop_words(folder, code, raw.get("replies", {}))
    words = {**_flat(raw.get("words", {})), **_flat(own.words)}
    replies = {**raw.get("replies", {}), **own.replies}
    return Language(
        code,
        str(raw["name"]),
        {key: tuple([value] if isinstance(value, str) else value) for key, value in replies.items()},
        {_split(phrase): english for phrase, english in words.items()},
        frozenset(str(raw.get("markers", "")).split()),
        bool(raw.get("capital_nouns", False)),
        bool(raw.get("joins_nouns", False)),
    )


def is_known_word(word: str, folder: Path | None = None) -> bool:
    """Whether a word of a cleaned text is of a language with a file; `folder` has a shop's own words."""
    return word in STOP_WORDS[ENGLISH] or any(_is_read(word, code, folder) for code in CODES)


def share_unread(text: str, code: str, folder: Path | None = None) -> float:
    """Share of a cleaned text's words that a language's file does not hold."""
    is_read = [_is_read(word, code, folder) for word in _split(text) if word[0].isalpha()]
    return 1 - sum(is_read) / max(1, len(is_read))


def _joined(phrase: tuple[str, ...]) -> str:
    """A phrase as it is written: hyphens without spaces."""
    return " ".join(phrase).replace(" - ", "-")


def _split(text: str) -> tuple[str, ...]:
    """Words and marks of a text."""
    return tuple(part for part in _WORD.findall(text) if not part.isspace())


def _is_read(word: str, code: str, folder: Path | None = None) -> bool:
    readable = _readable(code, folder)
    if word in readable or (code == ENGLISH and stem(word) in readable):
        return True
    return bool(load_language(code, folder).english_of_form(word))


@cache
def _readable(code: str, folder: Path | None) -> frozenset[str]:
    return load_language(code, folder).markers | _known_words(code, folder)


@cache
def _known_words(code: str, folder: Path | None) -> frozenset[str]:
    """Single words of a language; of English those that the other languages are brought to."""
    if code == ENGLISH:
        others = (load_language(name, folder) for name in CODES if name != ENGLISH)
        return frozenset(
            word for language in others for english in language.words.values() for word in english.split()
        )
    words = load_language(code, folder).words
    return frozenset(word for phrase in words for word in phrase if word[0].isalpha())


def _flat(table: Mapping[str, Any]) -> dict[str, str]:
    """Phrases to their English, from tables of `english = "phrase, phrase"`; `nothing` stands for no word."""
    flat: dict[str, str] = {}
    for english, phrases in table.items():
        for phrase in str(phrases).split(","):
            flat[" ".join(phrase.split())] = "" if english == "nothing" else english
    return flat


def detect_language(text: str, previous: str = ENGLISH, folder: Path | None = None) -> str:
    """Guess the language of a cleaned text by its commonest words, or keep that of the turn before.

    `folder` has a shop's own words.

    >>> [detect_language(text) for text in ("una lámpara por menos de 60", "a lamp", "eine lampe aus holz")]
    ['es', 'en', 'de']
    """
    words = {part for part in _split(text) if part[0].isalpha()} - _NEUTRAL
    knowing = {word: [code for code in CODES if _is_read(word, code, folder)] for word in words}
    counts = {code: sum(1 / len(codes) for codes in knowing.values() if code in codes) for code in CODES}
    best = max(CODES, key=lambda code: (counts[code], code == previous))
    before = counts.get(previous, 0.0)
    # A stray word changes no language: most words have to speak for the other.
    is_whole = all(best in codes for codes in knowing.values())
    is_clear = counts[best] - before >= 1.5 and counts[best] >= len(words) / 4
    # "Non avete biciclette" after French, which has a "non" too: nothing in it is French alone.
    has_own_word = any(previous in codes and best not in codes for codes in knowing.values())
    is_most = counts[best] >= max(1.5, len(words) / 2) and not has_own_word
    if (
        best == previous
        or not (is_whole or is_clear or is_most)
        or all(previous in codes for codes in knowing.values())
    ):
        return previous
    return best

"""Messages that can't be searched for: letters at random, another script, an id that is not sold."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

from bowerbird.assist.languages import is_known_word
from bowerbird.assist.request import Request
from bowerbird.data.items import Catalogue
from bowerbird.text.lexicon import EMPTY_WORDS, Lexicon
from bowerbird.text.words import normalize_text, stem, tokenize

_LETTERS = re.compile(r"[^\W\d_]+")
_CONSONANTS = re.compile(r"[bcdfghjklmnpqrstvwxz]{5,}")
_WORD = re.compile(r"[a-z]{4,}")
MIN_ID_LENGTH = 5
MIN_NUMBER_LENGTH = 8
"""Shorter numbers may be prices."""


def is_gibberish(words: str) -> bool:
    """Whether words hold a run of letters that no language here has.

    >>> is_gibberish("asdfgh qwerty"), is_gibberish("something for rainy days")
    (True, False)
    """
    return any(_CONSONANTS.search(word) for word in _WORD.findall(words[:500]))


def is_other_script(text: str) -> bool:
    """Whether most letters are of no Latin script.

    >>> is_other_script("лампа"), is_other_script("lámpara")
    (True, False)
    """
    letters = [letter for letter in text[:500] if letter.isalpha()]
    others = [letter for letter in letters if "LATIN" not in unicodedata.name(letter, "")]
    return len(others) > len(letters) / 2


def is_foreign(text: str, knows: Callable[[str], bool]) -> bool:
    """Whether most words of a cleaned text are of no language file; `knows` tells the catalogue's words.

    >>> is_foreign("czerwona lampka do salonu", knows=lambda word: False)
    True
    >>> is_foreign("una lámpara por menos de 60", knows=lambda word: False)
    False
    """
    if is_other_script(text):
        return True
    words = [word for word in _LETTERS.findall(text[:500]) if len(word) > 2]
    unknown = [word for word in words if not (is_known_word(word) or knows(word))]
    return len(unknown) > max(1, len(words) // 2)


def unknown_id(text: str, catalogue: Catalogue) -> str:
    """A word in the form of the catalogue's ids that is none of them; empty where there is none."""
    forms = {_form(item_id) for item_id in catalogue.ids[:20]}
    for word in text.split():
        bare = word.strip(".,;:!?\"'()")
        is_code = any(map(str.isdigit, bare)) and (not bare.isdigit() or len(bare) >= MIN_NUMBER_LENGTH)
        is_sold = bare in catalogue or bare.upper() in catalogue
        if len(bare) >= MIN_ID_LENGTH and is_code and not is_sold and _form(bare) in forms:
            return bare
    return ""


def _form(item_id: str) -> str:
    """Letters and digits of an id as their kinds: "BB-000077" is "A-9" with its lengths."""
    return re.sub(r"\d", "9", re.sub(r"[a-z]", "a", item_id.lower()))


def unmentioned_words(request: Request, lexicon: Lexicon) -> str:
    """What a request asks for, where neither values of the catalogue nor texts of items hold it; or empty."""
    if request.unknown_kind:
        return request.unknown_kind
    if request.facets or request.preferred:
        return ""
    words = [word for word in tokenize(normalize_text(request.words)) if word not in EMPTY_WORDS]
    is_mentioned = any(stem(word) in lexicon.items_by_stem for word in words)
    return "" if is_mentioned else " ".join(words)

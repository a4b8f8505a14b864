"""Search queries in another language than the catalogue: brought to English where a language file reads them.

An encoder of sentences finds "un sujetador negro" less well than "black bra", a multilingual one too. So a
query of which most words are in the file is searched in English, others as they are (benchmarks/README.md).
"""

from __future__ import annotations

from bowerbird.assist.languages import ENGLISH, detect_language, load_language, share_unread
from bowerbird.data.snapshot import TEXTS, StoreSnapshot
from bowerbird.text.languages import detect_catalogue_language
from bowerbird.text.words import normalize_text

MAX_UNREAD_SHARE = 1 / 3
"""Share of a query's words that may be in no file: names and the shop's own words stay as they are."""


def query_for_catalogue(text: str, snapshot: StoreSnapshot) -> str:
    """The query in English if the catalogue is, and a language file reads most of it; else as it is."""
    language = snapshot.open_once(
        "catalogue language", lambda: detect_catalogue_language(snapshot.catalogue), of=(TEXTS,)
    )
    if language not in (None, ENGLISH):
        return text
    own_words = snapshot.store.path / "languages"
    folder = own_words if own_words.is_dir() else None
    plain = normalize_text(text)
    code = detect_language(plain, folder=folder)
    if code == ENGLISH or share_unread(plain, code, folder) > MAX_UNREAD_SHARE:
        return text
    return load_language(code, folder).to_english(plain) or text

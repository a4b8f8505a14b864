"""What an assistant reads off a catalogue's texts: items by title and date, words that are only mentioned."""

from __future__ import annotations

import re

import numpy as np

from bowerbird.data.arrays import IntArray
from bowerbird.data.items import Catalogue
from bowerbird.text.lexicon import Lexicon
from bowerbird.text.words import normalize_text, tokenize

RARE_SHARE = 0.001
"""A word of a smaller share of descriptions is nothing that a shop sells."""
MENTIONS = 30
"""Items whose texts are read to tell what a word means there."""
_YEAR = re.compile(r"\s*\((?:19|20)\d\d\)$")
"""Of a film's title; who speaks of it leaves it out."""
MIN_TITLE_WORDS = 2
"""Shorter titles are words of the language as often as names."""


def newest_first(catalogue: Catalogue) -> IntArray:
    """Return the positions of the items that have a date, the newest first, (dated items,) int64."""
    created = catalogue.table["created_at"].to_numpy().astype("datetime64[us]")
    dated = np.flatnonzero(~np.isnat(created))
    newest: IntArray = dated[np.argsort(-created[dated].astype(np.int64), kind="stable")]
    return newest


def positions_by_title(catalogue: Catalogue) -> dict[str, int]:
    """Map the cleaned titles of two words and more to the first item of that title."""
    positions: dict[str, int] = {}
    for position, title in enumerate(catalogue.table["title"].to_pylist()):
        words = tokenize(normalize_text(_YEAR.sub("", title or ""), 200))
        if len(words) >= MIN_TITLE_WORDS:
            positions.setdefault(" ".join(words), position)
    return positions


def is_aside(stem: str, catalogue: Catalogue, lexicon: Lexicon) -> bool:
    """Tell whether items mention a word only as what they are for ("made for a laptop"), or very
    few descriptions mention it, and no title, category or attribute."""
    positions = lexicon.items_by_stem.get(stem)
    if positions is None:
        return False
    aside = re.compile(
        rf"\b(?:for|fits?|of|from|beside|under|on|in)\s+(?:\w+\s+){{0,2}}{re.escape(stem)}", re.I
    )
    is_only_aside = True
    for position in positions[:MENTIONS].tolist():
        item = catalogue.item(position)
        names = normalize_text(" ".join((item.title, *item.category, *item.attributes.values())))
        if stem in names:
            return False
        is_only_aside = is_only_aside and aside.search(item.description) is not None
    is_rare = len(positions) < MENTIONS and len(positions) < RARE_SHARE * len(catalogue)
    return is_only_aside or is_rare
